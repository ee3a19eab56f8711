// A term on a page. An IRI leads to the page of what it names, and a small arrow to the address itself where a browser may go there.
import { html } from '../lib/html.js'
import { compact, nameOf, prefixes, safeHref } from '../lib/term.js'
import { href } from '../lib/route.js'

// longest bounds the characters of a literal on a page.
const longest = 500

export function Term({ term: t, out = false }) {
	if (!t) return null
	if (t.type === 'triple') return html`<span class="term">≪ <${Term} term=${t.triple.subject} /> <${Term} term=${t.triple.predicate} /> <${Term} term=${t.triple.object} /> ≫</span>`
	if (t.type === 'literal') return html`<${Literal} t=${t} />`
	const name = t.type === 'bnode' ? `_:${t.value}` : compact(t.value)
	return html`<span class="term"><a class=${t.type} href=${href('subject', { of: nameOf(t) })} title=${nameOf(t)}>${name}</a>${out && safeHref(t.value) ? html`<a class="out" href=${safeHref(t.value)} target="_blank" rel="noopener noreferrer" aria-label=${`Open ${t.value} in a new tab`}>↗</a>` : ''}</span>`
}

// plainTypes are datatypes whose values say what they are.
const plainTypes = new Set(['integer', 'decimal', 'double', 'boolean', 'dateTime', 'date', 'time', 'gYear'].map((name) => prefixes.xsd + name))

function Literal({ t }) {
	if (plainTypes.has(t.datatype) && t.value.length < 60) return html`<span class="term literal plain" title=${compact(t.datatype)}>${t.value}</span>`
	const text = t.value.length > longest ? `${t.value.slice(0, longest)}…` : t.value
	const plain = !t.datatype || t.datatype === `${prefixes.xsd}string`
	return html`<span class="term literal"><q dir=${t.dir ?? 'auto'} lang=${t.lang}>${text}</q>${t.lang ? html`<small>@${t.lang}</small>` : plain ? '' : html`<small>${compact(t.datatype)}</small>`}${t.value.length > longest && html`<small>(${t.value.length.toLocaleString('en')} characters)</small>`}</span>`
}
