// All shards on one map: a cell for each, with its number, its state as a shape and its owner as a colour and a letter. One cell is in the
// order of Tab; the arrow keys go to the others.
import { useRef, useState } from 'preact/hooks'
import { html } from '../lib/html.js'
import { number, rate } from '../lib/format.js'
import { pure } from '../lib/pure.js'
import { shardState } from '../lib/nodes.js'
import { Shape, State, kindOf } from './state.js'

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'

export const letterOf = (names, name) => letters[names.indexOf(name)] ?? '·'

export function ShardMap({ overview }) {
	const [chosen, choose] = useState(0)
	const host = useRef(null)
	const { shards, byName, nodes } = overview
	const names = nodes.map((n) => n.name)
	const at = Math.min(chosen, shards.length - 1)
	const move = (to) => {
		const next = Math.max(0, Math.min(shards.length - 1, to))
		choose(next)
		host.current.children[next]?.focus()
	}
	const key = (e) => {
		const perRow = columns(host.current)
		const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perRow, ArrowDown: perRow, PageUp: -perRow * 4, PageDown: perRow * 4, Home: -shards.length, End: shards.length }
		if (!(e.key in steps)) return
		e.preventDefault()
		move(at + steps[e.key])
	}
	return html`<div class="shardmap">
		<div class="cells" role="listbox" aria-label="Shards; arrow keys choose one" ref=${host} onKeyDown=${key}>
			${shards.map((s, i) => html`<${Cell} key=${i} at=${i} shard=${s.shard} state=${shardState(s, byName)} owner=${s.owner} place=${names.indexOf(s.owner)} chosen=${i === at} choose=${choose} />`)}
		</div>
		${shards[at] && html`<${ShardDetail} shard=${shards[at]} state=${shardState(shards[at], byName)} />`}
	</div>`
}

const Cell = pure(({ at, shard, state, owner, place, chosen, choose }) => html`<button type="button" role="option" class="cell ${kindOf(state)} ${place >= 0 ? `owner-${(place % 8) + 1}` : ''}" aria-selected=${chosen} tabindex=${chosen ? 0 : -1}
	aria-label=${`Shard ${shard}: ${state}, owner ${owner || 'none'}`} title=${`shard ${shard}: ${state}, ${owner || 'no owner'}`} onClick=${() => choose(at)}>
	<span class="cell-number">${shard}</span><span class="cell-owner">${letters[place] ?? '·'}<${Shape} kind=${kindOf(state)} /></span>
</button>`)

// columns is the number of cells in a row.
function columns(host) {
	const cells = [...host.children]
	const next = cells.findIndex((c) => c.offsetTop > cells[0].offsetTop)
	return next > 0 ? next : cells.length
}

function ShardDetail({ shard: s, state }) {
	return html`<div class="detail">
		<h3>Shard ${s.shard}</h3>
		<dl>
			<dt>State</dt><dd><${State} state=${state} /></dd>
			<dt>Owner</dt><dd>${s.owner || 'none'}</dd>
			<dt>Standby</dt><dd>${s.standby || 'none'}</dd>
			<dt>Standby is behind by</dt><dd>${!s.standby ? '–' : s.lag == null ? 'not known' : `${number(s.lag)} records`}</dd>
			<dt>Quads</dt><dd>${number(s.quads)}</dd>
			<dt>Log position</dt><dd>${number(s.position)}</dd>
			<dt>Records a second</dt><dd>${rate(s.rate)}</dd>
			<dt>Dead letters</dt><dd>${number(s.dead_letters ?? 0)}</dd>
			${s.head && html`<dt>Head</dt><dd class="id">${s.head}</dd>`}
			${s.error && html`<dt>Error</dt><dd class="bad">${s.error}</dd>`}
		</dl>
	</div>`
}

export function ShardTable({ overview }) {
	const [order, setOrder] = useState({ by: 'shard', up: true })
	const { shards, byName } = overview
	const sorted = [...shards].sort((a, b) => {
		const [x, y] = [valueOf(a, order.by, byName), valueOf(b, order.by, byName)]
		const d = typeof x === 'string' ? x.localeCompare(y) : x - y
		return (d || a.shard - b.shard) * (order.up ? 1 : -1)
	})
	return html`<div class="scroll" tabindex="0" role="region" aria-label="Table of shards">
		<table>
			<thead><tr>${columnsOf.map(([name, title, numeric]) => html`<th class=${numeric ? 'n' : ''} aria-sort=${order.by === name ? (order.up ? 'ascending' : 'descending') : 'none'}>
				<button type="button" class="plain" onClick=${() => setOrder({ by: name, up: order.by === name ? !order.up : true })}>${title}${order.by === name ? (order.up ? ' ▲' : ' ▼') : ''}</button></th>`)}</tr></thead>
			<tbody>${sorted.map((s) => html`<tr key=${s.shard}><th scope="row" class="n">${s.shard}</th><td><${State} state=${shardState(s, byName)} /></td><td>${s.owner || '–'}</td><td>${s.standby || '–'}</td>
				<td class="n">${s.lag == null ? '–' : number(s.lag)}</td><td class="n">${number(s.quads)}</td><td class="n">${number(s.position)}</td><td class="n">${rate(s.rate)}</td></tr>`)}</tbody>
		</table>
	</div>`
}

const columnsOf = [['shard', 'Shard', true], ['state', 'State'], ['owner', 'Owner'], ['standby', 'Standby'], ['lag', 'Behind', true], ['quads', 'Quads', true], ['position', 'Position', true], ['rate', 'Records/s', true]]

function valueOf(s, by, byName) {
	if (by === 'state') return shardState(s, byName)
	return s[by] ?? (by === 'owner' || by === 'standby' ? '' : -1)
}
