package opcua

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// The words of the structure: those of the server's namespaces stand beside them.
const (
	uaNamespace = "http://opcfoundation.org/UA/"
	rdfType     = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
	rdfsClass   = "http://www.w3.org/2000/01/rdf-schema#Class"
	rdfsLabel   = "http://www.w3.org/2000/01/rdf-schema#label"
	subClassOf  = "http://www.w3.org/2000/01/rdf-schema#subClassOf"
	nodeID      = uaNamespace + "nodeId"
	browsePath  = uaNamespace + "browsePath"
)

// perDocument is how many nodes a document of the structure has.
const perDocument = 500

// structure makes RDF of nodes.
type structure struct {
	s      *session
	prefix string
	nodes  map[string]bool                     // those below the trees, by id
	types  map[string]*ua.QualifiedName        // of nodes and references, by id: their names
	super  map[string]*ua.ReferenceDescription // what a type is a subtype of
	rows   []byte
}

// readStructure makes the messages that say what is below the trees. Each subject's statements take the place of those before.
func (r *reader) readStructure(ctx context.Context) error {
	roots, err := r.session.resolve(ctx, r.s.cfg.Trees)
	if err != nil {
		return err
	}
	found, err := r.session.below(ctx, roots, r.s.cfg.MaxNodes)
	if err != nil {
		return err
	}
	st := &structure{s: r.session, prefix: r.s.cfg.NodeIRI, nodes: map[string]bool{}, types: map[string]*ua.QualifiedName{},
		super: map[string]*ua.ReferenceDescription{}}
	for _, n := range found {
		st.nodes[n.node.String()] = true
	}
	for some := range slices.Chunk(found, perDocument) {
		if err := st.document(ctx, some); err != nil {
			return err
		}
		r.queue = append(r.queue, st.message())
	}
	if err := st.classes(ctx); err != nil {
		return err
	}
	r.queue = append(r.queue, st.message())
	r.err, r.stale = io.EOF, true // behind these
	return nil
}

// message is the document of what was found.
func (st *structure) message() connector.Message {
	m := connector.Message{MediaType: patch.ReplaceMediaType, Body: patch.AppendCommit(append(patch.AppendBegin(nil), st.rows...))}
	st.rows = nil
	return m
}

// document says what nodes are, and what they refer to.
func (st *structure) document(ctx context.Context, some []*found) error {
	what := make([]*ua.BrowseDescription, len(some))
	for i, n := range some {
		what[i] = &ua.BrowseDescription{NodeID: n.node, BrowseDirection: ua.BrowseDirectionForward, IncludeSubtypes: true,
			ReferenceTypeID: ua.NewNumericNodeID(0, id.References), ResultMask: uint32(ua.BrowseResultMaskAll)}
	}
	lists, err := st.s.browse(ctx, what)
	if err != nil {
		return err
	}
	if err := st.names(ctx, lists); err != nil {
		return err
	}
	for i, n := range some {
		subject, err := st.node(n.node)
		if err != nil {
			return err
		}
		st.forget(subject)
		err = errors.Join(st.text(subject, rdfsLabel, n.name.Name), st.text(subject, nodeID, n.node.String()),
			st.text(subject, browsePath, n.path))
		if err != nil {
			return err
		}
		for _, ref := range lists[i] {
			if err := st.reference(subject, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// names reads the names of references that aren't known yet.
func (st *structure) names(ctx context.Context, lists [][]*ua.ReferenceDescription) error {
	var what []*ua.ReadValueID
	for _, list := range lists {
		for _, ref := range list {
			if key := ref.ReferenceTypeID.String(); st.types[key] == nil {
				st.types[key] = &ua.QualifiedName{}
				what = append(what, attribute(ref.ReferenceTypeID, ua.AttributeIDBrowseName))
			}
		}
	}
	values, err := st.s.read(ctx, what)
	if err != nil {
		return err
	}
	for i, value := range values {
		name, ok := valueOf(value).(*ua.QualifiedName)
		if !ok {
			return fmt.Errorf("the name of reference %s: %w", what[i].NodeID, value.Status)
		}
		st.types[what[i].NodeID.String()] = name
	}
	return nil
}

// reference says what a node is, or refers to: only nodes below the trees.
func (st *structure) reference(subject rdf.Term, ref *ua.ReferenceDescription) error {
	target := st.s.here(ref.NodeID)
	if target == nil {
		return nil
	}
	if ref.ReferenceTypeID.Namespace() == 0 && ref.ReferenceTypeID.IntID() == id.HasTypeDefinition && ref.BrowseName != nil {
		st.super[target.String()] = ref
		return st.iri(subject, rdfType, st.word(ref.BrowseName))
	}
	if !st.nodes[target.String()] {
		return nil
	}
	object, err := st.node(target)
	if err != nil {
		return err
	}
	return st.iri(subject, st.word(st.types[ref.ReferenceTypeID.String()]), object.Value())
}

// classes says what the types are subtypes of, up to those that are of none.
func (st *structure) classes(ctx context.Context) error {
	level, known := st.super, map[string]bool{}
	for range maxLevels {
		var types []*ua.ReferenceDescription
		var what []*ua.BrowseDescription
		for key, ref := range level {
			if known[key] {
				continue
			}
			known[key] = true
			types, what = append(types, ref), append(what, &ua.BrowseDescription{
				NodeID: st.s.here(ref.NodeID), BrowseDirection: ua.BrowseDirectionInverse, IncludeSubtypes: true,
				ReferenceTypeID: ua.NewNumericNodeID(0, id.HasSubtype), ResultMask: uint32(ua.BrowseResultMaskAll)})
		}
		lists, err := st.s.browse(ctx, what)
		if err != nil {
			return err
		}
		level = map[string]*ua.ReferenceDescription{}
		for i, ref := range types {
			if err := st.class(ref, lists[i], level); err != nil {
				return err
			}
		}
	}
	return nil
}

// class says what a type is, and takes in what is above it.
func (st *structure) class(ref *ua.ReferenceDescription, above []*ua.ReferenceDescription,
	next map[string]*ua.ReferenceDescription) error {
	subject, err := rdf.IRI(st.word(ref.BrowseName))
	if err != nil {
		return err
	}
	st.forget(subject)
	if err := errors.Join(st.text(subject, rdfsLabel, ref.BrowseName.Name), st.iri(subject, rdfType, rdfsClass)); err != nil {
		return err
	}
	for _, super := range above {
		node := st.s.here(super.NodeID)
		if node == nil || super.BrowseName == nil {
			continue
		}
		next[node.String()] = super
		if err := st.iri(subject, subClassOf, st.word(super.BrowseName)); err != nil {
			return err
		}
	}
	return nil
}

// node is the IRI of one of the server.
func (st *structure) node(node *ua.NodeID) (rdf.Term, error) {
	return rdf.IRI(st.prefix + encode(node.String()))
}

// word is the IRI of a type or reference: its namespace and its name.
func (st *structure) word(name *ua.QualifiedName) string {
	namespace := "urn:opcua:" // of a namespace that the server doesn't name
	if n := int(name.NamespaceIndex); n < len(st.s.namespaces) {
		namespace = st.s.namespaces[n]
	}
	if !strings.HasSuffix(namespace, "/") && !strings.HasSuffix(namespace, "#") && !strings.HasSuffix(namespace, ":") {
		namespace += "#"
	}
	return namespace + encode(name.Name)
}

// forget deletes what was said of a subject.
func (st *structure) forget(subject rdf.Term) {
	st.rows = patch.AppendDelete(st.rows, rdf.Quad{S: subject, P: patch.Any, O: patch.Any})
}

func (st *structure) text(subject rdf.Term, predicate, text string) error {
	object, err := rdf.Literal(strings.ToValidUTF8(text, "\uFFFD"))
	if err != nil {
		return err
	}
	st.rows = patch.AppendAdd(st.rows, rdf.Quad{S: subject, P: rdf.Trusted("<" + predicate + ">"), O: object})
	return nil
}

func (st *structure) iri(subject rdf.Term, predicate, object string) error {
	p, err := rdf.IRI(predicate)
	if err != nil {
		return err
	}
	o, err := rdf.IRI(object)
	if err != nil {
		return err
	}
	st.rows = patch.AppendAdd(st.rows, rdf.Quad{S: subject, P: p, O: o})
	return nil
}

// encode makes a text of the server's a part of an IRI. What is not UTF-8 in it is replaced, as in literals.
func encode(text string) string { return rdf.EncodeIRI(strings.ToValidUTF8(text, "\uFFFD")) }
