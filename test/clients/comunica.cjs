// What Comunica does with a node: comunica.cjs URL. Each step that went well is a line of the output.
const {QueryEngine} = require('@comunica/query-sparql')
const url = process.argv[2] + '/sparql', number = 20000, e = 'http://comunica.example/'
const engine = new QueryEngine()
const context = {sources: [{type: 'sparql', value: url}], destination: {type: 'sparql', value: url}}

function step(name, good, found) {
	if (!good) throw new Error(name + ': found ' + JSON.stringify(found))
	console.log(name)
}

async function select(text) {
	engine.invalidateHttpCache()
	return (await engine.queryBindings(text, context)).toArray()
}

async function refused(name, ask) {
	try {
		await ask()
	} catch (err) {
		return step(name, /422.*no_service/s.test(err.message), err.message)
	}
	step(name, false, 'no error')
}

async function main() {
	const text = 'Grüße "👋"\n東京 \\ \té'
	await engine.queryVoid(`INSERT DATA { <${e}ü> <${e}says> ${JSON.stringify(text)}, "Grüß Gott"@de-at . <${e}b> <${e}has> [ <${e}is> "in" ] }`, context)
	let rows = await select(`SELECT ?o { <${e}ü> <${e}says> ?o }`)
	let found = rows.map(row => row.get('o').value + '@' + row.get('o').language).sort()
	step('insert, select', found.length === 2, found)
	step('unicode', JSON.stringify(found) === JSON.stringify([text + '@', 'Grüß Gott@de-at'].sort()), found)
	await engine.queryVoid(`DELETE DATA { <${e}ü> <${e}says> "Grüß Gott"@de-at }`, context)
	await engine.queryVoid(`INSERT DATA { <${e}ü> <${e}says> "hi"@en }`, context)
	rows = await select(`SELECT ?o { <${e}ü> <${e}says> ?o FILTER(LANG(?o) != "") }`)
	step('update', rows.length === 1 && rows[0].get('o').value === 'hi', rows)
	engine.invalidateHttpCache()
	step('ask', await engine.queryBoolean(`ASK { <${e}ü> <${e}says> "hi"@en }`, context) && !await engine.queryBoolean(`ASK { <${e}ü> <${e}says> "ho"@en }`, context))
	const made = await (await engine.queryQuads(`CONSTRUCT { <${e}x> <${e}said> ?o } WHERE { <${e}ü> ?p ?o }`, context)).toArray()
	step('construct', made.length === 2, made)
	rows = await select(`SELECT ?b ?o { <${e}b> <${e}has> ?b . ?b <${e}is> ?o }`)
	step('blank', rows.length === 1 && rows[0].get('b').termType === 'BlankNode' && rows[0].get('o').value === 'in', rows)
	step('empty', (await select('SELECT ?s { ?s <http://none.example/> ?o }')).length === 0)
	// Comunica reads a query itself before it sends any: what is wrong has to be told by the node.
	await refused('error', () => select(`SELECT ?o { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }`))
	let data = ''
	for (let i = 0; i < number; i++) data += `<${e}s${i}> <${e}n> ${i} .\n`
	await engine.queryVoid(`INSERT DATA { ${data} }`, context)
	rows = await select(`SELECT ?n { ?s <${e}n> ?n }`)
	step('large', new Set(rows.map(row => row.get('n').value)).size === number, rows.length)
}

main().catch(err => {
	console.error(err)
	process.exit(1)
})
