// Reads JSON-LD documents that have one remote context, as quadrille check does, with jsonld.js.
import fs from 'node:fs'
import { createRequire } from 'node:module'

const [folder, context, ...documents] = process.argv.slice(2)
const jsonld = createRequire(folder + '/')('jsonld')
const document = JSON.parse(fs.readFileSync(context))
const documentLoader = async url => ({ contextUrl: null, documentUrl: url, document })
for (const name of documents) {
  await jsonld.toRDF(JSON.parse(fs.readFileSync(name)), { base: 'file://' + name, documentLoader, format: 'application/n-quads' })
}
