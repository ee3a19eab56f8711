package opcua

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
)

// batchSize is how many operations a request has, unless the server takes fewer.
const batchSize = 500

// tooMany are the answers to a request that has too many operations.
var tooMany = map[ua.StatusCode]bool{
	ua.StatusBadTooManyOperations: true, ua.StatusBadRequestTooLarge: true, ua.StatusBadResponseTooLarge: true,
	ua.StatusBadEncodingLimitsExceeded: true, ua.StatusBadTCPMessageTooLarge: true,
}

// inBatches does operations with as few requests as the server takes, and returns a result for each.
func inBatches[O, R any](ctx context.Context, operations []O, do func(context.Context, []O) ([]R, error)) ([]R, error) {
	results := make([]R, 0, len(operations))
	for size := batchSize; len(operations) > 0; {
		size = min(size, len(operations))
		some, err := do(ctx, operations[:size])
		if code, ok := errors.AsType[ua.StatusCode](err); ok && tooMany[code] && size > 1 {
			size /= 2
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(some) != size {
			return nil, fmt.Errorf("the server has given %d results for %d operations", len(some), size)
		}
		results, operations = append(results, some...), operations[size:]
	}
	return results, nil
}

// attribute is what is read of a node.
func attribute(node *ua.NodeID, which ua.AttributeID) *ua.ReadValueID {
	return &ua.ReadValueID{NodeID: node, AttributeID: which, DataEncoding: &ua.QualifiedName{}}
}

// read reads attributes; each has a status of its own.
func (s *session) read(ctx context.Context, what []*ua.ReadValueID) ([]*ua.DataValue, error) {
	return inBatches(ctx, what, func(ctx context.Context, some []*ua.ReadValueID) ([]*ua.DataValue, error) {
		request := &ua.ReadRequest{NodesToRead: some, TimestampsToReturn: ua.TimestampsToReturnNeither}
		answer, err := ask[*ua.ReadResponse](ctx, s, request)
		if err != nil {
			return nil, err
		}
		return answer.Results, nil
	})
}

// valueOf is the value that was read; nil if there is none.
func valueOf(v *ua.DataValue) any {
	if v == nil || v.Value == nil || bad(v.Status) {
		return nil
	}
	return v.Value.Value()
}

// bad reports a status whose severity is bad.
func bad(code ua.StatusCode) bool { return code&0x80000000 != 0 }

// browse returns the references of each node.
func (s *session) browse(ctx context.Context, what []*ua.BrowseDescription) ([][]*ua.ReferenceDescription, error) {
	return inBatches(ctx, what, func(ctx context.Context, some []*ua.BrowseDescription) ([][]*ua.ReferenceDescription, error) {
		answer, err := ask[*ua.BrowseResponse](ctx, s, &ua.BrowseRequest{
			View: &ua.ViewDescription{ViewID: ua.NewTwoByteNodeID(0)}, NodesToBrowse: some})
		if err != nil {
			return nil, err
		}
		lists := make([][]*ua.ReferenceDescription, len(answer.Results))
		for i, result := range answer.Results {
			next := func(point []byte) (*ua.BrowseResult, error) { return s.browseNext(ctx, point) }
			if lists[i], err = rest(result, next); err != nil {
				return nil, fmt.Errorf("browse node %s: %w", some[min(i, len(some)-1)].NodeID, err)
			}
		}
		return lists, nil
	})
}

// maxReferences bounds what a server says of one node: it alone says when that ends.
const maxReferences = 200_000

// rest returns the references of a result, and those that the server has kept back.
func rest(result *ua.BrowseResult, next func(point []byte) (*ua.BrowseResult, error)) ([]*ua.ReferenceDescription, error) {
	var list []*ua.ReferenceDescription
	for seen := 0; ; {
		if bad(result.StatusCode) {
			return nil, result.StatusCode
		}
		if seen += max(1, len(result.References)); seen > maxReferences {
			return nil, connector.GiveUpf("the server has more than %d references of it, or doesn't come to an end", maxReferences)
		}
		list = append(list, result.References...)
		if len(result.ContinuationPoint) == 0 {
			return list, nil
		}
		var err error
		if result, err = next(result.ContinuationPoint); err != nil {
			return nil, err
		}
	}
}

// browseNext asks for references that the server has kept back.
func (s *session) browseNext(ctx context.Context, point []byte) (*ua.BrowseResult, error) {
	answer, err := ask[*ua.BrowseNextResponse](ctx, s, &ua.BrowseNextRequest{ContinuationPoints: [][]byte{point}})
	if err != nil {
		return nil, err
	}
	if len(answer.Results) != 1 {
		return nil, fmt.Errorf("the server has given %d results for one operation", len(answer.Results))
	}
	return answer.Results[0], nil
}

// hierarchy describes a browsing of what is below a node, or above it, of some classes.
func hierarchy(node *ua.NodeID, direction ua.BrowseDirection, classes ua.NodeClass) *ua.BrowseDescription {
	what := references(node, direction, id.HierarchicalReferences)
	what.NodeClassMask = uint32(classes)
	return what
}

// references describes a browsing of references of a type, and of its subtypes.
func references(node *ua.NodeID, direction ua.BrowseDirection, kind uint32) *ua.BrowseDescription {
	return &ua.BrowseDescription{NodeID: node, BrowseDirection: direction, IncludeSubtypes: true,
		ReferenceTypeID: ua.NewNumericNodeID(0, kind), ResultMask: uint32(ua.BrowseResultMaskAll)}
}

// here returns the id of a node of this server; nil for one of another.
func (s *session) here(of *ua.ExpandedNodeID) *ua.NodeID {
	if of == nil || of.ServerIndex != 0 {
		return nil
	}
	if !of.HasNamespaceURI() {
		return plain(of)
	}
	node, err := s.parse(of.NamespaceURI, of.NodeID)
	if err != nil {
		return nil
	}
	return node
}

// parse returns the id of a node in a namespace that is named.
func (s *session) parse(namespace string, node *ua.NodeID) (*ua.NodeID, error) {
	_, rest, found := strings.Cut(node.String(), ";")
	if !found {
		rest = node.String()
	}
	expanded, err := ua.ParseExpandedNodeID("nsu="+namespace+";"+rest, s.namespaces)
	if err != nil {
		return nil, err
	}
	return plain(expanded), nil
}

// plain is an id without the sign that the name of its namespace follows, which gopcua leaves in what it has read from a text. Some
// servers refuse a message with it.
func plain(id *ua.ExpandedNodeID) *ua.NodeID { return ua.NewNodeIDFromExpandedNodeID(id) }

// namespace is the name of a node's.
func (s *session) namespace(node *ua.NodeID) string {
	if n := int(node.Namespace()); n < len(s.namespaces) {
		return s.namespaces[n]
	}
	return ""
}

// checkNode reports a text that names no node: an id, or a path from the root of hierarchical references.
func checkNode(text string) error {
	if strings.HasPrefix(text, "/") {
		_, err := parsePath(text)
		return err
	}
	if strings.HasPrefix(text, "nsu=") { // only the server knows its namespaces
		uri, rest, found := strings.Cut(strings.TrimPrefix(text, "nsu="), ";")
		if !found || uri == "" {
			return fmt.Errorf("opcua: node %q: expected nsu=NAMESPACE;s=…", text)
		}
		text = "ns=1;" + rest
	}
	if _, err := ua.ParseNodeID(text); err != nil || !strings.Contains(text, "=") {
		return fmt.Errorf("opcua: node %q: expected an id such as ns=2;s=Oven.Temperature or nsu=NAMESPACE;i=7, "+
			"or a path such as /Objects/2:Oven", text)
	}
	return nil
}

// parsePath reads a path of browse names, each with the index of its namespace unless that is 0, such as /Objects/2:Oven. A
// character of the path's own is written with a & before it (part 4, A.2).
func parsePath(text string) (names []*ua.QualifiedName, err error) {
	for rest := text; rest != ""; {
		var segment string
		if segment, rest, err = cutSegment(rest); err != nil {
			return nil, fmt.Errorf("opcua: path %q: %w", text, err)
		}
		name := &ua.QualifiedName{Name: segment}
		if index, tail, found := strings.Cut(segment, ":"); found {
			if n, err := strconv.ParseUint(index, 10, 16); err == nil {
				name = &ua.QualifiedName{NamespaceIndex: uint16(n), Name: tail}
			}
		}
		name.Name = unescape(name.Name)
		if name.Name == "" {
			return nil, fmt.Errorf("opcua: path %q: a name is empty", text)
		}
		names = append(names, name)
	}
	return names, nil
}

// cutSegment takes the first segment off a path, as it is written.
func cutSegment(path string) (segment, rest string, err error) {
	if path[0] != '/' {
		return "", "", errors.New("expected /")
	}
	for i := 1; i < len(path); i++ {
		switch path[i] {
		case '&':
			i++
		case '/':
			return path[1:i], path[i:], nil
		}
	}
	return path[1:], "", nil
}

// reserved are the characters that mean something in a path.
const reserved = "/.<>:#!&"

func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '&' && i+1 < len(text) {
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// segment is a browse name as it stands in a path.
func segment(name *ua.QualifiedName) string {
	if name == nil {
		return "/"
	}
	var b strings.Builder
	b.WriteByte('/')
	if name.NamespaceIndex != 0 {
		b.WriteString(strconv.Itoa(int(name.NamespaceIndex)) + ":")
	}
	for _, r := range name.Name {
		if strings.ContainsRune(reserved, r) {
			b.WriteByte('&')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// resolve returns the nodes that texts name.
func (s *session) resolve(ctx context.Context, texts []string) ([]*ua.NodeID, error) {
	nodes, which, err := s.find(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("node %q: %w", which, err)
	}
	return nodes, nil
}

// find is resolve, and says apart which text an error is about: of a request that failed, the first that was asked for.
func (s *session) find(ctx context.Context, texts []string) (nodes []*ua.NodeID, which string, err error) {
	nodes = make([]*ua.NodeID, len(texts))
	var paths []*ua.BrowsePath
	var of []int // the texts that are paths
	for i, text := range texts {
		var path *ua.BrowsePath
		if nodes[i], path, err = s.named(text); err != nil {
			return nil, text, connector.GiveUpf("%w; put the node right", err)
		}
		if path != nil {
			paths, of = append(paths, path), append(of, i)
		}
	}
	found, err := s.translate(ctx, paths)
	if err != nil {
		return nil, texts[of[0]], err
	}
	for i, node := range found {
		if node == nil {
			return nil, texts[of[i]], connector.GiveUpf("the server has no such path")
		}
		nodes[of[i]] = node
	}
	return nodes, "", nil
}

// named reads a text that names a node: by its id, or by the path to it.
func (s *session) named(text string) (*ua.NodeID, *ua.BrowsePath, error) {
	if !strings.HasPrefix(text, "/") {
		expanded, err := ua.ParseExpandedNodeID(text, s.namespaces)
		if err != nil {
			return nil, nil, err
		}
		return plain(expanded), nil, nil
	}
	names, err := parsePath(text)
	if err != nil {
		return nil, nil, err
	}
	return nil, pathFrom(ua.NewNumericNodeID(0, id.RootFolder), id.HierarchicalReferences, names...), nil
}

// pathFrom is the way from a node over references of a type.
func pathFrom(node *ua.NodeID, reference uint32, names ...*ua.QualifiedName) *ua.BrowsePath {
	path := &ua.BrowsePath{StartingNode: node, RelativePath: &ua.RelativePath{}}
	for _, name := range names {
		path.RelativePath.Elements = append(path.RelativePath.Elements, &ua.RelativePathElement{
			ReferenceTypeID: ua.NewNumericNodeID(0, reference), IncludeSubtypes: true, TargetName: name})
	}
	return path
}

// translate returns the nodes that paths lead to, nil for one that leads nowhere.
func (s *session) translate(ctx context.Context, paths []*ua.BrowsePath) ([]*ua.NodeID, error) {
	return inBatches(ctx, paths, func(ctx context.Context, some []*ua.BrowsePath) ([]*ua.NodeID, error) {
		request := &ua.TranslateBrowsePathsToNodeIDsRequest{BrowsePaths: some}
		answer, err := ask[*ua.TranslateBrowsePathsToNodeIDsResponse](ctx, s, request)
		if err != nil {
			return nil, err
		}
		nodes := make([]*ua.NodeID, len(answer.Results))
		for i, result := range answer.Results {
			if !bad(result.StatusCode) && len(result.Targets) > 0 {
				nodes[i] = s.here(result.Targets[0].TargetID)
			}
		}
		return nodes, nil
	})
}
