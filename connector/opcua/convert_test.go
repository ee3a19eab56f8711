package opcua

import (
	"math"
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
		{"x", ua.TypeIDDateTime, nil}, {"!", ua.TypeIDByteString, nil}, {"1234", ua.TypeIDGUID, nil},
		{"ns=x;i=1", ua.TypeIDNodeID, nil},
		{"x", ua.TypeIDExtensionObject, nil},
	} {
		term, err := rdf.Literal(c.text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := convert(term, c.kind)
		if c.want == nil && err == nil || c.want != nil && (err != nil || got.Value() != c.want || got.Type() != c.kind) {
			t.Errorf("%q as %s: %v, %v, want %v", c.text, typeNames[c.kind], got, err, c.want)
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
