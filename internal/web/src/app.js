// The console: its pages, and what stands around them.
import { render } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import '@preact/signals'
import { html } from './lib/html.js'
import { route, href } from './lib/route.js'
import { theme, nextTheme } from './lib/theme.js'
import { token, asked, give } from './lib/token.js'
import { TokenForm } from './parts/tokenform.js'
import { Nodes } from './pages/nodes.js'
import { Query } from './pages/query.js'
import { Changes } from './pages/changes.js'
import { Subject } from './pages/subject.js'

// pages are all there are, in the order of the menu; the first one is where one begins. A new page is a row here and a file of its own.
const pages = [
	{ path: 'nodes', title: 'Nodes', page: Nodes },
	{ path: 'query', title: 'Query', page: Query },
	{ path: 'changes', title: 'Changes', page: Changes },
	{ path: 'subject', title: 'Subject', page: Subject },
]

const pageOf = (path) => pages.find((p) => p.path === path) ?? (path === '' ? pages[0] : null)

function Console() {
	const at = pageOf(route.value.path)
	const main = useRef(null)
	const first = useRef(true)
	useEffect(() => {
		document.title = `${at?.title ?? 'Not found'} – Quadrille`
		if (!first.current) main.current.focus({ preventScroll: false })
		first.current = false
	}, [at])
	return html`<a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); main.current.focus() }}>Skip to the page</a>
		<header>
			<a class="brand" href=${href('nodes')}><img src="/console/icon.svg" alt="" width="24" height="24" /> Quadrille</a>
			<nav aria-label="Pages"><ul>${pages.map((p) => html`<li><a href=${href(p.path)} aria-current=${p === at ? 'page' : undefined}>${p.title}</a></li>`)}</ul></nav>
			<div class="tools">
				${token.value && html`<button type="button" onClick=${() => give('')}>Forget token</button>`}
				<button type="button" onClick=${nextTheme} title="Colours: system, light or dark">Colours: ${theme.value}</button>
			</div>
		</header>
		<main id="main" tabindex="-1" ref=${main}>
			<h1>${at?.title ?? 'There is no such page'}</h1>
			${asked.value && html`<${TokenForm} why=${asked.value} />`}
			${at ? html`<${at.page} key=${at.path} />` : html`<p>The menu has all there are.</p>`}
		</main>
		<footer>This page asks the node that gave it out, and nobody else. <a href="/console/licences.txt">Licences</a></footer>`
}

render(html`<${Console} />`, document.getElementById('console'))
