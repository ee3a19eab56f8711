package eval

import (
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// steps are what shards have said of a graph: all that paths from some nodes go along. Who asks goes along the paths then.
type steps struct {
	x       *exec
	p       *pathFragments
	graph   algebra.Slot // None: it has a name, or is the default graph
	id      store.ID     // of the graph that is asked for
	pullers map[*algebra.Fragment][2]*puller

	way way // the path

	ends  map[step][]store.ID
	nodes map[store.ID]bool
	held  int64
	tries int // that are left, 0 for paths from or to nodes that are known
}

// step is a way to go from a node, by the number of its fragment.
type step struct {
	number int
	back   bool
	from   store.ID
}

// stepCost is what a step that was asked for costs besides its ends.
const stepCost = 64

// hold counts what is kept.
func (s *steps) hold(bytes int64) error {
	s.held += bytes
	return s.x.hold(bytes)
}

// in forgets all, and is about another graph.
func (s *steps) in(graph store.ID) {
	s.x.release(s.held)
	s.id, s.held, s.tries = graph, 0, 0
	s.ends, s.nodes = map[step][]store.ID{}, map[store.ID]bool{}
}

// puller returns that of a fragment for values of a slot, and for a graph.
func (s *steps) puller(f *algebra.Fragment, slot algebra.Slot) *puller {
	at := 0
	if slot == s.p.to {
		at = 1
	}
	both := s.pullers[f]
	if both[at] == nil {
		both[at] = s.x.puller(f, slot, s.graph)
		s.pullers[f] = both
	}
	return both[at]
}

// ask asks for the rows of a fragment that have one of these ids in a slot.
func (s *steps) ask(f *algebra.Fragment, slot algebra.Slot, ids []store.ID, each func(row) error) error {
	p := s.puller(f, slot)
	p.sink.each = each
	for _, id := range ids {
		err := p.add(func(r row) {
			r[slot] = id
			if s.graph != algebra.None {
				r[s.graph] = s.id
			}
		})
		if err != nil {
			return err
		}
	}
	return p.finish()
}

// list calls each for the nodes of the graph.
func (s *steps) list(each func(store.ID) error) error {
	p := s.x.puller(s.p.nodes, s.graph)
	defer p.s.forget() // what was ended before it was whole
	p.sink.each = func(r row) error {
		id := r[s.p.from]
		s.nodes[id] = true
		if err := s.hold(stepCost); err != nil {
			return err
		}
		return each(id)
	}
	err := p.add(func(r row) {
		if s.graph != algebra.None {
			r[s.graph] = s.id
		}
	})
	if err != nil {
		return err
	}
	return p.finish()
}

// mostTried is how often shards are asked for paths from some of the nodes, before they are asked for those from all.
const mostTried = 48

// all calls each for the nodes of the graph: for few at first, so that whoever needs only some paths asks for little.
func (s *steps) all(each func(nodes []store.ID) error) error {
	var nodes []store.ID
	most := 1
	hand := func() error {
		err := each(nodes)
		nodes, most = nodes[:0], min(8*most, mostJoined)
		return err
	}
	s.tries = mostTried
	err := s.list(func(id store.ID) error {
		if nodes = append(nodes, id); len(nodes) < most {
			return nil
		}
		return hand()
	})
	if err == nil {
		err = hand()
	}
	s.tries = 0
	return err
}

// tried counts a look for some nodes. Behind the last one it asks for what all paths of the graph go along, which takes no more requests one
// after the other than those from one node.
func (s *steps) tried() error {
	if s.tries == 0 {
		return nil
	}
	if s.tries--; s.tries > 0 {
		return nil
	}
	var nodes []store.ID
	err := s.list(func(id store.ID) error {
		nodes = append(nodes, id)
		return s.hold(8)
	})
	if err != nil {
		return err
	}
	_, err = s.follow(s.way, nodes, false)
	return err
}

// areNodes finds out which of these are nodes of the graph.
func (s *steps) areNodes(ids []store.ID) error {
	var unknown []store.ID
	for _, id := range ids {
		if err := s.x.work(1); err != nil {
			return err
		}
		if _, ok := s.nodes[id]; !ok {
			s.nodes[id] = false
			unknown = append(unknown, id)
		}
	}
	if err := s.hold(int64(stepCost * len(unknown))); err != nil || len(unknown) == 0 {
		return err
	}
	return s.ask(s.p.nodes, s.p.from, unknown, func(r row) error {
		s.nodes[r[s.p.from]] = true
		return nil
	})
}

// follow asks for all that a way from these nodes goes along, and returns its ends.
func (s *steps) follow(w way, from []store.ID, back bool) ([]store.ID, error) {
	if len(from) == 0 {
		return nil, nil
	}
	switch w := w.(type) {
	case stepWay:
		return s.take(int(w), from, back)
	case *inverseWay:
		return s.follow(w.inner, from, !back)
	case *alternativeWay:
		return s.either(w, from, back)
	case *sequenceWay:
		return s.sequence(w, from, back)
	case *repeatWay:
		return s.repeat(w, from, back)
	}
	return nil, nil
}

// take takes one step.
func (s *steps) take(number int, from []store.ID, back bool) (all []store.ID, err error) {
	if err := s.learn(number, from, back); err != nil {
		return nil, err
	}
	for _, id := range from {
		if err := s.x.work(1); err != nil {
			return nil, err
		}
		all = append(all, s.ends[step{number, back, id}]...)
	}
	return s.once(all)
}

// learn asks for the ends of a step from those nodes from which they are not known.
func (s *steps) learn(number int, from []store.ID, back bool) error {
	unknown, err := s.unknown(number, from, back)
	if err != nil || len(unknown) == 0 {
		return err
	}
	if err := s.tried(); err != nil {
		return err
	}
	if unknown, err = s.unknown(number, unknown, back); err != nil || len(unknown) == 0 {
		return err
	}
	start, end := s.p.from, s.p.to
	if back {
		start, end = end, start
	}
	for _, id := range unknown {
		s.ends[step{number, back, id}] = nil
	}
	if err := s.hold(int64(stepCost * len(unknown))); err != nil {
		return err
	}
	return s.ask(s.p.steps[number], start, unknown, func(r row) error {
		at := step{number, back, r[start]}
		s.ends[at] = append(s.ends[at], r[end])
		return s.hold(8)
	})
}

// unknown are the nodes from which the ends of a step are not known.
func (s *steps) unknown(number int, from []store.ID, back bool) (unknown []store.ID, err error) {
	for _, id := range from {
		if err := s.x.work(1); err != nil {
			return nil, err
		}
		if _, ok := s.ends[step{number, back, id}]; !ok {
			unknown = append(unknown, id)
		}
	}
	return unknown, nil
}

// once is each of ids once, in their order.
func (s *steps) once(ids []store.ID) (different []store.ID, err error) {
	seen := make(map[store.ID]bool, len(ids))
	return s.fresh(seen, ids)
}

// fresh are those of ids that have not been seen, which are then.
func (s *steps) fresh(seen map[store.ID]bool, ids []store.ID) (different []store.ID, err error) {
	for _, id := range ids {
		if err := s.x.work(1); err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			different = append(different, id)
		}
	}
	return different, nil
}

func (s *steps) either(w *alternativeWay, from []store.ID, back bool) ([]store.ID, error) {
	left, err := s.follow(w.left, from, back)
	if err != nil {
		return nil, err
	}
	right, err := s.follow(w.right, from, back)
	if err != nil {
		return nil, err
	}
	return s.once(append(left, right...))
}

func (s *steps) sequence(w *sequenceWay, from []store.ID, back bool) ([]store.ID, error) {
	first, second := w.left, w.right
	if back {
		first, second = second, first
	}
	if err := s.areNodes(from); err != nil {
		return nil, err
	}
	between, err := s.follow(first, from, back)
	if err != nil {
		return nil, err
	}
	return s.follow(second, between, back)
}

// repeat goes breadth first, from all nodes at once.
func (s *steps) repeat(w *repeatWay, from []store.ID, back bool) ([]store.ID, error) {
	seen := map[store.ID]bool{}
	var all []store.ID
	next := from
	if w.zero {
		fresh, err := s.fresh(seen, from)
		if err != nil {
			return nil, err
		}
		all = append(all, fresh...)
	}
	for len(next) > 0 {
		ends, err := s.follow(w.inner, next, back)
		if err != nil {
			return nil, err
		}
		if next, err = s.fresh(seen, ends); err != nil {
			return nil, err
		}
		if all = append(all, next...); !w.many {
			break
		}
		if err := s.x.step(len(ends)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// stepWay is a step along what shards have said, by the number of its fragment.
type stepWay int

func (n stepWay) reach(w *walk, from store.ID, back bool, fn func(store.ID) error) error {
	for _, end := range w.steps.ends[step{int(n), back, from}] {
		if err := w.x.step(1); err != nil {
			return err
		}
		if err := fn(end); err != nil {
			return err
		}
	}
	return nil
}

// stepsOf returns what a path over shards is gone along by, and its way.
func (x *exec) stepsOf(op *algebra.Path) (*steps, way, error) {
	s := &steps{x: x, p: x.asking.paths[op], graph: op.G.Slot, pullers: map[*algebra.Fragment][2]*puller{}}
	number := 0
	w, err := newWay(op.Path, func(sparql.Path) (way, error) {
		number++
		return stepWay(number - 1), nil
	})
	s.way = w
	return s, w, err
}

// pushSteps joins rows with a path over shards: first all that the path goes along is asked for, for all rows in one graph.
func (s *pathStage) pushSteps(b *block) error {
	in := map[store.ID][]row{}
	var graphs []store.ID
	add := func(g store.ID, r row) {
		if in[g] == nil {
			graphs = append(graphs, g)
		}
		in[g] = append(in[g], r)
	}
	for i := range b.n {
		if err := s.eachGraph(b.row(i), add); err != nil {
			return err
		}
	}
	for _, g := range graphs {
		s.steps.in(g)
		if err := s.goAll(in[g]); err != nil {
			return err
		}
	}
	s.steps.in(store.Any)
	return nil
}

// eachGraph calls add with the graphs that a path is looked for in for a row, and the row in each.
func (s *pathStage) eachGraph(r row, add func(store.ID, row)) error {
	slot := s.places[2].slot
	if slot == algebra.None || r[slot] != store.Any {
		g := s.places[2].id
		if slot != algebra.None {
			g = r[slot]
		}
		add(g, r)
		return nil
	}
	named, err := s.x.namedGraphs()
	for _, g := range named {
		in := append(row(nil), r...)
		in[slot] = g
		add(g, in)
	}
	return err
}

// goAll joins rows of one graph: those with an end that is bound, and those for which paths begin at all nodes.
func (s *pathStage) goAll(rows []row) error {
	var forward, backward, nodes []store.ID
	var bound, free []row
	for _, r := range rows {
		from, err := s.x.bound(&s.places[0], r)
		if err != nil {
			return err
		}
		to, err := s.x.bound(&s.places[1], r)
		if err != nil {
			return err
		}
		switch {
		case from != store.Any:
			forward = append(forward, from)
		case to != store.Any:
			backward = append(backward, to)
		default:
			free = append(free, r)
			continue
		}
		bound = append(bound, r)
		nodes = append(nodes, max(from, to))
	}
	if err := s.ahead(forward, backward, nodes); err != nil {
		return err
	}
	for _, r := range bound {
		if err := s.inGraph(r); err != nil {
			return err
		}
	}
	if len(free) == 0 {
		return nil
	}
	return s.steps.all(func(starts []store.ID) error { return s.goFrom(free, starts) })
}

// goFrom joins rows with the paths from some nodes.
func (s *pathStage) goFrom(rows []row, starts []store.ID) error {
	if err := s.ahead(starts, nil, nil); err != nil {
		return err
	}
	for _, r := range rows {
		if err := s.fromEach(s.walk(r), r, starts); err != nil {
			return err
		}
	}
	return nil
}

// ahead asks for all that paths from some nodes, and to others, go along. Those of one node are asked for on the way instead, so that whoever
// needs only some of their ends asks for no more.
func (s *pathStage) ahead(forward, backward, nodes []store.ID) error {
	if s.variable(0) && s.variable(1) {
		if err := s.steps.areNodes(nodes); err != nil {
			return err
		}
	}
	forward, err := s.steps.once(forward)
	if err != nil {
		return err
	}
	backward, err = s.steps.once(backward)
	if err != nil {
		return err
	}
	if s.lazy = len(forward)+len(backward) == 1; s.lazy {
		return nil
	}
	if _, err := s.steps.follow(s.way, forward, false); err != nil {
		return err
	}
	_, err = s.steps.follow(s.way, backward, true)
	return err
}
