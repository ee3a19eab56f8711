package patch_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

func TestEntry(t *testing.T) {
	e := patch.Entry{ID: "ni:2", Prev: "ni:1", Shard: 3, Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Rows: []byte("TX .\nTC .\n")}
	want := "H id <ni:2> .\nH prev <ni:1> .\nH shard \"3\" .\n" +
		"H time \"2026-01-02T02:04:05.000000006Z\"^^<http://www.w3.org/2001/XMLSchema#dateTime> .\nTX .\nTC .\n"
	if got := string(e.Append([]byte("# a\n"))); got != "# a\n"+want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	e.Prev, e.Time = "", time.Time{}
	if got, want := string(e.Append(nil)), "H id <ni:2> .\nH shard \"3\" .\nTX .\nTC .\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestOneTransaction: the rows stay as they are, and nothing else looks like the end of a transaction.
func TestOneTransaction(t *testing.T) {
	const a, b = "A <s:1> <p:1> \"TC .\\nTX .\\n\" .\n", "D <s:2> <p:1> _:TC .\n"
	for _, test := range []struct{ rows, want string }{
		{"", "TX .\nTC .\n"},
		{"TX .\nTC .\n", "TX .\nTC .\n"},
		{"TX .\n" + a + b + "TC .\n", "TX .\n" + a + b + "TC .\n"},
		{"TX .\n" + a + "TC .\nTX .\n" + b + "TC .\n", "TX .\n" + a + b + "TC .\n"},
		{strings.Repeat("TX .\n"+b+"TC .\n", 3), "TX .\n" + strings.Repeat(b, 3) + "TC .\n"},
		{strings.Repeat("TX .\nTC .\n", 4), "TX .\nTC .\n"},
	} {
		rows := []byte(test.rows)
		if got := patch.OneTransaction(rows); string(got) != test.want || string(rows) != test.rows {
			t.Errorf("%q becomes %q, want %q; it is now %q", test.rows, got, test.want, rows)
		}
	}
}

// shards is a stream of two logs.
const shards = "H id <x:1> . H shard '0' . TX . A " + spo + " . TC . " +
	"H id <x:2> . H shard '1' . TX . TC . " +
	"H id <x:3> . H prev <x:1> . H Shard '0' . TX . D " + spo + " . TC . "

// TestSeveralLogs: patches that name their shard follow those of the same one.
func TestSeveralLogs(t *testing.T) {
	term := func(text string) rdf.Term { return rdf.Trusted(text) }
	for _, test := range []struct {
		name, doc string
		heads     []rdf.Term
		log       error // what a Log says, and
		links     error // what Links say
	}{
		{"two", shards, nil, nil, nil},
		{"two from later", shards[strings.Index(shards, "H id <x:3>"):] + "H id <x:4> . H prev <x:2> . H shard '1' . TX . TC .",
			[]rdf.Term{term("<x:2>"), term("<x:1>")}, nil, nil},
		{"a head twice", "H id <x:3> . H prev <x:1> . H shard '0' . TX . TC . H id <x:4> . H prev <x:1> . H shard '1' . TX . TC .",
			[]rdf.Term{term("<x:1>")}, patch.ErrNotNext, nil},
		{"a shard that begins", "H id <x:3> . H shard '0' . TX . TC . H id <x:4> . H prev <x:1> . H shard '1' . TX . TC .",
			[]rdf.Term{term("<x:1>")}, nil, nil},
		{"prev of the other", shards + "H id <x:4> . H prev <x:3> . H shard '1' . TX . TC .", nil, patch.ErrNotNext, patch.ErrNotNext},
		{"no prev in the middle", shards + "H id <x:4> . H shard '1' . TX . TC .", nil, patch.ErrNotNext, nil},
		{"an id of the other", shards + "H id <x:1> . H prev <x:2> . H shard '1' . TX . TC .", nil, patch.ErrNotNext, nil},
		{"aborted", shards + "H id <x:4> . H prev <x:3> . H shard '1' . TX . TA .", nil, patch.ErrNotNext, patch.ErrNotNext},
		{"shard of an aborted one", "H id <x:1> . H shard '1' . TX . TA . H id <x:2> . TX . TC . H id <x:3> . H prev <x:2> . TX . TC .", nil, nil, nil},
	} {
		if err := patch.Parse([]byte(test.doc), patch.NewLog(nil, test.heads...)); !errors.Is(err, test.log) {
			t.Errorf("%s: log: %v", test.name, err)
		}
		if err := patch.Parse([]byte(test.doc), patch.NewLinks(patch.Ignore{})); !errors.Is(err, test.links) {
			t.Errorf("%s: links: %v", test.name, err)
		}
	}
}

// TestLogEnds: a log doesn't end with the headers of a patch.
func TestLogEnds(t *testing.T) {
	const one = "H id <x:1> . TX . TC ."
	for doc, want := range map[string]error{
		"": nil, one: nil, one + " H id <x:2> . H prev <x:1> .": patch.ErrCutOff, "H id <x:1> .": patch.ErrCutOff,
		one + " H note 'end' .": nil, "H id <x:1> . TX . TA .": nil,
	} {
		log := patch.NewLog(nil)
		if err := patch.Parse([]byte(doc), log); err != nil {
			t.Fatal(err)
		}
		if err := log.End(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", doc, err, want)
		}
	}
	log := patch.NewLog(nil)
	if err := drive([]row{{code: "H", name: "id", value: node}, {code: "TX"}}, log); err != nil || !errors.Is(log.End(), patch.ErrCutOff) {
		t.Errorf("within a transaction: %v, %v", err, log.End())
	}
}

// TestComposeLogs: what is of several logs has no place in any of them.
func TestComposeLogs(t *testing.T) {
	const zero = "H id <x:3> . H prev <x:1> . H shard '0' . H note 'a' . TX . A " + spo + " . TC . "
	const one = "H id <x:4> . H prev <x:2> . H shard '1' . H note 'b' . TX . D " + spo + " . TC . "
	const next = "H id <x:5> . H prev <x:3> . H shard '0' . TX . A " + spo + " . TC . "
	for doc, want := range map[string]string{
		zero:               "H id <x:3> .\nH prev <x:1> .\nH shard \"0\" .\nH note \"a\" .\n",
		zero + next:        "H id <x:5> .\nH prev <x:1> .\nH shard \"0\" .\nH note \"a\" .\n",
		zero + one:         "H note \"b\" .\n",
		zero + one + next:  "H note \"b\" .\n",
		next + "TX . TC .": "H id <x:5> .\nH prev <x:3> .\nH shard \"0\" .\n",
	} {
		var out strings.Builder
		w := patch.NewWriter(&out)
		net := &patch.Net{}
		err := patch.Compose(w, net, patch.NewReader(strings.NewReader(doc)))
		if err == nil {
			err = w.Flush()
		}
		headers, _, _ := strings.Cut(out.String(), "TX .\n")
		if err != nil || headers != want {
			t.Errorf("%s\nhas the headers\n%s\nwant\n%s%v", doc, headers, want, err)
		}
		if err := patch.Parse([]byte(next), net); err != nil || net.Emit(w) != nil || w.Flush() != nil || !strings.Contains(out.String()[len(headers):], "H id <x:5>") {
			t.Errorf("what comes after has no id: %v\n%s", err, out.String())
		}
	}
}
