// A state as a shape and a word: neither colour alone nor shape alone has to be known.
import { html } from '../lib/html.js'

const kinds = {
	ready: 'good', owning: 'good', running: 'good', live: 'good', current: 'good',
	'not ready': 'poor', claiming: 'poor', 'standby behind': 'poor', pausing: 'poor', waiting: 'poor', behind: 'poor', connecting: 'poor',
	paused: 'idle', ended: 'idle', none: 'idle',
	unknown: 'bad', failing: 'bad', 'no answer': 'bad', lost: 'bad', absent: 'bad', 'cut off': 'bad', halted: 'bad', 'no owner': 'bad', 'owner lost': 'bad',
	offline: 'bad', disconnected: 'bad',
}
const shapes = { good: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z', poor: 'M8 1.500 15 14H1z', idle: 'M3 3h3.500v10H3zM9.500 3H13v10H9.500z', bad: 'M8 .5 15.500 8 8 15.500.5 8z' }

export const kindOf = (state) => kinds[state] ?? 'poor'

export const Shape = ({ kind }) => html`<svg class="shape ${kind}" viewBox="0 0 16 16" width="12" height="12" aria-hidden="true"><path d=${shapes[kind]} /></svg>`

export const State = ({ state, title }) => html`<span class="state" title=${title}><${Shape} kind=${kindOf(state)} />${state}</span>`
