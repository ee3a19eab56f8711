// One change, with its rows.
import { html } from '../lib/html.js'
import { clock, number } from '../lib/format.js'
import { pure } from '../lib/pure.js'
import { Term } from './term.js'

export const Change = pure(({ change: c, date = false }) => html`<article class="change" aria-label=${`Change of shard ${c.shard} at position ${c.position}`}>
	<header><span><time datetime=${c.time}>${date ? new Date(c.time).toLocaleDateString('en-CA') + ' ' : ''}${clock(c.time)}</time> shard ${c.shard}, position ${number(c.position)}</span>
		<span><span class="add">+${number(c.adds)}</span> <span class="delete">−${number(c.deletes)}</span></span></header>
	<ul>${c.rows.map((row, i) => html`<li key=${i} class=${row.code.endsWith('D') ? 'delete' : 'add'}><span class="sign" aria-label=${row.code.endsWith('D') ? 'deleted' : 'added'}>${row.code.endsWith('D') ? '−' : '+'}</span>
		<span class="row">${row.text ?? row.terms.map((t, j) => html`${j === 3 ? html`<span class="soft">in</span> ` : ''}<${Term} term=${t} /> `)}</span></li>`)}</ul>
	${c.more > 0 && html`<p class="soft">And ${number(c.more)} rows more.</p>`}
</article>`)
