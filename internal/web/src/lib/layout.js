// Places for the nodes of a graph: each pushes the others away, edges pull (Fruchterman and Reingold, "Graph Drawing by Force-directed
// Placement", 1991). The same graph has the same places.

const rounds = 220

// layout returns a place {x, y} within 0 to 1 for each of count nodes.
export function layout(count, edges) {
	const k = Math.sqrt(1 / Math.max(count, 1))
	// A spiral is a good beginning: no two nodes have one place.
	const p = Array.from({ length: count }, (_, i) => ({ x: 0.5 + 0.4 * Math.sqrt(i / count) * Math.cos(i * 2.4), y: 0.5 + 0.4 * Math.sqrt(i / count) * Math.sin(i * 2.4), dx: 0, dy: 0 }))
	for (let round = 0; round < rounds; round++) {
		const heat = 0.1 * (1 - round / rounds) ** 2 + 0.001
		push(p, k)
		pull(p, edges, k)
		for (const n of p) {
			const length = Math.hypot(n.dx, n.dy) || 1
			n.x += (n.dx / length) * Math.min(length, heat)
			n.y += (n.dy / length) * Math.min(length, heat)
			n.dx = n.dy = 0
		}
	}
	return fitted(p)
}

// push has nodes near each other part; those far away don't, so that parts without an edge between them stay near.
function push(p, k) {
	const far = (4 * k) ** 2
	for (let i = 0; i < p.length; i++) {
		const a = p[i]
		// What no edge holds must not drift away.
		a.dx -= (a.x - 0.5) * 0.5
		a.dy -= (a.y - 0.5) * 0.5
		for (let j = 0; j < i; j++) {
			const b = p[j]
			const [x, y] = [a.x - b.x, a.y - b.y]
			const square = x * x + y * y
			if (square > far) continue
			const force = (k * k) / Math.max(square, 1e-6)
			a.dx += x * force
			a.dy += y * force
			b.dx -= x * force
			b.dy -= y * force
		}
	}
}

function pull(p, edges, k) {
	for (const e of edges) {
		const [a, b] = [p[e.from], p[e.to]]
		const [x, y] = [a.x - b.x, a.y - b.y]
		const force = Math.hypot(x, y) / k
		a.dx -= x * force
		a.dy -= y * force
		b.dx += x * force
		b.dy += y * force
	}
}

// fitted spreads the places over all the room there is.
function fitted(p) {
	const range = (name) => {
		const [low, high] = [Math.min(...p.map((n) => n[name])), Math.max(...p.map((n) => n[name]))]
		return (v) => (high - low < 1e-9 ? 0.5 : (v - low) / (high - low))
	}
	const [x, y] = [range('x'), range('y')]
	return p.map((n) => ({ x: x(n.x), y: y(n.y) }))
}
