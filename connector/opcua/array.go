package opcua

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector/opcua/internal/binary"
	"github.com/quadrille-stream/quadrille/rdf"
)

const (
	// rdfJSON is the datatype of values that are arrays or structures.
	rdfJSON = "http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON"
	// maxDimensions bounds those of an array that is written.
	maxDimensions = 16
	// anyRank and someRank are the value ranks of what may be an array, and may be none (part 3, 5.6.2).
	anyRank, someRank = -2, -3
)

// elements are the types of the items of arrays that are written. gopcua can't write lists of byte strings.
var elements = map[ua.TypeID]reflect.Type{
	ua.TypeIDBoolean: reflect.TypeFor[bool](), ua.TypeIDSByte: reflect.TypeFor[int8](), ua.TypeIDByte: reflect.TypeFor[byte](),
	ua.TypeIDInt16: reflect.TypeFor[int16](), ua.TypeIDUint16: reflect.TypeFor[uint16](), ua.TypeIDInt32: reflect.TypeFor[int32](),
	ua.TypeIDUint32: reflect.TypeFor[uint32](), ua.TypeIDInt64: reflect.TypeFor[int64](), ua.TypeIDUint64: reflect.TypeFor[uint64](),
	ua.TypeIDFloat: reflect.TypeFor[float32](), ua.TypeIDDouble: reflect.TypeFor[float64](), ua.TypeIDString: reflect.TypeFor[string](),
	ua.TypeIDDateTime: reflect.TypeFor[time.Time](), ua.TypeIDGUID: reflect.TypeFor[*ua.GUID](),
	ua.TypeIDXMLElement: reflect.TypeFor[ua.XMLElement](), ua.TypeIDNodeID: reflect.TypeFor[*ua.NodeID](),
	ua.TypeIDLocalizedText: reflect.TypeFor[*ua.LocalizedText](), ua.TypeIDExtensionObject: reflect.TypeFor[*ua.ExtensionObject](),
}

// isArray reports whether a value of a variable with that rank is to be an array.
func isArray(term rdf.Term, rank int32) bool {
	return rank >= 0 || (rank == anyRank || rank == someRank) && term.Datatype() == rdfJSON && strings.HasPrefix(strings.TrimSpace(term.Value()), "[")
}

// convertArray makes an array of a list of JSON, whose items are as those of documents that were read.
func convertArray(term rdf.Term, kind ua.TypeID, rank int32) (*ua.Variant, error) {
	value, err := parseJSON(term)
	if err != nil {
		return nil, err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New(`it is no list of JSON: the variable is an array, such as "[1,2]"^^rdf:JSON`)
	}
	of, known := elements[kind]
	if !known {
		return nil, fmt.Errorf("arrays of type %s are not written", typeNames[kind])
	}
	made, depth, err := arrayOf(list, of, kind, 1)
	switch {
	case err != nil:
		return nil, err
	case (rank > 0 && depth != int(rank) || rank == someRank && depth != 1) && len(list) > 0:
		return nil, fmt.Errorf("it has %d dimensions, and the variable %d", depth, max(rank, 1))
	}
	return ua.NewVariant(made.Interface())
}

// arrayOf makes an array of a list; where its items are lists, too, it is one of more dimensions.
func arrayOf(list []any, of reflect.Type, kind ua.TypeID, level int) (made reflect.Value, depth int, err error) {
	if level > maxDimensions {
		return made, 0, fmt.Errorf("it has more than %d dimensions", maxDimensions)
	}
	sliceOf := reflect.SliceOf(of)
	if kind == ua.TypeIDByte {
		sliceOf = reflect.TypeFor[ua.ByteArray]()
	}
	for i, item := range list {
		inner, nested := item.([]any)
		var value reflect.Value
		below := 0
		if nested {
			value, below, err = arrayOf(inner, of, kind, level+1)
		} else {
			value, err = itemOf(item, kind)
		}
		switch {
		case err != nil:
			return made, 0, err
		case i == 0:
			depth = below
			if nested {
				sliceOf = reflect.SliceOf(value.Type())
			}
			made = reflect.MakeSlice(sliceOf, 0, len(list))
		case below != depth || nested && value.Len() != made.Index(0).Len():
			return made, 0, errors.New("its lists differ in length, or in depth")
		}
		made = reflect.Append(made, value)
	}
	if len(list) == 0 {
		made = reflect.MakeSlice(sliceOf, 0, 0)
	}
	return made, depth + 1, nil
}

// itemOf makes a value of a built-in type of one of JSON.
func itemOf(item any, kind ua.TypeID) (reflect.Value, error) {
	var value any
	var err error
	switch v := item.(type) {
	case bool:
		value, err = valueFrom(fmt.Sprint(v), "", kind)
	case json.Number:
		value, err = valueFrom(v.String(), "", kind)
	case string:
		value, err = valueFrom(v, "", kind)
	case map[string]any:
		value, err = structured(v, kind)
	default:
		err = errors.New("nothing is no value")
	}
	if err != nil {
		return reflect.Value{}, fmt.Errorf("item %.200v is none of type %s: %w", item, typeNames[kind], err)
	}
	return reflect.ValueOf(value), nil
}

// parseJSON reads the value that a literal is.
func parseJSON(term rdf.Term) (value any, err error) {
	d := json.NewDecoder(strings.NewReader(term.Value()))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("it is no JSON: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it is more than one value of JSON")
	}
	return value, nil
}

// structured makes a value that has parts, as documents that were read have them.
func structured(parts map[string]any, kind ua.TypeID) (any, error) {
	text := func(name string) string {
		s, _ := parts[name].(string)
		return s
	}
	switch kind {
	case ua.TypeIDLocalizedText:
		return ua.NewLocalizedTextWithLocale(text("text"), text("locale")), nil
	case ua.TypeIDExtensionObject:
		body, err := base64.StdEncoding.DecodeString(text("body"))
		if err != nil || text("body") == "" {
			return nil, errors.New("expected the id of its encoding, and its bytes in base64: structures of OPC UA's own are not written")
		}
		node, err := ua.ParseNodeID(text("typeId"))
		if err != nil {
			return nil, fmt.Errorf("the id of its encoding: %w", err)
		}
		return &ua.ExtensionObject{TypeID: &ua.ExpandedNodeID{NodeID: node}, EncodingMask: ua.ExtensionObjectBinary,
			Value: &binary.Opaque{Bytes: body}}, nil
	}
	return nil, errors.New("expected no structure")
}

// convertStructure makes a structure of an object of JSON, as documents that were read have it: only the server knows what is in it.
func convertStructure(term rdf.Term) (*ua.Variant, error) {
	value, err := parseJSON(term)
	if err != nil {
		return nil, err
	}
	parts, _ := value.(map[string]any)
	object, err := structured(parts, ua.TypeIDExtensionObject)
	if err != nil {
		return nil, err
	}
	return ua.NewVariant(object)
}

// appendJSON appends a value once more, as a text of JSON, if it is an array or a structure: what the sink takes for it.
func appendJSON(b []byte, of *ua.Variant, value []byte) []byte {
	if of == nil || len(value) == 0 || value[0] != '[' && of.Type() != ua.TypeIDExtensionObject {
		return b
	}
	return appendText(append(b, `,"json":`...), string(value))
}
