// How the connection of a live page is, with what can be done about it.
import { useEffect, useState } from 'preact/hooks'
import { html } from '../lib/html.js'
import { safeHref } from '../lib/term.js'
import { State } from './state.js'

// Link shows the state of a stream; others are nodes where one can go on.
export function Link({ link, others = [], paused = false }) {
	const { state, detail } = link
	const shown = paused ? 'paused' : { open: 'live', connecting: 'connecting', waiting: 'disconnected', refused: 'disconnected' }[state]
	return html`<div class="link ${state}" role="status" aria-live="polite" data-link=${shown}>
		<${State} state=${shown} />
		${state === 'waiting' && !paused && html`<span>${detail.why} <${Countdown} until=${detail.until} /></span>`}
		${state === 'refused' && html`<span class="bad">${detail.message}</span>`}
		${state === 'waiting' && others.length > 0 && html`<span>Other nodes: ${others.filter((n) => safeHref(n.info)).map((n) => html` <a href=${`${safeHref(n.info)}${location.hash}`} rel="noreferrer">${n.name}</a>`)}</span>`}
	</div>`
}

function Countdown({ until }) {
	const [now, setNow] = useState(Date.now())
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), 500)
		return () => clearInterval(timer)
	}, [])
	return html`<span aria-hidden="true">Trying again ${until > now ? `in ${Math.ceil((until - now) / 1000)} s` : 'now'}.</span>`
}
