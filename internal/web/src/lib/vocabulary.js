// The names that completion offers: those that were seen in answers, and a sample of what there is, asked for once.
import { select } from './sparql.js'

// most bounds the names that are kept, sample the solutions that are asked for: a query for all names would read all quads.
const most = 2000
const sample = 1000

const names = new Set()
let asked = false

export const terms = () => [...names]

export function saw(term) {
	if (term?.type === 'uri' && names.size < most) names.add(term.value)
}

// askOnce asks for a sample. Without an answer there is none.
export async function askOnce() {
	if (asked) return
	asked = true
	try {
		const got = await select(`SELECT ?p ?c { { SELECT ?p { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } } LIMIT ${sample} } UNION { SELECT ?c { { ?s a ?c } UNION { GRAPH ?g { ?s a ?c } } } LIMIT ${sample} } }`)
		for (const row of got.rows ?? []) Object.values(row).forEach(saw)
	} catch {
		asked = false // perhaps the next time
	}
}
