package sparkplug

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The bounds of a payload: how deep templates and property sets stand in each other, and how many metrics, properties, rows and
// cells there are in all.
const (
	maxDepth = 16
	maxItems = 1_000_000
)

// payload is a decoded message. The field numbers are those of Eclipse Tahu's sparkplug_b.proto.
type payload struct {
	timestamp *uint64 // ms since 1970
	metrics   []metric
	seq       *uint64
}

// metric is one of a payload, or of a template.
type metric struct {
	name       *string
	alias      *uint64
	timestamp  *uint64
	datatype   uint32 // 0: not given
	historical bool
	transient  bool
	value      value
	properties *propertySet
}

// form is the field of a oneof that a value stands in.
type form uint8

const (
	formNone form = iota
	formInt
	formLong
	formFloat
	formDouble
	formBool
	formString
	formBytes
	formDataSet
	formTemplate
	formPropertySet
	formPropertyList
)

// value is one in the form that it has on the wire; what it means says a datatype.
type value struct {
	form     form
	null     bool
	bits     uint64
	bytes    []byte
	dataSet  *dataSet
	template *template
	sets     []*propertySet
}

// dataSet is a table.
type dataSet struct {
	columns []string
	types   []uint32
	rows    [][]value
}

// template is a structure, or an instance of one.
type template struct {
	version, ref string
	definition   bool
	metrics      []metric
	parameters   []parameter
}

// parameter is one of a template.
type parameter struct {
	name     string
	datatype uint32
	value    value
}

// propertySet are names with values.
type propertySet struct {
	keys   []string
	values []property
}

// property is a value with its type.
type property struct {
	datatype uint32
	value    value
}

// decoder decodes one payload.
type decoder struct{ depth, items int }

// field is one of a message of Protocol Buffers.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bits   uint64 // of a number
	bytes  []byte // of all else
}

// errKind: a field has not the kind that the schema says.
var errKind = errors.New("a field is of another kind than in the schema of Sparkplug B")

// each hands over the fields of a message.
func (d *decoder) each(b []byte, fn func(f field) error) error {
	if d.depth++; d.depth > maxDepth {
		return fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	defer func() { d.depth-- }()
	for len(b) > 0 {
		f := field{}
		var n int
		if f.number, f.kind, n = protowire.ConsumeTag(b); n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch f.kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(b)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(b)
			f.bits = uint64(bits)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(f.number, f.kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := fn(f); err != nil {
			return err
		}
	}
	return nil
}

// item counts one of what a payload may have many of.
func (d *decoder) item() error {
	if d.items++; d.items > maxItems {
		return fmt.Errorf("it has more than %d metrics, properties, rows and cells", maxItems)
	}
	return nil
}

// is reports a field of another kind.
func (f field) is(kind protowire.Type) error {
	if f.kind != kind {
		return errKind
	}
	return nil
}

// isText reports a field that is no string.
func (f field) isText() error {
	if f.kind == protowire.BytesType && !utf8.Valid(f.bytes) {
		return errors.New("a string is not UTF-8")
	}
	return f.is(protowire.BytesType)
}

// compressed is the uuid of payloads that have another one, compressed, as their body.
const compressed = "SPBV1.0_COMPRESSED"

// decode decodes a payload.
func decode(b []byte) (*payload, error) {
	d, p := &decoder{}, &payload{}
	err := d.each(b, func(f field) error {
		switch f.number {
		case 1:
			p.timestamp = &f.bits
			return f.is(protowire.VarintType)
		case 2:
			m, err := d.metric(f)
			p.metrics = append(p.metrics, m)
			return err
		case 3:
			p.seq = &f.bits
			return f.is(protowire.VarintType)
		case 4:
			if string(f.bytes) == compressed {
				return errors.New("it is compressed, which Sparkplug 3.0 doesn't know")
			}
		}
		return nil // body and extensions
	})
	return p, err
}

func (d *decoder) metric(of field) (m metric, err error) {
	if err := errors.Join(d.item(), of.is(protowire.BytesType)); err != nil {
		return m, err
	}
	err = d.each(of.bytes, func(f field) error {
		switch f.number {
		case 1:
			name := string(f.bytes)
			m.name = &name
			return f.isText()
		case 2:
			m.alias = &f.bits
		case 3:
			m.timestamp = &f.bits
		case 4:
			m.datatype = uint32(f.bits)
		case 5:
			m.historical = f.bits != 0
		case 6:
			m.transient = f.bits != 0
		case 7:
			m.value.null = f.bits != 0
		case 9:
			m.properties, err = d.propertySet(f)
			return err
		case 17:
			m.value.form = formDataSet
			m.value.dataSet, err = d.dataSet(f)
			return err
		case 18:
			m.value.form = formTemplate
			m.value.template, err = d.template(f)
			return err
		default:
			if f.number >= 10 && f.number <= 16 {
				return m.value.scalar(f, f.number-10)
			}
			return nil // metadata and extensions
		}
		return f.is(protowire.VarintType)
	})
	return m, err
}

// scalars are the forms of the scalar fields of each oneof, in their order, with the kind on the wire.
var scalars = []struct {
	form form
	kind protowire.Type
}{
	{formInt, protowire.VarintType}, {formLong, protowire.VarintType}, {formFloat, protowire.Fixed32Type}, {formDouble, protowire.Fixed64Type},
	{formBool, protowire.VarintType}, {formString, protowire.BytesType}, {formBytes, protowire.BytesType},
}

// scalar takes in the field of a oneof, by its place among the scalar ones.
func (v *value) scalar(f field, place protowire.Number) error {
	v.form, v.bits, v.bytes = scalars[place].form, f.bits, f.bytes
	if v.form == formString {
		return f.isText()
	}
	return f.is(scalars[place].kind)
}

func (d *decoder) dataSet(of field) (*dataSet, error) {
	s := &dataSet{}
	if err := of.is(protowire.BytesType); err != nil {
		return nil, err
	}
	return s, d.each(of.bytes, func(f field) error {
		switch f.number {
		case 2:
			s.columns = append(s.columns, string(f.bytes))
			return errors.Join(d.item(), f.isText())
		case 3:
			return d.types(f, s)
		case 4:
			row, err := d.row(f)
			s.rows = append(s.rows, row)
			return err
		}
		return nil // the number of columns
	})
}

// types takes in the types of columns: one a field, or packed.
func (d *decoder) types(f field, s *dataSet) error {
	if f.kind == protowire.VarintType {
		s.types = append(s.types, uint32(f.bits))
		return d.item()
	}
	if err := f.is(protowire.BytesType); err != nil {
		return err
	}
	for b := f.bytes; len(b) > 0; {
		bits, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		s.types, b = append(s.types, uint32(bits)), b[n:]
		if err := d.item(); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoder) row(of field) (row []value, err error) {
	if err := errors.Join(d.item(), of.is(protowire.BytesType)); err != nil {
		return nil, err
	}
	err = d.each(of.bytes, func(f field) error {
		if f.number != 1 {
			return nil
		}
		if err := errors.Join(d.item(), f.is(protowire.BytesType)); err != nil {
			return err
		}
		cell := value{}
		err := d.each(f.bytes, func(f field) error {
			if f.number < 1 || f.number > 6 {
				return nil
			}
			return cell.scalar(f, f.number-1)
		})
		row = append(row, cell)
		return err
	})
	return row, err
}

func (d *decoder) template(of field) (*template, error) {
	t := &template{}
	if err := of.is(protowire.BytesType); err != nil {
		return nil, err
	}
	return t, d.each(of.bytes, func(f field) error {
		switch f.number {
		case 1:
			t.version = string(f.bytes)
		case 2:
			m, err := d.metric(f)
			t.metrics = append(t.metrics, m)
			return err
		case 3:
			p, err := d.parameter(f)
			t.parameters = append(t.parameters, p)
			return err
		case 4:
			t.ref = string(f.bytes)
		case 5:
			t.definition = f.bits != 0
			return f.is(protowire.VarintType)
		default:
			return nil
		}
		return f.isText()
	})
}

func (d *decoder) parameter(of field) (p parameter, err error) {
	if err := errors.Join(d.item(), of.is(protowire.BytesType)); err != nil {
		return p, err
	}
	err = d.each(of.bytes, func(f field) error {
		switch {
		case f.number == 1:
			p.name = string(f.bytes)
			return f.isText()
		case f.number == 2:
			p.datatype = uint32(f.bits)
			return f.is(protowire.VarintType)
		case f.number >= 3 && f.number <= 8:
			return p.value.scalar(f, f.number-3)
		}
		return nil
	})
	return p, err
}

func (d *decoder) propertySet(of field) (*propertySet, error) {
	s := &propertySet{}
	if err := of.is(protowire.BytesType); err != nil {
		return nil, err
	}
	err := d.each(of.bytes, func(f field) error {
		switch f.number {
		case 1:
			s.keys = append(s.keys, string(f.bytes))
			return errors.Join(d.item(), f.isText())
		case 2:
			p, err := d.property(f)
			s.values = append(s.values, p)
			return err
		}
		return nil
	})
	if err == nil && len(s.keys) != len(s.values) {
		err = fmt.Errorf("a property set has %d keys and %d values", len(s.keys), len(s.values))
	}
	return s, err
}

func (d *decoder) property(of field) (p property, err error) {
	if err := errors.Join(d.item(), of.is(protowire.BytesType)); err != nil {
		return p, err
	}
	err = d.each(of.bytes, func(f field) error {
		switch {
		case f.number == 1:
			p.datatype = uint32(f.bits)
			return f.is(protowire.VarintType)
		case f.number == 2:
			p.value.null = f.bits != 0
			return f.is(protowire.VarintType)
		case f.number >= 3 && f.number <= 8:
			return p.value.scalar(f, f.number-3)
		case f.number == 9:
			s, err := d.propertySet(f)
			p.value.form, p.value.sets = formPropertySet, []*propertySet{s}
			return err
		case f.number == 10:
			return d.propertyList(f, &p.value)
		}
		return nil
	})
	return p, err
}

func (d *decoder) propertyList(of field, v *value) error {
	v.form = formPropertyList
	if err := of.is(protowire.BytesType); err != nil {
		return err
	}
	return d.each(of.bytes, func(f field) error {
		if f.number != 1 {
			return nil
		}
		s, err := d.propertySet(f)
		v.sets = append(v.sets, s)
		return errors.Join(err, d.item())
	})
}

// float is the number of a value with a point.
func (v *value) float() float64 {
	if v.form == formFloat {
		return float64(math.Float32frombits(uint32(v.bits)))
	}
	return math.Float64frombits(v.bits)
}

// rebirth is the payload that asks an edge node for its births.
func rebirth(now uint64) []byte {
	var m []byte
	m = protowire.AppendTag(m, 1, protowire.BytesType)
	m = protowire.AppendString(m, "Node Control/Rebirth")
	m = protowire.AppendTag(m, 3, protowire.VarintType)
	m = protowire.AppendVarint(m, now)
	m = protowire.AppendTag(m, 4, protowire.VarintType)
	m = protowire.AppendVarint(m, uint64(typeBoolean))
	m = protowire.AppendTag(m, 14, protowire.VarintType)
	m = protowire.AppendVarint(m, 1)
	var b []byte
	b = protowire.AppendTag(b, 1, protowire.VarintType)
	b = protowire.AppendVarint(b, now)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendBytes(b, m)
}
