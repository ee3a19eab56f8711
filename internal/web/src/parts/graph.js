// Terms and what joins them, as a drawing. Each node is a link to the page of what it names; the rest of the drawing is for the eye, and
// the table has the same as text.
import { useMemo, useRef, useState } from 'preact/hooks'
import { html } from '../lib/html.js'
import { href } from '../lib/route.js'
import { number } from '../lib/format.js'
import { nameOf, shortName, write } from '../lib/term.js'
import { layout } from '../lib/layout.js'

// mostNodes and mostEdges bound the drawing: more can't be read.
const mostNodes = 120
const mostEdges = 300
// mostLabels is the number of edges up to which each has its name.
const mostLabels = 60

const labelOf = (t) => (t.type === 'uri' ? shortName(t.value) : t.type === 'bnode' ? `_:${t.value}` : t.type === 'triple' ? 'a triple' : t.value)

// graphOf takes as many edges [from, label, to] as can be drawn.
function graphOf(edges) {
	const nodes = new Map()
	const kept = []
	let left = 0
	for (const [from, label, to] of edges) {
		const fresh = [from, to].filter((t) => !nodes.has(write(t)))
		if (kept.length >= mostEdges || nodes.size + fresh.length > mostNodes) {
			left++
			continue
		}
		for (const t of fresh) nodes.set(write(t), { term: t, at: nodes.size })
		kept.push({ from: nodes.get(write(from)).at, to: nodes.get(write(to)).at, label })
	}
	return { nodes: [...nodes.values()], edges: kept, left }
}

export function Graph({ edges }) {
	const g = useMemo(() => graphOf(edges), [edges])
	const places = useMemo(() => layout(g.nodes.length, g.edges), [g])
	const size = Math.max(480, Math.sqrt(g.nodes.length) * 150)
	const [zoom, setZoom] = useState(() => Math.max(1, Math.min(3, (size * 0.8) / innerWidth)))
	const host = useRef(null)
	if (!g.nodes.length) return html`<p class="empty">There is nothing to draw: a graph needs IRIs or blank nodes in two columns, or triples.</p>`
	const at = (i) => [places[i].x * size, places[i].y * size * 0.62]
	const short = (text) => (text.length > 24 ? `${text.slice(0, 23)}…` : text)
	return html`<figure class="graph">
		<div class="bar"><button type="button" onClick=${() => setZoom(Math.min(zoom * 1.4, 6))}>Larger</button><button type="button" onClick=${() => setZoom(Math.max(zoom / 1.4, 0.5))}>Smaller</button>
			<span class="soft">${number(g.nodes.length)} nodes, ${number(g.edges.length)} edges${g.left ? `; ${number(g.left)} more are not drawn` : ''}</span></div>
		<div class="canvas" ref=${host} tabindex="0" role="group" aria-label="Drawing of the graph; Tab goes through its nodes">
			<svg viewBox=${`-90 -30 ${size + 180} ${size * 0.62 + 60}`} width=${`${100 * zoom}%`}>
				<defs><marker id="tip" viewBox="0 0 8 8" refX="14" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="tip" d="M0 0 8 4 0 8z" /></marker></defs>
				<g aria-hidden="true">${g.edges.map((e) => {
					const [[x1, y1], [x2, y2]] = [at(e.from), at(e.to)]
					return html`<g class="edge"><line x1=${x1} y1=${y1} x2=${x2} y2=${y2} marker-end="url(#tip)" /><text x=${(x1 + x2) / 2} y=${(y1 + y2) / 2 - 3}>${e.label && g.edges.length <= mostLabels ? short(e.label) : ''}</text></g>`
				})}</g>
				${g.nodes.map((n) => {
					const [x, y] = at(n.at)
					const shape = n.term.type === 'uri' ? html`<circle r="7" />` : n.term.type === 'bnode' ? html`<path d="M0-8 8 0 0 8-8 0z" />` : html`<rect x="-7" y="-5" width="14" height="10" />`
					const body = html`<g class="node ${n.term.type}" transform=${`translate(${x} ${y})`}><title>${nameOf(n.term)}</title>${shape}<text y="21">${short(labelOf(n.term))}</text></g>`
					return n.term.type === 'uri' || n.term.type === 'bnode' ? html`<a href=${href('subject', { of: nameOf(n.term) })} aria-label=${nameOf(n.term)}>${body}</a>` : body
				})}
			</svg>
		</div>
		<figcaption class="soft">Circles are IRIs, diamonds blank nodes, boxes literals.</figcaption>
	</figure>`
}
