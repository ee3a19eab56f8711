package sparkplug_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quadrille-stream/quadrille/connector/mqtt/sparkplug"
)

// number and block append a field.
func number(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

func block(b []byte, field protowire.Number, of []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), of)
}

// metric makes one; name "" and alias 0 are left out, as is a datatype 0.
func metric(name string, alias, datatype uint64, value ...[]byte) (b []byte) {
	if name != "" {
		b = block(b, 1, []byte(name))
	}
	if alias != 0 {
		b = number(b, 2, alias)
	}
	if datatype != 0 {
		b = number(b, 4, datatype)
	}
	for _, v := range value {
		b = append(b, v...)
	}
	return b
}

func whole(n uint64) []byte { return number(nil, 10, n) }
func long(n uint64) []byte  { return number(nil, 11, n) }

// payload makes one of metrics.
func payload(seq uint64, metrics ...[]byte) []byte {
	b := number(nil, 1, 1000)
	for _, m := range metrics {
		b = block(b, 2, m)
	}
	return number(b, 3, seq)
}

// Types of metrics.
const (
	int32Type  = 3
	uint64Type = 8
)

// host is one with a clock.
type host struct {
	t *testing.T
	*sparkplug.Host
	now time.Time
}

func newHost(t *testing.T) *host {
	return &host{t: t, Host: sparkplug.New(sparkplug.Config{Pause: time.Second}), now: time.Unix(1000, 0)}
}

// take takes a message in, and returns the documents as KIND[/DEVICE][name=value …], with ! for what is stale; then an error, and
// "ask".
func (h *host) take(kind, device string, body []byte) string {
	h.t.Helper()
	topic := "spBv1.0/g/" + kind + "/n"
	if device != "" {
		topic += "/" + device
	}
	result, err := h.Take(topic, body, h.now)
	if text := "\n" + string(result.Documents); len(result.Documents) > 0 && (strings.Contains(text, "\n\n") || strings.HasSuffix(text, "\n")) {
		h.t.Errorf("an empty line among the documents: %q", text)
	}
	var out []string
	for d := json.NewDecoder(strings.NewReader(string(result.Documents))); d.More(); {
		var doc struct {
			Type, Device string
			Metrics      []struct {
				Name  string
				Value json.RawMessage
				Stale bool
			}
		}
		if err := d.Decode(&doc); err != nil {
			h.t.Fatalf("%v: %s", err, result.Documents)
		}
		var metrics []string
		for _, m := range doc.Metrics {
			if m.Stale {
				metrics = append(metrics, m.Name+"!")
			} else {
				metrics = append(metrics, fmt.Sprintf("%s=%s", m.Name, m.Value))
			}
		}
		if doc.Device != "" {
			doc.Type += "/" + doc.Device
		}
		out = append(out, doc.Type+"["+strings.Join(metrics, " ")+"]")
	}
	switch {
	case errors.Is(err, sparkplug.ErrUnborn):
		out = append(out, "unborn")
	case err != nil:
		out = append(out, "error")
	}
	if result.Ask != "" {
		if result.Ask != "spBv1.0/g/NCMD/n" {
			h.t.Errorf("asks %s", result.Ask)
		}
		out = append(out, "ask")
	}
	return strings.Join(out, " ")
}

// step is a message, and what is to come of it.
type step struct {
	kind, device string
	body         []byte
	want         string
}

func (h *host) run(steps ...step) {
	h.t.Helper()
	for i, s := range steps {
		if got := h.take(s.kind, s.device, s.body); got != s.want {
			h.t.Errorf("step %d, %s: %q, want %q", i, s.kind, got, s.want)
		}
	}
}

var (
	nodeBirth   = payload(0, metric("a", 1, int32Type, whole(5)), metric("bdSeq", 0, uint64Type, long(7)))
	deviceBirth = payload(1, metric("d", 2, int32Type, whole(6)))
	byAlias     = func(seq, alias, n uint64) []byte { return payload(seq, metric("", alias, 0, whole(n))) }
	death       = func(bdSeq uint64) []byte { return block(nil, 2, metric("bdSeq", 0, uint64Type, long(bdSeq))) }
	born        = []step{{"NBIRTH", "", nodeBirth, "NBIRTH[a=5 bdSeq=7]"}, {"DBIRTH", "x", deviceBirth, "DBIRTH/x[d=6]"}}
)

// TestLife: births, data by alias, deaths.
func TestLife(t *testing.T) {
	h := newHost(t)
	h.run(born...)
	h.run(
		step{"NDATA", "", byAlias(2, 1, math.MaxUint32), "NDATA[a=-1]"},
		step{"DDATA", "x", byAlias(3, 2, 8), "DDATA/x[d=8]"},
		step{"DDATA", "x", payload(4, metric("d", 0, 0, whole(9))), "DDATA/x[d=9]"},
		step{"DDEATH", "x", payload(5), "DDEATH/x[d!]"},
		step{"DBIRTH", "x", payload(6, metric("e", 2, int32Type)), "DBIRTH/x[e=null]"},
		step{"NDEATH", "", death(6), ""}, // of the connection before
		step{"DDATA", "x", byAlias(7, 2, 8), "DDATA/x[e=8]"},
		step{"NDEATH", "", death(7), "NDEATH[a! bdSeq!] DDEATH/x[e!]"},
		step{"NDEATH", "", death(7), "NDEATH[]"},
		step{"NDATA", "", byAlias(8, 1, 1), "unborn ask"},
	)
	h.run(born...)
	h.run(step{"NBIRTH", "", nodeBirth, "DDEATH/x[d!] NBIRTH[a=5 bdSeq=7]"}, step{"DDATA", "x", byAlias(1, 2, 8), "unborn"})
}

// TestUnborn: what is not known is asked for, not too often, and nothing is guessed.
func TestUnborn(t *testing.T) {
	h := newHost(t)
	h.run(
		step{"DDATA", "x", byAlias(9, 2, 8), "unborn ask"},
		step{"DDATA", "x", byAlias(10, 2, 8), "unborn"},
		step{"NDATA", "", payload(11, metric("d", 0, int32Type, whole(9))), "NDATA[d=9]"}, // told by itself
		step{"DBIRTH", "x", payload(12, metric("d", 2, int32Type, whole(6))), "DBIRTH/x[d=6]"},
		step{"DDATA", "x", byAlias(13, 2, 8), "unborn"}, // the node's births may be others
	)
	h.now = h.now.Add(time.Second)
	h.run(step{"DDATA", "x", byAlias(14, 2, 8), "unborn ask"})
	h.run(born...)
	h.run(step{"DDATA", "x", byAlias(2, 2, 8), "DDATA/x[d=8]"}, step{"DDATA", "x", byAlias(3, 77, 8), "unborn"}) // no such alias
	h.now = h.now.Add(time.Second)
	h.run(step{"DDATA", "x", byAlias(4, 2, 8), "unborn ask"})
	if got := h.Nodes(); len(got) != 1 || got[0] != "spBv1.0/g/NCMD/n" {
		t.Errorf("%q", got)
	}
}

// TestGap: behind a missing message aliases are not believed, whichever number is missing.
func TestGap(t *testing.T) {
	for _, test := range []struct {
		at, next uint64
		gap      bool
	}{{1, 2, false}, {1, 3, true}, {1, 1, true}, {255, 0, false}, {255, 1, true}} {
		h := newHost(t)
		h.run(born...)
		for seq := uint64(2); seq <= test.at; seq++ {
			h.run(step{"NDATA", "", byAlias(seq, 1, 1), "NDATA[a=1]"})
		}
		want := map[bool]string{false: "NDATA[a=3]", true: "unborn ask"}[test.gap]
		h.run(step{"NDATA", "", byAlias(test.next, 1, 3), want})
	}
}

// TestPoison: what is no message is an error, and nothing of it is kept.
func TestPoison(t *testing.T) {
	h := newHost(t)
	h.run(born...)
	double := metric("a", 0, int32Type, whole(1))
	for i, s := range []step{
		{"NDATA", "", []byte{0xff}, "error"},
		{"NDATA", "", number(nil, 1, 5), "error"},                                         // no sequence
		{"NDATA", "", payload(300), "error"},                                              //
		{"NDATA", "", block(nil, 1, []byte("x")), "error"},                                // of another kind
		{"NDATA", "", block(number(nil, 3, 2), 4, []byte("SPBV1.0_COMPRESSED")), "error"}, //
		{"WHAT", "", payload(2), "error"},                                                 //
		{"NDATA", "x", payload(2), "error"},                                               //
		{"DDATA", "", payload(2), "error"},                                                //
		{"NDATA", "", payload(2, metric("\xff", 0, int32Type, whole(1))), "error"},        //
	} {
		if got := h.take(s.kind, s.device, s.body); got != s.want {
			t.Errorf("%d: %q", i, got)
		}
	}
	h.run(step{"NDATA", "", byAlias(2, 1, 4), "NDATA[a=4]"}) // as if nothing had been
	for _, birth := range [][]byte{
		payload(0, double, double), payload(0, metric("", 1, int32Type)), payload(0, metric("a", 0, 0)), payload(0, metric("a", 0, 99, whole(1))),
		payload(0, metric("a", 1, int32Type), metric("b", 1, int32Type)), payload(0, metric("a", 0, int32Type, long(1<<40))),
		payload(0, metric("a", 0, int32Type, block(nil, 15, []byte("5")))),
	} {
		if got := h.take("NBIRTH", "", birth); !strings.Contains(got, "error") {
			t.Errorf("%x: %q", birth, got)
		}
		h.now = h.now.Add(time.Second)
	}
	h.run(step{"NDATA", "", byAlias(3, 1, 4), "unborn ask"})
	deep := metric("t", 0, 19)
	for range 100 {
		deep = metric("t", 0, 19, block(nil, 18, block(nil, 2, deep)))
	}
	h.run(step{"NDATA", "", payload(4, deep), "error"})
	small := sparkplug.New(sparkplug.Config{MaxKnown: 100})
	if _, err := small.Take("spBv1.0/g/NBIRTH/n", nodeBirth, h.now); err == nil {
		t.Error("a birth is kept beyond the bound")
	}
	if _, err := small.Take("spBv1.0/g/NDATA/other", byAlias(1, 1, 1), h.now); err == nil || errors.Is(err, sparkplug.ErrUnborn) {
		t.Errorf("%v: an edge node is kept beyond the bound", err)
	}
}

// TestOthers: what a host doesn't read makes nothing.
func TestOthers(t *testing.T) {
	h := newHost(t)
	for _, topic := range []string{"spBv1.0/STATE/h", "spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d", "STATE/h", "other"} {
		if result, err := h.Take(topic, []byte("nonsense"), h.now); err != nil || len(result.Documents) > 0 || result.Ask != "" {
			t.Errorf("%s: %+v, %v", topic, result, err)
		}
	}
}

// TestWrongTopics: a topic of Sparkplug with a part too many or too few, or an empty one, is an error.
func TestWrongTopics(t *testing.T) {
	h := newHost(t)
	for _, topic := range []string{"spBv1.0/g/DDATA/n/d/x", "spBv1.0/g/NDATA/n/d/x", "spBv1.0/g/NDATA", "spBv1.0/g/NDATA/n/d", "spBv1.0/g/DDATA/n", "spBv1.0//NDATA/n", "spBv1.0/g/DATA/n"} {
		if result, err := h.Take(topic, payload(0), h.now); err == nil || errors.Is(err, sparkplug.ErrUnborn) || len(result.Documents) > 0 {
			t.Errorf("%s: %+v, %v", topic, result, err)
		}
	}
}

// TestValues: each datatype, as the specification has its bytes (6.4.16 and 6.4.17 for arrays).
func TestValues(t *testing.T) {
	bytes := func(text string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		return block(nil, 16, b)
	}
	float := func(bits uint32) []byte {
		return protowire.AppendFixed32(protowire.AppendTag(nil, 12, protowire.Fixed32Type), bits)
	}
	double := func(f float64) []byte {
		return protowire.AppendFixed64(protowire.AppendTag(nil, 13, protowire.Fixed64Type), math.Float64bits(f))
	}
	for _, test := range []struct {
		datatype uint64
		value    []byte
		want     string
	}{
		{1, whole(0xff), "-1"}, {1, whole(0xffffff80), "-128"}, {1, whole(127), "127"}, {1, whole(256), ""}, {1, long(math.MaxUint64), "-1"},
		{2, whole(0xfffe), "-2"}, {2, whole(0xfffffffe), "-2"}, {2, whole(1 << 16), ""}, {3, whole(0x80000000), "-2147483648"},
		{4, long(1 << 63), "-9223372036854775808"}, {4, long(5), "5"}, {5, whole(255), "255"}, {5, whole(256), ""}, {6, whole(65535), "65535"},
		{7, whole(math.MaxUint32), "4294967295"}, {7, long(math.MaxUint32), "4294967295"}, {8, long(math.MaxUint64), "18446744073709551615"},
		{9, float(0x3fc00000), "1.5"}, {9, float(0x7fc00000), `"NaN"`}, {9, float(0x3dcccccd), "0.1"}, {9, double(2), "2.0"},
		{10, double(0.1), "0.1"}, {10, double(math.Inf(1)), `"INF"`}, {10, double(math.Inf(-1)), `"-INF"`}, {10, double(1e30), "1e+30"}, {10, whole(1), ""},
		{11, number(nil, 14, 1), "true"}, {11, number(nil, 14, 0), "false"}, {11, whole(1), ""},
		{12, block(nil, 15, []byte("ü\"")), `"ü\""`}, {13, long(1769846400500), "1769846400500"},
		{17, bytes("00ff"), `"AP8="`}, {3, number(nil, 7, 1), "null"}, {3, nil, "null"}, {0x100, whole(1), ""},
		{22, bytes("EF 7B"), "[-17,123]"}, {23, bytes("D0 8A 30 75"), "[-30000,30000]"}, {24, bytes("FF FF FF FF FA AF CB 12"), "[-1,315338746]"},
		{25, bytes("CE 06 72 AC 18 9C BA C4 C4 BA 9C 18 AC 72 06 CE"), "[-4270929666821191986,-3601064768563266876]"}, {26, bytes("17 FA"), "[23,250]"}, {27, bytes("1E 00 88 CC"), "[30,52360]"},
		{28, bytes("34 00 00 00 49 FB 55 C4"), "[52,3293969225]"},
		{29, bytes("34 00 00 00 00 00 00 00 D9 9E 02 D1 B2 76 37 E4"), "[52,16444743074749521625]"},
		{30, bytes("A4 70 9D 3F 98 AE B2 42"), "[1.23,89.341]"}, {31, bytes("00 00 00 00 00 00 F8 3F"), "[1.5]"},
		{32, bytes("0C 00 00 00 34 D0"), "[false,false,true,true,false,true,false,false,true,true,false,true]"}, {32, bytes("0C 00 00 00 34"), ""},
		{33, bytes("41 42 43 00 68 65 00"), `["ABC","he"]`}, {33, bytes("41"), ""}, {33, bytes(""), "[]"}, {33, bytes("00"), `[""]`},
		{34, bytes("C7 D0 90 75 24 01 00 00 B8 BA B8 97 81 01 00 00"), "[1256102875335,1656107875000]"}, {24, bytes("FF"), ""}, {24, whole(1), ""},
	} {
		h := newHost(t)
		got := h.take("NBIRTH", "", payload(0, metric("v", 0, test.datatype, test.value)))
		want := "NBIRTH[v=" + test.want + "]"
		if test.want == "" {
			want = "error ask"
		}
		if got != want {
			t.Errorf("type %d, %x: %s, want %s", test.datatype, test.value, got, want)
		}
	}
}

// FuzzTake: whatever comes, documents are JSON, and nothing panics.
func FuzzTake(f *testing.F) {
	f.Add("NBIRTH", "", nodeBirth)
	f.Add("DBIRTH", "x", deviceBirth)
	f.Add("NDATA", "", byAlias(1, 1, 5))
	f.Fuzz(func(t *testing.T, kind, device string, body []byte) {
		h := sparkplug.New(sparkplug.Config{})
		if _, err := h.Take("spBv1.0/g/NBIRTH/n", nodeBirth, time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
		topic := "spBv1.0/g/" + kind + "/n"
		if device != "" {
			topic += "/" + device
		}
		result, err := h.Take(topic, body, time.Unix(0, 0))
		if err != nil {
			return
		}
		for d := json.NewDecoder(strings.NewReader(string(result.Documents))); d.More(); {
			var any any
			if err := d.Decode(&any); err != nil {
				t.Fatalf("%v: %s", err, result.Documents)
			}
		}
	})
}

// TestNoErrors: no error is made for a message and its values that are as they should be: that cost three allocations of each.
func TestNoErrors(t *testing.T) {
	if each := (allocations(t, 1000) - allocations(t, 0)) / 1000; each > 9.5 { // two are the race detector's
		t.Errorf("a value has %v allocations, expected 7", each)
	}
	h := newHost(t)
	command := testing.AllocsPerRun(100, func() {
		if _, err := h.Take("spBv1.0/g/NCMD/n", nil, h.now); err != nil {
			t.Fatal(err)
		}
	})
	if command > 2 {
		t.Errorf("a topic has %v allocations, expected 2", command)
	}
}

// allocations counts those of a message with so many values.
func allocations(t *testing.T, values int) float64 {
	birth, data := make([][]byte, values), make([][]byte, values)
	for i := range values {
		alias := uint64(i + 1)
		birth[i] = metric(fmt.Sprint("m", i), alias, int32Type, whole(5))
		data[i] = metric("", alias, 0, whole(6))
	}
	h := newHost(t)
	if _, err := h.Take("spBv1.0/g/NBIRTH/n", payload(0, birth...), h.now); err != nil {
		t.Fatal(err)
	}
	var bodies [256][]byte // by the sequence
	for i := range bodies {
		bodies[i] = payload(uint64(i), data...)
	}
	var seq uint8
	return testing.AllocsPerRun(100, func() {
		seq++
		if _, err := h.Take("spBv1.0/g/NDATA/n", bodies[seq], h.now); err != nil {
			t.Fatal(err)
		}
	})
}
