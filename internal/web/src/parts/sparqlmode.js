// SPARQL for the editor: what each piece of the text is, and what may come next.
import { snippetCompletion } from '@codemirror/autocomplete'
import { prefixes } from '../lib/term.js'

const keywords = ('ADD ALL AS ASC ASK BASE BIND BY CLEAR CONSTRUCT COPY CREATE DATA DEFAULT DELETE DESC DESCRIBE DISTINCT DROP EXISTS FILTER FROM GRAPH GROUP HAVING IN INSERT INTO ' +
	'LIMIT LOAD MINUS MOVE NAMED NOT OFFSET OPTIONAL ORDER PREFIX REDUCED SELECT SERVICE SILENT TO UNDEF UNION USING VALUES VERSION WHERE WITH true false').split(' ')

const functions = ('ABS AVG BNODE BOUND CEIL COALESCE CONCAT CONTAINS COUNT DATATYPE DAY ENCODE_FOR_URI FLOOR GROUP_CONCAT HOURS IF IRI isBLANK isIRI isLITERAL isNUMERIC LANG LANGMATCHES LCASE MAX MD5 MIN ' +
	'MINUTES MONTH NOW RAND REGEX REPLACE ROUND SAMPLE sameTerm SECONDS SHA1 SHA256 SHA384 SHA512 STR STRAFTER STRBEFORE STRDT STRENDS STRLANG STRLEN STRSTARTS STRUUID SUBSTR SUM TIMEZONE TZ UCASE URI UUID ' +
	'YEAR SUBJECT PREDICATE OBJECT TRIPLE isTRIPLE LANGDIR STRLANGDIR hasLANG hasLANGDIR').split(' ')

const isKeyword = new Set(keywords.map((w) => w.toUpperCase()).concat('A', 'SEPARATOR'))
const isFunction = new Set(functions.map((w) => w.toUpperCase()))

// mode reads a line, piece by piece. Only long strings go on in the next one.
export const mode = {
	name: 'sparql',
	startState: () => ({ long: null }),
	token(stream, state) {
		if (state.long) return longString(stream, state)
		if (stream.eatSpace()) return null
		if (stream.match(/^#.*/)) return 'comment'
		if (stream.match(/^[?$][\p{L}\p{N}_]+/u)) return 'variableName'
		if (stream.match(/^<[^<>"{}|^`\\\s]*>/)) return 'url'
		const quotes = stream.match(/^("""|''')/)
		if (quotes) {
			state.long = quotes[0]
			return longString(stream, state)
		}
		if (stream.match(/^"(?:[^"\\]|\\.)*"?/) || stream.match(/^'(?:[^'\\]|\\.)*'?/)) return 'string'
		if (stream.match(/^@[A-Za-z]+(?:-[A-Za-z0-9-]+)*/)) return 'string'
		if (stream.match(/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/)) return 'number'
		if (stream.match(/^(?:_|[\p{L}][\p{L}\p{N}_.-]*)?:(?:[\p{L}\p{N}_:%-]|\.(?=[\p{L}\p{N}_:]))*/u)) return 'namespace'
		const word = stream.match(/^[A-Za-z_][A-Za-z0-9_]*/)
		if (word) return isKeyword.has(word[0].toUpperCase()) ? 'keyword' : isFunction.has(word[0].toUpperCase()) ? 'name.function' : null
		stream.next()
		return null
	},
	languageData: { commentTokens: { line: '#' }, closeBrackets: { brackets: ['(', '[', '{', '"', "'"] } },
}

function longString(stream, state) {
	while (!stream.eol()) {
		if (stream.match(state.long)) {
			state.long = null
			return 'string'
		}
		stream.next()
	}
	return 'string'
}

const shapes = [
	snippetCompletion('SELECT ${*} {\n\t${?s ?p ?o}\n} LIMIT ${100}', { label: 'SELECT …', type: 'keyword', boost: 1 }),
	snippetCompletion('CONSTRUCT { ${?s ?p ?o} } WHERE {\n\t${?s ?p ?o}\n} LIMIT ${100}', { label: 'CONSTRUCT …', type: 'keyword' }),
	snippetCompletion('OPTIONAL { ${} }', { label: 'OPTIONAL { … }', type: 'keyword' }),
	snippetCompletion('FILTER(${})', { label: 'FILTER( … )', type: 'keyword' }),
	snippetCompletion('GRAPH ${?g} { ${?s ?p ?o} }', { label: 'GRAPH … { … }', type: 'keyword' }),
]

const words = [...shapes, ...keywords.map((label) => ({ label, type: 'keyword' })), ...functions.map((label) => ({ label, type: 'function', apply: `${label}(` }))]

// declared are the prefixes that a query declares.
function declared(text) {
	return Object.fromEntries([...text.matchAll(/^\s*PREFIX\s+([^\s:]*):\s*<([^<>\s]*)>/gim)].map((m) => [m[1], m[2]]))
}

// applied completes with a name whose prefix is declared at the top, if it isn't yet.
function applied(text, prefix) {
	return (view, _, from, to) => {
		const all = view.state.doc.toString()
		const line = prefix in declared(all) ? '' : `PREFIX ${prefix}: <${prefixes[prefix]}>\n`
		view.dispatch({ changes: [...(line ? [{ from: 0, insert: line }] : []), { from, to, insert: text }], selection: { anchor: line.length + from + text.length } })
	}
}

// complete offers variables behind "?", prefixes and known names, and else the language's own words.
export function complete(context, terms) {
	const all = context.state.doc.toString()
	const variable = context.matchBefore(/[?$][\p{L}\p{N}_]*/u)
	if (variable) {
		const names = new Set([...all.matchAll(/[?$]([\p{L}\p{N}_]+)/gu)].map((m) => `${variable.text[0]}${m[1]}`))
		names.delete(variable.text)
		return { from: variable.from, options: [...names].map((label) => ({ label, type: 'variable' })), validFor: /^[?$][\p{L}\p{N}_]*$/u }
	}
	const word = context.matchBefore(/<[^<>\s]*|[\p{L}_][\p{L}\p{N}_.-]*(?::[\p{L}\p{N}_.-]*)?/u)
	if (!word && !context.explicit) return null
	const from = word ? word.from : context.pos
	if (context.state.doc.sliceString(Math.max(0, from - 1), from) === '"') return null
	const known = { ...prefixes, ...declared(all) }
	const names = terms().flatMap((iri) => named(iri, known))
	if (word?.text[0] === '<') return { from, options: terms().map((iri) => ({ label: `<${iri}>`, type: 'url' })), validFor: /^<[^<>\s]*$/ }
	return {
		from, validFor: /^[\p{L}_][\p{L}\p{N}_.-]*(?::[\p{L}\p{N}_.-]*)?$/u,
		options: [...names, ...Object.keys(known).map((p) => ({ label: `${p}:`, detail: known[p], type: 'namespace', apply: p in prefixes ? applied(`${p}:`, p) : `${p}:` })), ...words],
	}
}

// named is an IRI as a completion: by a prefix where there is one.
function named(iri, known) {
	for (const [prefix, space] of Object.entries(known)) {
		const local = iri.slice(space.length)
		if (iri.startsWith(space) && /^[\p{L}\p{N}_](?:[\p{L}\p{N}_-]*)$/u.test(local)) {
			const label = `${prefix}:${local}`
			return [{ label, type: 'property', boost: 2, apply: prefix in prefixes && prefixes[prefix] === space ? applied(label, prefix) : label }]
		}
	}
	return [{ label: iri.match(/[^/#:]+[/#]?$/)?.[0] ?? iri, detail: iri, type: 'property', apply: `<${iri}>` }]
}
