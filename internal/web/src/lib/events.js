// Server-sent events by fetch: an EventSource can't bring a token, nor say why it was refused.
import { request, lines, notice, Problem } from './api.js'
import { token } from './token.js'

const firstWait = 500
const longestWait = 15000

// parseEvents makes events {type, data, id} of lines (HTML, 9.2.6).
export async function* parseEvents(from) {
	let event = { type: 'message', data: [] }
	let id = null
	for await (const raw of from) {
		const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
		if (line === '') {
			yield { type: event.type, data: event.data.join('\n'), id, empty: event.data.length === 0 }
			event = { type: 'message', data: [] }
			continue
		}
		const at = line.indexOf(':')
		const field = at < 0 ? line : line.slice(0, at)
		const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '')
		if (field === 'data') event.data.push(value)
		else if (field === 'event') event.type = value
		else if (field === 'id') id = value
		else if (at === 0) yield { type: 'comment', data: '', id, empty: true }
	}
}

// follow reads a stream, again and again, until the function that it returns is called.
//
//   path(): where, asked anew for each connection
//   event(e): takes an event that has data
//   state(s, detail): takes "connecting", "open", "waiting" (detail: until when, in ms, and why) and "refused" (detail: a Problem), which is
//     the end: the same again would get the same answer
//   quiet: the longest time in ms between signs of life; after that the connection is taken for dead
//   at: its id is the one to go on behind, null for none, and is set as events come
export function follow({ path, event, state, quiet, at = { id: null } }) {
	const ended = new AbortController()
	const run = async () => {
		let wait = firstWait
		while (!ended.signal.aborted) {
			state('connecting')
			let why
			try {
				await connect({ path: path(), at, quiet, ended, event, opened: () => { wait = firstWait; state('open') } })
				why = 'The node has ended the stream.'
			} catch (e) {
				if (ended.signal.aborted) return
				if (isFinal(e)) return state('refused', e)
				why = e.message
			}
			if (ended.signal.aborted) return
			const pause = wait * (0.75 + Math.random() / 2)
			wait = Math.min(wait * 2, longestWait)
			state('waiting', { until: Date.now() + pause, why })
			await sleep(pause, ended.signal)
		}
	}
	run()
	return () => ended.abort()
}

// isFinal: the node has answered, and would answer the same again.
function isFinal(e) {
	return e instanceof Problem && e.status >= 400 && e.status < 500 && e.status !== 408 && e.status !== 429
}

async function connect({ path, at, quiet, ended, event, opened }) {
	const one = new AbortController()
	const stop = () => one.abort()
	ended.signal.addEventListener('abort', stop)
	let dead = false
	let watchdog
	const alive = () => {
		clearTimeout(watchdog)
		watchdog = setTimeout(() => { dead = true; stop() }, quiet)
	}
	try {
		alive()
		const used = token.value
		const headers = { Accept: 'text/event-stream' }
		if (at.id) headers['Last-Event-ID'] = at.id
		const answer = await request(path, { headers, signal: one.signal })
		for await (const e of parseEvents(lines(answer))) {
			alive()
			if (e.id !== null) at.id = e.id
			if (e.type === 'error') {
				const problem = endOf(e)
				notice(problem, used)
				throw problem
			}
			opened()
			if (!e.empty) event(e)
		}
	} catch (e) {
		if (dead) throw new Problem(0, 'quiet', 'Nothing has come from the node for too long.')
		throw e instanceof Problem || ended.signal.aborted ? e : new Problem(0, 'cut', 'The connection to the node broke off.')
	} finally {
		clearTimeout(watchdog)
		ended.signal.removeEventListener('abort', stop)
		one.abort()
	}
}

// endOf is the error that an event tells of.
function endOf(e) {
	try {
		const told = JSON.parse(e.data)
		return new Problem(told.status ?? 0, told.code ?? '', told.detail ?? told.title ?? 'The node has ended the stream.')
	} catch {
		return new Problem(0, '', 'The node has ended the stream.')
	}
}

function sleep(ms, signal) {
	return new Promise((resolve) => {
		const timer = setTimeout(resolve, ms)
		signal.addEventListener('abort', () => { clearTimeout(timer); resolve() }, { once: true })
	})
}
