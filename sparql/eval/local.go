package eval

import (
	"errors"
	"fmt"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
)

// Key says by what quads are divided into shards.
type Key string

// The keys. The default graph is a key of its own for KeyGraph.
const (
	KeySubject Key = "subject"
	KeyGraph   Key = "graph"
	KeyDataset Key = "dataset"
)

// ErrNotLocal is in every [NotLocalError].
var ErrNotLocal = errors.New("not local to one shard")

// NotLocalError says why an update or a query can't be evaluated by shards that know nothing of each other.
type NotLocalError struct {
	// Pos is where the reason stands, its zero value if it is the text as a whole.
	Pos sparql.Pos
	// Reason says what there is, Help what would do.
	Reason, Help string
}

// Error returns where, why, and what would do.
func (e *NotLocalError) Error() string {
	text := fmt.Sprintf("%v: %s; %s", ErrNotLocal, e.Reason, e.Help)
	if e.Pos != (sparql.Pos{}) {
		text = fmt.Sprintf("line %d, column %d: %s", e.Pos.Line, e.Pos.Column, text)
	}
	return text
}

// Unwrap returns [ErrNotLocal].
func (e *NotLocalError) Unwrap() error { return ErrNotLocal }

// Locality says which shards evaluate an update or a query.
type Locality struct {
	// Every: all shards do, each over its own quads, and the result is that of all together.
	Every bool
	// Keys are the keys whose shards do, if not all. With KeyGraph the zero Term is the default graph. There is more than one only
	// for an update of nothing but INSERT DATA and DELETE DATA, whose quads are divided by their keys; blank nodes among them have
	// the labels of the text. There is none for an update that changes nothing, and with KeyDataset, which has but one shard.
	Keys []rdf.Term
}

// LocalUpdate says which shards carry out an update; its error is a [NotLocalError]. It is local to one shard if all patterns and
// templates have the same constant for a key, and to each shard if they have the same variable for one, which a pattern binds in every
// solution, so that no solution needs, or changes, quads of two shards.
func LocalUpdate(u *sparql.Update, key Key) (Locality, error) {
	if key == KeyDataset {
		return Locality{}, nil
	}
	var all Locality
	data := true
	for _, op := range u.Operations {
		one, err := localOperation(op, key)
		if err != nil {
			return Locality{}, err
		}
		data = data && isData(op)
		all.Every = all.Every || one.Every
		all.add(one.Keys...)
	}
	if !data && (all.Every && len(all.Keys) > 0 || len(all.Keys) > 1) {
		return Locality{}, &NotLocalError{
			Reason: "its operations are for the shards of different keys",
			Help:   "send each as an update of its own, or choose \"key: dataset\"",
		}
	}
	return all, nil
}

// Outside returns a [NotLocalError] if an update asks for more than the quads that it is evaluated on: by LOAD or SERVICE, be it SILENT
// or not.
func Outside(u *sparql.Update) error {
	for _, op := range u.Operations {
		var err error
		switch op := op.(type) {
		case *sparql.Load:
			err = &NotLocalError{Reason: "LOAD reads a document from elsewhere", Help: "read it before, and send what is in it"}
		case *sparql.Modify:
			err = asks(algebra.TranslateModify(op).Op)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asks returns an error if SERVICE is there.
func asks(op algebra.Op) error {
	if s, is := op.(*algebra.Service); is {
		return isService(s)
	}
	return eachBelow(op, asks)
}

func isService(op *algebra.Service) error {
	return &NotLocalError{op.Pos, "SERVICE asks somebody else", "ask the endpoint before, and send what it answers"}
}

// eachBelow calls fn for the parts of an operator, and for those in its expressions, up to the first error.
func eachBelow(op algebra.Op, fn func(algebra.Op) error) error {
	for _, e := range algebra.Exprs(op) {
		for _, exists := range e.Exists {
			if err := fn(exists.Op); err != nil {
				return err
			}
		}
	}
	for _, part := range algebra.Parts(op) {
		if err := fn(part); err != nil {
			return err
		}
	}
	return nil
}

func (l *Locality) add(keys ...rdf.Term) {
	for _, k := range keys {
		if !slices.Contains(l.Keys, k) {
			l.Keys = append(l.Keys, k)
		}
	}
}

func isData(op sparql.Operation) bool {
	switch op.(type) {
	case *sparql.InsertData, *sparql.DeleteData:
		return true
	}
	return false
}

func localOperation(op sparql.Operation, key Key) (l Locality, err error) {
	switch op := op.(type) {
	case *sparql.InsertData:
		l.addQuads(op.Quads, key)
	case *sparql.DeleteData:
		l.addQuads(op.Quads, key)
	case *sparql.Modify:
		return localModify(op, key)
	case *sparql.Manage:
		if key == KeyGraph && op.Target.Kind == sparql.TargetGraph || key == KeyGraph && op.Target.Kind == sparql.TargetDefault {
			l.add(op.Target.Graph)
			return l, nil
		}
		l.Every = op.Action != sparql.Create
	case *sparql.Load:
		if key == KeyGraph {
			l.add(op.Into)
			return l, nil
		}
		err = &NotLocalError{Reason: "LOAD brings quads of many subjects", Help: helps(key)}
	case *sparql.Transfer:
		err = &NotLocalError{Reason: string(op.Kind) + " is about two graphs as a whole", Help: helps(KeyGraph)}
	}
	return l, err
}

func (l *Locality) addQuads(quads []sparql.Quad, key Key) {
	for _, q := range quads {
		if key == KeyGraph {
			l.add(q.G.Term)
		} else {
			l.add(q.S.Term)
		}
	}
}

// helps says what to do where a key will not do.
func helps(key Key) string {
	if key == KeySubject {
		return `choose "key: graph" or "key: dataset", or divide it by subject`
	}
	return `choose "key: dataset"`
}

func localModify(m *sparql.Modify, key Key) (Locality, error) {
	a := algebra.TranslateModify(m)
	if key == KeyGraph && len(m.Using.Default)+len(m.Using.Named) > 0 {
		return Locality{}, &NotLocalError{Reason: "USING chooses other graphs", Help: `name them by GRAPH, or choose "key: dataset"`}
	}
	l := locating{key: key, names: a.Names, with: m.With}
	err := l.op(a.Op)
	for _, template := range []struct {
		made []algebra.Quad
		text []sparql.Quad
	}{{a.Delete, m.Delete}, {a.Insert, m.Insert}} {
		for i, q := range template.made {
			if err == nil {
				err = l.take(q.S, q.G, template.text[i].Pos)
			}
		}
	}
	if err != nil {
		return Locality{}, err
	}
	return l.locality(a.Op)
}

// Local says which shards evaluate a query, as [LocalUpdate] does. That of all shards together is what each gives, one behind the
// other; for an ASK it is true if one is.
func (q *Query) Local(key Key) (Locality, error) {
	if key == KeyDataset {
		return Locality{}, nil
	}
	if q.form == sparql.Describe {
		return Locality{}, &NotLocalError{Reason: "a description goes from one subject to others", Help: helps(KeyGraph)}
	}
	if key == KeyGraph && len(q.data.Default)+len(q.data.Named) > 0 {
		return Locality{}, &NotLocalError{Reason: "FROM chooses other graphs", Help: `name them by GRAPH, or choose "key: dataset"`}
	}
	l := locating{key: key, names: q.algebra.Names, ordered: true}
	if err := l.op(q.algebra.Op); err != nil {
		return Locality{}, err
	}
	return l.locality(q.algebra.Op)
}

// locating finds the one key of all patterns.
type locating struct {
	key     Key
	names   []sparql.Var
	with    rdf.Term // the graph that is the default graph
	ordered bool     // the order of solutions matters
	found   bool
	node    algebra.Node
	whole   []algebra.Op // those that look at all solutions
}

// take takes the key of a pattern or a template.
func (l *locating) take(s, g algebra.Node, pos sparql.Pos) error {
	n := s
	if l.key == KeyGraph {
		n = g
		if n == (algebra.Node{Slot: algebra.None}) {
			n.Term = l.with
		}
	}
	switch {
	case n.Term.Kind() == rdf.KindBlank:
		return &NotLocalError{pos, "a new blank node is the " + string(l.key) + " of a quad", helps(l.key)}
	case !l.found:
		l.found, l.node = true, n
	case n != l.node:
		return &NotLocalError{
			pos, fmt.Sprintf("it has %s %s where others have %s", l.key, l.show(n), l.show(l.node)), helps(l.key),
		}
	}
	return nil
}

func (l *locating) show(n algebra.Node) string {
	switch {
	case n.Slot != algebra.None && l.names[n.Slot] != "" && l.names[n.Slot][0] == '.':
		return "a blank node or a step of a path"
	case n.Slot != algebra.None:
		return "?" + string(l.names[n.Slot])
	case n.Term.IsZero():
		return "the default graph"
	}
	return n.Term.String()
}

func (l *locating) op(op algebra.Op) error {
	switch op := op.(type) {
	case *algebra.Pattern:
		return l.take(op.S, op.G, op.Pos)
	case *algebra.Path:
		if _, one := op.Path.(*sparql.PathNegated); !one && l.key == KeySubject {
			return &NotLocalError{op.Pos, "a path of any length goes from one subject to others", helps(l.key)}
		}
		return l.take(op.S, op.G, op.Pos)
	case *algebra.Service:
		return isService(op)
	case *algebra.Graphs:
		if l.key == KeySubject {
			return &NotLocalError{Reason: "whether there is a graph is not known to one shard", Help: helps(l.key)}
		}
		return l.take(algebra.Node{}, op.Name, sparql.Pos{})
	case *algebra.Graph:
		return &NotLocalError{Reason: "a part of GRAPH with a variable is evaluated for each graph as a whole", Help: `choose "key: dataset"`}
	case *algebra.Group, *algebra.Slice, *algebra.Distinct:
		l.whole = append(l.whole, op)
	case *algebra.Order:
		if l.ordered {
			l.whole = append(l.whole, op)
		}
	}
	return eachBelow(op, l.op)
}

// locality is what was found.
func (l *locating) locality(op algebra.Op) (Locality, error) {
	if !l.found {
		return Locality{}, nil
	}
	if l.node.Slot == algebra.None {
		return Locality{Keys: []rdf.Term{l.node.Term}}, nil
	}
	if !l.binds(op) {
		return Locality{}, &NotLocalError{
			Reason: fmt.Sprintf("%s is not bound by a pattern with it as its %s in every solution", l.show(l.node), l.key),
			Help:   "add such a pattern, or write the " + string(l.key) + " itself",
		}
	}
	for _, whole := range l.whole {
		if !l.within(whole) {
			return Locality{}, &NotLocalError{
				Reason: "grouping, DISTINCT, ORDER BY, LIMIT or OFFSET is of solutions of all shards",
				Help:   "group by " + l.show(l.node) + ", or " + helps(l.key),
			}
		}
	}
	return Locality{Every: true}, nil
}

// within reports whether an operator looks only at solutions with the same key together.
func (l *locating) within(op algebra.Op) bool {
	switch op := op.(type) {
	case *algebra.Group:
		return slices.ContainsFunc(op.Keys, func(k algebra.Key) bool { return k.Slot == l.node.Slot && k.Expr == nil })
	case *algebra.Distinct:
		return slices.Contains(op.Slots, l.node.Slot)
	}
	return false
}

// binds reports whether every solution has the key from a pattern, and so from a quad of the shard.
func (l *locating) binds(op algebra.Op) bool {
	switch op := op.(type) {
	case *algebra.Pattern, *algebra.Path:
		return true
	case *algebra.Graphs:
		return l.key == KeyGraph
	case *algebra.Join:
		return slices.ContainsFunc(op.Parts, l.binds)
	case *algebra.Union:
		return !slices.ContainsFunc(op.Parts, func(part algebra.Op) bool { return !l.binds(part) })
	case *algebra.LeftJoin:
		return l.binds(op.Left)
	case *algebra.Minus:
		return l.binds(op.Left)
	}
	parts := algebra.Parts(op)
	return len(parts) == 1 && l.binds(parts[0])
}
