package binary

import (
	"reflect"
	"sync"

	"github.com/gopcua/opcua/ua"
)

// object reads a structure with the id of its encoding.
func (d *decoder) object() *ua.ExtensionObject {
	o := &ua.ExtensionObject{TypeID: d.expanded(), EncodingMask: d.u8()}
	if o.EncodingMask == ua.ExtensionObjectEmpty {
		return o
	}
	n := d.count(1)
	body := d.take(max(n, 0))
	if d.err != nil || n <= 0 {
		return o
	}
	if o.EncodingMask == ua.ExtensionObjectXML {
		text := ua.XMLElement(body)
		o.Value = &text
		return o
	}
	into := known(o.TypeID.NodeID)
	if !into.IsValid() {
		o.Value = &Opaque{Bytes: append([]byte(nil), body...)}
		return o
	}
	d.nest(func() {
		inner := &decoder{b: body, depth: d.depth, items: d.items}
		inner.fields(into.Elem())
		d.items, d.err = inner.items, inner.err
	})
	o.Value = into.Interface()
	return o
}

// types are the structures of OPC UA that gopcua knows, by the number of their encoding.
var types sync.Map

// known returns a pointer to a new structure of the type that gopcua has for an encoding of OPC UA's own; none, if it has none.
// It keeps its table to itself, but makes a value for whatever it finds: what is in it here is too short to be read.
func known(encoding *ua.NodeID) reflect.Value {
	if encoding.Namespace() != 0 || encoding.IntID() == 0 {
		return reflect.Value{}
	}
	if found, ok := types.Load(encoding.IntID()); ok {
		return reflect.New(found.(reflect.Type)) //nolint:forcetypeassert // nothing else is stored
	}
	var probe ua.ExtensionObject
	b, err := (&ua.ExpandedNodeID{NodeID: ua.NewNumericNodeID(0, encoding.IntID())}).Encode()
	if err != nil {
		return reflect.Value{}
	}
	_, _ = probe.Decode(append(b, ua.ExtensionObjectBinary, 1, 0, 0, 0, 0)) // always an error
	made := reflect.ValueOf(probe.Value)
	if made.Kind() != reflect.Pointer || made.Elem().Kind() != reflect.Struct {
		return reflect.Value{}
	}
	types.Store(encoding.IntID(), made.Elem().Type())
	return reflect.New(made.Elem().Type())
}

// fields reads a structure, field by field.
func (d *decoder) fields(of reflect.Value) {
	for i := 0; i < of.NumField() && d.err == nil; i++ {
		d.value(of.Field(i))
	}
}

// value reads a field.
func (d *decoder) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(d.boolean())
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(d.signed(v.Type().Size()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(d.unsigned(v.Type().Size()))
	case reflect.Float32:
		v.SetFloat(float64(d.f32()))
	case reflect.Float64:
		v.SetFloat(d.f64())
	case reflect.String:
		v.SetString(d.text())
	case reflect.Slice:
		d.slice(v)
	case reflect.Pointer:
		d.pointer(v)
	case reflect.Struct:
		if v.Type() == timeType {
			v.Set(reflect.ValueOf(d.time()))
			return
		}
		d.nest(func() { d.fields(v) })
	default:
		d.fail("a field of type %s", v.Type())
	}
}

func (d *decoder) signed(size uintptr) int64 {
	switch size {
	case 1:
		return int64(d.i8())
	case 2:
		return int64(d.i16())
	case 4:
		return int64(d.i32())
	}
	return d.i64()
}

func (d *decoder) unsigned(size uintptr) uint64 {
	switch size {
	case 1:
		return uint64(d.u8())
	case 2:
		return uint64(d.u16())
	case 4:
		return uint64(d.u32())
	}
	return d.u64()
}

// slice reads a list. That of the values of variables is what nearly all of what a server sends is.
func (d *decoder) slice(v reflect.Value) {
	if to, ok := v.Addr().Interface().(*[]*ua.MonitoredItemNotification); ok {
		*to = pointers(d, func() *ua.MonitoredItemNotification {
			return &ua.MonitoredItemNotification{ClientHandle: d.u32(), Value: d.dataValue()}
		})
		return
	}
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes(d.bytes())
		return
	}
	n := d.count(least(v.Type().Elem()))
	if n < 0 {
		return
	}
	if v.Type().Elem().Kind() == reflect.Pointer {
		if n > d.items {
			d.fail("it has more than %d structures", maxItems)
			return
		}
		d.items -= n
	}
	items := reflect.MakeSlice(v.Type(), n, n)
	for i := 0; i < n && d.err == nil; i++ {
		d.value(items.Index(i))
	}
	v.Set(items)
}

// least is how many bytes a value of a type takes in a message at least.
func least(of reflect.Type) int {
	switch of.Kind() {
	case reflect.String, reflect.Slice:
		return 4 // their length
	case reflect.Pointer, reflect.Struct:
		return 1
	}
	return int(of.Size())
}

// pointer reads what a pointer leads to.
func (d *decoder) pointer(v reflect.Value) {
	var made any
	switch v.Interface().(type) {
	case *ua.Variant:
		made = d.variant()
	case *ua.DataValue:
		made = d.dataValue()
	case *ua.DiagnosticInfo:
		made = d.diagnostics()
	case *ua.ExtensionObject:
		made = d.object()
	case *ua.NodeID:
		made = d.nodeID()
	case *ua.ExpandedNodeID:
		made = d.expanded()
	case *ua.GUID:
		made = d.guid()
	case *ua.LocalizedText:
		made = d.local()
	default:
		to := reflect.New(v.Type().Elem())
		d.nest(func() { d.value(to.Elem()) })
		v.Set(to)
		return
	}
	v.Set(reflect.ValueOf(made))
}
