package sparql

import (
	"strconv"
	"unsafe"

	"github.com/quadrille-stream/quadrille/rdf"
)

// String returns the query as text, which is read as an equal tree: what only differs in where it stands in the text is equal. It
// uses the prefixes of the prologue, where a name behind one needs no escapes. A tree that can't be read, such as one with a
// variable whose name begins with a dot, is written all the same.
func (q *Query) String() string { return text(q.Append(nil)) }

// Append appends the text of [Query.String].
func (q *Query) Append(dst []byte) []byte {
	w := writer{dst: dst}
	w.prologue(&q.Prologue)
	w.query(q)
	w.newline()
	return w.dst
}

// String returns the update as text, as [Query.String] does.
func (u *Update) String() string { return text(u.Append(nil)) }

// Append appends the text of [Update.String].
func (u *Update) Append(dst []byte) []byte {
	w := writer{dst: dst}
	w.prologue(&u.Prologue)
	for i, op := range u.Operations {
		if i > 0 {
			w.put(" ;\n\n")
		}
		w.operation(op)
	}
	if len(u.Operations) > 0 {
		w.newline()
	}
	return w.dst
}

// text makes a string of bytes that nobody changes.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// writer writes a tree.
type writer struct {
	dst      []byte
	level    int // of indentation
	prefixes []Prefix
}

func (w *writer) put(s string) { w.dst = append(w.dst, s...) }

// newline begins another line. Beyond some depth the indentation does not grow, so that the text stays in proportion to the tree.
func (w *writer) newline() {
	const most = 20
	w.put("\n")
	for range min(w.level, most) {
		w.put("  ")
	}
}

// open writes a brace, and indents what follows.
func (w *writer) open() {
	w.put("{")
	w.level++
}

// shut ends what open began.
func (w *writer) shut() {
	w.level--
	w.newline()
	w.put("}")
}

// prologue writes the declarations, and takes the prefixes.
func (w *writer) prologue(p *Prologue) {
	if p.Version != "" {
		w.put("VERSION ")
		w.quoted(p.Version)
		w.newline()
	}
	if p.Base != "" {
		w.put("BASE <" + p.Base + ">")
		w.newline()
	}
	for _, prefix := range p.Prefixes {
		w.put("PREFIX " + prefix.Name + ": <" + prefix.IRI + ">")
		w.newline()
	}
	if p.Base != "" || len(p.Prefixes) > 0 {
		w.newline()
	}
	w.prefixes = usable(p.Prefixes)
}

// usable are the prefixes that hold where all are declared: of those with one name, the last.
func usable(declared []Prefix) []Prefix {
	last := map[string]int{}
	for i, prefix := range declared {
		last[prefix.Name] = i
	}
	var all []Prefix
	for i, prefix := range declared {
		if last[prefix.Name] == i && prefix.IRI != "" {
			all = append(all, prefix)
		}
	}
	return all
}

// query writes a query without its prologue.
func (w *writer) query(q *Query) {
	switch q.Form {
	case Select:
		w.selects(q)
	case Construct:
		w.put("CONSTRUCT ")
		w.template(q.Template)
	case Describe:
		w.put("DESCRIBE")
		if q.Star {
			w.put(" *")
		}
		for _, n := range q.Describe {
			w.put(" ")
			w.node(n)
		}
	case Ask:
		w.put("ASK")
	}
	w.dataset("FROM", q.Dataset)
	if q.Where != nil {
		w.newline()
		w.put("WHERE ")
		w.group(q.Where)
	}
	w.modifiers(q)
}

// selects writes SelectClause.
func (w *writer) selects(q *Query) {
	w.put("SELECT")
	if q.Distinct {
		w.put(" DISTINCT")
	}
	if q.Reduced {
		w.put(" REDUCED")
	}
	if q.Star {
		w.put(" *")
	}
	for _, column := range q.Project {
		w.put(" ")
		if column.Expr == nil {
			w.variable(column.Var)
			continue
		}
		w.as(column.Expr, column.Var)
	}
}

// as writes (Expression AS Var).
func (w *writer) as(e Expr, v Var) {
	w.put("(")
	w.expr(e, lowest)
	w.put(" AS ")
	w.variable(v)
	w.put(")")
}

// template writes triples in braces.
func (w *writer) template(triples []Triple) {
	w.open()
	w.triples(triples)
	w.shut()
}

// dataset writes FROM or USING, each on a line of its own.
func (w *writer) dataset(keyword string, d Dataset) {
	for _, g := range d.Default {
		w.newline()
		w.put(keyword + " ")
		w.term(g)
	}
	for _, g := range d.Named {
		w.newline()
		w.put(keyword + " NAMED ")
		w.term(g)
	}
}

// modifiers writes what follows WHERE.
func (w *writer) modifiers(q *Query) {
	clause(w, "GROUP BY", q.GroupBy, w.groupKey)
	clause(w, "HAVING", q.Having, w.constraint)
	clause(w, "ORDER BY", q.OrderBy, w.orderKey)
	w.limit("LIMIT", q.Limit)
	w.limit("OFFSET", q.Offset)
	if q.Values != nil {
		w.newline()
		w.inlineData(q.Values)
	}
}

// clause writes what stands behind a keyword, on a line of its own; nothing where there is none.
func clause[T any](w *writer, keyword string, all []T, write func(T)) {
	if len(all) == 0 {
		return
	}
	w.newline()
	w.put(keyword)
	for _, one := range all {
		w.put(" ")
		write(one)
	}
}

func (w *writer) groupKey(key GroupKey) {
	switch {
	case key.Expr == nil:
		w.variable(key.Var)
	case key.Var != "":
		w.as(key.Expr, key.Var)
	default:
		w.constraint(key.Expr)
	}
}

func (w *writer) orderKey(key OrderKey) {
	n, ok := key.Expr.(*NodeExpr)
	switch {
	case key.Descending:
		w.put("DESC(")
		w.expr(key.Expr, lowest)
		w.put(")")
	case ok && n.Node.Var != "":
		w.variable(n.Node.Var)
	default:
		w.constraint(key.Expr)
	}
}

func (w *writer) limit(keyword string, n *int64) {
	if n != nil {
		w.newline()
		w.put(keyword + " ")
		w.dst = strconv.AppendInt(w.dst, *n, 10)
	}
}

// inlineData writes VALUES and its data.
func (w *writer) inlineData(d *InlineData) {
	w.put("VALUES ")
	if len(d.Vars) == 1 {
		w.variable(d.Vars[0])
	} else {
		w.put("(")
		for i, v := range d.Vars {
			w.space(i)
			w.variable(v)
		}
		w.put(")")
	}
	w.put(" ")
	w.open()
	for _, row := range d.Rows {
		w.newline()
		w.row(row)
	}
	w.shut()
}

// row writes a row of VALUES.
func (w *writer) row(row []rdf.Term) {
	if len(row) != 1 {
		w.put("(")
		defer func() { w.put(")") }()
	}
	for i, t := range row {
		if w.space(i); t.IsZero() {
			w.put("UNDEF")
		} else {
			w.term(t)
		}
	}
}

// space writes a space before all but the first.
func (w *writer) space(i int) {
	if i > 0 {
		w.put(" ")
	}
}
