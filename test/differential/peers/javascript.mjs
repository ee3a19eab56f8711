// Reads documents with N3.js and jsonld.js and answers with their quads; oxigraph.py says how requests and answers look.
import { createRequire } from 'node:module'

const [base, folder] = process.argv.slice(2) // and where the libraries are installed
const require = createRequire(folder + '/')
const jsonld = require('jsonld')
const { Parser } = require('n3')

const formats = { t: 'text/turtle', g: 'application/trig', q: 'application/n-quads', n: 'application/n-triples' }

const escapes = { '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r' }

const xsdString = 'http://www.w3.org/2001/XMLSchema#string'

function term(t) {
  switch (t.termType) {
    case 'NamedNode': return `<${t.value}>`
    case 'BlankNode': return `_:${t.value}`
    case 'DefaultGraph': return ''
    case 'Quad': return `<<( ${term(t.subject)} ${term(t.predicate)} ${term(t.object)} )>>`
  }
  const text = `"${t.value.replace(/["\\\n\r]/g, c => escapes[c])}"`
  if (t.language) return `${text}@${t.language}${t.direction ? '--' + t.direction : ''}`
  return t.datatype.value === xsdString ? text : `${text}^^<${t.datatype.value}>`
}

function quads(document, format) {
  const parser = new Parser({ format: formats[format], baseIRI: 'qn'.includes(format) ? undefined : base })
  return parser.parse(document)
    .map(q => `${term(q.subject)} ${term(q.predicate)} ${term(q.object)} ${term(q.graph)} .\n`).join('')
}

async function documentLoader(url) { throw new Error('no document is loaded: ' + url) }

async function read(format, bytes) {
  try {
    const document = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (format !== 'j') return '+' + quads(document, format)
    return '+' + await jsonld.toRDF(JSON.parse(document), { base, documentLoader, format: 'application/n-quads' })
  } catch (failed) {
    return '-' + failed
  }
}

let held = Buffer.alloc(0)
for await (const piece of process.stdin) {
  held = Buffer.concat([held, piece])
  while (held.length >= 5 && held.length >= 5 + held.readUInt32BE(0)) {
    const end = 5 + held.readUInt32BE(0)
    const answer = Buffer.from(await read(String.fromCharCode(held[4]), held.subarray(5, end)))
    held = held.subarray(end)
    const head = Buffer.alloc(4)
    head.writeUInt32BE(answer.length)
    process.stdout.write(Buffer.concat([head, answer]))
  }
}
