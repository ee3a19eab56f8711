package mapping

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// worker maps the documents of one message.
type worker struct {
	m      *Mapping
	in     input
	to     patch.Change
	number int // of the document

	// What the document makes. Of wildcards each is there once.
	wildcards, deletes, adds []rdf.Quad
	seen                     map[rdf.Quad]struct{}

	subjects, graphs, predicates, objects, nodes, units []rdf.Term

	// Of a mapping that makes updates: their text, and how long it may get.
	updates []byte
	most    int
}

// document maps one, of which rows are the rows unless a rule says otherwise.
func (w *worker) document(document any, rows ...any) error {
	w.number++
	w.in.document = document
	if w.m.native {
		w.in.nativeDocument = native(document)
	}
	w.wildcards, w.deletes, w.adds = w.wildcards[:0], w.deletes[:0], w.adds[:0]
	clear(w.seen)
	for _, r := range w.m.rules {
		if err := r.rows(&w.in, rows, func(row any) error { return w.row(r, row) }); err != nil {
			return w.failed(err)
		}
	}
	return w.hand()
}

// failed makes an *Error of what is wrong with the document.
func (w *worker) failed(err error) error {
	e := &Error{Mapping: w.m.name, Document: w.number, Err: err}
	if of, ok := errors.AsType[*fieldError](err); ok {
		e.Field, e.Err = of.field, of.err
	}
	return e
}

// hand hands the transaction over, if there is one.
func (w *worker) hand() error {
	if len(w.wildcards)+len(w.deletes)+len(w.adds) == 0 {
		return nil
	}
	if err := w.to.Begin(); err != nil {
		return err
	}
	for _, list := range [][]rdf.Quad{w.wildcards, w.deletes} {
		for _, q := range list {
			if err := w.to.Delete(q); err != nil {
				return err
			}
		}
	}
	for _, q := range w.adds {
		if err := w.to.Add(q); err != nil {
			return err
		}
	}
	return w.to.Commit()
}

// row maps one row by one rule.
func (w *worker) row(r *rule, row any) (err error) {
	w.in.row = row
	if w.m.native {
		w.in.nativeRow = native(row)
	}
	if yes, err := r.when.holds(&w.in); err != nil || !yes {
		return inField("when", err)
	}
	switch {
	case r.updating != nil:
		return w.update(r.updating)
	case w.m.format == jsonldFormat:
		return w.jsonld(r)
	}
	if w.subjects, err = r.subjects(&w.in, w.subjects[:0]); err != nil {
		return err
	}
	if r.mode == modeDeleteSubject || r.mode == modeReplaceSubject {
		if w.graphs, err = w.graphsOf(r, nil); err != nil {
			return err
		}
		w.cross(func(s, g rdf.Term) { w.wildcard(rdf.Quad{S: s, P: patch.Any, O: patch.Any, G: g}) })
	}
	for _, p := range r.pairs {
		if err := w.pair(r, p); err != nil {
			return err
		}
	}
	return nil
}

// cross calls fn with each subject in each graph.
func (w *worker) cross(fn func(s, g rdf.Term)) {
	for _, s := range w.subjects {
		for _, g := range w.graphs {
			fn(s, g)
		}
	}
}

// graphsOf returns the graphs of a pair: the rule's and its own; the default graph, if neither says any.
func (w *worker) graphsOf(r *rule, p *pair) ([]rdf.Term, error) {
	graphs, err := all(r.graphs, &w.in, w.graphs[:0])
	if err != nil {
		return graphs, err
	}
	own := 0
	if p != nil {
		own = len(p.graphs)
		if graphs, err = all(p.graphs, &w.in, graphs); err != nil {
			return graphs, err
		}
	}
	switch {
	case len(r.graphs)+own == 0:
		graphs = append(graphs, rdf.Term{})
	case len(graphs) == 0:
		return graphs, inField("graphs", errors.New("no graph has a value"))
	}
	return graphs, nil
}

// pair maps predicates and objects of a row.
func (w *worker) pair(r *rule, p *pair) (err error) {
	if w.graphs, err = w.graphsOf(r, p); err != nil {
		return err
	}
	if w.predicates, err = all(p.predicates, &w.in, w.predicates[:0]); err != nil {
		return err
	}
	yes, err := p.when.holds(&w.in)
	if err != nil {
		return inField(p.field+".when", err)
	}
	found := missing
	for _, o := range p.objects {
		if !yes {
			break
		}
		of, err := w.object(r, o)
		if err != nil {
			return err
		}
		found = max(found, of)
	}
	if r.mode == modeReplace || r.mode == modeUpsert && found != missing {
		return w.replaced(p)
	}
	return w.bounded()
}

// replaced says that the old values of a pair's predicates go.
func (w *worker) replaced(p *pair) error {
	for _, predicate := range w.predicates {
		w.cross(func(s, g rdf.Term) { w.wildcard(rdf.Quad{S: s, P: predicate, O: patch.Any, G: g}) })
	}
	for _, o := range p.objects {
		if o.unit == nil {
			continue
		}
		nodes, _, err := o.node.terms(&w.in, w.nodes[:0])
		if err != nil {
			return err
		}
		w.nodes = nodes
		for _, node := range nodes {
			for _, g := range w.graphs {
				w.wildcard(rdf.Quad{S: node, P: numericValue, O: patch.Any, G: g})
				w.wildcard(rdf.Quad{S: node, P: hasUnit, O: patch.Any, G: g})
			}
		}
	}
	return w.bounded()
}

// object makes the quads of one object.
func (w *worker) object(r *rule, o *object) (found presence, err error) {
	w.objects, found, err = o.terms(&w.in, w.objects[:0])
	switch {
	case err != nil:
		return found, err
	case found != present && o.required:
		return found, o.lacks(&w.in)
	case o.unit != nil && len(w.objects) > 0:
		if err := w.quantity(r, o); err != nil {
			return found, err
		}
	}
	for _, predicate := range w.predicates {
		for _, object := range w.objects {
			w.cross(func(s, g rdf.Term) { w.quad(r, rdf.Quad{S: s, P: predicate, O: object, G: g}) })
		}
		if err := w.bounded(); err != nil {
			return found, err
		}
	}
	return found, nil
}

// quantity makes the node that has the numbers and their unit, which is then the object.
func (w *worker) quantity(r *rule, o *object) (err error) {
	var found presence
	if w.nodes, found, err = o.node.terms(&w.in, w.nodes[:0]); err != nil {
		return err
	}
	if found != present || len(w.nodes) != 1 {
		return inField(o.node.field, fmt.Errorf("expected one node for a value with a unit, found %d", len(w.nodes)))
	}
	if w.units, found, err = o.unit.terms(&w.in, w.units[:0]); err != nil {
		return err
	}
	if found != present || len(w.units) != 1 {
		return inField(o.unit.field, fmt.Errorf("expected one unit, found %d", len(w.units)))
	}
	node := w.nodes[0]
	for _, g := range w.graphs {
		w.quad(r, rdf.Quad{S: node, P: vocab.Type, O: quantityValue, G: g})
		w.quad(r, rdf.Quad{S: node, P: hasUnit, O: w.units[0], G: g})
		for _, number := range w.objects {
			w.quad(r, rdf.Quad{S: node, P: numericValue, O: number, G: g})
		}
	}
	w.objects = append(w.objects[:0], node)
	return nil
}

// quad takes in a quad that a rule has made.
func (w *worker) quad(r *rule, q rdf.Quad) {
	switch r.mode {
	case modeDelete:
		w.deletes = append(w.deletes, q)
	case modeDeleteSubject:
	default:
		w.adds = append(w.adds, q)
	}
}

// wildcard takes in a deletion of quads that the owner of the state knows.
func (w *worker) wildcard(q rdf.Quad) {
	if w.seen == nil {
		w.seen = map[rdf.Quad]struct{}{}
	}
	if _, seen := w.seen[q]; !seen {
		w.seen[q] = struct{}{}
		w.wildcards = append(w.wildcards, q)
	}
}

// bounded reports a document that makes too much.
func (w *worker) bounded() error {
	if len(w.wildcards)+len(w.deletes)+len(w.adds) > MaxQuads {
		return fmt.Errorf("the document makes more than %d changes; send it in parts", MaxQuads)
	}
	return nil
}
