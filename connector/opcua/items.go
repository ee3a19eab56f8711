package opcua

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
)

// item is a variable that is subscribed to.
type item struct {
	node  *ua.NodeID
	id    string // of the node, as text
	path  string
	name  string
	named bool   // in the configuration: it must be there
	head  []byte // what each document of it begins with
	fresh bool   // nothing of it was read in this session
}

// vars is what a mapping may know of it besides the document.
func (i *item) vars(server string) func(yield func(string, string) bool) {
	return func(yield func(string, string) bool) {
		_ = yield("node", i.id) && yield("path", i.path) && yield("server", server)
	}
}

// maxLevels bounds how deep below a tree is looked, and how far above a node.
const maxLevels = 64

// items finds the variables that are configured, each once.
func (r *reader) items(ctx context.Context) ([]*item, error) {
	cfg, s := &r.s.cfg, r.session
	nodes, err := s.resolve(ctx, cfg.Nodes)
	if err != nil {
		return nil, err
	}
	roots, err := s.resolve(ctx, cfg.Trees)
	if err != nil {
		return nil, err
	}
	var list []*item
	known := map[string]bool{}
	for _, node := range nodes {
		if !known[node.String()] {
			known[node.String()] = true
			list = append(list, &item{node: node, named: true})
		}
	}
	if err := s.place(ctx, list); err != nil {
		return nil, err
	}
	below, err := s.below(ctx, roots, placed, cfg.MaxNodes)
	if err != nil {
		return nil, err
	}
	for _, n := range below {
		if n.class == ua.NodeClassVariable && !known[n.node.String()] {
			known[n.node.String()] = true
			list = append(list, &item{node: n.node, path: n.path, name: n.name.Name})
		}
	}
	switch {
	case len(list) > cfg.MaxNodes:
		return nil, connector.GiveUpf("%d variables: max-nodes allows %d", len(list), cfg.MaxNodes)
	case len(list) == 0:
		return nil, connector.GiveUpf("there is no variable below %s", strings.Join(cfg.Trees, ", "))
	}
	return list, s.describe(ctx, list)
}

// found is a node below a tree.
type found struct {
	node  *ua.NodeID
	class ua.NodeClass
	name  *ua.QualifiedName
	path  string
}

// placed are the classes of nodes that others are below of.
const placed = ua.NodeClassObject | ua.NodeClassVariable

// below returns the nodes of some classes below the roots, and these, each once, with the path by which it was found first.
// Properties are none of them, and neither is what the server says of itself, unless it is a root.
func (s *session) below(ctx context.Context, roots []*ua.NodeID, classes ua.NodeClass, most int) ([]*found, error) {
	known := map[string]bool{}
	level, err := s.roots(ctx, roots, known)
	if err != nil {
		return nil, err
	}
	known[ua.NewNumericNodeID(0, id.Server).String()] = true
	var all []*found
	for range maxLevels {
		if all = append(all, level...); len(all) > most {
			return nil, connector.GiveUpf("more than %d nodes below the trees: raise max-nodes, or name smaller trees", most)
		}
		if len(level) == 0 {
			return all, nil
		}
		if level, err = s.children(ctx, level, classes, known); err != nil {
			return nil, err
		}
	}
	return nil, connector.GiveUpf("the trees are more than %d levels deep", maxLevels)
}

// roots finds the nodes that are named as trees, each once.
func (s *session) roots(ctx context.Context, roots []*ua.NodeID, known map[string]bool) ([]*found, error) {
	var items []*item
	var what []*ua.ReadValueID
	for _, root := range roots {
		if !known[root.String()] {
			known[root.String()] = true
			items, what = append(items, &item{node: root}), append(what, attribute(root, ua.AttributeIDNodeClass))
		}
	}
	if err := s.place(ctx, items); err != nil {
		return nil, err
	}
	classes, err := s.read(ctx, what)
	if err != nil {
		return nil, err
	}
	list := make([]*found, len(items))
	for i, it := range items {
		class, _ := valueOf(classes[i]).(int32)
		list[i] = &found{node: it.node, class: ua.NodeClass(class), path: it.path, name: &ua.QualifiedName{Name: it.name}}
	}
	return list, nil
}

// children returns what is one level below, and wasn't known.
func (s *session) children(ctx context.Context, of []*found, classes ua.NodeClass, known map[string]bool) ([]*found, error) {
	what := make([]*ua.BrowseDescription, len(of))
	for i, n := range of {
		what[i] = hierarchy(n.node, ua.BrowseDirectionForward, classes)
	}
	lists, err := s.browse(ctx, what)
	if err != nil {
		return nil, err
	}
	var level []*found
	for i, list := range lists {
		for _, ref := range list {
			node := s.here(ref.NodeID)
			property := ref.ReferenceTypeID.IntID() == id.HasProperty && ref.ReferenceTypeID.Namespace() == 0
			if node == nil || known[node.String()] || ref.BrowseName == nil || property {
				continue
			}
			known[node.String()] = true
			level = append(level, &found{node: node, class: ref.NodeClass, name: ref.BrowseName,
				path: of[i].path + segment(ref.BrowseName)})
		}
	}
	return level, nil
}

// place finds the names and paths of nodes, from the root of the server's hierarchy.
func (s *session) place(ctx context.Context, items []*item) error {
	what := make([]*ua.ReadValueID, len(items))
	for i, it := range items {
		what[i] = attribute(it.node, ua.AttributeIDBrowseName)
	}
	names, err := s.read(ctx, what)
	if err != nil {
		return err
	}
	for i, it := range items {
		name, ok := valueOf(names[i]).(*ua.QualifiedName)
		if !ok {
			return connector.GiveUpf("node %s: the server doesn't have it: %w", it.node, names[i].Status)
		}
		it.name, it.path = name.Name, segment(name)
		if isRoot(it.node) {
			it.path = ""
		}
	}
	return s.climb(ctx, items)
}

// climb completes the paths of nodes, each level for all at once.
func (s *session) climb(ctx context.Context, items []*item) error {
	at := make([]*ua.NodeID, len(items))
	for i, it := range items {
		at[i] = it.node
	}
	open := make([]int, len(items)) // those whose path isn't complete
	for i := range open {
		open[i] = i
	}
	for range maxLevels {
		if len(open) == 0 {
			return nil
		}
		what := make([]*ua.BrowseDescription, len(open))
		for i, n := range open {
			what[i] = hierarchy(at[n], ua.BrowseDirectionInverse, placed)
		}
		lists, err := s.browse(ctx, what)
		if err != nil {
			return err
		}
		var next []int
		for i, n := range open {
			if s.step(items[n], &at[n], lists[i]) {
				next = append(next, n)
			}
		}
		open = next
	}
	return nil // what is deeper has a path that begins somewhere
}

// step goes up to the first node above, and reports whether there is more. The root has no name in a path.
func (s *session) step(it *item, at **ua.NodeID, above []*ua.ReferenceDescription) bool {
	if len(above) == 0 {
		return false
	}
	parent := s.here(above[0].NodeID)
	if parent == nil || isRoot(parent) {
		return false
	}
	it.path, *at = segment(above[0].BrowseName)+it.path, parent
	return true
}

// isRoot reports whether a node is the root of the hierarchy.
func isRoot(node *ua.NodeID) bool { return node.Namespace() == 0 && node.IntID() == id.RootFolder }

// describe makes the part of the documents that is always the same: with the engineering unit, where the variable has one.
func (s *session) describe(ctx context.Context, items []*item) error {
	units, err := s.units(ctx, items)
	if err != nil {
		return err
	}
	for i, it := range items {
		it.id = it.node.String()
		b := appendText([]byte(`{"node":`), it.id)
		b = appendText(append(b, `,"namespace":`...), s.namespace(it.node))
		b = appendText(append(b, `,"path":`...), it.path)
		b = appendText(append(b, `,"name":`...), it.name)
		if unit := units[i]; unit != nil {
			if unit.DisplayName != nil {
				b = appendText(append(b, `,"unit":`...), unit.DisplayName.Text)
			}
			if code := unitCode(unit); code != "" {
				b = appendText(append(b, `,"unitCode":`...), code)
			}
		}
		it.head, it.fresh = slices.Clip(b), true
	}
	return nil
}

// units reads the property EngineeringUnits of each variable; nil where there is none.
func (s *session) units(ctx context.Context, items []*item) ([]*ua.EUInformation, error) {
	units := make([]*ua.EUInformation, len(items))
	paths := make([]*ua.BrowsePath, len(items))
	for i, it := range items {
		paths[i] = pathFrom(it.node, id.HasProperty, &ua.QualifiedName{Name: "EngineeringUnits"})
	}
	properties, err := s.translate(ctx, paths)
	if err != nil {
		return nil, fmt.Errorf("engineering units: %w", err)
	}
	var what []*ua.ReadValueID
	var of []int
	for i, property := range properties {
		if property != nil {
			what, of = append(what, attribute(property, ua.AttributeIDValue)), append(of, i)
		}
	}
	values, err := s.read(ctx, what)
	if err != nil {
		return nil, fmt.Errorf("engineering units: %w", err)
	}
	for i, value := range values {
		if object, ok := valueOf(value).(*ua.ExtensionObject); ok && object != nil {
			units[of[i]], _ = object.Value.(*ua.EUInformation)
		}
	}
	return units, nil
}

// unitCode is the code of UN/CEFACT, whose characters are the bytes of the number (part 8, 5.6.3).
func unitCode(unit *ua.EUInformation) string {
	if !strings.HasSuffix(unit.NamespaceURI, "/cefact") || unit.UnitID <= 0 {
		return ""
	}
	var code []byte
	for shift := 24; shift >= 0; shift -= 8 {
		if c := byte(unit.UnitID >> shift); c > ' ' && c < 0x7f {
			code = append(code, c)
		}
	}
	return string(code)
}
