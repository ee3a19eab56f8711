package opcua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/mirror"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/rdf"
)

// The words of the structure: those of the server's namespaces stand beside them.
const (
	uaNamespace   = "http://opcfoundation.org/UA/"
	rdfType       = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	rdfProperty   = "http://www.w3.org/1999/02/22-rdf-syntax-ns#Property"
	rdfsNamespace = "http://www.w3.org/2000/01/rdf-schema#"
	xsdInteger    = "http://www.w3.org/2001/XMLSchema#integer"

	rdfsClass, rdfsDatatype       = rdfsNamespace + "Class", rdfsNamespace + "Datatype"
	rdfsLabel, rdfsComment        = rdfsNamespace + "label", rdfsNamespace + "comment"
	subClassOf, subPropertyOf     = rdfsNamespace + "subClassOf", rdfsNamespace + "subPropertyOf"
	rdfsDomain, rdfsRange         = rdfsNamespace + "domain", rdfsNamespace + "range"
	nodeID, browsePath            = uaNamespace + "nodeId", uaNamespace + "browsePath"
	dataType, valueRank           = uaNamespace + "dataType", uaNamespace + "valueRank"
	methodClass, argumentClass    = uaNamespace + "Method", uaNamespace + "Argument"
	inputArgument, outputArgument = uaNamespace + "inputArgument", uaNamespace + "outputArgument"
	position, enumValue           = uaNamespace + "position", uaNamespace + "enumValue"
)

const (
	// perRequest is how many nodes are looked at at a time.
	perRequest = 500
	// quadsPerNode bounds the statements, for each of the nodes that are allowed.
	quadsPerNode = 200
	// minEvery bounds how often the structure is read.
	minEvery = time.Second
)

// structure makes RDF of nodes: the instances below the trees, and the types that they are of.
type structure struct {
	s     *session
	cfg   *SourceConfig
	nodes map[string]bool              // those below the trees, by id
	names map[string]*ua.QualifiedName // of types, by id
	known map[string]bool              // types that were looked at, or will be
	next  []typeNode                   // types to look at
	quads []rdf.Quad
}

// typeNode is a type, or a type of references.
type typeNode struct {
	node  *ua.NodeID
	class ua.NodeClass
}

// model is the structure of a server that is kept the same in a graph.
type model struct {
	*reader
	quads []rdf.Quad // as it was read last
	pause time.Time  // before which it isn't read again
}

// openStructure reads the structure, and again when the server says that it has changed, or after a while.
func (s *Source) openStructure(ctx context.Context, progress connector.Progress, session *session) (connector.Reader, error) {
	m := &model{reader: newReader(s, session)}
	m.event = make(chan struct{}, 1)
	if err := m.follow(ctx); err != nil {
		m.end()
		return nil, err
	}
	if _, err := m.fetch(ctx); err != nil { // what changes meanwhile is told
		m.end()
		return nil, err
	}
	r, err := mirror.Open(ctx, progress, mirror.Config{
		Every: s.cfg.Every, Look: m.fetch, Wake: m.event, Close: m.end,
		Have: func(ctx context.Context, fn func(rdf.Quad) error) error {
			return s.cfg.Have(ctx, func(q rdf.Quad) error {
				if q.G != s.cfg.Graph {
					return nil
				}
				return fn(q)
			})
		},
		There: func(_ context.Context, fn func(rdf.Quad) error) error {
			for _, q := range m.quads {
				if err := fn(q); err != nil {
					return err
				}
			}
			return nil
		},
	})
	if err != nil {
		m.end()
	}
	return r, err
}

// fetch reads the structure, and reports whether it is another one than before.
func (m *model) fetch(ctx context.Context) (changed bool, err error) {
	if err := clock.Sleep(ctx, time.Until(m.pause)); err != nil { // a server may tell of one change after the other
		return false, err
	}
	if err := m.reason(); err != nil {
		return false, err
	}
	begin := time.Now()
	st := &structure{s: m.session, cfg: &m.s.cfg, nodes: map[string]bool{}, names: map[string]*ua.QualifiedName{},
		known: map[string]bool{}}
	if err := st.read(ctx); err != nil {
		return false, meaning(err)
	}
	slices.SortFunc(st.quads, rdf.Quad.Compare)
	st.quads = slices.Compact(st.quads)
	changed = !slices.Equal(st.quads, m.quads)
	m.quads, m.pause = st.quads, time.Now().Add(max(minEvery, time.Since(begin)))
	return changed, nil
}

// read reads all of it.
func (st *structure) read(ctx context.Context) error {
	roots, err := st.s.resolve(ctx, st.cfg.Trees)
	if err != nil {
		return err
	}
	const instances = ua.NodeClassObject | ua.NodeClassVariable | ua.NodeClassMethod
	found, err := st.s.below(ctx, roots, instances, st.cfg.MaxNodes)
	if err != nil {
		return err
	}
	for _, n := range found {
		st.nodes[n.node.String()] = true
	}
	for some := range slices.Chunk(found, perRequest) {
		if err := st.instances(ctx, some); err != nil {
			return err
		}
	}
	return st.types(ctx)
}

// instances says what nodes are, and what they refer to.
func (st *structure) instances(ctx context.Context, some []*found) error {
	what := make([]*ua.BrowseDescription, len(some))
	for i, n := range some {
		what[i] = references(n.node, ua.BrowseDirectionForward, id.References)
	}
	lists, err := st.s.browse(ctx, what)
	if err != nil {
		return err
	}
	if err := st.nameReferences(ctx, lists); err != nil {
		return err
	}
	for i, n := range some {
		subject, err := st.node(n.node)
		if err != nil {
			return err
		}
		err = errors.Join(st.text(subject, rdfsLabel, n.name.Name), st.text(subject, nodeID, n.node.String()),
			st.text(subject, browsePath, n.path))
		if err == nil && n.class == ua.NodeClassMethod {
			err = st.iri(subject, rdfType, methodClass)
		}
		for _, ref := range lists[i] {
			if err == nil {
				err = st.reference(subject, ref)
			}
		}
		if err != nil {
			return err
		}
	}
	if err := st.variables(ctx, some); err != nil {
		return err
	}
	return st.methods(ctx, some)
}

// nameReferences reads the names of types of references.
func (st *structure) nameReferences(ctx context.Context, lists [][]*ua.ReferenceDescription) error {
	var kinds []*ua.NodeID
	for _, list := range lists {
		for _, ref := range list {
			kinds = append(kinds, ref.ReferenceTypeID)
		}
	}
	return st.name(ctx, kinds)
}

// name reads the names of types that aren't known yet.
func (st *structure) name(ctx context.Context, of []*ua.NodeID) error {
	var what []*ua.ReadValueID
	for _, node := range of {
		if key := node.String(); st.names[key] == nil {
			st.names[key] = &ua.QualifiedName{}
			what = append(what, attribute(node, ua.AttributeIDBrowseName))
		}
	}
	values, err := st.s.read(ctx, what)
	if err != nil {
		return err
	}
	for i, value := range values {
		name, ok := valueOf(value).(*ua.QualifiedName)
		if !ok {
			return fmt.Errorf("the name of type %s: %w", what[i].NodeID, value.Status)
		}
		st.names[what[i].NodeID.String()] = name
	}
	return nil
}

// want has a type looked at, unless it is known.
func (st *structure) want(node *ua.NodeID, class ua.NodeClass) {
	if key := node.String(); !st.known[key] {
		st.known[key] = true
		st.next = append(st.next, typeNode{node, class})
	}
}

// reference says what a node refers to, if that is below the trees, or its type.
func (st *structure) reference(subject rdf.Term, ref *ua.ReferenceDescription) error {
	target := st.s.here(ref.NodeID)
	if target == nil {
		return nil
	}
	if ref.ReferenceTypeID.Namespace() == 0 && ref.ReferenceTypeID.IntID() == id.HasTypeDefinition && ref.BrowseName != nil {
		st.names[target.String()] = ref.BrowseName
		st.want(target, ref.NodeClass)
		return st.iri(subject, rdfType, st.word(ref.BrowseName))
	}
	if !st.nodes[target.String()] {
		return nil
	}
	object, err := st.node(target)
	if err != nil {
		return err
	}
	st.want(ref.ReferenceTypeID, ua.NodeClassReferenceType)
	return st.iri(subject, st.typeIRI(ref.ReferenceTypeID), object.Value())
}

// variables says of which data type variables are.
func (st *structure) variables(ctx context.Context, some []*found) error {
	var of []*found
	var nodes []*ua.NodeID
	for _, n := range some {
		if n.class == ua.NodeClassVariable {
			of, nodes = append(of, n), append(nodes, n.node)
		}
	}
	kinds, err := st.dataTypes(ctx, nodes)
	if err != nil {
		return err
	}
	for i, n := range of {
		subject, err := st.node(n.node)
		if err == nil && kinds[i].kind != nil {
			err = st.ofType(subject, dataType, kinds[i].kind, kinds[i].rank)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// valueType is of which type values are; a nil kind isn't known.
type valueType struct {
	kind *ua.NodeID
	rank int32
}

// dataTypes reads the data types of variables, with their names.
func (st *structure) dataTypes(ctx context.Context, nodes []*ua.NodeID) ([]valueType, error) {
	var what []*ua.ReadValueID
	for _, node := range nodes {
		what = append(what, attribute(node, ua.AttributeIDDataType), attribute(node, ua.AttributeIDValueRank))
	}
	values, err := st.s.read(ctx, what)
	if err != nil {
		return nil, err
	}
	list, kinds := make([]valueType, len(nodes)), []*ua.NodeID(nil)
	for i := range nodes {
		rank, ok := valueOf(values[2*i+1]).(int32)
		if !ok {
			rank = scalar
		}
		if kind, ok := valueOf(values[2*i]).(*ua.NodeID); ok && !isNull(kind) {
			list[i] = valueType{kind, rank}
			kinds = append(kinds, kind)
		}
	}
	return list, st.name(ctx, kinds)
}

// scalar is the value rank of what is no array (part 3, 5.6.2).
const scalar = -1

// isNull reports whether an id is that of no node.
func isNull(node *ua.NodeID) bool {
	return node.Namespace() == 0 && node.IntID() == 0 && node.StringID() == ""
}

// ofType says that values are of a data type; the name of it is known.
func (st *structure) ofType(subject rdf.Term, predicate string, kind *ua.NodeID, rank int32) error {
	st.want(kind, ua.NodeClassDataType)
	err := st.iri(subject, predicate, st.typeIRI(kind))
	if err == nil && rank != scalar {
		err = st.number(subject, valueRank, int64(rank))
	}
	return err
}

// node is the IRI of one of the server.
func (st *structure) node(node *ua.NodeID) (rdf.Term, error) {
	return rdf.IRI(st.cfg.NodeIRI + encode(node.String()))
}

// typeIRI is the IRI of a type whose name is known.
func (st *structure) typeIRI(node *ua.NodeID) string { return st.word(st.names[node.String()]) }

// word is the IRI of a type or reference: its namespace and its name.
func (st *structure) word(name *ua.QualifiedName) string {
	namespace := "urn:opcua:" // of a namespace that the server doesn't name
	if n := int(name.NamespaceIndex); n < len(st.s.namespaces) {
		namespace = st.s.namespaces[n]
	}
	if rdf.CheckIRI(namespace) != nil {
		namespace = "urn:opcua:" + encode(namespace)
	}
	if !strings.HasSuffix(namespace, "/") && !strings.HasSuffix(namespace, "#") && !strings.HasSuffix(namespace, ":") {
		namespace += "#"
	}
	return namespace + encode(name.Name)
}

func (st *structure) text(subject rdf.Term, predicate, text string) error {
	object, err := rdf.Literal(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil {
		return err
	}
	return st.add(subject, predicate, object)
}

func (st *structure) number(subject rdf.Term, predicate string, n int64) error {
	object, err := rdf.TypedLiteral(strconv.FormatInt(n, 10), xsdInteger)
	if err != nil {
		return err
	}
	return st.add(subject, predicate, object)
}

func (st *structure) iri(subject rdf.Term, predicate, object string) error {
	o, err := rdf.IRI(object)
	if err != nil {
		return err
	}
	return st.add(subject, predicate, o)
}

func (st *structure) add(subject rdf.Term, predicate string, object rdf.Term) error {
	p, err := rdf.IRI(predicate)
	if err != nil {
		return err
	}
	if len(st.quads) >= quadsPerNode*st.cfg.MaxNodes {
		return connector.GiveUpf("the structure has more than %d statements: raise max-nodes, or name smaller trees", len(st.quads))
	}
	st.quads = append(st.quads, rdf.Quad{S: subject, P: p, O: object, G: st.cfg.Graph})
	return nil
}

// encode makes a text of the server's a part of an IRI. What is not UTF-8 in it is replaced, as in literals.
func encode(text string) string { return rdf.EncodeIRI(strings.ToValidUTF8(text, "\uFFFD")) }
