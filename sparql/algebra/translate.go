package algebra

import (
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// translator makes the algebra of one query.
type translator struct {
	names  []sparql.Var
	blanks map[rdf.Term]Slot
	vars   variables // of the outermost scope
	nested int       // see maxNested

	// What a small query needs of names and vars.
	someNames [4]sparql.Var
	someVars  [4]variable
}

// scope is what names mean at a place of the query.
type scope struct {
	*translator
	vars *variables
	// graph is the active graph: the zero Term for the default graph.
	graph Node
}

func newScope() scope {
	t := &translator{}
	t.names, t.vars.few = t.someNames[:0], t.someVars[:0]
	return scope{translator: t, vars: &t.vars, graph: Node{Slot: None}}
}

// fresh returns a slot that no name means. What it is for stands in its name.
func (t *translator) fresh(what string) Slot {
	t.names = append(t.names, sparql.Var("."+what+strconv.Itoa(len(t.names))))
	return Slot(len(t.names) - 1)
}

// slot returns the slot of a variable.
func (s scope) slot(v sparql.Var) Slot {
	slot, ok := s.vars.slot(v)
	if !ok {
		slot = Slot(len(s.names))
		s.names = append(s.names, v)
		s.vars.add(v, slot)
	}
	return slot
}

// inside returns the scope of a sub-select: only what it projects means the same as outside.
func (s scope) inside(q *sparql.Query) scope {
	vars := &variables{}
	for _, v := range columns(q) {
		vars.add(v, s.slot(v))
	}
	s.vars = vars
	return s
}

// node makes a node of a pattern: a blank node is a variable.
func (s scope) node(n sparql.Node) Node {
	switch {
	case n.Var != "":
		return Node{Slot: s.slot(n.Var)}
	case n.Triple != nil:
		return Node{Slot: None, Triple: &Triple{s.node(n.Triple.S), s.node(n.Triple.P), s.node(n.Triple.O)}}
	case n.Term.Kind() == rdf.KindBlank:
		slot, ok := s.blanks[n.Term]
		if !ok {
			slot = s.fresh("blank")
			if s.blanks == nil {
				s.blanks = map[rdf.Term]Slot{}
			}
			s.blanks[n.Term] = slot
		}
		return Node{Slot: slot}
	}
	return Node{Slot: None, Term: n.Term}
}

// group translates a group (18.2.2.6), and returns its filters apart.
func (s scope) group(g *sparql.Group) (op Op, filters []sparql.Expr) {
	op = Unit{}
	for _, element := range g.Elements {
		switch e := element.(type) {
		case *sparql.Filter:
			filters = append(filters, e.Expr)
		case *sparql.Optional:
			op = s.optional(op, e)
		case *sparql.Minus:
			op = &Minus{op, s.whole(e.Group)}
		case *sparql.Bind:
			op = &Extend{op, s.slot(e.Var), s.expr(e.Expr)}
		default:
			op = join(op, s.pattern(element))
		}
	}
	return op, filters
}

// whole translates a group with its filters.
func (s scope) whole(g *sparql.Group) Op {
	op, filters := s.group(g)
	if len(filters) == 0 {
		return op
	}
	return &Filter{op, s.exprs(filters)}
}

func (s scope) optional(left Op, o *sparql.Optional) Op {
	right, filters := s.group(o.Group)
	return &LeftJoin{Left: left, Right: right, Conditions: s.exprs(filters)}
}

func (s scope) pattern(p sparql.Pattern) Op {
	switch p := p.(type) {
	case *sparql.Group:
		return s.whole(p)
	case *sparql.Triples:
		return s.triples(p.Triples)
	case *sparql.Union:
		u := &Union{}
		for _, g := range p.Groups {
			u.Parts = append(u.Parts, s.whole(g))
		}
		return u
	case *sparql.GraphPattern:
		return s.graphPattern(p)
	case *sparql.Service:
		return s.service(p)
	case *sparql.InlineData:
		return s.values(p)
	case *sparql.SubSelect:
		op := s.inside(p.Query).query(p.Query)
		return op
	}
	return Unit{}
}

func (s scope) triples(triples []sparql.Triple) Op {
	if len(triples) == 1 && triples[0].Path == nil {
		return s.triple(&triples[0])
	}
	parts := make([]Op, 0, len(triples))
	for i := range triples {
		t := &triples[i]
		if t.Path != nil {
			parts = append(parts, joined(s.path(s.node(t.S), t.Path, s.node(t.O), t.Pos))...)
			continue
		}
		parts = append(parts, s.triple(t))
	}
	return joinOf(parts)
}

func (s scope) triple(t *sparql.Triple) Op {
	return &Pattern{S: s.node(t.S), P: s.node(t.P), O: s.node(t.O), G: s.graph, Pos: t.Pos}
}

// path translates a property path (18.2.2.4).
func (s scope) path(from Node, path sparql.Path, to Node, pos sparql.Pos) Op {
	switch p := path.(type) {
	case sparql.PathIRI:
		return &Pattern{S: from, P: Node{Slot: None, Term: p.IRI}, O: to, G: s.graph, Pos: pos}
	case *sparql.PathInverse:
		return s.path(to, p.Path, from, pos)
	case *sparql.PathSequence:
		between := Node{Slot: s.fresh("path")}
		return join(s.path(from, p.Left, between, pos), s.path(between, p.Right, to, pos))
	case *sparql.PathAlternative:
		return &Union{[]Op{s.path(from, p.Left, to, pos), s.path(from, p.Right, to, pos)}}
	case *sparql.PathNegated:
		return s.negated(from, p, to, pos)
	}
	return &Path{S: from, O: to, G: s.graph, Path: path, Pos: pos}
}

func (s scope) negated(from Node, p *sparql.PathNegated, to Node, pos sparql.Pos) Op {
	var parts []Op
	if len(p.Forward) > 0 || len(p.Backward) == 0 {
		parts = append(parts, &Path{S: from, O: to, G: s.graph, Path: &sparql.PathNegated{Forward: p.Forward}, Pos: pos})
	}
	if len(p.Backward) > 0 {
		parts = append(parts, &Path{S: to, O: from, G: s.graph, Path: &sparql.PathNegated{Forward: p.Backward}, Pos: pos})
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &Union{parts}
}

func (s scope) graphPattern(p *sparql.GraphPattern) Op {
	name := s.node(p.Name)
	if name.Slot == None {
		s.graph = name
		return anchor(s.whole(p.Group), name)
	}
	each := Node{Slot: s.fresh("graph")}
	s.graph = each
	return s.inGraphs(&Graph{Name: name.Slot, Each: each.Slot, Op: s.whole(p.Group)})
}

func (s scope) values(d *sparql.InlineData) Op {
	v := &Values{Rows: d.Rows}
	for _, name := range d.Vars {
		v.Slots = append(v.Slots, s.slot(name))
	}
	return v
}

func (s scope) service(p *sparql.Service) Op {
	q := &sparql.Query{Form: sparql.Select, Star: true, Where: p.Group}
	op := &Service{Name: s.node(p.Name), Silent: p.Silent, Query: q, Vars: columns(q), Pos: p.Pos}
	for _, v := range op.Vars {
		op.Slots = append(op.Slots, s.slot(v))
	}
	return op
}

// join joins two operators, which are not used any more, and is flat.
func join(a, b Op) Op {
	switch {
	case a == Unit{}:
		return b
	case b == Unit{}:
		return a
	}
	return joinOf(append(joined(a), joined(b)...))
}

func joinOf(parts []Op) Op {
	switch len(parts) {
	case 0:
		return Unit{}
	case 1:
		return parts[0]
	}
	return &Join{parts}
}

func joined(op Op) []Op {
	switch op := op.(type) {
	case Unit:
		return nil
	case *Join:
		return op.Parts
	}
	return []Op{op}
}

func (s scope) exprs(exprs []sparql.Expr) (all []*Expr) {
	for _, e := range exprs {
		for _, part := range conjuncts(e) {
			all = append(all, s.expr(part))
		}
	}
	return all
}

// conjuncts divides a condition: a solution is kept by "a && b" exactly if it is by both.
func conjuncts(e sparql.Expr) []sparql.Expr {
	if b, ok := e.(*sparql.Binary); ok && b.Op == sparql.And {
		return append(conjuncts(b.Left), conjuncts(b.Right)...)
	}
	return []sparql.Expr{e}
}

// expr gives the names of an expression their meaning. Variables that nothing binds have a slot, too.
func (s scope) expr(e sparql.Expr) *Expr {
	out := &Expr{Expr: e}
	for _, v := range exprVars(e, true) {
		slot := s.slot(v)
		out.Uses.Add(slot)
		out.vars.add(v, slot)
	}
	eachExpr(e, func(e sparql.Expr) bool {
		if exists, ok := e.(*sparql.Exists); ok {
			op := s.whole(exists.Group)
			out.Exists = append(out.Exists, Exists{exists.Group, op})
			out.Uses = out.Uses.Union(Mentioned(op))
		}
		return true
	})
	return out
}
