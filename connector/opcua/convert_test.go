package opcua

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/rdf"
)

// TestConvert: a value is of the variable's type exactly, or none.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		text string
		kind ua.TypeID
		want any
	}{
		{"127", ua.TypeIDSByte, int8(127)}, {"128", ua.TypeIDSByte, nil}, {"-1", ua.TypeIDByte, nil}, {"256", ua.TypeIDByte, nil},
		{"5.0E0", ua.TypeIDInt16, int16(5)}, {"5.5", ua.TypeIDInt16, nil},
		{"1e3", ua.TypeIDUint16, uint16(1000)}, {"+7", ua.TypeIDUint32, uint32(7)},
		{"4294967296", ua.TypeIDUint32, nil}, {"9223372036854775807", ua.TypeIDInt64, int64(math.MaxInt64)},
		{"9223372036854775808", ua.TypeIDInt64, nil}, {"18446744073709551615", ua.TypeIDUint64, uint64(math.MaxUint64)},
		{"1e39", ua.TypeIDFloat, nil}, {"1e39", ua.TypeIDDouble, 1e39},
		{"INF", ua.TypeIDFloat, float32(math.Inf(1))}, {"0x10", ua.TypeIDDouble, nil},
		{"1_0", ua.TypeIDInt32, nil}, {"", ua.TypeIDDouble, nil}, {"-0.0", ua.TypeIDUint16, uint16(0)}, {"NaN", ua.TypeIDInt32, nil},
		{"true", ua.TypeIDBoolean, true}, {"0", ua.TypeIDBoolean, false}, {"yes", ua.TypeIDBoolean, nil}, {"x", ua.TypeIDString, "x"},
		{"x", ua.TypeIDDateTime, nil}, {"3000-01-01T00:00:00Z", ua.TypeIDDateTime, nil}, {"!", ua.TypeIDByteString, nil}, {"1234", ua.TypeIDGUID, nil},
		{"ns=x;i=1", ua.TypeIDNodeID, nil},
		{"x", ua.TypeIDExtensionObject, nil},
	} {
		term, err := rdf.Literal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := convert(term, c.kind, scalar)
		if c.want == nil && err == nil || c.want != nil && (err != nil || got.Value() != c.want || got.Type() != c.kind) {
			t.Errorf("%q as %s: %v, %v, want %v", c.text, typeNames[c.kind], got, err, c.want)
		}
	}
}

// TestConvertArray: a list of JSON is an array of the variable's type and dimensions exactly, or none; so is a structure.
func TestConvertArray(t *testing.T) {
	for _, c := range []struct {
		text string
		kind ua.TypeID
		rank int32
		want any // nil: an error that has the text
		says string
	}{
		{"[1, 2.0]", ua.TypeIDInt32, 1, []int32{1, 2}, ""}, {"[]", ua.TypeIDInt32, 1, []int32{}, ""},
		{"[]", ua.TypeIDDouble, 2, []float64{}, ""}, {"[1,255]", ua.TypeIDByte, 1, ua.ByteArray{1, 255}, ""},
		{`["NaN","INF",1e3]`, ua.TypeIDFloat, 0, nil, "NaN"}, // compared as text below
		{"[[1,2],[3,4]]", ua.TypeIDDouble, 2, [][]float64{{1, 2}, {3, 4}}, ""},
		{"[[1],[2]]", ua.TypeIDByte, 0, []ua.ByteArray{{1}, {2}}, ""},
		{`["a",""]`, ua.TypeIDString, anyRank, []string{"a", ""}, ""}, {"[true,false]", ua.TypeIDBoolean, someRank, []bool{true, false}, ""},
		{"[[1],[2]]", ua.TypeIDInt32, 1, nil, "2 dimensions, and the variable 1"},
		{"[1]", ua.TypeIDInt32, 2, nil, "1 dimensions, and the variable 2"},
		{"[[1],[2]]", ua.TypeIDInt32, someRank, nil, "2 dimensions"},
		{"[[1],[2,3]]", ua.TypeIDInt32, 0, nil, "differ in length"}, {"[1,[2]]", ua.TypeIDInt32, 0, nil, "differ in length"},
		{"[[[1]],[2]]", ua.TypeIDInt32, 0, nil, "differ in length"}, {"[256]", ua.TypeIDByte, 1, nil, "none of type Byte"},
		{"[null]", ua.TypeIDInt32, 1, nil, "nothing is no value"}, {"[{}]", ua.TypeIDInt32, 1, nil, "expected no structure"},
		{"1", ua.TypeIDInt32, 1, nil, "no list of JSON"}, {"[1", ua.TypeIDInt32, 1, nil, "no JSON"},
		{"[1][2]", ua.TypeIDInt32, 1, nil, "more than one value"}, {`["AQ=="]`, ua.TypeIDByteString, 1, nil, "are not written"},
		{strings.Repeat("[", 20) + strings.Repeat("]", 20), ua.TypeIDInt32, 0, nil, "more than 16 dimensions"},
		{`{"typeId":"ns=2;i=5"}`, ua.TypeIDExtensionObject, scalar, nil, "in base64"},
		{`{"typeId":"i=890","body":{"UnitID":3}}`, ua.TypeIDExtensionObject, scalar, nil, "are not written"},
		{`{"typeId":"?;i","body":"AQ=="}`, ua.TypeIDExtensionObject, scalar, nil, "the id of its encoding"},
	} {
		term, err := rdf.TypedLiteral(c.text, rdfJSON)
		if err != nil {
			t.Fatal(err)
		}
		got, err := convert(term, c.kind, c.rank)
		switch {
		case c.says == "NaN":
			if err != nil || string(appendValue(nil, got.Value(), 0)) != `["NaN","INF",1000.0]` {
				t.Errorf("%s: %v, %v", c.text, got, err)
			}
		case c.want == nil && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s as %s: %v, want %q", c.text, typeNames[c.kind], err, c.says)
		case c.want != nil && (err != nil || !reflect.DeepEqual(got.Value(), c.want) || got.Type() != c.kind):
			t.Errorf("%s as %s: %v, %v, want %v", c.text, typeNames[c.kind], got, err, c.want)
		}
	}
}

// TestSequence: messages come out in the order of their numbers, whatever the order in which they were looked at, also where the
// numbers begin anew; what is missing holds up what is behind it.
func TestSequence(t *testing.T) {
	data := func(n uint32) *ua.NotificationMessage {
		return &ua.NotificationMessage{SequenceNumber: n, NotificationData: []*ua.ExtensionObject{{}}}
	}
	s := newSequence()
	for _, c := range []struct {
		m     *ua.NotificationMessage
		ready []uint32
		sign  bool
	}{
		{&ua.NotificationMessage{SequenceNumber: 1}, nil, true},
		{data(2), nil, false}, {data(3), nil, false}, {&ua.NotificationMessage{SequenceNumber: 4}, nil, false},
		{data(1), []uint32{1, 2, 3}, true},
		{data(2), nil, false}, {&ua.NotificationMessage{SequenceNumber: 3}, nil, true},
		{data(5), nil, false}, {data(4), []uint32{4, 5}, true},
	} {
		check(t, s, c.m, c.ready, c.sign)
	}
	s.next = math.MaxUint32
	check(t, s, data(1), nil, false)
	check(t, s, data(math.MaxUint32), []uint32{math.MaxUint32, 1}, true)
}

func check(t *testing.T, s *sequence, m *ua.NotificationMessage, want []uint32, sign bool) {
	t.Helper()
	ready, got := s.add(m)
	var numbers []uint32
	for _, m := range ready {
		numbers = append(numbers, m.SequenceNumber)
	}
	if len(numbers) != len(want) || got != sign {
		t.Fatalf("%d: %v, %v, want %v, %v", m.SequenceNumber, numbers, got, want, sign)
	}
	for i := range want {
		if numbers[i] != want[i] {
			t.Fatalf("%d: %v, want %v", m.SequenceNumber, numbers, want)
		}
	}
}
