package eval

import (
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// pathFragments are what a path asks shards for.
type pathFragments struct {
	from, to algebra.Slot        // the ends of a step
	steps    []*algebra.Fragment // of the IRIs, and of what is negated, in the order of newWay
	nodes    *algebra.Fragment   // subjects and objects, as from
}

// dividePath: a path that goes from one shard to others is gone by who asks, step by step.
func (d *dividing) dividePath(op *algebra.Path) algebra.Op {
	if _, ok := op.Path.(*sparql.PathRepeat); !ok {
		return d.piece(op)
	}
	if d.division.paths[op] != nil {
		return op
	}
	p := &pathFragments{from: d.query.Fresh("from"), to: d.query.Fresh("to")}
	from, to := algebra.Node{Slot: p.from}, algebra.Node{Slot: p.to}
	_, _ = newWay(op.Path, func(leaf sparql.Path) (way, error) {
		var step algebra.Op = &algebra.Path{S: from, O: to, G: op.G, Path: leaf, Pos: op.Pos}
		if iri, ok := leaf.(sparql.PathIRI); ok {
			step = &algebra.Pattern{S: from, P: algebra.Node{Slot: algebra.None, Term: iri.IRI}, O: to, G: op.G, Pos: op.Pos}
		}
		p.steps = append(p.steps, d.hide(d.piece(step)))
		return nil, nil
	})
	p.nodes = d.hide(d.nodes(from, op.G))
	if op.G.Slot != algebra.None {
		d.list()
	}
	d.division.paths[op] = p
	return op
}

// piece is a part that is a fragment in any case.
func (d *dividing) piece(op algebra.Op) *algebra.Fragment {
	h := d.of(op)
	switch h.kind {
	case scattered:
		return d.merged(op)
	case anywhere:
		return &algebra.Fragment{Op: op, Key: algebra.None, Keys: []rdf.Term{}}
	}
	return d.at(op, h).(*algebra.Fragment)
}

// hide takes a fragment that doesn't stand in the algebra.
func (d *dividing) hide(f *algebra.Fragment) *algebra.Fragment {
	f.Slots = d.facts.Possible(f.Op).Slots()
	d.division.hidden = append(d.division.hidden, f)
	return f
}

// nodes are the subjects and the objects of a graph.
func (d *dividing) nodes(node, g algebra.Node) *algebra.Fragment {
	p, other := algebra.Node{Slot: d.query.Fresh("predicate")}, algebra.Node{Slot: d.query.Fresh("other")}
	as := &algebra.Pattern{S: node, P: p, O: other, G: g}
	slots := []algebra.Slot{node.Slot}
	if g.Slot != algebra.None {
		slots = append(slots, g.Slot)
	}
	either := &algebra.Union{Parts: []algebra.Op{as, &algebra.Pattern{S: other, P: p, O: node, G: g}}}
	f := d.merged(&algebra.Distinct{Op: &algebra.Project{Op: either, Slots: slots}, Slots: slots})
	if h := d.of(as); d.key != KeySubject && h.kind != scattered {
		f.Key, f.Keys = h.slot, nil
		if h.kind == one {
			f.Keys = []rdf.Term{h.term}
		}
	}
	return f
}

// list asks for the named graphs of the store.
func (d *dividing) list() {
	if d.named() && d.division.listing == nil {
		d.division.listing = d.hide(d.piece(&algebra.Graphs{Name: algebra.Node{Slot: d.query.Fresh("graph")}}))
	}
}

// describe asks for the triples of a resource.
func (d *dividing) describe() {
	s, p, o := algebra.Node{Slot: d.query.Fresh("s")}, algebra.Node{Slot: d.query.Fresh("p")}, algebra.Node{Slot: d.query.Fresh("o")}
	for _, g := range []algebra.Node{{Slot: algebra.None}, {Slot: d.query.Fresh("g")}} {
		d.division.described = append(d.division.described, d.hide(d.piece(&algebra.Pattern{S: s, P: p, O: o, G: g})))
	}
}

// puller asks for the rows of a fragment for values of some of its variables.
type puller struct {
	s    *joiningFragment
	sink *sink
	b    block
}

func (x *exec) puller(f *algebra.Fragment, bound ...algebra.Slot) *puller {
	p := &puller{sink: &sink{}}
	out := &output{x: x, node: &node{}, next: p.sink, b: block{width: x.width}}
	bound = slices.DeleteFunc(bound, func(slot algebra.Slot) bool { return slot == algebra.None || !slices.Contains(f.Slots, slot) })
	p.s = &joiningFragment{x: x, f: f, bound: bound, out: out}
	p.s.begin()
	p.s.most = mostJoined
	p.b = block{ids: make(row, x.width), width: x.width, n: 1}
	return p
}

// add asks for the rows that fit a row, which may come soon, or with finish.
func (p *puller) add(set func(row)) error {
	clear(p.b.ids)
	set(p.b.ids)
	return p.s.push(&p.b)
}

func (p *puller) finish() error {
	if err := p.s.flush(); err != nil {
		return err
	}
	p.s.most = mostJoined
	return nil
}

// listGraphs asks for the named graphs, once.
func (x *exec) listGraphs() ([]store.ID, error) {
	d := &x.data
	f := x.asking.listing
	p := x.puller(f)
	p.sink.each = func(r row) error {
		d.named = append(d.named, r[f.Slots[0]])
		return x.hold(48)
	}
	if err := p.add(func(row) {}); err != nil {
		return nil, err
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	d.listed = true
	return d.named, nil
}
