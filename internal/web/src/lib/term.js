// RDF terms in the browser: as N-Triples and RDF Patch write them, as the SPARQL results in JSON have them, and as people read them.
// A term is {type: 'uri' | 'literal' | 'bnode' | 'triple', value, datatype?, lang?, dir?, triple?}.

// safeHref is an address that may be a link: of HTTP or HTTPS alone, so that no data make a link that runs something.
export function safeHref(text) {
	if (!text) return ''
	try {
		const u = new URL(text)
		return u.protocol === 'http:' || u.protocol === 'https:' ? u.href : ''
	} catch {
		return ''
	}
}

// prefixes are those that need not be declared to be read; a query has its own.
export const prefixes = {
	rdf: 'http://www.w3.org/1999/02/22-rdf-syntax-ns#', rdfs: 'http://www.w3.org/2000/01/rdf-schema#', xsd: 'http://www.w3.org/2001/XMLSchema#',
	owl: 'http://www.w3.org/2002/07/owl#', skos: 'http://www.w3.org/2004/02/skos/core#', dcterms: 'http://purl.org/dc/terms/', foaf: 'http://xmlns.com/foaf/0.1/',
	schema: 'http://schema.org/', sosa: 'http://www.w3.org/ns/sosa/', ssn: 'http://www.w3.org/ns/ssn/', sh: 'http://www.w3.org/ns/shacl#', prov: 'http://www.w3.org/ns/prov#',
	dcat: 'http://www.w3.org/ns/dcat#', geo: 'http://www.opengis.net/ont/geosparql#', qudt: 'http://qudt.org/schema/qudt/', unit: 'http://qudt.org/vocab/unit/',
	saref: 'https://saref.etsi.org/core/', brick: 'https://brickschema.org/schema/Brick#', bot: 'https://w3id.org/bot#', time: 'http://www.w3.org/2006/time#',
}

const local = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/

// compact is an IRI as a prefixed name where there is one, else in angle brackets.
export function compact(iri) {
	for (const [name, space] of Object.entries(prefixes)) {
		if (iri.startsWith(space) && local.test(iri.slice(space.length))) return `${name}:${iri.slice(space.length)}`
	}
	return `<${iri}>`
}

// shortName is the last part of an IRI, for where there is little room.
export function shortName(iri) {
	const name = compact(iri)
	if (name[0] !== '<') return name
	const tail = iri.match(/[^/#:]+[/#]?$/)
	return tail ? tail[0] : iri
}

const escapes = { t: '\t', b: '\b', n: '\n', r: '\r', f: '\f', '"': '"', "'": "'", '\\': '\\' }

const unescape = (text) => (text.includes('\\') ? text.replace(/\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g, (whole, u, U, c) => {
	if (c) return escapes[c] ?? whole
	const code = parseInt(u ?? U, 16)
	return code <= 0x10ffff ? String.fromCodePoint(code) : '\ufffd'
}) : text)

const token = /[ \t]*(?:<([^<>"{}|^`\\\x00-\x20]*(?:\\[uU][0-9A-Fa-f]+[^<>"{}|^`\\\x00-\x20]*)*)>|_:([^\s<>"]+?)(?=[\s<>"]|\.?$)|"((?:[^"\\]|\\.)*)"(?:\^\^<([^<>]*)>|@([A-Za-z][A-Za-z0-9-]*))?|(<<\()|(\)>>)|(\.)(?=\s*$)|([A-Za-z][A-Za-z0-9]*)(?=\s|$))/y

// parseLine reads a line of N-Quads or RDF Patch: {code, terms}, where code is the letters in front of it, "" if there are none; null if it
// is neither.
export function parseLine(line) {
	token.lastIndex = 0
	const out = { code: '', terms: [] }
	const stack = [out.terms]
	const trimmed = line.trimEnd()
	while (token.lastIndex < trimmed.length) {
		const m = token.exec(trimmed)
		if (!m) return null
		if (m[9] !== undefined) {
			if (out.code || out.terms.length) return null
			out.code = m[9]
		} else if (m[6]) stack.push([])
		else if (m[7]) {
			const of = stack.pop()
			if (!stack.length || of.length !== 3) return null
			stack[stack.length - 1].push(tripleTerm(of))
		} else if (!m[8]) stack[stack.length - 1].push(termOf(m))
	}
	return stack.length === 1 ? out : null
}

const tripleTerm = ([subject, predicate, object]) => ({ type: 'triple', value: '', triple: { subject, predicate, object } })

function termOf(m) {
	if (m[1] !== undefined) return m[1].startsWith('_:') ? { type: 'bnode', value: m[1].slice(2) } : { type: 'uri', value: unescape(m[1]) }
	if (m[2] !== undefined) return { type: 'bnode', value: m[2] }
	const [lang, dir] = (m[5] ?? '').split('--')
	return { type: 'literal', value: unescape(m[3]), datatype: m[4] && unescape(m[4]), lang, dir }
}

// fromResults is a term of the SPARQL results in JSON, which may have other names for the same.
export function fromResults(t) {
	if (t.type === 'triple') return tripleTerm([t.value.subject, t.value.predicate, t.value.object].map(fromResults))
	if (t.type === 'typed-literal') return { type: 'literal', value: t.value, datatype: t.datatype }
	return { type: t.type, value: t.value, datatype: t.datatype, lang: t['xml:lang'], dir: t['its:dir'] }
}

const quoted = (text) => JSON.stringify(text)

// write is a term as N-Triples has it, which is also how a subject stands in an address: an IRI there without brackets.
export function write(t) {
	if (t.type === 'uri') return `<${t.value}>`
	if (t.type === 'bnode') return `_:${t.value}`
	if (t.type === 'triple') return `<<( ${write(t.triple.subject)} ${write(t.triple.predicate)} ${write(t.triple.object)} )>>`
	return quoted(t.value) + (t.lang ? `@${t.lang}${t.dir ? `--${t.dir}` : ''}` : t.datatype ? `^^<${t.datatype}>` : '')
}

// nameOf is a node as the API's parameter has it.
export const nameOf = (t) => (t.type === 'bnode' ? `_:${t.value}` : t.value)

// numeric is the number that a literal means, a time in seconds since 1970; NaN if neither.
export function numeric(t) {
	if (t?.type !== 'literal') return NaN
	const type = t.datatype?.startsWith(prefixes.xsd) ? t.datatype.slice(prefixes.xsd.length) : ''
	if (isTime(t)) return new Date(t.value).getTime() / 1000
	if (/^(integer|decimal|double|float|long|int|short|byte|nonNegativeInteger|positiveInteger|negativeInteger|nonPositiveInteger|unsigned(Long|Int|Short|Byte))$/.test(type)) return Number(t.value)
	return NaN
}

export const isTime = (t) => t?.type === 'literal' && (t.datatype === `${prefixes.xsd}dateTime` || t.datatype === `${prefixes.xsd}date`)

// readNode is what somebody has typed as an IRI or a blank node, as the API has it: without angle brackets, a prefixed name in full.
export function readNode(text) {
	const trimmed = text.trim().replace(/^<(.*)>$/, '$1')
	const at = trimmed.indexOf(':')
	const space = prefixes[trimmed.slice(0, at)]
	return at > 0 && space && !trimmed.startsWith('//', at + 1) ? space + trimmed.slice(at + 1) : trimmed
}
