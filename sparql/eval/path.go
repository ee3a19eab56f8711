package eval

import (
	"errors"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// path plans a property path that is no pattern.
func (p *planner) path(op *algebra.Path, g given) (*node, error) {
	growth, err := p.growth(op, g)
	n := &node{
		name: "Path", detail: p.show(op.S) + " … " + p.show(op.O) + p.showGraph(op.G), estimate: math.Max(g.rows, 1) * growth,
	}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &pathStage{x: x, base: g.base, out: x.output(n, next)}
		for i, node := range [3]algebra.Node{op.S, op.O, op.G} {
			var err error
			if s.places[i], err = x.place(&node); err != nil {
				return nil, err
			}
		}
		var err error
		if x.asking.steps(op) != nil {
			s.steps, s.way, err = x.stepsOf(op)
		} else {
			s.way, err = newWay(op.Path, x.leaf)
		}
		return s, err
	}
	return n, err
}

// pathStage joins rows with the ends of a path: from the end that is bound, from both if both are.
type pathStage struct {
	x      *exec
	places [3]place // subject, object, graph
	way    way
	base   *base
	out    *output

	// steps are what shards have said, nil if there are none; lazy: they are asked on the way.
	steps *steps
	lazy  bool
}

func (s *pathStage) push(b *block) error {
	if s.steps != nil {
		return s.pushSteps(b)
	}
	for i := range b.n {
		if err := s.row(b.row(i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *pathStage) row(r row) error {
	if g := s.places[2].slot; g == algebra.None || r[g] != store.Any {
		return s.inGraph(r)
	}
	named, err := s.x.namedGraphs()
	if err != nil {
		return err
	}
	in := append(row(nil), r...)
	for _, id := range named {
		in[s.places[2].slot] = id
		if err := s.inGraph(in); err != nil {
			return err
		}
	}
	return nil
}

func (s *pathStage) inGraph(r row) error {
	from, err := s.x.bound(&s.places[0], r)
	if err != nil {
		return err
	}
	to, err := s.x.bound(&s.places[1], r)
	if err != nil {
		return err
	}
	w := s.walk(r)
	if s.variable(0) && s.variable(1) && from|to != store.Any {
		if is, err := w.isNode(max(from, to)); err != nil || !is {
			return err
		}
	}
	switch {
	case from != store.Any:
		_, once := s.way.(*repeatWay)
		err = s.way.reach(w, from, false, func(end store.ID) error { return s.end(r, from, end, to, once) })
	case to != store.Any:
		err = s.way.reach(w, to, true, func(end store.ID) error { return s.found(r, end, to) })
	default:
		err = s.fromAll(w, r)
	}
	if errors.Is(err, errArrived) {
		return nil
	}
	return err
}

func (s *pathStage) walk(r row) *walk {
	return &walk{x: s.x, graph: &s.places[2], row: r, steps: s.steps, lazy: s.lazy}
}

// variable reports whether an end is a variable: then a path of no length is only there for the nodes of the graph (18.4), wherever
// else the variable is bound.
func (s *pathStage) variable(end int) bool {
	slot := s.places[end].slot
	return slot != algebra.None && !s.base.isTerm(slot)
}

// errArrived ends the look for an end that is found, and comes but once.
var errArrived = errors.New("arrived")

// end takes an end of the path, which may have to be another one.
func (s *pathStage) end(r row, from, to, want store.ID, once bool) error {
	if want == store.Any {
		return s.found(r, from, to)
	}
	if to != want {
		return nil
	}
	if err := s.found(r, from, to); err != nil || !once {
		return err
	}
	return errArrived
}

// found hands on a row with both ends.
func (s *pathStage) found(r row, from, to store.ID) error {
	out, err := s.out.add(r)
	if err != nil {
		return err
	}
	for i, id := range [2]store.ID{from, to} {
		ok, err := s.x.fit(&s.places[i], out, id)
		if err != nil {
			return err
		}
		if !ok {
			s.out.drop()
			return nil
		}
	}
	return nil
}

// fromAll goes from each node of the graph.
func (s *pathStage) fromAll(w *walk, r row) error {
	if not, ok := s.way.(*notWay); ok {
		return not.all(w, func(q store.Quad) error { return s.found(r, q.S, q.O) })
	}
	starts := s.x.table(1, 1)
	defer starts.reset()
	for q, err := range s.x.match(store.Pattern{}, w.graph, r) {
		if err != nil {
			return err
		}
		for _, id := range [2]store.ID{q.S, q.O} {
			if _, _, err := starts.insert([]store.ID{id}); err != nil {
				return err
			}
		}
		if err := s.x.step(1); err != nil {
			return err
		}
	}
	return s.fromEach(w, r, starts.rows)
}

func (s *pathStage) fromEach(w *walk, r row, starts []store.ID) error {
	for _, from := range starts {
		if err := s.way.reach(w, from, false, func(to store.ID) error { return s.found(r, from, to) }); err != nil {
			return err
		}
	}
	return nil
}

func (s *pathStage) flush() error { return s.out.flush() }

// walk is one look along paths.
type walk struct {
	x     *exec
	graph *place
	row   row
	steps *steps // over shards
	lazy  bool   // they have not been asked for all of the way
}

// ahead asks shards for all that a way from these nodes goes along, unless they have been asked.
func (w *walk) ahead(along way, from []store.ID, back bool) error {
	if !w.lazy {
		return nil
	}
	_, err := w.steps.follow(along, from, back)
	return err
}

// inside is the look along a way whose nodes are asked for ahead.
func (w *walk) inside() *walk {
	if !w.lazy {
		return w
	}
	asked := *w
	asked.lazy = false
	return &asked
}

// isNode reports whether a quad of the graph has the id as its subject or object.
func (w *walk) isNode(id store.ID) (bool, error) {
	if w.steps != nil {
		return w.steps.nodes[id], nil
	}
	for _, p := range []store.Pattern{{S: id}, {O: id}} {
		for _, err := range w.x.match(p, w.graph, w.row) {
			return err == nil, err
		}
	}
	return false, nil
}

// match calls fn for the quads of a pattern.
func (w *walk) match(p store.Pattern, fn func(store.Quad) error) error {
	for q, err := range w.x.match(p, w.graph, w.row) {
		if err == nil {
			err = w.x.step(1)
		}
		if err == nil {
			err = fn(q)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// way is a path whose IRIs are ids. reach calls fn for each end of it from a node, backwards if it says so. A node may be called more
// than once, but not by a way that repeats.
type way interface {
	reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error
}

// newWay makes the way of a path; leaf makes those of its IRIs, and of what is negated in one direction, in their order.
func newWay(path sparql.Path, leaf func(sparql.Path) (way, error)) (way, error) {
	switch p := path.(type) {
	case *sparql.PathInverse:
		inner, err := newWay(p.Path, leaf)
		return &inverseWay{inner}, err
	case *sparql.PathSequence:
		left, right, err := newWays(p.Left, p.Right, leaf)
		return &sequenceWay{left, right}, err
	case *sparql.PathAlternative:
		left, right, err := newWays(p.Left, p.Right, leaf)
		return &alternativeWay{left, right}, err
	case *sparql.PathRepeat:
		inner, err := newWay(p.Path, leaf)
		return &repeatWay{inner, p.Zero, p.Many}, err
	case *sparql.PathNegated:
		return newNotWay(p, leaf)
	}
	return leaf(path)
}

func newWays(left, right sparql.Path, leaf func(sparql.Path) (way, error)) (l, r way, err error) {
	if l, err = newWay(left, leaf); err == nil {
		r, err = newWay(right, leaf)
	}
	return l, r, err
}

func newNotWay(p *sparql.PathNegated, leaf func(sparql.Path) (way, error)) (way, error) {
	if len(p.Backward) == 0 {
		return leaf(p)
	}
	backward, err := leaf(&sparql.PathNegated{Forward: p.Backward})
	if len(p.Forward) == 0 || err != nil {
		return &inverseWay{backward}, err
	}
	forward, err := leaf(&sparql.PathNegated{Forward: p.Forward})
	return &alternativeWay{forward, &inverseWay{backward}}, err
}

// leaf is the way of an IRI, or of what is negated in one direction, in the store.
func (x *exec) leaf(path sparql.Path) (way, error) {
	switch p := path.(type) {
	case sparql.PathIRI:
		id, err := x.intern(p.IRI)
		return iriWay(id), err
	case *sparql.PathNegated:
		return x.negated(p.Forward)
	}
	return iriWay(nothing), nil
}

// iriWay is a predicate.
type iriWay store.ID

func (i iriWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	if back {
		return w.match(store.Pattern{O: from, P: store.ID(i)}, func(q store.Quad) error { return fn(q.S) })
	}
	return w.match(store.Pattern{S: from, P: store.ID(i)}, func(q store.Quad) error { return fn(q.O) })
}

type inverseWay struct{ inner way }

func (i *inverseWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	return i.inner.reach(w, from, !back, fn)
}

type alternativeWay struct{ left, right way }

func (a *alternativeWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	if err := a.left.reach(w, from, back, fn); err != nil {
		return err
	}
	return a.right.reach(w, from, back, fn)
}

// sequenceWay stands in a way that repeats, so it need not say how often it gets to an end: each node between is gone from once. What
// is between is a variable (18.4), and so a node of the graph, even if both parts have no length.
type sequenceWay struct{ left, right way }

func (s *sequenceWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	first, second := s.left, s.right
	if back {
		first, second = second, first
	}
	if is, err := w.isNode(from); err != nil || !is {
		return err
	}
	between := w.x.table(1, 1)
	defer between.reset()
	return first.reach(w, from, back, func(id store.ID) error {
		_, fresh, err := between.insert([]store.ID{id})
		if !fresh || err != nil {
			return err
		}
		return second.reach(w, id, back, fn)
	})
}

// repeatWay is path?, path* or path+.
type repeatWay struct {
	inner      way
	zero, many bool
}

func (r *repeatWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	visited := w.x.table(1, 1)
	defer visited.reset()
	visit := func(id store.ID) error {
		_, fresh, err := visited.insert([]store.ID{id})
		if !fresh || err != nil {
			return err
		}
		return fn(id)
	}
	if r.zero {
		if err := visit(from); err != nil {
			return err
		}
	}
	inside := w.inside()
	if err := w.ahead(r.inner, []store.ID{from}, back); err != nil {
		return err
	}
	if err := r.inner.reach(inside, from, back, visit); err != nil || !r.many {
		return err
	}
	asked := 0
	for i := 0; i < visited.n; i++ {
		if err := w.x.step(1); err != nil {
			return err
		}
		if i == asked { // all that is as far from the beginning
			asked = visited.n
			if err := w.ahead(r.inner, visited.rows[i:], back); err != nil {
				return err
			}
		}
		if next := visited.row(int32(i))[0]; next != from || !r.zero {
			if err := r.inner.reach(inside, next, back, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// notWay is any predicate but these.
type notWay struct{ not map[store.ID]bool }

func (x *exec) negated(iris []rdf.Term) (*notWay, error) {
	n := &notWay{map[store.ID]bool{}}
	for _, iri := range iris {
		id, err := x.intern(iri)
		if err != nil {
			return nil, err
		}
		n.not[id] = true
	}
	return n, nil
}

func (n *notWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	if back {
		return n.match(w, store.Pattern{O: from}, func(q store.Quad) error { return fn(q.S) })
	}
	return n.match(w, store.Pattern{S: from}, func(q store.Quad) error { return fn(q.O) })
}

func (n *notWay) all(w *walk, fn func(store.Quad) error) error {
	return n.match(w, store.Pattern{}, fn)
}

func (n *notWay) match(w *walk, p store.Pattern, fn func(store.Quad) error) error {
	return w.match(p, func(q store.Quad) error {
		if n.not[q.P] {
			return nil
		}
		return fn(q)
	})
}
