// A table of terms in three forms.
import { useMemo, useState } from 'preact/hooks'
import { html } from '../lib/html.js'
import { number } from '../lib/format.js'
import { isTime, numeric, shortName } from '../lib/term.js'
import { Chart } from './chart.js'
import { Graph } from './graph.js'
import { Term } from './term.js'

// perPage is the number of rows on a page of the table; mostPoints bounds those of a chart.
const perPage = 100
const mostPoints = 2000

const forms = ['Table', 'Graph', 'Chart']

export function Results({ result }) {
	const [form, setForm] = useState('Table')
	return html`<div class="head"><h2>Result</h2><div class="switch" role="group" aria-label="Form of the result">${forms.map((f) => html`<button type="button" aria-pressed=${f === form} onClick=${() => setForm(f)}>${f}</button>`)}</div></div>
		${form === 'Table' ? html`<${Table} result=${result} />` : form === 'Graph' ? html`<${Drawing} result=${result} />` : html`<${Columns} result=${result} />`}`
}

function Table({ result: { names, rows } }) {
	const [page, setPage] = useState(0)
	const last = Math.max(0, Math.ceil(rows.length / perPage) - 1)
	if (!rows.length) return html`<p class="empty">There is no solution.</p>`
	return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of the result"><table class="result">
			<thead><tr><th class="n">#</th>${names.map((n) => html`<th scope="col">${n}</th>`)}</tr></thead>
			<tbody>${rows.slice(page * perPage, (page + 1) * perPage).map((r, i) => html`<tr key=${page * perPage + i}><td class="n soft">${number(page * perPage + i + 1)}</td>${r.map((t) => html`<td><${Term} term=${t} /></td>`)}</tr>`)}</tbody>
		</table></div>
		${last > 0 && html`<div class="bar" role="group" aria-label="Pages of the table"><button type="button" disabled=${page === 0} onClick=${() => setPage(page - 1)}>Back</button><span>Page ${page + 1} of ${last + 1}</span>
			<button type="button" disabled=${page === last} onClick=${() => setPage(page + 1)}>Next</button></div>`}`
}

const isNode = (t) => t?.type === 'uri' || t?.type === 'bnode'

// edgesOf makes edges of rows: of three columns whose middle is IRIs, subject, predicate and object; else from the first node of a row to
// the others.
function edgesOf(names, rows) {
	const triples = names.length === 3 && rows.every((r) => isNode(r[0]) && r[1]?.type === 'uri' && r[2])
	if (triples) return rows.map((r) => [r[0], shortName(r[1].value), r[2]])
	return rows.flatMap((r) => {
		const first = r.findIndex(isNode)
		return first < 0 ? [] : r.flatMap((t, i) => (i > first && t ? [[r[first], names[i], t]] : []))
	})
}

function Drawing({ result: { names, rows } }) {
	const edges = useMemo(() => edgesOf(names, rows), [rows])
	return html`<${Graph} edges=${edges} />`
}

// Columns is a chart of two columns, which somebody chooses: numbers or times against each other as lines, numbers of names as bars.
function Columns({ result: { names, rows } }) {
	const numbers = useMemo(() => names.map((_, i) => rows.some((r) => r[i]) && rows.every((r) => !r[i] || !Number.isNaN(numeric(r[i])))), [rows])
	const times = useMemo(() => names.map((_, i) => numbers[i] && rows.every((r) => !r[i] || isTime(r[i]))), [rows])
	const firstTime = times.indexOf(true)
	const firstName = numbers.indexOf(false)
	const [x, setX] = useState(firstTime >= 0 ? firstTime : firstName >= 0 ? firstName : 0)
	const [y, setY] = useState(numbers.findIndex((n, i) => n && !times[i] && i !== x))
	const data = useMemo(() => pointsOf(rows, x, y, numbers[x]), [rows, x, y])
	if (!numbers.some((n, i) => n && !times[i])) return html`<p class="empty">There is nothing to chart: no column has numbers alone.</p>`
	const choice = (label, value, set, list) => html`<label>${label}<select value=${value} onChange=${(e) => set(Number(e.target.value))}>${list.map((i) => html`<option value=${i}>${names[i]}</option>`)}</select></label>`
	const all = names.map((_, i) => i)
	return html`<div class="bar">${choice('Across', x, setX, all)}${choice('Up', y, setY, all.filter((i) => numbers[i] && !times[i]))}</div>
		${y < 0 ? null : html`<${Chart} key=${`${x} ${y}`} names=${[names[y]]} data=${data.columns} time=${times[x]} labels=${data.labels} bars=${!numbers[x]} zero=${!numbers[x]} height=${300} label=${`${names[y]} by ${names[x]}`} />`}
		${data.left > 0 && html`<p class="soft">${number(data.left)} rows more are not drawn.</p>`}`
}

function pointsOf(rows, x, y, ordered) {
	const all = rows.filter((r) => r[x] && r[y])
	const some = all.slice(0, ordered ? mostPoints : 60)
	if (!ordered) {
		const labels = some.map((r) => (r[x].type === 'uri' ? shortName(r[x].value) : r[x].value))
		return { labels, columns: [some.map((_, i) => i), some.map((r) => numeric(r[y]))], left: all.length - some.length }
	}
	const points = some.map((r) => [numeric(r[x]), numeric(r[y])]).sort((a, b) => a[0] - b[0])
	return { labels: null, columns: [points.map((p) => p[0]), points.map((p) => p[1])], left: all.length - some.length }
}
