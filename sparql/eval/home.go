package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// homeKind says which shards a part of a query can be evaluated by.
type homeKind uint8

const (
	// scattered: no shard can evaluate the part by its own quads.
	scattered homeKind = iota
	// anywhere: the part needs no quads.
	anywhere
	// one: the part needs no quads but those of one key, which is a term, or the graph that GRAPH goes through.
	one
	// every: the solutions are those of all shards together. If there is a slot, each solution has the key of its quads in it.
	every
)

// home is where a part of a query can be evaluated.
type home struct {
	kind homeKind
	term rdf.Term
	slot algebra.Slot // None if there is none
}

var (
	scatteredHome = home{kind: scattered, slot: algebra.None}
	anywhereHome  = home{kind: anywhere, slot: algebra.None}
	keylessHome   = home{kind: every, slot: algebra.None}
)

// homes finds out where parts of a query can be evaluated.
type homes struct {
	key   Key
	facts *algebra.Facts
	data  sparql.Dataset
	union bool
	// settled: functions that give something new for each solution are allowed, since all is evaluated in one place.
	settled bool

	known map[algebra.Op]home
	each  algebra.Set // the graphs that GRAPH goes through, seen from inside
}

func (h *homes) of(op algebra.Op) home {
	if found, ok := h.known[op]; ok {
		return found
	}
	found := h.find(op)
	for _, e := range algebra.Exprs(op) {
		if !h.settled && volatile(e) {
			found = scatteredHome
		}
	}
	h.known[op] = found
	return found
}

func (h *homes) find(op algebra.Op) home {
	switch op := op.(type) {
	case algebra.Unit, algebra.Nothing, *algebra.Values:
		return anywhereHome
	case *algebra.Pattern:
		return h.keyOf(op.S, op.G)
	case *algebra.Path:
		return h.path(op)
	case *algebra.Graphs:
		return h.graphs(op)
	case *algebra.Graph:
		return h.graph(op)
	case *algebra.Join:
		return h.together(op.Parts...)
	case *algebra.Union:
		return h.alternatives(op.Parts)
	case *algebra.LeftJoin:
		return h.beside(op.Left, h.exists(op.Conditions, h.of(op.Right)))
	case *algebra.Minus:
		return h.beside(op.Left, h.of(op.Right))
	case *algebra.Filter:
		return h.beside(op.Op, h.exists(op.Conditions, anywhereHome))
	case *algebra.Extend:
		return h.beside(op.Op, h.exists([]*algebra.Expr{op.Expr}, anywhereHome))
	}
	return h.whole(op)
}

// whole is the home of what looks at all solutions.
func (h *homes) whole(op algebra.Op) home {
	if len(algebra.Parts(op)) != 1 {
		return scatteredHome // SERVICE
	}
	below := h.beside(algebra.Parts(op)[0], h.exists(algebra.Exprs(op), anywhereHome))
	if below.kind != every {
		return below
	}
	switch op := op.(type) {
	case *algebra.Project:
		if !slices.Contains(op.Slots, below.slot) {
			return keylessHome
		}
		return below
	case *algebra.Distinct:
		if slices.Contains(op.Slots, below.slot) {
			return below
		}
	case *algebra.Group:
		if slices.ContainsFunc(op.Keys, func(k algebra.Key) bool { return k.Expr == nil && k.Slot == below.slot }) {
			return below
		}
	}
	return scatteredHome
}

// keyOf is the home of a quad's pattern.
func (h *homes) keyOf(s, g algebra.Node) home {
	n := s
	switch h.key {
	case KeyDataset:
		return home{kind: one, slot: algebra.None}
	case KeyGraph:
		if n = g; g.Slot == algebra.None && g.Term.IsZero() {
			return h.defaultGraph()
		}
	}
	switch {
	case n.Triple != nil:
		return keylessHome
	case n.Slot == algebra.None:
		return home{kind: one, term: n.Term, slot: algebra.None}
	case h.each.Has(n.Slot):
		return home{kind: one, slot: n.Slot}
	}
	return home{kind: every, slot: n.Slot}
}

// defaultGraph is the home of a pattern in the default graph, if the key is the graph.
func (h *homes) defaultGraph() home {
	switch {
	case len(h.data.Default)+len(h.data.Named) == 0 && h.union, len(h.data.Default) > 1:
		return scatteredHome
	case len(h.data.Default) == 1:
		return home{kind: one, term: h.data.Default[0], slot: algebra.None}
	case len(h.data.Named) > 0: // it is empty
		return anywhereHome
	}
	return home{kind: one, slot: algebra.None}
}

// named reports whether the named graphs are those of the store.
func (h *homes) named() bool { return len(h.data.Default)+len(h.data.Named) == 0 }

func (h *homes) path(op *algebra.Path) home {
	_, step := op.Path.(*sparql.PathNegated)
	listed := h.key == KeyGraph && op.G.Slot != algebra.None && !h.named() // every shard would go a path of no length in each of them
	if !step && (h.key == KeySubject || listed) {
		return scatteredHome
	}
	return h.keyOf(op.S, op.G)
}

func (h *homes) graphs(op *algebra.Graphs) home {
	switch {
	case h.key == KeyDataset:
		return home{kind: one, slot: algebra.None}
	case !h.named():
		return anywhereHome
	case h.key == KeySubject:
		return scatteredHome
	}
	return h.keyOf(algebra.Node{}, op.Name)
}

// graph is the home of what is evaluated for one graph after the other: inside, the graph is as good as a term.
func (h *homes) graph(op *algebra.Graph) home {
	inside := *h
	inside.known = map[algebra.Op]home{}
	inside.each = h.each.Union(algebra.NewSet(op.Each))
	in := inside.of(op.Op)
	switch {
	case h.key == KeyGraph && h.named() && in == home{kind: one, slot: op.Each}:
		return home{kind: every, slot: op.Name}
	case h.key == KeyGraph || in.kind == anywhere:
		return scatteredHome
	}
	return in
}

// together is the home of what joins parts.
func (h *homes) together(parts ...algebra.Op) home {
	all := anywhereHome
	for _, part := range parts {
		all = all.with(h.of(part))
	}
	return all
}

// with is the home of two parts that are joined.
func (h home) with(other home) home {
	switch {
	case h.kind == anywhere:
		return other
	case other.kind == anywhere:
		return h
	case h == other && h != keylessHome:
		return h
	}
	return scatteredHome
}

// beside is the home of what keeps the solutions of a part, whatever another part has for them.
func (h *homes) beside(kept algebra.Op, other home) home {
	first := h.of(kept)
	both := first.with(other)
	if both.kind == every && first.kind != every {
		return scatteredHome
	}
	return both
}

// exists is the home of the patterns of EXISTS, and of another part.
func (h *homes) exists(exprs []*algebra.Expr, all home) home {
	for _, e := range exprs {
		for _, exists := range e.Exists {
			all = all.with(h.of(exists.Op))
		}
	}
	return all
}

// alternatives is the home of a union.
func (h *homes) alternatives(parts []algebra.Op) home {
	all := h.of(parts[0])
	for _, part := range parts[1:] {
		switch next := h.of(part); {
		case next == all:
		case all.kind == every && next.kind == every:
			all = keylessHome
		case all.kind == every || next.kind == every:
			return scatteredHome
		default:
			all = all.with(next)
		}
	}
	return all
}
