// Nodes and shards: who owns what, how far the copies are, and what isn't as it should be; live.
import { useEffect, useMemo } from 'preact/hooks'
import { html } from '../lib/html.js'
import { overview, link, rates, watch, nodeState, shardState } from '../lib/nodes.js'
import { route, go } from '../lib/route.js'
import { ago, bytes, clock, number, plural, rate } from '../lib/format.js'
import { safeHref } from '../lib/term.js'
import { Chart } from '../parts/chart.js'
import { Link } from '../parts/link.js'
import { ShardMap, ShardTable, letterOf } from '../parts/shards.js'
import { State } from '../parts/state.js'

export function Nodes() {
	useEffect(watch, [])
	const o = overview.value
	return html`<${Link} link=${link.value} others=${o ? o.nodes.filter((n) => n.name !== o.node) : []} />
		${o ? html`<${Overview} o=${o} stale=${link.value.state !== 'open'} />` : html`<p class="empty">Waiting for what the nodes say.</p>`}`
}

function Overview({ o, stale }) {
	const table = route.value.query.view === 'table'
	// What the node has said of itself was true until the connection ended.
	const own = stale && link.value.state === 'waiting' ? o.node : null
	return html`${stale && html`<p role="status">What follows is as of ${clock(o.time).slice(0, 8)}.</p>`}<div class=${stale ? 'stale' : ''}>
		<p class="soft">Pipeline <strong>${o.pipeline}</strong>, divided by ${o.key}, epoch ${number(o.epoch)}, as node <strong>${o.node}</strong> has asked.</p>
		<${Figures} o=${o} />
		<${Troubles} list=${o.degraded ?? []} />
		<section aria-labelledby="nodes-h"><h2 id="nodes-h">Nodes</h2><${NodeTable} o=${o} silent=${own} /></section>
		<section aria-labelledby="rates-h"><h2 id="rates-h">Changes a second</h2><${Rates} /></section>
		<section aria-labelledby="shards-h">
			<div class="head"><h2 id="shards-h">Shards</h2>
				<div class="switch" role="group" aria-label="How shards are shown">
					<button type="button" aria-pressed=${!table} onClick=${() => go('nodes', {}, true)}>Map</button>
					<button type="button" aria-pressed=${table} onClick=${() => go('nodes', { view: 'table' }, true)}>Table</button>
				</div>
			</div>
			${table ? html`<${ShardTable} overview=${o} />` : html`<${ShardMap} overview=${o} />`}
		</section>
		<section aria-labelledby="copies-h"><h2 id="copies-h">Copies of the logs</h2><${Copies} engine=${o.engine} /></section>
		<${Connectors} title="Sources" list=${o.sources} />
		<${Connectors} title="Sinks" list=${o.sinks} />
	</div>`
}

function Figures({ o }) {
	const good = o.shards.filter((s) => shardState(s, o.byName) === 'owning').length
	const sum = (list, of) => list.reduce((all, one) => all + (of(one) ?? 0), 0)
	const behind = sum(o.shards, (s) => s.lag)
	const figure = (value, what, bad) => html`<div class="figure ${bad ? 'bad' : ''}"><strong>${value}</strong><span>${what}</span></div>`
	return html`<div class="figures">
		${figure(`${o.present} of ${o.expected}`, o.expected === 1 ? 'node answers' : 'nodes answer', o.present < o.expected)}
		${figure(`${good} of ${o.shards.length}`, 'shards take changes', good < o.shards.length)}
		${figure(rate(sum(o.nodes, (n) => (n.error ? 0 : n.load))), 'changes a second')}
		${figure(number(sum(o.shards, (s) => s.quads)), 'quads')}
		${figure(number(behind), 'records that standbys lack')}
	</div>`
}

function Troubles({ list }) {
	return html`<div role="status" aria-live="polite">${list.length > 0 && html`<div class="note bad"><h2>Not as it should be</h2><ul>${list.slice(0, 20).map((text) => html`<li>${text}</li>`)}</ul>
		${list.length > 20 && html`<p>And ${number(list.length - 20)} more.</p>`}</div>`}</div>`
}

function NodeTable({ o, silent }) {
	const names = o.nodes.map((n) => n.name)
	const standby = new Map()
	for (const s of o.shards) standby.set(s.standby, (standby.get(s.standby) ?? 0) + 1)
	return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="nodes-h"><table>
		<thead><tr><th>Node</th><th>State</th><th class="n">Owns</th><th class="n">Standby of</th><th class="n">Changes/s</th><th class="n">Added</th><th class="n">Deleted</th><th class="n">Heard</th><th>Console</th></tr></thead>
		<tbody>${o.nodes.map((n, i) => html`<tr key=${n.name} data-node=${n.name}>
			<th scope="row"><span class="badge owner-${(i % 8) + 1}" aria-hidden="true">${letterOf(names, n.name)}</span> ${n.name}${n.name === o.node && html` <span class="soft">(this one)</span>`}</th>
			<td><${State} state=${n.name === silent ? 'no answer' : nodeState(n)} title=${n.error || n.not_ready || ''} />${(n.error || n.not_ready) && html`<div class="why">${n.error || n.not_ready}</div>`}</td>
			<td class="n">${number(n.owned)}</td><td class="n">${number(standby.get(n.name) ?? 0)}</td>
			<td class="n">${n.error ? '–' : rate(n.load)}</td><td class="n">${number(n.stats?.adds)}</td><td class="n">${number(n.stats?.deletes)}</td>
			<td class="n">${n.name === o.node ? '–' : n.heard_ms < 0 ? 'never' : `${ago(n.heard_ms)} ago`}</td>
			<td>${n.name !== o.node && safeHref(n.info) ? html`<a href=${safeHref(n.info)} rel="noreferrer">open</a>` : ''}</td></tr>`)}
			${(o.absent ?? []).map((name) => html`<tr key=${name} data-node=${name}><th scope="row">${name}</th><td><${State} state="absent" /></td><td colspan="7" class="soft">was taken for dead, and has neither come back nor left</td></tr>`)}
		</tbody></table></div>`
}

function Rates() {
	const { times, of } = rates.value
	const names = [...of.keys()].sort()
	const data = useMemo(() => [times, ...names.map((name) => of.get(name))], [rates.value])
	if (times.length < 2) return html`<p class="empty">The chart begins in a second.</p>`
	return html`<${Chart} names=${names} data=${data} span=${60} label=${`Changes a second of ${plural(names.length, 'node')} in the last ${ago((times[times.length - 1] - times[0]) * 1000)}`} />`
}

function Copies({ engine }) {
	const streams = engine.streams ?? []
	return html`<p>${engine.storage?.used ? `This node's engine has stored ${bytes(engine.storage.used)}${engine.storage.limit ? ` of ${bytes(engine.storage.limit)}` : ''}; the disk has ${bytes(engine.storage.free)} left.` : ''}</p>
	<div class="scroll" tabindex="0" role="region" aria-labelledby="copies-h"><table>
		<thead><tr><th>Stream</th><th>Copies</th><th>Leader</th><th>Replicas</th></tr></thead>
		<tbody>${streams.map((s) => {
			const good = s.replicas.filter((r) => r.state === 'current').length
			const state = s.error ? 'halted' : good < s.expected ? 'behind' : 'current'
			return html`<tr key=${s.name}><th scope="row">${s.name}</th><td><${State} state=${state} /> ${good} of ${s.expected}</td><td>${s.leader || '–'}</td>
				<td class="wide">${s.replicas.map((r) => `${r.server} ${r.state}${r.lag && r.state === 'behind' ? ` by ${number(r.lag)}` : ''}${r.why ? ` (${r.why})` : ''}`).join(', ')}${s.error && html`<div class="why">${s.error}</div>`}</td></tr>`
		})}</tbody></table></div>`
}

function Connectors({ title, list }) {
	if (!list?.length) return null
	const id = `${title}-h`
	return html`<section aria-labelledby=${id}><h2 id=${id}>${title}</h2><div class="scroll" tabindex="0" role="region" aria-labelledby=${id}><table>
		<thead><tr><th>Name</th><th>Type</th><th>State</th><th class="n">A second</th><th class="n">Behind</th><th>Node</th></tr></thead>
		<tbody>${list.map((c) => html`<tr key=${c.name}><th scope="row">${c.name}</th><td>${c.type}</td><td><${State} state=${c.state} />${c.failing && html`<div class="why">${c.failing.error}</div>`}</td>
			<td class="n">${rate(c.rate)}</td><td class="n">${c.lag ? `${number(c.lag.count)} ${c.lag.unit ?? ''}` : '–'}</td><td>${c.node ?? (c.shards ? 'all owners' : '–')}</td></tr>`)}</tbody></table></div></section>`
}
