package eval

import (
	"iter"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/store"
)

// dataset is the graphs that a query is about.
type dataset struct {
	// defaults are merged into the default graph; union: all graphs are.
	defaults []store.ID
	union    bool
	// named are the graphs that are named; all: those of the store.
	named []store.ID
	all   bool

	listed bool // named are known, although all
}

// dataset sets the graphs that are asked for.
func (x *exec) dataset(d sparql.Dataset, with rdf.Term) (err error) {
	switch {
	case len(d.Default)+len(d.Named) > 0:
		x.data = dataset{}
		if x.data.defaults, err = x.graphs(d.Default); err == nil {
			x.data.named, err = x.graphs(d.Named)
		}
	case !with.IsZero():
		x.data = dataset{all: true}
		x.data.defaults, err = x.graphs([]rdf.Term{with})
	default:
		x.data = dataset{all: true, union: x.o.UnionDefault, defaults: []store.ID{store.DefaultGraph}}
	}
	return err
}

func (x *exec) graphs(terms []rdf.Term) ([]store.ID, error) {
	seen := x.table(1, 1)
	for _, t := range terms {
		id, err := x.intern(t)
		if err == nil {
			_, _, err = seen.insert([]store.ID{id})
		}
		if err != nil {
			return nil, err
		}
	}
	return seen.rows, nil
}

// nothing is an id that no term has.
const nothing = ^store.ID(0)

// place is a place of a pattern, or its graph.
type place struct {
	slot   algebra.Slot // None: id is known
	id     store.ID     // store.DefaultGraph: the default graph of the dataset
	triple *[3]place    // a triple term with variables
}

// place makes a place of a node.
func (x *exec) place(n *algebra.Node) (p place, err error) {
	switch {
	case n.Slot != algebra.None:
		return place{slot: n.Slot}, nil
	case n.Triple != nil:
		var parts [3]place
		for i, n := range [...]*algebra.Node{&n.Triple.S, &n.Triple.P, &n.Triple.O} {
			if parts[i], err = x.place(n); err != nil {
				return p, err
			}
		}
		return place{slot: algebra.None, triple: &parts}, nil
	case n.Term.IsZero():
		return place{slot: algebra.None, id: store.DefaultGraph}, nil
	}
	id, err := x.constant(n.Term)
	return place{slot: algebra.None, id: id}, err
}

// bound returns the id that a row has in a place, store.Any if it isn't bound.
func (x *exec) bound(p *place, r row) (store.ID, error) {
	switch {
	case p.slot != algebra.None:
		return r[p.slot], nil
	case p.triple == nil:
		return p.id, nil
	}
	var parts [3]rdf.Term
	for i := range p.triple {
		id, err := x.bound(&p.triple[i], r)
		if err != nil || id == store.Any {
			return store.Any, err
		}
		if parts[i], err = x.term(id); err != nil {
			return store.Any, err
		}
	}
	t, err := rdf.TripleTerm(parts[0], parts[1], parts[2])
	if err != nil {
		return nothing, nil
	}
	return x.intern(t)
}

// fit binds a place to an id; false if they don't agree.
func (x *exec) fit(p *place, r row, id store.ID) (bool, error) {
	switch {
	case p.slot != algebra.None:
		return bind(r, p.slot, id), nil
	case p.triple == nil:
		return p.id == id, nil
	}
	t, err := x.term(id)
	if err != nil {
		return false, err
	}
	parts, ok := t.Triple()
	if !ok {
		return false, nil
	}
	for i, part := range [3]rdf.Term{parts.S, parts.P, parts.O} {
		id, err := x.intern(part)
		if err != nil {
			return false, err
		}
		if ok, err := x.fit(&p.triple[i], r, id); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// match yields the quads of a pattern in the graph of a place: once each, however many graphs of a merged one have it. The graph of
// what it yields is that of the place, if it is a variable.
func (x *exec) match(p store.Pattern, g *place, r row) iter.Seq2[store.Quad, error] {
	id := g.id
	if g.slot != algebra.None {
		id = r[g.slot]
		if id == store.Any {
			return x.matchNamed(p)
		}
	} else if id == store.DefaultGraph {
		return x.matchDefault(p)
	}
	if !x.data.isNamed(id) {
		return none
	}
	p.G = id
	return x.r.Match(p)
}

// blocks is match in blocks.
func (x *exec) blocks(p store.Pattern, g *place, r row, block []store.Quad, each func([]store.Quad) error) error {
	id := g.id
	if g.slot != algebra.None {
		id = r[g.slot]
	}
	switch {
	case id == store.DefaultGraph && g.slot == algebra.None && !x.data.union && len(x.data.defaults) == 1:
		p.G = x.data.defaults[0]
	case id != store.Any && x.data.isNamed(id):
		p.G = id
	default:
		return store.InBlocks(x.match(p, g, r), block, each)
	}
	return x.r.Blocks(p, block, each)
}

func none(func(store.Quad, error) bool) {}

func (d *dataset) isNamed(id store.ID) bool {
	return id != store.DefaultGraph && (d.all || slices.Contains(d.named, id))
}

func (x *exec) matchNamed(p store.Pattern) iter.Seq2[store.Quad, error] {
	if !x.data.all {
		return x.inEach(p, x.data.named, false)
	}
	return func(yield func(store.Quad, error) bool) {
		for q, err := range x.r.Match(p) {
			if q.G != store.DefaultGraph && !yield(q, err) {
				return
			}
		}
	}
}

func (x *exec) matchDefault(p store.Pattern) iter.Seq2[store.Quad, error] {
	d := &x.data
	switch {
	case d.union:
		return x.inUnion(p)
	case len(d.defaults) == 0:
		return none
	case len(d.defaults) == 1:
		p.G = d.defaults[0]
		return x.r.Match(p)
	}
	return x.inEach(p, d.defaults, true)
}

// inEach yields what each of the graphs has, and if they are merged, only what no graph before has.
func (x *exec) inEach(p store.Pattern, graphs []store.ID, merged bool) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		for i, g := range graphs {
			if err := x.work(1); err != nil {
				yield(store.Quad{}, err)
				return
			}
			p.G = g
			for q, err := range x.r.Match(p) {
				if err == nil && merged {
					var there bool
					if there, err = x.inAny(q, graphs[:i]); there {
						continue
					}
				}
				if !yield(q, err) || err != nil {
					return
				}
			}
		}
	}
}

func (x *exec) inAny(q store.Quad, graphs []store.ID) (bool, error) {
	for _, g := range graphs {
		if err := x.work(1); err != nil {
			return false, err
		}
		q.G = g
		for _, err := range x.r.Match(store.Pattern(q)) {
			return err == nil, err
		}
	}
	return false, nil
}

// inUnion yields a triple where it is in the graph with the least id.
func (x *exec) inUnion(p store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		for q, err := range x.r.Match(p) {
			first := true
			if err == nil {
				first, err = x.isFirst(q)
			}
			if (first || err != nil) && (!yield(q, err) || err != nil) {
				return
			}
		}
	}
}

func (x *exec) isFirst(q store.Quad) (bool, error) {
	for other, err := range x.r.Match(store.Pattern{S: q.S, P: q.P, O: q.O}) {
		if err != nil || other.G < q.G {
			return false, err
		}
	}
	return true, nil
}

// namedGraphs lists the graphs that are named. Those of the store are found by a look at every quad, once.
func (x *exec) namedGraphs() ([]store.ID, error) {
	d := &x.data
	if !d.all || d.listed {
		return d.named, nil
	}
	if x.asking != nil {
		return x.listGraphs()
	}
	seen := map[store.ID]bool{store.DefaultGraph: true}
	for q, err := range x.r.Match(store.Pattern{}) {
		if err == nil {
			err = x.step(1)
		}
		if err != nil {
			return nil, err
		}
		if !seen[q.G] {
			seen[q.G] = true
			d.named = append(d.named, q.G)
			if err := x.hold(48); err != nil {
				return nil, err
			}
		}
	}
	d.listed = true
	return d.named, nil
}

// isGraph reports whether a graph is one of the dataset's named ones: of those of a store, whether it has a quad.
func (x *exec) isGraph(id store.ID) (bool, error) {
	if !x.data.all {
		return slices.Contains(x.data.named, id), nil
	}
	if id == store.DefaultGraph {
		return false, nil
	}
	for _, err := range x.r.Match(store.Pattern{G: id}) {
		return err == nil, err
	}
	return false, nil
}
