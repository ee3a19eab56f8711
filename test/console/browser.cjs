// The console in a browser: node browser.cjs PICTURES CLUSTER PLAIN GUARDED. CLUSTER is a node of three with 256 shards, PLAIN one that
// stands alone, GUARDED one that asks for a token. What a browser can't do is asked of the test that runs this, a line "! ORDER" each,
// which is answered with a line.
const { chromium } = require('playwright-core')
const assert = require('node:assert/strict')
const fs = require('node:fs/promises')
const path = require('node:path')
const readline = require('node:readline')

const [pictures, cluster, plain, guarded] = process.argv.slice(2)
const patience = 60000
const firstToken = 'first-token-0123456789'
const secondToken = 'another-token-0123456789'
const ns = 'http://example.org/plant/'

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function order(text) {
	console.log(`! ${text}`)
	const { value } = await answers.next()
	assert.equal(value, 'done', text)
}

// A Watched page notes what it must not do: errors, and requests to others.
class Watched {
	// expected is what a browser says by itself of an answer that is wanted here.
	constructor(page, origin, expected) {
		this.page = page
		this.faults = []
		this.expected = expected
		page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') this.note(m.text()) })
		page.on('pageerror', (e) => this.note(`${e.message}\n${e.stack}`))
		page.on('request', (r) => { if (!r.url().startsWith(origin) && !r.url().startsWith('blob:')) this.note(`request to ${r.url()}`) })
	}
	note(text) {
		if (!this.expected.some((e) => e.test(text))) this.faults.push(text)
	}
	check() { assert.deepEqual(this.faults, []) }
}

async function open(browser, origin, address, options = {}, expected = []) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options })
	context.setDefaultTimeout(patience)
	const page = await context.newPage()
	if (options.jumps) await page.clock.install() // the clock goes on as usual, and can be made to jump
	const watched = new Watched(page, origin, expected)
	await page.goto(origin + address)
	return watched
}

const picture = (page, name, fullPage = true) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage })

const waitLive = (page) => page.locator('[data-link=live]').waitFor()

// streamed waits until another stream has begun than the one that is open.
async function streamed(page, act) {
	await Promise.all([page.waitForResponse((r) => r.url().includes('/v1/changes')), act()])
	await waitLive(page)
}

// fits: nothing is wider than the window, so that nobody has to scroll to the side.
async function fits(page) {
	const [inner, width] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth])
	assert.ok(width <= inner, `the page is ${width} wide, the window ${inner}`)
}

// readable: text stands out from what is behind it, as WCAG 2 asks for (4.5 to 1), and each control has a name.
async function readable(page) {
	const poor = await page.evaluate(() => {
		const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m[3] ?? 1 } }
		const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((s, v, i) => s + v * [0.2126, 0.7152, 0.0722][i], 0)
		const behind = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.a === 1) return c.rgb } return [255, 255, 255] }
		const out = []
		for (const e of document.querySelectorAll('body *')) {
			const named = e.matches('button, a[href], input, select, textarea')
			if (named && e.checkVisibility() && !(e.textContent.trim() || e.getAttribute('aria-label') || e.labels?.length || e.querySelector('img[alt]'))) out.push(`without a name: ${e.outerHTML.slice(0, 100)}`)
			if (e.closest('.stale, :disabled, svg, canvas') || !e.checkVisibility() || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue
			const [a, b] = [light(parse(getComputedStyle(e).color).rgb), light(behind(e))]
			const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
			if (contrast < 4.5) out.push(`${contrast.toFixed(2)}: ${e.outerHTML.slice(0, 100)}`)
		}
		return out
	})
	assert.deepEqual(poor, [])
}

async function send(door, patch) {
	const answer = await fetch(`${door}/v1/changes`, { method: 'POST', headers: { 'Content-Type': 'application/rdf-patch', Authorization: `Bearer ${secondToken}` }, body: patch })
	assert.equal(answer.status, 200, await answer.text())
}

async function useToken(page, token) {
	await page.getByLabel('A token with the right to read').fill(token)
	await page.keyboard.press('Enter')
}

// fakeSPARQL answers queries in place of the node, as the SPARQL 1.1 Protocol has it, until it is called again: with rows, triples or a
// problem; without any, never. It returns the queries that come.
async function fakeSPARQL(page, { rows, triples, problem }) {
	const asked = []
	await page.unroute('**/sparql').catch(() => {})
	await page.route('**/sparql', async (r) => {
		const query = new URLSearchParams(r.request().postData()).get('query')
		const accept = r.request().headers().accept
		assert.equal(r.request().method(), 'POST')
		assert.match(r.request().headers()['content-type'], /^application\/x-www-form-urlencoded/)
		asked.push(query)
		if (problem) return r.fulfill({ status: problem.status, contentType: 'application/problem+json', body: JSON.stringify(problem) })
		if (accept === 'text/csv') return r.fulfill({ contentType: accept, body: 'a,b\r\n1,2\r\n' })
		if (triples) return r.fulfill({ contentType: accept, body: triples })
		if (rows) return r.fulfill({ contentType: accept, body: JSON.stringify(rows) })
	})
	return asked
}

// answers1 has all kinds of terms, a column of times and one of numbers, and an IRI that must not become a link.
const xsd = 'http://www.w3.org/2001/XMLSchema#'
const answers1 = { rows: { head: { vars: ['sensor', 'time', 'value', 'note'] }, results: { bindings: Array.from({ length: 150 }, (_, i) => ({
	sensor: { type: 'uri', value: i === 3 ? 'javascript:alert(1)' : `${ns}sensor${i}` },
	time: { type: 'literal', value: new Date(1.7e12 + i * 60000).toISOString(), datatype: `${xsd}dateTime` },
	value: { type: 'literal', value: String(20 + Math.round(80 * Math.sin(i / 9)) / 10), datatype: `${xsd}decimal` },
	...(i % 2 ? {} : { note: i % 3 ? { type: 'literal', value: 'warm & <b>bold</b>', 'xml:lang': 'en' } : { type: 'bnode', value: `b${i}` } }),
})) } } }

// download takes a result as a file, which must hold a text.
async function download(page, name, file, text) {
	const [got] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name, exact: true }).click()])
	assert.equal(got.suggestedFilename(), file)
	assert.ok((await fs.readFile(await got.path(), 'utf8')).includes(text), `${file} lacks ${text}`)
}

// steps are what is tried, in order; a node dies in the last.
const steps = {
	async '256 shards'(browser) {
		const w = await open(browser, cluster, '/')
		await waitLive(w.page)
		await w.page.locator('.cell.good').nth(255).waitFor()
		assert.equal(await w.page.locator('.cell').count(), 256)
		await w.page.locator('.chart canvas').waitFor()
		await readable(w.page)
		await picture(w.page, 'nodes')
		const size = await w.page.evaluate(() => [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
			.filter((e) => !e.name.includes('/v1/')).reduce((sum, e) => sum + e.encodedBodySize, 0))
		console.log(`first load: ${size} bytes compressed`)
		assert.ok(size > 10000 && size < 150000, `the first load is ${size} bytes`)
		await w.page.setViewportSize({ width: 360, height: 740 })
		await fits(w.page)
		await w.page.setViewportSize({ width: 1280, height: 900 })
		// The keyboard alone: the map has one stop, and arrows go on from there.
		await w.page.locator('.cell[tabindex="0"]').focus()
		for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'End']) await w.page.keyboard.press(key)
		assert.equal(await w.page.locator('.detail h3').textContent(), 'Shard 255')
		await w.page.keyboard.press('Home')
		assert.equal(await w.page.locator('.detail h3').textContent(), 'Shard 0')
		await w.page.getByRole('button', { name: 'Table' }).press('Enter')
		await w.page.getByRole('button', { name: 'Owner' }).press('Enter')
		assert.equal(await w.page.locator('th[aria-sort=ascending]').textContent(), 'Owner ▲')
		w.check()
		await w.page.context().close()
	},

	async 'dark, and 360 px wide'(browser) {
		await send(plain, `TX .\nA <${ns}long> <${ns}a-property-whose-name-is-rather-long> "${'a long text without an end '.repeat(20)}" .\nA <${ns}long> <${ns}text> "${'x'.repeat(300)}" .\nTC .\n`)
		const w = await open(browser, plain, '/', { colorScheme: 'dark', viewport: { width: 360, height: 740 } })
		const page = w.page
		const look = async (name) => {
			await fits(page)
			await readable(page)
			await picture(page, `${name}-dark-360`)
		}
		await waitLive(page)
		await page.locator('.chart canvas').waitFor()
		await look('nodes')
		await page.getByRole('link', { name: 'Query' }).press('Enter')
		await page.locator('.cm-content').waitFor()
		await fakeSPARQL(page, answers1)
		await page.getByRole('button', { name: 'Run' }).click()
		await page.locator('table.result').waitFor()
		const width = await page.locator('.result tbody td.n').first().evaluate((e) => e.offsetWidth)
		assert.ok(width < 50, `the column of numbers is ${width} px wide`)
		await page.locator('table.result').scrollIntoViewIfNeeded()
		await look('query-table')
		await page.getByRole('button', { name: 'Graph', exact: true }).click()
		await look('query')
		await page.goto(`${plain}/#/subject?of=${encodeURIComponent(`${ns}long`)}`)
		await page.locator('table.quads').waitFor()
		await page.getByRole('button', { name: 'Read the logs' }).click()
		await page.locator('.change').waitFor()
		await look('subject')
		await page.getByRole('link', { name: 'Its changes, live' }).click()
		await waitLive(page)
		await look('changes')
		await page.getByRole('button', { name: 'Colours' }).click()
		assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light')
		await page.reload()
		assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light')
		w.check()
		await page.context().close()
	},

	async 'the keyboard alone'(browser) {
		const w = await open(browser, cluster, '/')
		const page = w.page
		await waitLive(page)
		const stops = []
		for (let i = 0; i < 40 && stops[stops.length - 1] !== 'Licences'; i++) {
			await page.keyboard.press('Tab')
			stops.push(await page.evaluate(() => {
				const at = document.activeElement
				const style = getComputedStyle(at)
				if (style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 2) return `nothing shows that one is at ${at.outerHTML.slice(0, 80)}`
				return at.getAttribute('aria-label')?.split(':')[0] ?? at.textContent.trim().slice(0, 20)
			}))
		}
		assert.deepEqual(stops.filter((s) => s.startsWith('nothing')), [])
		for (const stop of ['Skip to the page', 'Query', 'Changes', 'Colours', 'Shard 0', 'Table', 'Licences']) assert.ok(stops.some((s) => s.startsWith(stop)), `Tab doesn't come to ${stop}: ${stops}`)
		assert.equal(stops.filter((s) => s.startsWith('Shard ')).length, 1)
		w.check()
		await page.context().close()
	},

	async 'changes, live and chosen'(browser) {
		const w = await open(browser, plain, '/#/changes')
		const page = w.page
		await waitLive(page)
		await send(plain, `TX .\nA <${ns}a> <${ns}says> ${JSON.stringify('<img src=x onerror=alert(1)> & "quoted"')} .\nA <${ns}a> <${ns}goes> <javascript:alert(1)> .\nTC .\n`)
		await page.getByText('<img src=x onerror=alert(1)>').waitFor()
		assert.equal(await page.locator('a[href^="javascript:"]').count(), 0)
		assert.equal(await page.locator('main img').count(), 0)
		// Paused, nothing comes; going on, nothing is missing.
		await page.getByRole('button', { name: 'Pause' }).press('Enter')
		await page.locator('[data-link=paused]').waitFor()
		for (const i of [1, 2, 3]) await send(plain, `TX .\nA <${ns}b${i}> <${ns}value> "${i}" .\nTC .\n`)
		assert.equal(await page.locator('.change').count(), 1)
		await page.getByRole('button', { name: 'Go on' }).press('Enter')
		await page.locator('.change').nth(3).waitFor()
		await readable(page)
		await picture(page, 'changes')
		// Chosen ones alone, by the keyboard; the address leads there again.
		await page.getByLabel('Subject').fill(`<${ns}c>`)
		await streamed(page, () => page.keyboard.press('Enter'))
		assert.match(page.url(), /#\/changes\?subject=/)
		await send(plain, `TX .\nA <${ns}other> <${ns}value> "no" .\nTC .\n`)
		await send(plain, `TX .\nA <${ns}c> <${ns}value> "yes" .\nTC .\n`)
		await page.locator('.change', { hasText: 'yes' }).waitFor()
		assert.equal(await page.locator('.change').count(), 1)
		// More than are kept: the newest stay.
		await streamed(page, () => page.goBack())
		for (const round of [1, 2, 3, 4, 5]) { // a change in each shard, nearly
			await send(plain, `TX .\n${Array.from({ length: 300 }, (_, i) => `A <${ns}many${i}> <${ns}value> "${round}" .\n`).join('')}TC .\n`)
		}
		await page.getByText(/the newest 200 are here/).waitFor()
		assert.equal(await page.locator('.change').count(), 200)
		w.check()
		await page.context().close()
	},

	async 'one subject'(browser) {
		const s = `<${ns}pump>`
		await send(plain, `TX .\nA ${s} <http://www.w3.org/2000/01/rdf-schema#label> "Pump 7"@en .\nA ${s} <${ns}near> <${ns}valve> .\nA ${s} <${ns}near> <${ns}valve> <${ns}plan> .\nA ${s} <${ns}value> "1" .\nTC .\n`)
		await send(plain, `TX .\nD ${s} <${ns}value> "1" .\nA ${s} <${ns}value> "2" .\nTC .\n`)
		const w = await open(browser, plain, `/#/subject?of=${encodeURIComponent(`${ns}pump`)}`, {}, [/status of 404/])
		const page = w.page
		await page.locator('h2', { hasText: 'Pump 7' }).waitFor()
		await waitLive(page)
		await page.getByRole('button', { name: 'Read the logs' }).press('Enter')
		await page.getByText('2 changes in the logs.').waitFor()
		assert.equal(await page.locator('.change').count(), 2)
		// Of long logs the ends are read, and more when somebody asks for it.
		const asks = []
		await page.route(/live=false/, (route) => {
			const from = new URL(route.request().url()).searchParams.get('from')
			asks.push(from)
			route.fulfill({ contentType: 'text/event-stream', body: `retry: 1000\nid: plain@${asks.length < 3 ? '0:7' : ''}\n\n` })
		})
		await page.reload()
		for (const [button, says] of [['Read the logs', '0 changes in the last 4,096 positions of each log.'], ['Read further back', '0 changes in the last 32,768 positions of each log.'], ['Read further back', '0 changes in the logs.']]) {
			await page.getByRole('button', { name: button }).press('Enter')
			await page.getByText(says).waitFor()
		}
		assert.deepEqual(asks, ['last:4096', 'last:32768', 'last:262144'])
		assert.equal(await page.getByRole('button', { name: 'Read further back' }).count(), 0)
		await page.unroute(/live=false/)
		await page.reload()
		await waitLive(page)
		await page.getByRole('button', { name: 'Read the logs' }).press('Enter')
		await page.getByText('2 changes in the logs.').waitFor()
		// What happens while one watches.
		await send(plain, `TX .\nD ${s} <${ns}value> "2" .\nA ${s} <${ns}value> "3" .\nTC .\n`)
		await page.locator('.quads td', { hasText: '“3”' }).or(page.locator('.quads q', { hasText: '3' })).first().waitFor()
		await page.locator('.change').nth(2).waitFor()
		await readable(page)
		await picture(page, 'subject')
		await page.locator('.quads a', { hasText: 'valve' }).first().press('Enter')
		await page.waitForURL((u) => u.hash.includes('valve'))
		await page.getByText('Nothing is known of it now.').waitFor()
		await page.goBack()
		await page.locator('h2', { hasText: 'Pump 7' }).waitFor()
		await page.goForward()
		await page.getByText('Nothing is known of it now.').waitFor()
		// What leads here is asked for in SPARQL.
		await fakeSPARQL(page, { rows: { head: { vars: ['s', 'p'] }, results: { bindings: [{ s: { type: 'uri', value: `${ns}pump` }, p: { type: 'uri', value: `${ns}near` } }] } } })
		await page.getByRole('button', { name: 'Ask' }).press('Enter')
		await page.locator('ul.plain a', { hasText: 'pump' }).waitFor()
		w.check()
		await page.context().close()
	},

	async 'queries'(browser) {
		const w = await open(browser, plain, '/#/query', {}, [/status of 404/, /status of 400/])
		const page = w.page
		const editor = page.getByRole('textbox', { name: 'Query' })
		await page.locator('.cm-content').waitFor()
		if ((await fetch(`${plain}/sparql`)).status === 404) {
			await page.getByRole('button', { name: 'Run' }).click()
			await page.getByText('This node answers no queries').waitFor()
		}
		const asked = await fakeSPARQL(page, answers1)
		// Completion: a known prefix declares itself at the top.
		await editor.click()
		await page.keyboard.press('Control+A')
		await page.keyboard.type('SELECT * { ?sensor sosa')
		await page.locator('.cm-tooltip-autocomplete').waitFor()
		await picture(page, 'query-completion')
		await page.waitForTimeout(100) // CodeMirror takes no choice within 75 ms, so that nobody makes one by mistake
		await page.keyboard.press('Enter')
		await page.keyboard.type('observes ?sen')
		await page.locator('.cm-tooltip-autocomplete', { hasText: '?sensor' }).waitFor()
		await page.keyboard.press('Escape')
		await page.keyboard.type('se }')
		await page.keyboard.press('Control+Enter')
		await page.locator('table.result').waitFor()
		const sent = asked.find((q) => q.includes('sensor'))
		assert.ok(sent.startsWith('PREFIX sosa: <http://www.w3.org/ns/sosa/>\nSELECT'), sent)
		assert.equal(await page.locator('.result tbody tr').count(), 100)
		assert.equal(await page.locator('a[href^="javascript:"]').count(), 0)
		await page.getByRole('button', { name: 'Next' }).press('Enter')
		await page.getByText('Page 2 of 2').waitFor()
		await readable(page)
		await picture(page, 'query-table')
		await page.getByRole('button', { name: 'Graph', exact: true }).press('Enter')
		await page.locator('.graph svg .node').first().waitFor()
		assert.ok(await page.locator('.graph .node').count() <= 120)
		await page.getByText('more are not drawn').waitFor()
		await picture(page, 'query-graph')
		await page.getByRole('button', { name: 'Chart', exact: true }).press('Enter')
		await page.locator('.chart canvas').waitFor()
		await picture(page, 'query-chart')
		const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'CSV' }).press('Enter')])
		assert.equal(file.suggestedFilename(), 'query.csv')
		// A mistake: the cursor goes there.
		await fakeSPARQL(page, { problem: { status: 400, code: 'syntax', title: 'no', detail: 'expected a term', line: 1, column: 8 } })
		await page.getByRole('button', { name: 'Run' }).click()
		await page.getByText('Line 1, column 8: expected a term').waitFor()
		// One that takes long is cancelled.
		await fakeSPARQL(page, {})
		await page.getByRole('button', { name: 'Run' }).click()
		await page.getByText('Asking.').waitFor()
		await page.keyboard.press('Tab')
		await page.getByRole('button', { name: 'Cancel' }).press('Enter')
		await page.getByText('Cancelled.').waitFor()
		// Triples, and yes or no.
		await fakeSPARQL(page, { triples: Array.from({ length: 30 }, (_, i) => `<${ns}n${i}> <${ns}joins> <${ns}n${Math.floor(i / 3)}> .`).join('\n') })
		await page.goto(`${plain}/#/query?q=${encodeURIComponent('CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }')}`)
		await page.getByRole('button', { name: 'Run' }).click()
		await page.getByText('30 triples in').waitFor()
		await page.getByRole('button', { name: 'Graph', exact: true }).click()
		await picture(page, 'query-construct')
		await page.getByRole('button', { name: 'Turtle' }).waitFor()
		await fakeSPARQL(page, { rows: { head: {}, boolean: true } })
		await page.goto(`${plain}/#/query?q=${encodeURIComponent('ASK { ?s ?p ?o }')}`)
		await page.getByRole('button', { name: 'Run' }).click()
		await page.getByText('Yes').waitFor()
		w.check()
		await page.context().close()
	},

	async 'an expired token'(browser) {
		const w = await open(browser, guarded, '/', { jumps: true }, [/status of 401/])
		const page = w.page
		let asked = 0
		page.on('request', (r) => { if (r.url().includes('/v1/')) asked++ })
		await useToken(page, 'wrong-token-0123456789')
		await page.getByText('The token is not known here').waitFor()
		await picture(page, 'token')
		await useToken(page, firstToken)
		await waitLive(page)
		await order('expire token')
		await page.getByText('The token is not known here').waitFor()
		const before = asked
		await page.clock.fastForward(60000)
		assert.equal(asked, before, 'a token that was refused was sent again')
		await useToken(page, secondToken)
		await waitLive(page)
		assert.equal(await page.evaluate(() => localStorage.getItem('quadrille-token')), null)
		await page.reload()
		await waitLive(page)
		w.check()
		await page.context().close()
	},

	async 'queries of the node itself'(browser) {
		if ((await fetch(`${plain}/sparql`)).status === 404) return // 'queries' has seen what the page says of that
		await send(guarded, `TX .\n${Array.from({ length: 6 }, (_, i) => `A <${ns}q${i}> <${ns}queried> "${i}"^^<${xsd}integer> .\nA <${ns}q${i}> <${ns}next> <${ns}q${(i + 1) % 6}> .\n`).join('')}TC .\n`)
		const w = await open(browser, guarded, '/', {}, [/status of 4../])
		const page = w.page
		await useToken(page, secondToken)
		await waitLive(page)
		const ask = async (q, shown) => {
			await page.goto(`${guarded}/#/query?q=${encodeURIComponent(q)}`)
			await page.getByRole('button', { name: 'Run' }).click()
			await page.getByText(shown).waitFor()
		}
		const select = `SELECT ?s ?v { ?s <${ns}queried> ?v } ORDER BY ?v`
		await ask(select, '6 solutions in')
		assert.deepEqual(await page.locator('.result td:last-child').allTextContents(), ['0', '1', '2', '3', '4', '5'])
		for (const [name, suffix] of [['JSON', 'srj'], ['CSV', 'csv'], ['TSV', 'tsv'], ['XML', 'srx']]) await download(page, name, `query.${suffix}`, `${ns}q5`)
		await page.getByRole('button', { name: 'Chart', exact: true }).click()
		await page.locator('.chart canvas').waitFor()
		const construct = `CONSTRUCT { ?a <${ns}next> ?b } WHERE { ?a <${ns}next> ?b }`
		await ask(construct, '6 triples in')
		await page.getByRole('button', { name: 'Graph', exact: true }).click()
		assert.equal(await page.locator('.graph .node').count(), 6)
		for (const [name, suffix] of [['Turtle', 'ttl'], ['N-Triples', 'nt'], ['JSON-LD', 'jsonld']]) await download(page, name, `query.${suffix}`, 'q5')
		await ask(`ASK { <${ns}q0> ?p ?o }`, 'Yes')
		await ask('SELECT * { ?s ?p }', /^Line 1, column \d+: /)
		await ask(`INSERT DATA { <${ns}q0> <${ns}p> 1 }`, 'This is an update.')
		await page.goto(`${guarded}/#/subject?of=${encodeURIComponent(`${ns}q1`)}`)
		await page.getByRole('button', { name: 'Ask' }).click()
		await page.locator('ul.plain a', { hasText: 'q0' }).waitFor()
		w.check()
		await page.context().close()
	},

	async 'the node itself is killed'(browser) {
		const w = await open(browser, guarded, '/', {}, [/status of 401/, /ERR_CONNECTION_REFUSED/, /ERR_INCOMPLETE_CHUNKED_ENCODING/, /ERR_CONNECTION_RESET/, /ERR_CONNECTION_CLOSED/, /ERR_EMPTY_RESPONSE/, /status of 503/])
		const page = w.page
		await useToken(page, secondToken)
		await waitLive(page)
		await order('kill guarded')
		await page.locator('[data-link=disconnected]').waitFor()
		await page.getByText('Trying again').waitFor()
		await page.locator('tr[data-node=guarded]').waitFor() // what was known stays, and is shown as old
		await page.locator('.stale').waitFor()
		await page.locator('tr[data-node=guarded] .state', { hasText: 'no answer' }).waitFor()
		await picture(page, 'nodes-disconnected')
		await order('start guarded')
		await waitLive(page)
		w.check()
		await page.context().close()
	},

	async 'a node is killed while somebody watches'(browser) {
		const w = await open(browser, cluster, '/')
		await waitLive(w.page)
		await w.page.locator('tr[data-node=n3] .state', { hasText: 'ready' }).waitFor()
		await order('kill n3')
		const killed = Date.now()
		await w.page.locator('tr[data-node=n3] .state', { hasText: /no answer|lost|absent/ }).waitFor()
		console.log(`shown after ${Date.now() - killed} ms`)
		await picture(w.page, 'nodes-killed')
		await w.page.locator('.cell.owner-3').first().waitFor({ state: 'detached' }) // the others have taken its shards
		await w.page.locator('.cell.good').nth(255).waitFor()
		await w.page.locator('.cell.bad').first().waitFor({ state: 'detached' })
		await readable(w.page)
		w.check()
		await w.page.context().close()
	},
}

async function main() {
	const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
	const only = process.env.STEP
	try {
		for (const [name, step] of Object.entries(steps)) {
			if (only && !name.includes(only)) continue
			const begin = Date.now()
			try {
				await step(browser)
			} catch (e) {
				const pages = browser.contexts().flatMap((c) => c.pages())
				for (const [i, page] of pages.entries()) await picture(page, `failed-${i}`).catch(() => {})
				throw new Error(name, { cause: e })
			}
			console.log(`${name}: ${Date.now() - begin} ms`)
		}
	} finally {
		await browser.close()
	}
}

main().then(() => process.exit(0), (e) => {
	console.error(e)
	process.exit(1)
})
