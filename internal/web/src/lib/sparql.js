// The SPARQL 1.1 Protocol: queries by POST, as a form.
import { request, readText, Problem } from './api.js'

// mostBytes bounds the text of an answer that is shown.
const mostBytes = 32 << 20

export const path = '/sparql'

// formats are those that an answer can be had in, by kind.
export const formats = {
	rows: [
		{ name: 'JSON', type: 'application/sparql-results+json', suffix: 'srj' }, { name: 'CSV', type: 'text/csv', suffix: 'csv' },
		{ name: 'TSV', type: 'text/tab-separated-values', suffix: 'tsv' }, { name: 'XML', type: 'application/sparql-results+xml', suffix: 'srx' },
	],
	triples: [
		{ name: 'Turtle', type: 'text/turtle', suffix: 'ttl' }, { name: 'N-Triples', type: 'application/n-triples', suffix: 'nt' },
		{ name: 'JSON-LD', type: 'application/ld+json', suffix: 'jsonld' }, { name: 'RDF/XML', type: 'application/rdf+xml', suffix: 'rdf' },
	],
}

// kindOf is "rows" or "triples" by what a query gives, "update" for what is no query, "" if that can't be told.
export function kindOf(text) {
	const rest = text.replace(/"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|<[^<>\s]*>|#[^\n]*/g, ' ')
	const word = rest.replace(/\b(?:PREFIX\s+[^\s:]*:|BASE|VERSION)\s+/gi, ' ').match(/[A-Za-z]+/)?.[0].toUpperCase()
	if (word === 'SELECT' || word === 'ASK') return 'rows'
	if (word === 'CONSTRUCT' || word === 'DESCRIBE') return 'triples'
	return ['INSERT', 'DELETE', 'LOAD', 'CLEAR', 'CREATE', 'DROP', 'COPY', 'MOVE', 'ADD', 'WITH'].includes(word) ? 'update' : ''
}

// ask sends a query, and returns the answer, whose body is yet to be read.
export async function ask(query, accept, signal) {
	try {
		return await request(path, { method: 'POST', headers: { Accept: accept, 'Content-Type': 'application/x-www-form-urlencoded' }, body: new URLSearchParams({ query }), signal })
	} catch (e) {
		if (e instanceof Problem && (e.status === 404 || e.status === 405)) throw new Problem(e.status, e.code, `This node answers no queries: there is nothing at ${path}. It is of a version that has no SPARQL endpoint yet, or a proxy in front of it keeps that path to itself.`)
		if (e instanceof Problem && e.status === 503) throw new Problem(e.status, e.code, `The node can't answer now: ${e.message}`, e.place)
		throw e
	}
}

// textOf reads an answer; one that breaks off is an error, and never part of a result.
async function textOf(answer) {
	try {
		return await readText(answer, mostBytes)
	} catch (e) {
		if (e.name === 'AbortError' || e instanceof Problem) throw e
		throw new Problem(0, 'cut', 'The answer broke off before its end; it is not shown.')
	}
}

// select answers a query of SELECT or ASK: {names, rows} or {answer}.
export async function select(query, signal) {
	const text = await textOf(await ask(query, formats.rows[0].type, signal))
	let got
	try {
		got = JSON.parse(text)
	} catch {
		throw new Problem(0, 'cut', 'The answer is no SPARQL result in JSON, or broke off; it is not shown.')
	}
	if (typeof got.boolean === 'boolean') return { answer: got.boolean }
	return { names: got.head?.vars ?? [], rows: got.results?.bindings ?? [] }
}

// construct answers a query of CONSTRUCT or DESCRIBE: its lines as N-Triples.
export async function construct(query, signal) {
	return (await textOf(await ask(query, 'application/n-triples', signal))).split('\n').filter((line) => line && !line.startsWith('#'))
}
