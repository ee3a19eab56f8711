// One subject: what is known of it now, what has become of it, and where one can go from there.
import { useEffect, useState } from 'preact/hooks'
import { html } from '../lib/html.js'
import { request, lines, Problem } from '../lib/api.js'
import { follow, parseEvents } from '../lib/events.js'
import { fromEvent } from '../lib/changes.js'
import { number, plural } from '../lib/format.js'
import { route, go, href } from '../lib/route.js'
import { select } from '../lib/sparql.js'
import { compact, fromResults, parseLine, prefixes, readNode, safeHref, write } from '../lib/term.js'
import { token, asked } from '../lib/token.js'
import { Change } from '../parts/change.js'
import { Link } from '../parts/link.js'
import { Term } from '../parts/term.js'

// mostQuads bounds the quads that are shown, mostChanges the changes of the history, and mostLinks what leads here. The history is read from so
// many positions before the ends of the logs, and each time somebody asks for more from further times as many.
const mostQuads = 1000
const mostChanges = 200
const mostLinks = 100
const firstBack = 4096
const further = 8

export function Subject() {
	const name = route.value.query.of ?? ''
	const submit = (e) => {
		e.preventDefault()
		const of = readNode(new FormData(e.target).get('of'))
		if (of) go('subject', { of })
	}
	return html`<form class="bar grow" aria-label="Which subject" onSubmit=${submit} key=${`form ${name}`}>
			<label>An IRI, a name with a known prefix, or _:label<input name="of" defaultValue=${name} required autocomplete="off" spellcheck=${false} /></label>
			<button type="submit" class="primary">Show</button>
		</form>
		${name ? html`<${Known} key=${name} name=${name} />` : html`<p class="empty">Links on other pages lead here, too.</p>`}`
}

function Known({ name }) {
	const [state, set] = useState({ quads: [], reading: true })
	const [link, setLink] = useState({ state: 'connecting' })
	const [news, setNews] = useState([])
	useEffect(() => {
		if (asked.value) return undefined
		const ended = new AbortController()
		let timer
		const read = () => quadsOf(name, ended.signal).then((got) => set({ ...got, reading: false }), (e) => {
			if (!ended.signal.aborted) set((s) => ({ ...s, reading: false, problem: e }))
		})
		read()
		const stop = follow({
			path: () => `/v1/changes?from=now&${new URLSearchParams({ subject: name })}`, quiet: 45000,
			event: (e) => {
				setNews((list) => [fromEvent(e.data), ...list].slice(0, mostChanges))
				clearTimeout(timer)
				timer = setTimeout(read, 200)
			},
			state: (s, detail) => setLink({ state: s, detail }),
		})
		return () => {
			ended.abort()
			clearTimeout(timer)
			stop()
		}
	}, [name, token.value, asked.value])
	const term = name.startsWith('_:') ? { type: 'bnode', value: name.slice(2) } : { type: 'uri', value: name }
	const label = labelOf(state.quads)
	return html`<section aria-labelledby="known-h">
			<div class="head"><h2 id="known-h" class="subject">${label ? `${label} ` : ''}<span class=${label ? 'soft' : ''}>${term.type === 'uri' ? compact(name) : name}</span></h2><${Link} link=${link} /></div>
			<p>${safeHref(name) && html`<a href=${safeHref(name)} target="_blank" rel="noopener noreferrer">Open its address ↗</a> · `}<a href=${href('changes', { subject: name })}>Its changes, live</a>${term.type === 'uri' && html` · <a href=${href('query', { q: `SELECT * {\n  ${write(term)} ?property ?value\n}` })}>Ask about it</a>`}</p>
			${state.problem && html`<div class="note bad" role="alert">${state.problem.message}</div>`}
			${state.quads.length > 0 ? html`<${Quads} quads=${state.quads} />` : !state.problem && html`<p class="empty">${state.reading ? 'Reading.' : 'Nothing is known of it now.'}</p>`}
			${state.more && html`<p class="soft">These are the first ${number(mostQuads)}; a query has the others.</p>`}
		</section>
		${term.type === 'uri' && html`<${Incoming} term=${term} />`}
		<${History} name=${name} news=${news} />`
}

const labels = [`${prefixes.skos}prefLabel`, `${prefixes.rdfs}label`, `${prefixes.schema}name`, `${prefixes.dcterms}title`, `${prefixes.foaf}name`]

function labelOf(quads) {
	for (const p of labels) {
		const found = quads.filter((q) => q[1].value === p && q[2].type === 'literal')
		const own = found.find((q) => !q[2].lang || q[2].lang.startsWith('en')) ?? found[0]
		if (own) return own[2].value.slice(0, 200)
	}
	return ''
}

// quadsOf reads the quads of a subject, as many as are shown.
async function quadsOf(name, signal) {
	const quads = []
	const answer = await request(`/v1/data?${new URLSearchParams({ subject: name })}`, { headers: { Accept: 'application/n-quads' }, signal })
	try {
		for await (const line of lines(answer)) {
			if (!line || line.startsWith('#')) continue
			if (quads.length === mostQuads) return { quads, more: true }
			const parsed = parseLine(line)
			if (parsed) quads.push(parsed.terms)
		}
	} catch (e) {
		if (e.name === 'AbortError') throw e
		throw new Problem(0, 'cut', 'The answer broke off: shards can\'t be read, or the node has ended.')
	}
	return { quads, more: false }
}

function Quads({ quads }) {
	const groups = new Map()
	for (const q of quads) groups.set(q[1].value, [...(groups.get(q[1].value) ?? []), q])
	const graphs = quads.some((q) => q[3])
	const order = [...groups.keys()].sort((a, b) => (a === `${prefixes.rdf}type` ? -1 : b === `${prefixes.rdf}type` ? 1 : compact(a).localeCompare(compact(b))))
	return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="known-h"><table class="quads">
		<thead><tr><th>Property</th><th>Value</th>${graphs && html`<th>Graph</th>`}</tr></thead>
		<tbody>${order.flatMap((p) => groups.get(p).map((q, i) => html`<tr key=${write(q[1]) + write(q[2]) + (q[3] ? write(q[3]) : '')}>
			${i === 0 && html`<th scope="rowgroup" rowspan=${groups.get(p).length}><${Term} term=${q[1]} /></th>`}
			<td><${Term} term=${q[2]} out /></td>${graphs && html`<td>${q[3] ? html`<${Term} term=${q[3]} />` : html`<span class="soft">default</span>`}</td>`}</tr>`))}</tbody></table></div>`
}

// Incoming are those that lead here, when somebody asks.
function Incoming({ term }) {
	const [state, set] = useState(null)
	const ask = async () => {
		set({ asking: true })
		try {
			const got = await select(`SELECT DISTINCT ?s ?p { { ?s ?p ${write(term)} } UNION { GRAPH ?g { ?s ?p ${write(term)} } } } LIMIT ${mostLinks + 1}`)
			set({ rows: got.rows })
		} catch (e) {
			set({ problem: e })
		}
	}
	const rows = state?.rows?.slice(0, mostLinks) ?? []
	return html`<section aria-labelledby="in-h"><div class="head"><h2 id="in-h">What leads here</h2><button type="button" onClick=${ask} disabled=${state?.asking}>Ask</button></div>
		${state?.problem && html`<div class="note bad" role="alert">${state.problem.message}</div>`}
		${state?.rows && (rows.length ? html`<ul class="plain">${rows.map((r) => html`<li><${Term} term=${fromResults(r.s)} /> <span class="soft">by</span> <${Term} term=${fromResults(r.p)} /></li>`)}</ul>` : html`<p class="empty">Nothing does.</p>`)}
		${state?.rows?.length > mostLinks && html`<p class="soft">These are the first ${mostLinks}.</p>`}</section>`
}

// isStart reports whether a cursor is the beginning of all logs: it names no shard.
const isStart = (id) => id !== null && id.slice(id.lastIndexOf('@') + 1) === ''

// History is what the ends of the logs have of it, which somebody has to ask for, and for more of them.
function History({ name, news }) {
	const [state, set] = useState({ list: [], reading: null })
	useEffect(() => () => state.reading?.abort(), [state.reading])
	const read = async () => {
		const reading = new AbortController()
		const back = state.back ? state.back * further : firstBack
		set({ list: state.list, reading, back: state.back })
		const newest = []
		let count = 0
		let problem
		let whole = false
		let begun = false
		try {
			const answer = await request(`/v1/changes?live=false&${new URLSearchParams({ from: `last:${back}`, subject: name })}`, { headers: { Accept: 'text/event-stream' }, signal: reading.signal })
			for await (const e of parseEvents(lines(answer))) {
				if (!begun) whole = isStart(e.id)
				begun = true
				if (e.type === 'error') problem = new Problem(0, '', `A shard is missing: ${JSON.parse(e.data).detail}`)
				if (e.empty || e.type === 'error') continue
				newest.push(e.data)
				if (newest.length > mostChanges) newest.shift()
				if (++count % 50 === 0) set({ list: state.list, count, reading, back: state.back })
			}
		} catch (e) {
			if (e.name === 'AbortError' && !reading.signal.aborted) throw e
			problem = reading.signal.aborted ? new Problem(0, '', 'Ended before the logs did.') : e
		}
		set({ list: newest.map(fromEvent), count, reading: null, read: true, back: problem ? state.back : back, whole: whole && !problem, problem })
	}
	const seen = new Set(state.list.map((c) => c.key))
	const all = [...news.filter((c) => !seen.has(c.key)), ...state.list].sort((a, b) => b.time.localeCompare(a.time)).slice(0, mostChanges)
	return html`<section aria-labelledby="history-h"><div class="head"><h2 id="history-h">History</h2>
			${state.reading ? html`<button type="button" onClick=${() => state.reading.abort()}>Cancel</button>` : !state.whole && html`<button type="button" onClick=${read}>${state.back ? 'Read further back' : 'Read the logs'}</button>`}</div>
		<p class="soft" role="status">${said(state)}</p>
		${state.problem && html`<div class="note bad" role="alert">${state.problem.message}</div>`}
		<div class="changes">${all.map((c) => html`<${Change} key=${c.key} change=${c} date />`)}</div></section>`
}

// said is what was read, of which part of the logs.
function said({ reading, read, count = 0, back, whole }) {
	if (reading) return `Reading the logs; ${plural(count, 'change')} so far.`
	if (!read) return `The ends of all shards' logs are read for it, ${number(firstBack)} positions of each. What happens while you watch is here.`
	const where = whole ? 'in the logs' : back ? `in the last ${number(back)} positions of each log` : 'read'
	return `${plural(count, 'change')} ${where}${count > mostChanges ? `, of which the newest ${mostChanges} are here` : ''}.`
}
