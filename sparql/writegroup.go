package sparql

// group writes a group in braces.
func (w *writer) group(g *Group) {
	if len(g.Elements) == 0 {
		w.put("{ }")
		return
	}
	w.open()
	if s, ok := g.Elements[0].(*SubSelect); ok && len(g.Elements) == 1 {
		w.newline()
		w.query(s.Query)
	} else {
		for _, e := range g.Elements {
			w.element(e)
		}
	}
	w.shut()
}

// element writes an element of a group, from a new line on.
func (w *writer) element(e Pattern) {
	if t, ok := e.(*Triples); ok {
		w.triples(t.Triples)
		return
	}
	w.newline()
	switch e := e.(type) {
	case *Group:
		w.group(e)
	case *Filter:
		w.put("FILTER ")
		w.constraint(e.Expr)
	case *Optional:
		w.put("OPTIONAL ")
		w.group(e.Group)
	case *Union:
		for i, g := range e.Groups {
			if i > 0 {
				w.put(" UNION ")
			}
			w.group(g)
		}
	case *Minus:
		w.put("MINUS ")
		w.group(e.Group)
	case *GraphPattern:
		w.put("GRAPH ")
		w.node(e.Name)
		w.put(" ")
		w.group(e.Group)
	case *Service:
		w.service(e)
	case *Bind:
		w.put("BIND ")
		w.as(e.Expr, e.Var)
	case *InlineData:
		w.inlineData(e)
	case *SubSelect: // which stands alone in its braces
		w.group(&Group{Elements: []Pattern{e}})
	}
}

func (w *writer) service(s *Service) {
	w.put("SERVICE ")
	w.silent(s.Silent)
	w.node(s.Name)
	w.put(" ")
	w.group(s.Group)
}

// triples writes triples, those with one subject together, each subject on a line of its own.
func (w *writer) triples(triples []Triple) {
	for i := range triples {
		t := &triples[i]
		var before *Triple
		if i > 0 {
			before = &triples[i-1]
		}
		w.triple(t, before)
	}
	if len(triples) > 0 {
		w.put(" .")
	}
}

// triple writes what a triple does not have in common with the one before it, if there is one.
func (w *writer) triple(t, before *Triple) {
	switch {
	case before == nil:
		w.newline()
		w.node(t.S)
	case !sameNode(t.S, before.S):
		w.put(" .")
		w.newline()
		w.node(t.S)
	case t.Path == nil && before.Path == nil && sameNode(t.P, before.P):
		w.put(", ")
		w.node(t.O)
		return
	default:
		w.put(" ;")
		w.level++
		w.newline()
		w.level--
		w.verb(t)
		return
	}
	w.put(" ")
	w.verb(t)
}

// verb writes the predicate or path, and the object.
func (w *writer) verb(t *Triple) {
	if t.Path != nil {
		w.path(t.Path, alternative)
	} else {
		w.predicate(t.P)
	}
	w.put(" ")
	w.node(t.O)
}

// sameNode reports whether two nodes are the same variable or term. Triple terms with variables are taken for different ones.
func sameNode(a, b Node) bool {
	return a.Triple == nil && b.Triple == nil && a.Var == b.Var && a.Term == b.Term
}

// How tightly the forms of paths bind.
const (
	alternative = iota
	sequence
	inverse
	repeat
	primary
)

// path writes a path, in brackets if it binds less tightly than its place needs.
func (w *writer) path(p Path, place int) {
	switch p := p.(type) {
	case PathIRI:
		w.predicate(Node{Term: p.IRI})
	case *PathInverse:
		w.bracketed(place > inverse, func() {
			w.put("^")
			w.path(p.Path, repeat)
		})
	case *PathSequence:
		w.bracketed(place > sequence, func() {
			w.path(p.Left, sequence)
			w.put("/")
			w.path(p.Right, inverse)
		})
	case *PathAlternative:
		w.bracketed(place > alternative, func() {
			w.path(p.Left, alternative)
			w.put("|")
			w.path(p.Right, sequence)
		})
	case *PathRepeat:
		w.bracketed(place > repeat, func() {
			w.path(p.Path, primary)
			w.put(modifier(p))
		})
	case *PathNegated:
		w.negated(p)
	}
}

// bracketed writes in brackets, or without.
func (w *writer) bracketed(brackets bool, write func()) {
	if brackets {
		w.put("(")
	}
	write()
	if brackets {
		w.put(")")
	}
}

// modifier is the PathMod of a path.
func modifier(p *PathRepeat) string {
	switch {
	case !p.Many:
		return "?"
	case p.Zero:
		return "*"
	}
	return "+"
}

// negated writes PathNegated.
func (w *writer) negated(n *PathNegated) {
	w.put("!")
	w.bracketed(len(n.Forward)+len(n.Backward) != 1, func() {
		for i, iri := range n.Forward {
			if i > 0 {
				w.put("|")
			}
			w.predicate(Node{Term: iri})
		}
		for i, iri := range n.Backward {
			if i+len(n.Forward) > 0 {
				w.put("|")
			}
			w.put("^")
			w.predicate(Node{Term: iri})
		}
	})
}
