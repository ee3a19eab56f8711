package sparql

import "github.com/quadrille-stream/quadrille/rdf"

// operation writes an operation.
func (w *writer) operation(op Operation) {
	switch op := op.(type) {
	case *InsertData:
		w.put("INSERT DATA ")
		w.quads(op.Quads)
	case *DeleteData:
		w.put("DELETE DATA ")
		w.quads(op.Quads)
	case *Modify:
		w.modify(op)
	case *Load:
		w.put("LOAD ")
		w.silent(op.Silent)
		w.term(op.Source)
		if !op.Into.IsZero() {
			w.put(" INTO GRAPH ")
			w.term(op.Into)
		}
	case *Manage:
		w.put(string(op.Action))
		w.put(" ")
		w.silent(op.Silent)
		w.target(op.Target)
	case *Transfer:
		w.put(string(op.Kind))
		w.put(" ")
		w.silent(op.Silent)
		w.graphOrDefault(op.From)
		w.put(" TO ")
		w.graphOrDefault(op.To)
	}
}

func (w *writer) silent(silent bool) {
	if silent {
		w.put("SILENT ")
	}
}

func (w *writer) graphOrDefault(g rdf.Term) {
	if g.IsZero() {
		w.put("DEFAULT")
		return
	}
	w.put("GRAPH ")
	w.term(g)
}

func (w *writer) target(t Target) {
	switch t.Kind {
	case TargetDefault:
		w.put("DEFAULT")
	case TargetNamed:
		w.put("NAMED")
	case TargetAll:
		w.put("ALL")
	default:
		w.graphOrDefault(t.Graph)
	}
}

// modify writes Modify, each clause on a line of its own.
func (w *writer) modify(m *Modify) {
	from := len(w.dst)
	clause := func(keyword string) {
		if len(w.dst) > from {
			w.newline()
		}
		w.put(keyword)
	}
	if !m.With.IsZero() {
		clause("WITH ")
		w.term(m.With)
	}
	if m.HasDelete {
		clause("DELETE ")
		w.quads(m.Delete)
	}
	if m.HasInsert {
		clause("INSERT ")
		w.quads(m.Insert)
	}
	w.dataset("USING", m.Using)
	clause("WHERE ")
	w.group(m.Where)
}

// quads writes quads in braces, those of one graph together.
func (w *writer) quads(quads []Quad) {
	if len(quads) == 0 {
		w.put("{ }")
		return
	}
	w.open()
	for len(quads) > 0 {
		n := 1
		for n < len(quads) && sameNode(quads[n].G, quads[0].G) {
			n++
		}
		w.graph(quads[0].G, quads[:n])
		quads = quads[n:]
	}
	w.shut()
}

// graph writes quads of one graph.
func (w *writer) graph(g Node, quads []Quad) {
	if g != (Node{}) {
		w.newline()
		w.put("GRAPH ")
		w.node(g)
		w.put(" ")
		w.open()
		defer w.shut()
	}
	var before *Triple
	for i := range quads {
		w.triple(&quads[i].Triple, before)
		before = &quads[i].Triple
	}
	w.put(" .")
}
