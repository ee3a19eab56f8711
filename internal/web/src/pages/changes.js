// Changes as they are committed, or those of them that are asked for.
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { signal } from '@preact/signals'
import { html } from '../lib/html.js'
import { follow } from '../lib/events.js'
import { fromEvent, query } from '../lib/changes.js'
import { number } from '../lib/format.js'
import { route, go } from '../lib/route.js'
import { token, asked } from '../lib/token.js'
import { readNode } from '../lib/term.js'
import { Change } from '../parts/change.js'
import { Link } from '../parts/link.js'

// most bounds the changes that are kept, and pause is the time in ms between two looks of the page at what has come.
const most = 200
const pause = 150

const names = ['graph', 'subject', 'predicate', 'shard']

// Feed holds the newest changes. What comes faster than the page looks is counted.
class Feed {
	constructor() {
		this.at = { id: null }
		this.list = signal([])
		this.count = signal(0)
		this.paused = signal(false)
		this.link = signal({ state: 'connecting' })
		this.waiting = []
		this.stop = () => {}
	}

	begin(filters) {
		this.end()
		if (this.paused.value) return
		if (asked.value) {
			this.link.value = { state: 'refused', detail: { message: 'It goes on with a token.' } }
			return
		}
		this.stop = follow({
			path: () => `/v1/changes?from=now${query(filters)}`, quiet: 45000, at: this.at,
			event: (e) => this.take(e),
			state: (state, detail) => { this.link.value = { state, detail } },
		})
	}

	take(e) {
		this.waiting.push(e.data) // of what comes faster than it is shown, most is never looked at
		this.came = (this.came ?? 0) + 1
		if (this.waiting.length > most) this.waiting.shift()
		this.timer ??= setTimeout(() => this.show(), pause)
	}

	show() {
		this.timer = undefined
		this.list.value = [...this.waiting.reverse().map(fromEvent), ...this.list.value].slice(0, most)
		this.count.value += this.came ?? 0
		this.waiting = []
		this.came = 0
	}

	end() {
		this.stop()
		this.stop = () => {}
		clearTimeout(this.timer)
		if (this.timer) this.show()
	}

	clear() {
		this.list.value = []
		this.count.value = 0
	}
}

export function Changes() {
	const feed = useMemo(() => new Feed(), [])
	const filters = Object.fromEntries(names.map((name) => [name, route.value.query[name] ?? '']))
	const which = JSON.stringify(filters)
	const before = useRef(which)
	useEffect(() => {
		if (before.current !== which) {
			feed.at.id = null
			feed.clear()
			before.current = which
		}
		feed.begin(filters)
		return () => feed.end()
	}, [which, token.value, asked.value, feed.paused.value])
	const now = () => {
		feed.at.id = null
		feed.clear()
		feed.begin(filters)
	}
	const refused = feed.link.value.state === 'refused'
	return html`<${Filters} filters=${filters} />
		<div class="bar">
			<button type="button" aria-pressed=${feed.paused.value} onClick=${() => { feed.paused.value = !feed.paused.value }}>${feed.paused.value ? 'Go on' : 'Pause'}</button>
			<button type="button" onClick=${() => feed.clear()} disabled=${!feed.list.value.length}>Clear</button>
			${refused && !asked.value && html`<button type="button" onClick=${now}>Begin at now</button>`}
			<${Link} link=${feed.link.value} paused=${feed.paused.value} />
		</div>
		<p class="soft">${feed.count.value ? `${number(feed.count.value)} came; ${feed.count.value > most ? `the newest ${most} are here` : 'all of them are here'}, the newest first.` : ''}${feed.paused.value ? ' What comes meanwhile is read when it goes on.' : ''}</p>
		<div class="changes">${feed.list.value.map((c) => html`<${Change} key=${c.key} change=${c} />`)}</div>
		${!feed.list.value.length && html`<p class="empty">${feed.paused.value ? 'Paused.' : 'Waiting for the next change.'}</p>`}`
}

const titles = { graph: 'Graph', subject: 'Subject', predicate: 'Predicate', shard: 'Shard' }
const hints = { graph: 'an IRI, _:label or default', subject: 'an IRI or _:label', predicate: 'an IRI', shard: 'a number' }

function Filters({ filters }) {
	const submit = (e) => {
		e.preventDefault()
		const given = Object.fromEntries(new FormData(e.target))
		for (const name of ['graph', 'subject', 'predicate']) given[name] = given[name].trim() === 'default' ? 'default' : readNode(given[name])
		go('changes', given)
	}
	return html`<form class="filters" aria-label="Which changes" onSubmit=${submit} key=${JSON.stringify(filters)}>
		${names.map((name) => html`<label>${titles[name]}<input name=${name} defaultValue=${filters[name]} placeholder=${hints[name]} inputmode=${name === 'shard' ? 'numeric' : 'text'} autocomplete="off" spellcheck=${false} /></label>`)}
		<div class="buttons"><button type="submit" class="primary">Show these</button>
		${names.some((name) => filters[name]) && html`<button type="button" onClick=${() => go('changes')}>Show all</button>`}</div>
	</form>`
}
