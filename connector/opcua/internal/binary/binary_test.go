package binary_test

import (
	"bytes"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector/opcua/internal/binary"
)

// encoded is the body of a message, as a server sends it.
func encoded(t testing.TB, answer ua.Response) []byte {
	t.Helper()
	kind, err := ua.NewFourByteExpandedNodeID(0, ua.ServiceTypeID(answer)).Encode()
	if err != nil {
		t.Fatal(err)
	}
	body, err := ua.Encode(answer)
	if err != nil {
		t.Fatal(err)
	}
	return append(kind, body...)
}

func header(status ua.StatusCode) *ua.ResponseHeader {
	return &ua.ResponseHeader{Timestamp: time.Unix(1, 0).UTC(), RequestHandle: 7, ServiceResult: status,
		ServiceDiagnostics: &ua.DiagnosticInfo{}, AdditionalHeader: &ua.ExtensionObject{TypeID: ua.NewTwoByteExpandedNodeID(0)}}
}

// reading is the answer to a request to read, with one value.
func reading(value *ua.Variant) *ua.ReadResponse {
	return &ua.ReadResponse{ResponseHeader: header(ua.StatusOK), Results: []*ua.DataValue{{
		EncodingMask: ua.DataValueValue | ua.DataValueSourceTimestamp, Value: value, SourceTimestamp: time.Unix(3, 500).UTC()}}}
}

// values are some of each built-in type.
func values() []any {
	at := time.Date(2026, 1, 31, 8, 0, 0, 500, time.UTC)
	guid := ua.NewGUID("72962B91-FA75-4AE6-8D28-B404DC7DAF63")
	text := ua.NewLocalizedTextWithLocale("hot", "en")
	inner := ua.MustVariant(int32(5))
	object := ua.NewExtensionObject(&ua.EUInformation{NamespaceURI: "urn:x", UnitID: 3, DisplayName: text, Description: text})
	return []any{
		true, int8(-7), byte(200), int16(-300), uint16(60000), int32(-70000), uint32(4_000_000_000), int64(-5), uint64(6), float32(1.5),
		2.5, "a", at, guid, []byte{1, 2}, ua.XMLElement("<a/>"), ua.NewStringNodeID(2, "x"), ua.NewNumericNodeID(0, 85),
		ua.NewFourByteExpandedNodeID(1, 5), ua.StatusBadTimeout, &ua.QualifiedName{NamespaceIndex: 1, Name: "q"}, text, object,
		&ua.DataValue{EncodingMask: ua.DataValueValue | ua.DataValueStatusCode, Value: inner, Status: ua.StatusBad},
		&ua.DiagnosticInfo{EncodingMask: ua.DiagnosticInfoInnerDiagnosticInfo, InnerDiagnosticInfo: &ua.DiagnosticInfo{}},
		[]bool{true}, []int8{1}, ua.ByteArray{1, 2}, []int16{1}, []uint16{2}, []int32{1, 2}, []uint32{3}, []int64{4}, []uint64{5},
		[]float32{6}, []float64{7, 8}, []string{"a", ""}, []time.Time{at}, []*ua.GUID{guid}, []ua.XMLElement{"x"},
		[]*ua.NodeID{ua.NewTwoByteNodeID(1)}, []*ua.ExpandedNodeID{ua.NewTwoByteExpandedNodeID(1)}, []ua.StatusCode{ua.StatusBad},
		[]*ua.QualifiedName{{Name: "q"}}, []*ua.LocalizedText{text}, []*ua.ExtensionObject{object}, []*ua.Variant{inner},
		[]int32{}, []int32(nil), [][]int32{{1, 2, 3}, {4, 5, 6}}, [][][]float64{{{1, 2}}, {{3, 4}}},
	}
}

// TestValues: what gopcua writes is read as gopcua would read it.
func TestValues(t *testing.T) {
	for _, value := range values() {
		body := encoded(t, reading(ua.MustVariant(value)))
		got, want := new(ua.ReadResponse), new(ua.ReadResponse)
		if err := binary.Answer(body, got); err != nil {
			t.Errorf("%T: %v", value, err)
			continue
		}
		_, read, err := ua.DecodeService(body)
		if err != nil {
			t.Fatal(err)
		}
		want, _ = read.(*ua.ReadResponse)
		exported := cmp.Exporter(func(reflect.Type) bool { return true })
		if diff := cmp.Diff(want.Results, got.Results, exported); diff != "" {
			t.Errorf("%T: %s", value, diff)
		}
	}
}

// TestByteStrings: lists of byte strings, which differ in length, and an empty matrix, which gopcua refuses.
func TestByteStrings(t *testing.T) {
	for text, want := range map[string]any{
		"\x8f\x02\x00\x00\x00\x01\x00\x00\x00a\x02\x00\x00\x00bc":                          [][]byte{[]byte("a"), []byte("bc")},
		"\xc6\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00":             []int32{},
		"\xc3\x02\x00\x00\x00ab\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00":           []ua.ByteArray{{'a'}, {'b'}},
		"\x16\x01\x02\x05\x00\x01\x02\x00\x00\x00xy":                                       "xy",
		"\xd8\x02\x00\x00\x00\x01\x01\x01\x00\x02\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00": nil,
	} {
		answer := new(ua.ReadResponse)
		err := binary.Answer(spoilt(t, text), answer)
		if want == nil {
			if err == nil {
				t.Errorf("%q: no error", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := answer.Results[0].Value.Value()
		if o, ok := got.(*ua.ExtensionObject); ok {
			got = string(o.Value.(*binary.Opaque).Bytes) //nolint:forcetypeassert // the test fails
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %#v, want %#v", text, got, want)
		}
	}
}

// spoilt is an answer to a request to read whose only value is what is given.
func spoilt(t testing.TB, value string) []byte {
	t.Helper()
	mark := "a value that stands nowhere else"
	whole, err := ua.MustVariant(mark).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Replace(encoded(t, reading(ua.MustVariant(mark))), whole, []byte(value), 1)
}

// TestHostile: what no honest server sends is an error that takes neither the process nor much room.
func TestHostile(t *testing.T) {
	const million = 1 << 20
	for name, c := range map[string]struct{ value, want string }{
		"negative length":       {"\x86\xfe\xff\xff\xff", "a length of -2"},
		"lowest length":         {"\x86\x00\x00\x00\x80", "a length of"},
		"values within values":  {strings.Repeat("\x18", million), "more than 100 deep"},
		"lists within values":   {strings.Repeat("\x98\x01\x00\x00\x00", million), "more than 100 deep"},
		"diagnostics within":    {"\x19" + strings.Repeat("\x40", million), "more than 100 deep"},
		"values within results": {strings.Repeat("\x17\x01", million), "more than 100 deep"},
		"product that is two": {"\xc6\x02\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00" + // an array of two values
			"\x02\x00\x00\x00\x03\x00\x00\x00\x56\x55\x55\x55", "has the dimensions [3 1431655766]"},
		"product that is none": {"\xc6\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00", "dimensions"},
		"negative dimension":   {"\xc6\x00\x00\x00\x00\x01\x00\x00\x00\xff\xff\xff\xff", "dimensions"},
		"two thousand million": {"\x8c\xff\xff\xff\x7f", "shorter than it says"},
		"so long a text":       {"\x0c\xff\xff\xff\x7f", "shorter than it says"},
		"so many dimensions":   {"\xc6\x00\x00\x00\x00\xff\xff\xff\x7f", "shorter than it says"},
		"no type":              {"\x1f", "of type 31"},
		"no id":                {"\x11\x09", "invalid node id"},
		"structure's length":   {"\x16\x01\x00\x79\x03\x01\xff\xff\xff\x7f", "shorter than it says"},
		"structure that ends":  {"\x16\x01\x00\x79\x03\x01\x01\x00\x00\x00\x00", "shorter than it says"},
	} {
		answer := new(ua.ReadResponse)
		if err := binary.Answer(spoilt(t, c.value), answer); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestManyStructures: structures that take a byte each in a message are bounded by their number.
func TestManyStructures(t *testing.T) {
	body := encoded(t, &ua.ReadResponse{ResponseHeader: header(ua.StatusOK)})
	body = body[:len(body)-8] // without the lengths of both lists
	const n = 2 << 20
	body = append(append(body, 0, 0, n>>16, 0), make([]byte, n)...)
	if err := binary.Answer(body, new(ua.ReadResponse)); err == nil || !strings.Contains(err.Error(), "more than 1000000 structures") {
		t.Error(err)
	}
}

// TestListsThatAreNone: room is made for as many texts as there can be in what has come, and not for as many as it says.
func TestListsThatAreNone(t *testing.T) {
	body := encoded(t, &ua.ActivateSessionResponse{ResponseHeader: header(ua.StatusOK)})
	table := len(body) - 3 - 4 - 3*4 // before the additional header, and the nonce and two lists
	const n = 1 << 20
	body = append(append(body[:table:table], 0, 0, n>>16, 0), make([]byte, n)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := binary.Answer(body, new(ua.ActivateSessionResponse))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "shorter than it says") {
		t.Error(err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > n {
		t.Errorf("%d bytes of memory for a message of %d", took, len(body))
	}
}

// TestStatus: an answer that isn't good is its status, also where it is a fault; another answer is none.
func TestStatus(t *testing.T) {
	for want, body := range map[ua.StatusCode][]byte{
		ua.StatusBadTooManyOperations: encoded(t, &ua.ServiceFault{ResponseHeader: header(ua.StatusBadTooManyOperations)}),
		ua.StatusBadNothingToDo:       encoded(t, &ua.ReadResponse{ResponseHeader: header(ua.StatusBadNothingToDo)}),
	} {
		if err := binary.Answer(body, new(ua.ReadResponse)); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	other := encoded(t, &ua.WriteResponse{ResponseHeader: header(ua.StatusOK)})
	if err := binary.Answer(other, new(ua.ReadResponse)); err == nil || !strings.Contains(err.Error(), "expected i=634") {
		t.Error(err)
	}
}

// FuzzAnswer: whatever a server sends, the process goes on.
func FuzzAnswer(f *testing.F) {
	for _, value := range values() {
		f.Add(encoded(f, reading(ua.MustVariant(value))))
	}
	change := &ua.DataChangeNotification{MonitoredItems: []*ua.MonitoredItemNotification{{ClientHandle: 1,
		Value: &ua.DataValue{EncodingMask: ua.DataValueValue, Value: ua.MustVariant(1.5)}}}}
	f.Add(encoded(f, &ua.PublishResponse{ResponseHeader: header(ua.StatusOK), NotificationMessage: &ua.NotificationMessage{
		NotificationData: []*ua.ExtensionObject{ua.NewExtensionObject(change)}}}))
	f.Fuzz(func(_ *testing.T, body []byte) {
		for _, into := range []ua.Response{new(ua.ReadResponse), new(ua.PublishResponse), new(ua.BrowseResponse),
			new(ua.GetEndpointsResponse)} {
			_ = binary.Answer(body, into) // it returns
		}
	})
}
