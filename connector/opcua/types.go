package opcua

import (
	"context"
	"errors"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/rdf"
)

// kinds is what a type is in RDF, by its class: a class, or a property; and what one that it is a subtype of is to it.
var kinds = map[ua.NodeClass][2]string{
	ua.NodeClassObjectType: {rdfsClass, subClassOf}, ua.NodeClassVariableType: {rdfsClass, subClassOf},
	ua.NodeClassDataType: {rdfsClass, subClassOf}, ua.NodeClassReferenceType: {rdfProperty, subPropertyOf},
}

// types says what the types are that are used, and those that they are subtypes of or made of.
func (st *structure) types(ctx context.Context) error {
	for level := 0; len(st.next) > 0; level++ {
		if level == maxLevels || len(st.known) > st.cfg.MaxNodes {
			return connector.GiveUpf("more than %d types, or %d levels of them: raise max-nodes, or name smaller trees", st.cfg.MaxNodes, maxLevels)
		}
		some := st.next
		st.next = nil
		if err := st.level(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// level says what some types are.
func (st *structure) level(ctx context.Context, some []typeNode) error {
	nodes, what := make([]*ua.NodeID, len(some)), make([]*ua.BrowseDescription, len(some))
	for i, t := range some {
		nodes[i], what[i] = t.node, references(t.node, ua.BrowseDirectionInverse, id.HasSubtype)
	}
	if err := st.name(ctx, nodes); err != nil {
		return err
	}
	above, err := st.s.browse(ctx, what)
	if err != nil {
		return err
	}
	for i, t := range some {
		if err := st.kind(t, above[i]); err != nil {
			return err
		}
	}
	if err := st.members(ctx, some); err != nil {
		return err
	}
	return st.definitions(ctx, some)
}

// kind says what a type is, and a subtype of what.
func (st *structure) kind(t typeNode, above []*ua.ReferenceDescription) error {
	subject, err := rdf.IRI(st.typeIRI(t.node))
	if err != nil {
		return err
	}
	kind := kinds[t.class]
	if kind[0] == "" { // the server is wrong
		kind = kinds[ua.NodeClassObjectType]
	}
	if err := errors.Join(st.text(subject, rdfsLabel, st.names[t.node.String()].Name), st.iri(subject, rdfType, kind[0])); err != nil {
		return err
	}
	for _, ref := range above {
		node := st.s.here(ref.NodeID)
		if node == nil || ref.BrowseName == nil {
			continue
		}
		st.names[node.String()] = ref.BrowseName
		st.want(node, t.class)
		if err := st.iri(subject, kind[1], st.word(ref.BrowseName)); err != nil {
			return err
		}
	}
	return nil
}

// member is what each instance of a type has.
type member struct {
	of   typeNode
	ref  *ua.ReferenceDescription
	node *ua.NodeID
	kind valueType // of a variable
}

// members says what the instances of types have, as properties of their classes.
func (st *structure) members(ctx context.Context, some []typeNode) error {
	var of []typeNode
	var what []*ua.BrowseDescription
	for _, t := range some {
		if t.class == ua.NodeClassObjectType || t.class == ua.NodeClassVariableType {
			of, what = append(of, t), append(what, references(t.node, ua.BrowseDirectionForward, id.Aggregates))
		}
	}
	lists, err := st.s.browse(ctx, what)
	if err != nil {
		return err
	}
	var all []*member
	for i, list := range lists {
		for _, ref := range list {
			if node := st.s.here(ref.NodeID); node != nil && ref.BrowseName != nil {
				all = append(all, &member{of: of[i], ref: ref, node: node})
			}
		}
	}
	if err := st.valueTypes(ctx, all); err != nil {
		return err
	}
	for _, m := range all {
		if err := st.member(m); err != nil {
			return err
		}
	}
	return nil
}

// valueTypes finds the data types of those members that are variables.
func (st *structure) valueTypes(ctx context.Context, all []*member) error {
	var variables []*member
	var nodes []*ua.NodeID
	for _, m := range all {
		if m.ref.NodeClass == ua.NodeClassVariable {
			variables, nodes = append(variables, m), append(nodes, m.node)
		}
	}
	list, err := st.dataTypes(ctx, nodes)
	for i := range list {
		variables[i].kind = list[i]
	}
	return err
}

// member says what a member is: a property, from its type to its data type, or the type of an object.
func (st *structure) member(m *member) error {
	class := st.typeIRI(m.of.node)
	subject, err := st.field(class, m.ref.BrowseName.Name)
	if err != nil {
		return err
	}
	switch kind := m.ref.TypeDefinition; {
	case m.kind.kind != nil:
		return st.ofType(subject, rdfsRange, m.kind.kind, m.kind.rank)
	case m.ref.NodeClass == ua.NodeClassMethod:
		return st.iri(subject, rdfsRange, methodClass)
	case st.s.here(kind) != nil && st.names[st.s.here(kind).String()] != nil: // others are no part of what is read
		return st.iri(subject, rdfsRange, st.typeIRI(st.s.here(kind)))
	}
	return nil
}

// field says that a class has a property.
func (st *structure) field(class, name string) (rdf.Term, error) {
	subject, err := rdf.IRI(class + "/" + encode(name))
	if err != nil {
		return subject, err
	}
	return subject, errors.Join(st.iri(subject, rdfType, rdfProperty), st.text(subject, rdfsLabel, name),
		st.iri(subject, rdfsDomain, class))
}

// definitions says what the values of data types are made of.
func (st *structure) definitions(ctx context.Context, some []typeNode) error {
	var of []typeNode
	var what []*ua.ReadValueID
	for _, t := range some {
		if t.class == ua.NodeClassDataType {
			of, what = append(of, t), append(what, attribute(t.node, ua.AttributeIDDataTypeDefinition))
		}
	}
	values, err := st.s.read(ctx, what)
	if err != nil {
		return err
	}
	var plain []typeNode // those that only properties say something of
	for i, t := range of {
		object, _ := valueOf(values[i]).(*ua.ExtensionObject)
		if object == nil {
			plain = append(plain, t)
			continue
		}
		switch definition := object.Value.(type) {
		case *ua.EnumDefinition:
			err = st.enumeration(t, definition)
		case *ua.StructureDefinition:
			err = st.fields(ctx, t, definition)
		}
		if err != nil {
			return err
		}
	}
	return st.listed(ctx, plain)
}

// enumeration says what the values of one are: instances of its class.
func (st *structure) enumeration(t typeNode, definition *ua.EnumDefinition) error {
	for _, f := range definition.Fields {
		if err := st.enumerated(t, f.Name, f.Value, f.Description); err != nil {
			return err
		}
	}
	return nil
}

func (st *structure) enumerated(t typeNode, name string, value int64, description *ua.LocalizedText) error {
	class := st.typeIRI(t.node)
	subject, err := rdf.IRI(class + "/" + encode(name))
	if err != nil {
		return err
	}
	return errors.Join(st.iri(subject, rdfType, class), st.text(subject, rdfsLabel, name), st.number(subject, enumValue, value),
		st.comment(subject, description))
}

// comment says what somebody has written about a subject.
func (st *structure) comment(subject rdf.Term, description *ua.LocalizedText) error {
	if description == nil || description.Text == "" {
		return nil
	}
	return st.text(subject, rdfsComment, description.Text)
}

// fields says what a structure is made of: its fields are properties of its class.
func (st *structure) fields(ctx context.Context, t typeNode, definition *ua.StructureDefinition) error {
	var types []*ua.NodeID
	for _, f := range definition.Fields {
		if !isNull(f.DataType) {
			types = append(types, f.DataType)
		}
	}
	if err := st.name(ctx, types); err != nil {
		return err
	}
	for i, f := range definition.Fields {
		subject, err := st.field(st.typeIRI(t.node), f.Name)
		if err == nil {
			err = errors.Join(st.number(subject, position, int64(i)), st.comment(subject, f.Description))
		}
		if err == nil && !isNull(f.DataType) {
			err = st.ofType(subject, rdfsRange, f.DataType, f.ValueRank)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listed says what the values of enumerations are whose properties list them, as in servers of before OPC UA 1.04.
func (st *structure) listed(ctx context.Context, some []typeNode) error {
	var paths []*ua.BrowsePath
	for _, t := range some {
		for _, name := range []string{"EnumStrings", "EnumValues"} {
			paths = append(paths, pathFrom(t.node, id.HasProperty, &ua.QualifiedName{Name: name}))
		}
	}
	values, err := st.properties(ctx, paths)
	if err != nil {
		return err
	}
	for i, value := range values {
		if err := st.list(some[i/2], value); err != nil {
			return err
		}
	}
	return nil
}

// list says what the values of an enumeration are: texts, by their place, or values with a text.
func (st *structure) list(t typeNode, value any) error {
	switch list := value.(type) {
	case []*ua.LocalizedText:
		for n, name := range list {
			if err := st.enumerated(t, name.Text, int64(n), nil); err != nil {
				return err
			}
		}
	case []*ua.ExtensionObject:
		for _, object := range list {
			v, ok := object.Value.(*ua.EnumValueType)
			if !ok {
				continue
			}
			if err := st.enumerated(t, v.DisplayName.Text, v.Value, v.Description); err != nil {
				return err
			}
		}
	}
	return nil
}

// properties reads the values of properties; nil for one that isn't there.
func (st *structure) properties(ctx context.Context, paths []*ua.BrowsePath) ([]any, error) {
	found, err := st.s.translate(ctx, paths)
	if err != nil {
		return nil, err
	}
	var what []*ua.ReadValueID
	var of []int
	for i, node := range found {
		if node != nil {
			what, of = append(what, attribute(node, ua.AttributeIDValue)), append(of, i)
		}
	}
	values, err := st.s.read(ctx, what)
	if err != nil {
		return nil, err
	}
	list := make([]any, len(paths))
	for i, value := range values {
		list[of[i]] = valueOf(value)
	}
	return list, nil
}

// methods says which arguments methods have.
func (st *structure) methods(ctx context.Context, some []*found) error {
	var paths []*ua.BrowsePath
	var of []*found
	for _, n := range some {
		if n.class != ua.NodeClassMethod {
			continue
		}
		for _, name := range []string{"InputArguments", "OutputArguments"} {
			paths = append(paths, pathFrom(n.node, id.HasProperty, &ua.QualifiedName{Name: name}))
		}
		of = append(of, n)
	}
	values, err := st.properties(ctx, paths)
	if err != nil {
		return err
	}
	for i, value := range values {
		predicate := [...]string{inputArgument, outputArgument}[i%2]
		list, _ := value.([]*ua.ExtensionObject)
		if err := st.arguments(ctx, of[i/2], predicate, list); err != nil {
			return err
		}
	}
	return nil
}

// arguments says what those of a method are, in one direction.
func (st *structure) arguments(ctx context.Context, method *found, predicate string, list []*ua.ExtensionObject) error {
	subject, err := st.node(method.node)
	if err != nil {
		return err
	}
	for i, object := range list {
		a, ok := object.Value.(*ua.Argument)
		if !ok {
			continue
		}
		if !isNull(a.DataType) {
			if err := st.name(ctx, []*ua.NodeID{a.DataType}); err != nil {
				return err
			}
		}
		if err := st.argument(subject, predicate, i, a); err != nil {
			return err
		}
	}
	return nil
}

func (st *structure) argument(method rdf.Term, predicate string, at int, a *ua.Argument) error {
	name := predicate[len(uaNamespace):]
	subject, err := rdf.IRI(method.Value() + "/" + name + "/" + encode(a.Name))
	if err != nil {
		return err
	}
	err = errors.Join(st.add(method, predicate, subject), st.iri(subject, rdfType, argumentClass), st.text(subject, rdfsLabel, a.Name),
		st.number(subject, position, int64(at)), st.comment(subject, a.Description))
	if err == nil && !isNull(a.DataType) {
		err = st.ofType(subject, dataType, a.DataType, a.ValueRank)
	}
	return err
}
