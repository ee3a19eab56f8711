package jsonld

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/piprate/json-gold/ld"

	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Marshal writes quads as a JSON-LD document in expanded form (Serialize RDF as JSON-LD), or compacted with the context
// of [Context]. Members and nodes are in the order of their names, so that the same set of quads makes the same
// document. Errors: [rdf.ErrInvalid] for a quad whose terms can't stand where they do, or that JSON-LD 1.1 has no place
// for, such as a triple term; [rdf.ErrLimit] for more quads than [MaxQuads] allows, [rdf.ErrDepthLimit] for lists nested more deeply than
// [MaxDepth] allows; an [*Error] otherwise.
func Marshal(quads []rdf.Quad, opts ...Option) ([]byte, error) {
	o := collect(opts)
	if len(quads) > o.quads {
		return nil, &Error{File: o.file, Msg: fmt.Sprintf("%d quads are %v of %d", len(quads), rdf.ErrLimit, o.quads),
			Err: rdf.ErrLimit}
	}
	w := newTreeMaker(&o)
	for _, q := range quads {
		if err := w.add(q); err != nil {
			return nil, o.wrap(err)
		}
	}
	tree, err := w.tree()
	if err == nil && deeper(tree, o.depth) {
		err = &Error{Msg: fmt.Sprintf("lists nested so that the document is deeper than %d are %v", o.depth, rdf.ErrLimit),
			Err: rdf.ErrDepthLimit}
	}
	if err != nil {
		return nil, o.wrap(err)
	}
	if o.context == nil {
		return marshal(tree)
	}
	return o.compact(tree)
}

// deeper reports whether objects and arrays are nested more than depth deep.
func deeper(v any, depth int) bool {
	switch v := v.(type) {
	case object:
		for _, member := range v {
			if depth == 0 || deeper(member, depth-1) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if depth == 0 || deeper(item, depth-1) {
				return true
			}
		}
	}
	return false
}

// compact writes a document in expanded form with the caller's context.
func (o *options) compact(tree []any) ([]byte, error) {
	context, strings, err := decodeDocument(o.context, "context", o)
	if err != nil {
		return nil, err
	}
	r := newRemote(o, strings)
	if err := r.look(map[string]any{"@context": context}); err != nil {
		return nil, o.wrap(err)
	}
	settings := ld.NewJsonLdOptions(o.base)
	settings.ProcessingMode = ld.JsonLd_1_1
	if o.version10 {
		settings.ProcessingMode = ld.JsonLd_1_0
	}
	settings.DocumentLoader = r
	var compacted map[string]any
	err = guard(func() (err error) {
		compacted, err = ld.NewJsonLdProcessor().Compact(tree, context, settings)
		return err
	})
	if err != nil {
		return nil, o.wrap(err)
	}
	return marshal(compacted)
}

// object is a JSON object in expanded form.
type object = map[string]any

// usage is where an object stands: as a value of a property of a node.
type usage struct {
	node     object
	property string
	value    object
}

// graphMap is the nodes of a graph by their names.
type graphMap struct {
	nodes    map[string]object
	nils     []usage
	compound map[string]bool                        // blank nodes with rdf:direction
	values   map[nodeProperty]map[rdf.Term]struct{} // what properties have already
}

// nodeProperty is a property of a node.
type nodeProperty struct{ node, property string }

// treeMaker turns quads into a document: the Serialize RDF as JSON-LD algorithm. Beyond the standard, which then loses
// quads, a blank node that stands in several graphs or in a list of itself is written as a node, and so is one with
// rdf:direction that has more properties than a string with a base direction.
type treeMaker struct {
	o      *options
	graphs map[string]*graphMap
	once   map[string]*usage    // of blank nodes; nil for one that is used more than once
	home   map[string]*graphMap // of blank nodes: the graph that it stands in; nil if there are several
	folded map[string]string    // nodes of lists that were folded, and the nodes that have the lists
}

const defaultGraph = "@default"

func newTreeMaker(o *options) *treeMaker {
	w := &treeMaker{o: o, graphs: map[string]*graphMap{}, once: map[string]*usage{},
		home: map[string]*graphMap{}, folded: map[string]string{}}
	w.graph(defaultGraph)
	return w
}

func (w *treeMaker) graph(name string) *graphMap {
	g, ok := w.graphs[name]
	if !ok {
		g = &graphMap{nodes: map[string]object{}, compound: map[string]bool{},
			values: map[nodeProperty]map[rdf.Term]struct{}{}}
		w.graphs[name] = g
	}
	return g
}

// node returns a node of the graph, a new one if there was none.
func (g *graphMap) node(name string) object {
	n, ok := g.nodes[name]
	if !ok {
		n = object{"@id": name}
		g.nodes[name] = n
	}
	return n
}

// name is how JSON-LD writes an IRI or a blank node.
func name(t rdf.Term) string { return t.Key() }

// add adds a quad (step 5).
func (w *treeMaker) add(q rdf.Quad) error {
	if err := q.Check(); err != nil {
		return err
	}
	g := w.graph(defaultGraph)
	if !q.G.IsZero() {
		g.node(name(q.G))
		g = w.graph(name(q.G))
	}
	for _, t := range []rdf.Term{q.S, q.O} {
		w.settle(g, t)
	}
	w.settle(nil, q.G)
	s, property := g.node(name(q.S)), q.P.Value()
	if q.P == rdfDirection && w.o.direction == CompoundLiteral {
		g.compound[name(q.S)] = true
	}
	kind := q.O.Kind()
	if kind == rdf.KindTriple {
		return fmt.Errorf("%w: %.200s: JSON-LD 1.1 has no triple terms", rdf.ErrInvalid, q.O)
	}
	resource := kind != rdf.KindLiteral
	if resource {
		g.node(name(q.O))
	}
	if resource && q.P == vocab.Type && !w.o.rdfType {
		property = "@type"
	}
	if !g.first(name(q.S), property, q.O) {
		return nil
	}
	if property == "@type" {
		s[property] = append(items(s[property]), name(q.O))
		w.once[name(q.O)] = nil // nothing can be put in the place of a type
		return nil
	}
	value, err := w.object(q.O)
	if err != nil {
		return err
	}
	s[property] = append(items(s[property]), value)
	w.use(g, q.O, usage{s, property, value})
	return nil
}

// settle takes note that a term stands in a graph; nil stands for the name of one.
func (w *treeMaker) settle(g *graphMap, t rdf.Term) {
	if t.Kind() != rdf.KindBlank {
		return
	}
	if before, known := w.home[name(t)]; known && before != g {
		g = nil
	}
	w.home[name(t)] = g
}

// first reports whether a property does not have the value yet, and takes note of it.
func (g *graphMap) first(node, property string, o rdf.Term) bool {
	values := g.values[nodeProperty{node, property}]
	if values == nil {
		values = map[rdf.Term]struct{}{}
		g.values[nodeProperty{node, property}] = values
	}
	_, known := values[o]
	values[o] = struct{}{}
	return !known
}

func (w *treeMaker) use(g *graphMap, o rdf.Term, u usage) {
	switch {
	case o == vocab.Nil:
		g.nils = append(g.nils, u)
	case o.Kind() != rdf.KindBlank:
	default:
		if _, used := w.once[name(o)]; used {
			w.once[name(o)] = nil
		} else {
			w.once[name(o)] = &u
		}
	}
}

// object is the RDF to Object Conversion.
func (w *treeMaker) object(t rdf.Term) (object, error) {
	if t.Kind() != rdf.KindLiteral {
		return object{"@id": name(t)}, nil
	}
	value := object{"@value": t.Value()}
	if lang := t.Lang(); lang != "" {
		value["@language"] = lang
		if d := t.Direction(); d != rdf.NoDirection {
			value["@direction"] = string(d)
		}
		return value, nil
	}
	switch datatype := t.Datatype(); {
	case datatype == rdf.XSDString:
	case datatype == jsonType && !w.o.version10:
		return w.jsonLiteral(t)
	case w.o.direction == I18NDatatype && strings.HasPrefix(datatype, i18n):
		lang, direction, _ := strings.Cut(datatype[len(i18n):], "_")
		if lang != "" {
			value["@language"] = lang
		}
		if direction != "" {
			value["@direction"] = direction
		}
	default:
		if v, ok := native(t.Value(), datatype); ok && w.o.nativeTypes {
			value["@value"] = v
		} else {
			value["@type"] = datatype
		}
	}
	return value, nil
}

func (w *treeMaker) jsonLiteral(t rdf.Term) (object, error) {
	v, _, err := decode([]byte(t.Value()), "", w.o)
	if err != nil {
		return nil, &Error{Code: "invalid JSON literal", Msg: err.Error(), Err: err}
	}
	if canonical, err := appendJSON(nil, v); !w.o.nativeTypes && (err != nil || string(canonical) != t.Value()) {
		return object{"@value": t.Value(), "@type": jsonType}, nil // which keeps the lexical form
	}
	return object{"@value": v, "@type": "@json"}, nil
}

var (
	integerForm = regexp.MustCompile(`^[+-]?[0-9]+$`)
	doubleForm  = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
)

// native returns the JSON value of a literal, if there is one.
func native(lexical, datatype string) (any, bool) {
	switch datatype {
	case rdf.XSDBoolean:
		isTrue := lexical == "true" || lexical == "1"
		return isTrue, isTrue || lexical == "false" || lexical == "0"
	case rdf.XSDInteger:
		if integerForm.MatchString(lexical) {
			if n, err := strconv.ParseInt(lexical, 10, 64); err == nil {
				return n, true
			}
		}
	case rdf.XSDDouble:
		f, err := strconv.ParseFloat(lexical, 64)
		return f, err == nil && doubleForm.MatchString(lexical) && !math.IsInf(f, 0)
	}
	return nil, false
}

// tree makes the document of what was added (steps 6 to 9).
func (w *treeMaker) tree() ([]any, error) {
	for _, graph := range members(w.graphs) {
		g := w.graphs[graph]
		for _, id := range members(g.compound) {
			if err := w.foldCompound(g, id); err != nil {
				return nil, err
			}
		}
		for _, u := range g.nils {
			w.foldList(g, u)
		}
	}
	result := []any{}
	nodes := w.graphs[defaultGraph].nodes
	for _, id := range members(nodes) {
		n := nodes[id]
		if g, ok := w.graphs[id]; ok && id != defaultGraph {
			n["@graph"] = filled(g.nodes)
		}
		if len(n) > 1 {
			result = append(result, n)
		}
	}
	return result, nil
}

// filled returns the nodes that have more than a name.
func filled(nodes map[string]object) []any {
	result := []any{}
	for _, id := range members(nodes) {
		if n := nodes[id]; len(n) > 1 {
			result = append(result, n)
		}
	}
	return result
}

// foldCompound puts a string with a base direction in the place of the node that describes it.
func (w *treeMaker) foldCompound(g *graphMap, id string) error {
	u, n := w.once[id], g.nodes[id]
	if u == nil || w.home[id] != g || !isCompound(n) {
		return nil
	}
	lang, direction := only(n[rdfLanguage.Value()]), only(n[rdfDirection.Value()])
	if text, _ := lang.(string); lang != nil {
		if _, err := rdf.LangLiteral("", text, rdf.NoDirection); err != nil {
			return &Error{Code: "invalid language-tagged string", Msg: err.Error(), Err: err}
		}
	}
	if direction != "ltr" && direction != "rtl" {
		return &Error{Code: "invalid base direction", Msg: fmt.Sprintf("expected \"ltr\" or \"rtl\", found %v", direction)}
	}
	delete(g.nodes, id)
	delete(u.value, "@id")
	u.value["@value"], u.value["@direction"] = only(n[rdfValue.Value()]), direction
	if lang != nil {
		u.value["@language"] = lang
	}
	return nil
}

// isCompound reports whether a node has just the parts of a string with a base direction, each a plain string.
func isCompound(n object) bool {
	for property, values := range n {
		switch property {
		case "@id":
		case rdfValue.Value(), rdfLanguage.Value(), rdfDirection.Value():
			if all := items(values); len(all) != 1 || len(all[0].(object)) != 1 || only(values) == nil {
				return false
			}
		default:
			return false
		}
	}
	return n[rdfValue.Value()] != nil
}

// only returns the @value of the first of a property's values, nil if there is none.
func only(v any) any {
	all := items(v)
	if len(all) == 0 {
		return nil
	}
	value, _ := all[0].(object)
	return value["@value"]
}

// foldList puts a list in the place of the chain of nodes that ends in a use of rdf:nil.
func (w *treeMaker) foldList(g *graphMap, u usage) {
	var list []any
	var removed []string
	for u.property == vocab.Rest.Value() {
		id, _ := u.node["@id"].(string)
		next := w.once[id]
		if next == nil || w.home[id] != g || !w.isListNode(u.node) {
			break
		}
		list = append(list, items(u.node[vocab.First.Value()])[0])
		removed = append(removed, id)
		u = *next
	}
	owner, _ := u.node["@id"].(string)
	if len(removed) > 0 && !w.outside(owner, removed) {
		return
	}
	delete(u.value, "@id")
	slices.Reverse(list)
	u.value["@list"] = append([]any{}, list...)
	for _, id := range removed {
		delete(g.nodes, id)
		w.folded[id] = owner
	}
}

// outside reports whether a node, or the one that has it in a list, and so on, is none of those of a list.
func (w *treeMaker) outside(id string, list []string) bool {
	for range w.o.depth {
		if slices.Contains(list, id) {
			return false
		}
		owner, ok := w.folded[id]
		if !ok {
			return true
		}
		id = owner
	}
	return false
}

// isListNode reports whether a node has nothing but what a node of a list has. The type rdf:List, which a reader doesn't give
// back, counts where nothing may be left out.
func (w *treeMaker) isListNode(n object) bool {
	if len(items(n[vocab.First.Value()])) != 1 || len(items(n[vocab.Rest.Value()])) != 1 {
		return false
	}
	types := items(n["@type"])
	return len(n) == 3 || !w.o.strict && len(n) == 4 && len(types) == 1 && types[0] == vocab.RDF+"List"
}
