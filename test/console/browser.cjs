// The console in a browser: node browser.cjs DOOR GUARDED PICTURES. DOOR is a node of three, GUARDED one that asks for a token. What a
// browser can't do is asked of the test that runs this, a line "! ORDER" each, which is answered with a line.
const { chromium } = require('playwright-core')
const assert = require('node:assert/strict')
const path = require('node:path')
const readline = require('node:readline')
const zlib = require('node:zlib')

const [door, guarded, pictures] = process.argv.slice(2)
const patience = 20000
const firstToken = 'first-token-0123456789'
const secondToken = 'another-token-0123456789'

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
	const watched = new Watched(page, origin, expected)
	await page.goto(origin + address)
	return watched
}

const picture = (page, name, fullPage = true) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage })

const waitLive = (page) => page.locator('[data-link=live]').waitFor()

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

async function send(patch, key) {
	const answer = await fetch(`${door}/v1/changes`, { method: 'POST', headers: { 'Content-Type': 'application/rdf-patch', ...(key && { 'Idempotency-Key': key }) }, body: patch })
	assert.equal(answer.status, 200, await answer.text())
}

// steps are what is tried, in order; a node dies in the last.
const steps = {
	async 'all of it is small'() {
		let size = 0
		for (const name of ['', 'console/app.js', 'console/app.css', 'console/icon.svg']) {
			const answer = await fetch(`${door}/${name}`)
			assert.equal(answer.status, 200)
			size += zlib.gzipSync(Buffer.from(await answer.arrayBuffer()), { level: 1 }).length
		}
		console.log(`first load: ${size} bytes compressed`)
		assert.ok(size < 150000, `the first load is ${size} bytes`)
	},

	async '256 shards'(browser) {
		const w = await open(browser, door, '/')
		await waitLive(w.page)
		await w.page.locator('.cell.good').nth(255).waitFor()
		assert.equal(await w.page.locator('.cell').count(), 256)
		await w.page.locator('.chart canvas').waitFor()
		await readable(w.page)
		await picture(w.page, 'nodes')
		// The keyboard alone: the map has one stop, and arrows go on from there.
		await w.page.locator('.cell[tabindex="0"]').focus()
		for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown', 'ArrowLeft', 'End']) await w.page.keyboard.press(key)
		assert.equal(await w.page.locator('.detail h3').textContent(), 'Shard 255')
		await w.page.keyboard.press('Home')
		assert.equal(await w.page.locator('.detail h3').textContent(), 'Shard 0')
		await w.page.getByRole('button', { name: 'Table' }).press('Enter')
		await w.page.getByRole('button', { name: 'Owner' }).press('Enter')
		assert.equal(await w.page.locator('th[aria-sort=ascending]').textContent(), 'Owner ▲')
		await w.page.goBack().catch(() => {})
		w.check()
		await w.page.context().close()
	},

	async 'dark, and 360 px wide'(browser) {
		const w = await open(browser, door, '/', { colorScheme: 'dark', viewport: { width: 360, height: 740 } })
		await waitLive(w.page)
		await w.page.locator('.chart canvas').waitFor()
		await fits(w.page)
		await readable(w.page)
		await picture(w.page, 'nodes-dark-360')
		await w.page.getByRole('button', { name: 'Colours' }).click()
		assert.equal(await w.page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'light')
		w.check()
		await w.page.context().close()
	},

	async 'an expired token'(browser) {
		const w = await open(browser, guarded, '/', {}, [/status of 401/])
		const page = w.page
		let asked = 0
		page.on('request', (r) => { if (r.url().includes('/v1/')) asked++ })
		await page.getByLabel('A token with the right to read').fill('wrong-token-0123456789')
		await page.keyboard.press('Enter')
		await page.getByText('The token is not known here').waitFor()
		await picture(page, 'token')
		await page.getByLabel('A token with the right to read').fill(firstToken)
		await page.keyboard.press('Enter')
		await waitLive(page)
		await order('expire token')
		await page.getByText('The token is not known here').waitFor()
		const before = asked
		await page.waitForTimeout(1500)
		assert.equal(asked, before, 'a token that was refused was sent again')
		await page.getByLabel('A token with the right to read').fill(secondToken)
		await page.keyboard.press('Enter')
		await waitLive(page)
		assert.equal(await page.evaluate(() => localStorage.getItem('quadrille-token')), null)
		await page.reload()
		await waitLive(page)
		w.check()
		await page.context().close()
	},

	async 'a node is killed while somebody watches'(browser) {
		const w = await open(browser, door, '/')
		await waitLive(w.page)
		await w.page.locator('tr[data-node=n3] .state', { hasText: 'ready' }).waitFor()
		await order('kill n3')
		const killed = Date.now()
		await w.page.locator('tr[data-node=n3] .state', { hasText: /no answer|lost|absent/ }).waitFor()
		console.log(`shown after ${Date.now() - killed} ms`)
		await picture(w.page, 'nodes-killed')
		await w.page.locator('.cell.good').nth(255).waitFor() // the others have taken its shards
		await w.page.locator('.cell.owner-3').waitFor({ state: 'detached' })
		assert.equal(await w.page.locator('.cell.bad').count(), 0)
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
