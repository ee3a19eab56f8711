// Requests to the node: each with the token, and errors as the node words them.
import { token, refused } from './token.js'

// Problem is an answer that is no success (RFC 9457), or none at all.
export class Problem extends Error {
	// place is {line, column} in what was sent, where the node tells it.
	constructor(status, code, detail, place = null) {
		super(detail)
		this.status = status
		this.code = code
		this.place = place
	}
}

async function problemOf(answer) {
	const text = await readText(answer, 64 << 10).catch(() => '')
	let told = {}
	try {
		told = JSON.parse(text)
	} catch {
		told = { detail: text.slice(0, 500) }
	}
	const detail = told.detail || told.title || `${answer.status} ${answer.statusText}`
	if (!told.line) return new Problem(answer.status, told.code ?? '', detail)
	return new Problem(answer.status, told.code ?? '', `Line ${told.line}, column ${told.column}: ${detail}`, { line: told.line, column: told.column })
}

// request sends a request, and returns its answer if it is a success; else it throws a Problem. An end by its signal is an
// AbortError, as fetch has it.
export async function request(path, options = {}) {
	const used = token.value
	const headers = { ...options.headers }
	if (used) headers.Authorization = `Bearer ${used}`
	let answer
	try {
		answer = await fetch(path, { ...options, headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error' })
	} catch (e) {
		if (e.name === 'AbortError') throw e
		throw new Problem(0, 'unreachable', 'The node does not answer.')
	}
	if (answer.ok) return answer
	const problem = await problemOf(answer)
	notice(problem, used)
	throw problem
}

// notice has somebody asked for another token where a problem is that of the one that was used.
export function notice(problem, used) {
	if (problem.status === 401) refused(used ? 'The token is not known here, or no longer.' : 'This node asks for a token.', used)
	if (problem.status === 403) refused(problem.message, used)
}

// readText reads the text of an answer of at most so many bytes; beyond it throws, and reads no further.
export async function readText(answer, most) {
	const parts = []
	let size = 0
	const decoder = new TextDecoder()
	for await (const chunk of chunks(answer)) {
		size += chunk.length
		if (size > most) throw new Problem(0, 'too_large', `The answer has more than ${Math.round(most / 1048576)} MiB; ask for less, such as with LIMIT.`)
		parts.push(decoder.decode(chunk, { stream: true }))
	}
	return parts.join('')
}

// chunks are the bytes of an answer as they come; who stops reading ends it.
export async function* chunks(answer) {
	const reader = answer.body.getReader()
	try {
		for (;;) {
			const { done, value } = await reader.read()
			if (done) return
			yield value
		}
	} finally {
		reader.cancel().catch(() => {})
	}
}

// lines are the lines of an answer as they come.
export async function* lines(answer) {
	const decoder = new TextDecoder()
	let parts = [] // of a line that has not ended; a long one is put together once
	for await (const chunk of chunks(answer)) {
		const list = decoder.decode(chunk, { stream: true }).split('\n')
		parts.push(list[0])
		if (list.length === 1) continue
		list[0] = parts.join('')
		parts = [list.pop()]
		yield* list
	}
	const rest = parts.join('')
	if (rest) yield rest
}
