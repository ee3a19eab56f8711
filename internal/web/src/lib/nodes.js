// What the nodes say of themselves: one stream for as long as a page needs it, and rates made of what changed between two events.
import { signal } from '@preact/signals'
import { follow } from './events.js'
import { token, asked } from './token.js'

// minutes of rates that are kept, one for each event.
const kept = 180

export const overview = signal(null)
// link is how the stream is: see follow.
export const link = signal({ state: 'connecting' })
// rates are, per point in time, the changes a second of each node: {times: [s], of: Map(name, [n])}.
export const rates = signal({ times: [], of: new Map() })

export function watch() {
	let stop = () => {}
	const begin = () => {
		stop()
		stop = () => {}
		if (asked.value) {
			link.value = { state: 'refused', detail: { message: 'It goes on with a token.' } }
			return
		}
		stop = follow({
			path: () => '/v1/overview',
			quiet: 5000,
			event: (e) => take(JSON.parse(e.data)),
			state: (state, detail) => { link.value = { state, detail } },
		})
	}
	// A new token, or a question for one, ends what was under way.
	const unsubscribe = [token.subscribe(begin), asked.subscribe(begin)]
	return () => {
		unsubscribe.forEach((end) => end())
		stop()
	}
}

function take(next) {
	const before = overview.value
	// A list without items is null.
	next.nodes ??= []
	next.shards ??= []
	for (const s of next.engine.streams ?? []) s.replicas ??= []
	next.byName = new Map(next.nodes.map((n) => [n.name, n]))
	overview.value = next
	const { times, of } = rates.value
	const now = new Date(next.time).getTime() / 1000
	if (times.length && now <= times[times.length - 1]) return
	const all = new Map()
	for (const name of new Set([...of.keys(), ...next.byName.keys()])) {
		const old = of.get(name) ?? times.map(() => null)
		all.set(name, [...old, rateOf(next.byName.get(name))].slice(-kept))
	}
	for (const [name, list] of all) if (list.every((n) => n === null) && !next.byName.has(name)) all.delete(name)
	rates.value = { times: [...times, now].slice(-kept), of: all }
	setShardRates(before, next)
}

const rateOf = (node) => (node && !node.error ? node.load : null)

// setShardRates sets how many records a second each shard gets.
function setShardRates(before, next) {
	const seconds = before ? (new Date(next.time) - new Date(before.time)) / 1000 : 0
	next.shards.forEach((s, i) => {
		const old = before?.shards[i]
		const known = seconds > 0 && old && old.owner === s.owner && s.position >= old.position
		s.rate = known ? (s.position - old.position) / seconds : null
	})
}

// nodeState is how a node is, as a state of states.js.
export function nodeState(n) {
	if (!n.alive && n.cut) return 'cut off'
	if (!n.alive) return 'lost'
	if (n.error) return 'no answer'
	return n.ready ? 'ready' : 'not ready'
}

// shardState is how a shard is for who wants to write to it. A standby that is a few records behind is as it should be while there is work.
export function shardState(s, byName) {
	const owner = byName.get(s.owner)
	if (!owner) return 'no owner'
	if (!owner.alive) return 'owner lost'
	if (owner.error) return 'no answer'
	if (s.state === 'halted') return 'halted'
	if (s.state !== 'owning') return 'claiming'
	if (s.standby && s.lag > 1000) return 'standby behind'
	return 'owning'
}
