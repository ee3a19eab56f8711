package differential

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// canonical writes the text of a question as package sparql does, so that repairs need know but one way to write it.
func canonical(q question) question { return rewriteTree(q, func(any) any { return nil }) }

// rewriteTree changes the tree of a question: change is called for all its patterns, paths and expressions, the inner ones first, and
// returns what takes their place, nil for what stays. A text that has no tree stays as it is.
func rewriteTree(q question, change func(any) any) question {
	var tree fmt.Stringer
	var err error
	if q.form == formatUpdate {
		tree, err = sparql.ParseUpdate(q.text)
	} else {
		tree, err = sparql.ParseQuery(q.text)
	}
	if err == nil {
		rewriteValue(reflect.ValueOf(tree), change)
		q.text = tree.String()
	}
	return q
}

func rewriteValue(v reflect.Value, change func(any) any) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			rewriteValue(v.Elem(), change)
		}
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		rewriteValue(v.Elem(), change)
		if changed := change(v.Interface()); changed != nil {
			v.Set(reflect.ValueOf(changed))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			rewriteValue(v.Field(i), change)
		}
	case reflect.Slice:
		for i := range v.Len() {
			rewriteValue(v.Index(i), change)
		}
	}
}

// treeRepair returns a repair of the tree.
func treeRepair(change func(any) any) func(question) question {
	return func(q question) question { return rewriteTree(q, change) }
}

// withoutZero takes length zero out of a path.
func withoutZero(part any) any {
	if p, ok := part.(*sparql.PathRepeat); ok && p.Zero {
		if !p.Many {
			return p.Path
		}
		return &sparql.PathRepeat{Path: p.Path, Many: true}
	}
	return nil
}

// simplePath takes one of the two ways of a path that has them.
func simplePath(part any) any {
	switch p := part.(type) {
	case *sparql.PathAlternative:
		return p.Left
	case *sparql.PathSequence:
		return p.Left
	case *sparql.PathNegated:
		if len(p.Forward) > 0 {
			return sparql.PathIRI{IRI: p.Forward[0]}
		}
		return &sparql.PathInverse{Path: sparql.PathIRI{IRI: p.Backward[0]}}
	}
	return nil
}

// withoutSubSelect takes the pattern of a sub-select for it.
func withoutSubSelect(part any) any {
	p, ok := part.(*sparql.SubSelect)
	if !ok || len(p.Query.GroupBy) > 0 || p.Query.Values != nil {
		return nil
	}
	for _, column := range p.Query.Project {
		if column.Expr != nil {
			return nil
		}
	}
	return p.Query.Where
}

// guarded keeps a filter from being anything but a filter.
func guarded(part any) any {
	if p, ok := part.(*sparql.Filter); ok {
		return &sparql.Filter{Expr: &sparql.Unary{Op: sparql.Not, Expr: &sparql.Unary{Op: sparql.Not, Expr: p.Expr}}}
	}
	return nil
}

// eachGraph writes GRAPH with a variable as it is defined: the union, over the named graphs, of what the pattern gives in one, joined
// with its name. Labels of blank nodes become variables, since a label may not be in two of its parts.
func eachGraph(q question) question {
	q = withGraphs(q)
	var names []rdf.Term
	if q.form == formatUpdate { // an operation before may have made them
		names = []rdf.Term{term(":a"), term(":g"), term(":h")}
	}
	for _, quad := range q.quads {
		if !quad.G.IsZero() && !slices.Contains(names, quad.G) {
			names = append(names, quad.G)
		}
	}
	q = rewrite(`_:(\w+)[\w.]*`, "?label$1")(q)
	return rewriteTree(q, func(part any) any {
		p, ok := part.(*sparql.GraphPattern)
		if !ok || p.Name.Var == "" {
			return nil
		}
		if len(names) == 0 {
			return &sparql.InlineData{Vars: []sparql.Var{p.Name.Var}}
		}
		union := &sparql.Union{}
		for _, name := range names {
			union.Groups = append(union.Groups, &sparql.Group{Elements: []sparql.Pattern{
				&sparql.GraphPattern{Name: sparql.Node{Term: name}, Group: inFilled(p.Group)},
				&sparql.InlineData{Vars: []sparql.Var{p.Name.Var}, Rows: [][]rdf.Term{{name}}},
			}})
		}
		if len(names) == 1 {
			return union.Groups[0]
		}
		return union
	})
}

// inFilled is the pattern where the graph has any triples: Oxigraph has solutions of one without triples in a graph that isn't there, too.
func inFilled(g *sparql.Group) *sparql.Group {
	any := func(name string) sparql.Node { return sparql.Node{Var: sparql.Var(name)} }
	filled := &sparql.Group{Elements: []sparql.Pattern{&sparql.Triples{Triples: []sparql.Triple{{S: any("any1"), P: any("any2"), O: any("any3")}}}}}
	return &sparql.Group{Elements: append(slices.Clone(g.Elements), &sparql.Filter{Expr: &sparql.Exists{Group: filled}})}
}

// withGraphs puts a quad into each graph that FROM NAMED or USING NAMED names.
func withGraphs(q question) question {
	for _, name := range namedGraph.FindAllStringSubmatch(q.text, -1) {
		q.quads = append(slices.Clone(q.quads), rdf.Quad{S: term(":a"), P: term(":p"), O: term(":a"), G: term(name[1])})
	}
	return q
}

var namedGraph = regexp.MustCompile(`NAMED (:\w+|<[^>]*>)`)

// withoutTags takes the tags off strings.
func withoutTags(q question) question {
	return rewriteTree(replaceTerms(`"@[a-z]+(-[0-9]+)?`, `"`)(q), func(part any) any {
		if p, ok := part.(*sparql.Call); ok && p.Name == "STRLANG" {
			return &sparql.Call{Name: "STR", Args: p.Args[:1]}
		}
		return nil
	})
}
