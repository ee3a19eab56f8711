// Queries in SPARQL, and what they give: as a table, as a drawing, as a chart, or as a file.
import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { html } from '../lib/html.js'
import { ask, construct, formats, kindOf, select } from '../lib/sparql.js'
import { ago, plural } from '../lib/format.js'
import { route, go } from '../lib/route.js'
import { fromResults, parseLine } from '../lib/term.js'
import { saw, terms, askOnce } from '../lib/vocabulary.js'
import { Results } from '../parts/results.js'

const example = 'SELECT * {\n  ?subject ?property ?value\n}\nLIMIT 100'
const key = 'quadrille-query'

export function Query() {
	const [text, setText] = useState(route.value.query.q ?? sessionStorage.getItem(key) ?? example)
	const [state, set] = useState(null)
	const editor = useRef(null)
	const now = useRef({ text, running: null })
	now.current.text = text
	useEffect(() => {
		const q = route.value.query.q
		if (q != null && q !== now.current.text) {
			setText(q)
			editor.current?.set(q)
		}
	}, [route.value.query.q])
	useEffect(() => { sessionStorage.setItem(key, text) }, [text])
	useEffect(() => () => now.current.running?.abort(), [])
	const cancel = () => {
		if (!now.current.running) return false
		now.current.running.abort()
		return true
	}
	const run = () => {
		cancel()
		const running = new AbortController()
		now.current.running = running
		const query = now.current.text
		go('query', { q: query }, true)
		set({ running: true, begin: Date.now() })
		answerOf(query, running.signal).then((got) => {
			set({ ...got, query, took: performance.now() })
			askOnce()
		}, (e) => {
			if (running !== now.current.running) return
			set({ problem: running.signal.aborted ? { message: 'Cancelled.' } : e })
			if (e.place) editor.current?.show(e.place)
		}).finally(() => { if (running === now.current.running) now.current.running = null })
	}
	return html`<${Editor} text=${text} changed=${setText} run=${run} cancel=${cancel} editor=${editor} />
		<div class="bar">
			<button type="button" class="primary" onClick=${run} disabled=${state?.running}>Run</button>
			<button type="button" onClick=${cancel} disabled=${!state?.running}>Cancel</button>
			<span class="soft">Ctrl+Enter runs, Escape cancels, Ctrl+Space completes.</span>
		</div>
		<div role="status" aria-live="polite">${state?.running && html`<p class="empty">Asking.</p>`}
			${state?.problem && html`<div class="note bad">${state.problem.message}</div>`}
			${state?.count != null && html`<p class="soft">${plural(state.count, state.kind === 'triples' ? 'triple' : 'solution')} in ${ago(state.ms)}.</p>`}
			${state?.answer != null && html`<p class="figure answer"><strong>${state.answer ? 'Yes' : 'No'}</strong><span>in ${ago(state.ms)}</span></p>`}</div>
		${state?.names && html`<${Results} key=${state.took} result=${state} /><${Downloads} state=${state} />`}`
}

// answerOf asks, and makes a table of the answer: {kind, names, rows, count, ms} or {answer, ms}.
async function answerOf(query, signal) {
	const kind = kindOf(query)
	if (kind === 'update') throw new Error('This is an update. The console asks and changes nothing; updates go to POST /sparql or POST /v1/changes, with a token that may write.')
	const begin = performance.now()
	if (kind === 'triples') {
		const rows = (await construct(query, signal)).map((line) => parseLine(line)?.terms).filter(Boolean)
		rows.forEach((r) => saw(r[1]))
		return { kind, names: ['subject', 'predicate', 'object'], rows, count: rows.length, ms: performance.now() - begin }
	}
	const got = await select(query, signal)
	const ms = performance.now() - begin
	if (got.answer != null) return { kind: 'rows', answer: got.answer, ms }
	const rows = got.rows.map((r) => got.names.map((n) => (r[n] ? fromResults(r[n]) : null)))
	rows.slice(0, 500).forEach((r) => r.forEach(saw))
	return { kind: 'rows', names: got.names, rows, count: rows.length, ms }
}

function Editor({ text, changed, run, cancel, editor }) {
	const host = useRef(null)
	const [state, set] = useState('loading')
	const calls = useRef({})
	calls.current = { changed, run, cancel, text }
	useEffect(() => {
		let gone = false
		import('../parts/editor.js').then(({ createEditor }) => {
			if (gone) return
			editor.current = createEditor(host.current, { text: calls.current.text, changed: (t) => calls.current.changed(t), run: () => calls.current.run(), cancel: () => calls.current.cancel(), terms })
			set('there')
		}, () => set('missing'))
		return () => {
			gone = true
			editor.current?.destroy()
			editor.current = null
		}
	}, [])
	// The host of the editor has no children of the page's own.
	return html`${state !== 'there' && html`<textarea class="query" aria-label="Query" rows="8" spellcheck=${false} value=${text} onInput=${(e) => changed(e.target.value)}
			onKeyDown=${(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); run() } else if (e.key === 'Escape') cancel() }}></textarea>`}
		${state === 'missing' && html`<p class="soft">The editor can't be loaded, so this is a plain field; the node may have been upgraded: load the page anew.</p>`}
		<div class=${state === 'there' ? 'editor' : 'hidden'} ref=${host}></div>`
}

// Downloads asks the same again, for a file in one of the formats.
function Downloads({ state }) {
	const [problem, set] = useState(null)
	const list = useMemo(() => formats[state.kind], [state.kind])
	const load = async (f) => {
		set(null)
		try {
			const blob = await (await ask(state.query, f.type)).blob()
			const a = document.createElement('a')
			a.href = URL.createObjectURL(blob)
			a.download = `query.${f.suffix}`
			a.click()
			setTimeout(() => URL.revokeObjectURL(a.href), 10000)
		} catch (e) {
			set(e.message ? e : { message: 'The answer broke off.' })
		}
	}
	return html`<div class="bar" role="group" aria-label="Download"><span class="soft">Ask again, for a file:</span>${list.map((f) => html`<button type="button" onClick=${() => load(f)}>${f.name}</button>`)}</div>
		${problem && html`<div class="note bad" role="alert">${problem.message}</div>`}`
}
