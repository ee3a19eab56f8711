// Changes as pages show them: of each so many rows as somebody reads, whatever its size.
import { parseLine } from './term.js'

// mostRows bounds the rows that are kept of one change.
const mostRows = 100

// fromEvent is a change of the data of an event of /v1/changes.
export function fromEvent(data) {
	const c = JSON.parse(data)
	const rows = []
	let more = 0
	for (const line of c.patch.split('\n')) {
		if (!/^(A|D|PA|PD) /.test(line)) continue
		if (rows.length === mostRows) {
			more++
			continue
		}
		const row = parseLine(line)
		rows.push(row ?? { code: line[0], terms: [], text: line })
	}
	return { key: `${c.shard}:${c.position}`, shard: c.shard, position: c.position, id: c.id, time: c.time, adds: c.adds, deletes: c.deletes, filtered: c.filtered, rows, more }
}

// query is the part of an address that chooses changes.
export function query(filters) {
	const given = Object.entries(filters).filter(([, value]) => value)
	return given.length ? `&${new URLSearchParams(given)}` : ''
}
