package operator_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/patch"
)

// TestRecordText holds the form of a record to the byte: it is an RDF Patch that others must be able to read.
func TestRecordText(t *testing.T) {
	r := operator.Record{Prev: "ni:///sha-256;abc", Kind: operator.Delta, Shard: 3,
		Writer: operator.Writer{Epoch: 4, Node: "n1", Incarnation: 2}, Time: time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC),
		Positions: []operator.ProducerPosition{{Producer: event.ParseProducer("a b=c"), Seq: 7, Adds: 1},
			{Producer: event.ParseProducer("once/x"), Seq: 1 << 63, Deletes: 2}},
		Part: 2, More: true, Reason: "why \"not\"\n", Body: []byte("TX .\nA <urn:s> <urn:p> <urn:o> .\nTC .\n")}
	got := string(r.Encode([]byte("before")))
	want := "beforeH id <" + r.ID + "> .\n" + `H prev <ni:///sha-256;abc> .
H kind "delta" .
H shard "3" .
H epoch "4" .
H node "n1" .
H incarnation "2" .
H time "2026-01-02T03:04:05.0000006Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
H positions "a+b%3Dc=7,1,0 once%2Fx=9223372036854775808,0,2" .
H part "2" .
H more "true" .
H reason "why \"not\"\n" .
H length "38" .
TX .
A <urn:s> <urn:p> <urn:o> .
TC .
`
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	var c patch.Counter
	if err := patch.Parse([]byte(got[len("before"):]), &c); err != nil || c.Adds != 1 || c.Commits != 1 {
		t.Errorf("as RDF Patch: %v, %+v", err, c)
	}
}

// drawRecord makes any record that an operator could write.
func drawRecord(t *rapid.T) operator.Record {
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abc /=,;+%\"\\\n\té\u2028\U0001F600<>.")), 0, 12, -1)
	r := operator.Record{
		Kind:  rapid.SampledFrom([]operator.Kind{operator.Delta, operator.Claim, operator.DeadLetter}).Draw(t, "kind"),
		Shard: rapid.IntRange(0, 4095).Draw(t, "shard"),
		Writer: operator.Writer{Epoch: rapid.Uint64().Draw(t, "epoch"), Node: text.Draw(t, "node"),
			Incarnation: rapid.Uint64().Draw(t, "incarnation")},
		Time:   time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanos")).UTC(),
		Reason: text.Draw(t, "reason"), Body: rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "body"),
	}
	if rapid.Bool().Draw(t, "prev") {
		r.Prev = "ni:///sha-256;" + strings.Repeat("x", 43)
	}
	for range rapid.IntRange(0, 3).Draw(t, "positions") {
		r.Positions = append(r.Positions, operator.ProducerPosition{Producer: event.ParseProducer(text.Draw(t, "producer")),
			Seq: rapid.Uint64().Draw(t, "seq"), Adds: rapid.Uint64().Draw(t, "adds"),
			Deletes: rapid.Uint64().Draw(t, "deletes")})
	}
	if r.Part = rapid.IntRange(0, 3).Draw(t, "part"); r.Part > 0 {
		r.More = rapid.Bool().Draw(t, "more")
	}
	return r
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		payload := r.Encode(nil)
		got, err := operator.Decode(payload)
		if err != nil {
			t.Fatalf("%v\n%s", err, payload)
		}
		if diff := cmp.Diff(r, *got); diff != "" {
			t.Fatal(diff)
		}
		if again := got.Encode(nil); !bytes.Equal(again, payload) {
			t.Fatalf("%s\nagain\n%s", payload, again)
		}
	})
}

// TestEveryFlipIsFound: no bit of a record can change unnoticed.
func TestEveryFlipIsFound(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, small)
	h.deliver(1, eventOf("p", 1, "one two three four five"), eventOf("q", 1, "bad"))
	for i, e := range log.entries {
		for bit := range 8 * len(e.Payload) {
			damaged := bytes.Clone(e.Payload)
			damaged[bit/8] ^= 1 << (bit % 8)
			if _, err := operator.Decode(damaged); !errors.Is(err, engine.ErrDamaged) {
				t.Fatalf("record %d, bit %d: %v\n%s", i, bit, err, damaged)
			}
		}
		for n := range e.Payload {
			if _, err := operator.Decode(e.Payload[:n]); !errors.Is(err, engine.ErrDamaged) {
				t.Fatalf("record %d, cut off at %d: %v", i, n, err)
			}
		}
		if _, err := operator.Decode(append(bytes.Clone(e.Payload), '\n')); !errors.Is(err, engine.ErrDamaged) {
			t.Fatalf("record %d with a byte more: %v", i, err)
		}
	}
}

// withID puts the right id before what follows it.
func withID(rest []byte) []byte {
	sum := sha256.Sum256(rest)
	return append(fmt.Appendf(nil, "H id <ni:///sha-256;%s> .\n", base64.RawURLEncoding.EncodeToString(sum[:])), rest...)
}

// TestHeadersAreChecked: a header whose value is none is damage, though the id is right.
func TestHeadersAreChecked(t *testing.T) {
	r := operator.Record{Prev: "ni:///x", Kind: operator.Delta, Shard: 7, Writer: operator.Writer{Epoch: 3, Node: "n1", Incarnation: 2},
		Time: start, Part: 1, More: true, Reason: "why", Body: []byte("abc"),
		Positions: []operator.ProducerPosition{{Producer: event.Producer{Kind: event.Source, Name: "p"}, Seq: 4, Adds: 5, Deletes: 6}}}
	whole := r.Encode(nil)
	_, good, _ := bytes.Cut(whole, []byte(" .\n"))
	if !bytes.Equal(withID(good), whole) {
		t.Fatalf("%s", whole)
	}
	for _, change := range [][2]string{
		{`shard "7"`, `shard "x"`}, {`epoch "3"`, `epoch "-3"`}, {`incarnation "2"`, `incarnation ""`}, {`time "2026`, `time "a026`},
		{`=4,5,6"`, `=4,5"`}, {`=4,5,6"`, `=4,5,x"`}, {`=4,5,6"`, `=4,5,6,7"`}, {`=4,5,6"`, `"`}, {`positions "`, `positions "%zz`},
		{`part "1"`, `part "one"`}, {`reason "why"`, `season "why"`}, {`length "3"`, `length "2"`}, {`length "3"`, `length "x"`},
		{`H kind`, `D kind`}, {"H length", "H  .\nH length"},
	} {
		bad := bytes.Replace(good, []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(bad, good) {
			t.Errorf("%q is not in\n%s", change[0], good)
		}
		if r, err := operator.Decode(withID(bad)); !errors.Is(err, engine.ErrDamaged) {
			t.Errorf("%q in place of %q: %+v, %v", change[1], change[0], r, err)
		}
	}
}

// FuzzDecode: whatever a log holds, Decode answers; and what it takes for a record can be written and read again. The
// input is the part behind the id, which would keep a fuzzer out.
func FuzzDecode(f *testing.F) {
	r := operator.Record{Kind: operator.Delta, Time: start, Part: 1, More: true, Reason: "r", Body: []byte("TX .\nTC .\n"),
		Positions: []operator.ProducerPosition{{Producer: event.ParseProducer("p"), Seq: 1}}}
	payload := r.Encode(nil)
	f.Add(payload[bytes.IndexByte(payload, '\n')+1:])
	for _, seed := range []string{"", "H length \"0\" .\n", "H kind <x> .\nH length \"0\" .\n", "H node \"\\u12 .\n",
		"H shard \"\" .\nH length \"0\" .\n", "H node \" .\nH length \"0\" .\n", "H prev < .\nH length \"0\" .\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, rest []byte) {
		got, err := operator.Decode(withID(rest))
		if err != nil {
			if !errors.Is(err, engine.ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		if got.Time.Year() > 9999 || got.Time.Year() < 0 {
			return
		}
		again, err := operator.Decode(got.Encode(nil))
		if err != nil {
			t.Fatalf("%+v: %v", got, err)
		}
		valid := strings.ToValidUTF8(string(got.Kind), "\uFFFD")
		if !bytes.Equal(again.Body, got.Body) || string(again.Kind) != valid {
			t.Fatalf("%+v, again %+v", got, again)
		}
	})
}

// TestChain: what a reader refuses.
func TestChain(t *testing.T) {
	w1, w2 := operator.Writer{Epoch: 1, Node: "n1", Incarnation: 1}, operator.Writer{Epoch: 2, Node: "n2", Incarnation: 1}
	rec := func(kind operator.Kind, w operator.Writer, part int, more bool) operator.Record {
		return operator.Record{Kind: kind, Shard: 7, Writer: w, Time: start, Part: part, More: more, Body: []byte("b")}
	}
	claim1, claim2 := rec(operator.Claim, w1, 0, false), rec(operator.Claim, w2, 0, false)
	delta1, delta2 := rec(operator.Delta, w1, 0, false), rec(operator.Delta, w2, 0, false)
	stray := rec(operator.Delta, w2, 2, false)
	part := func(n int, more bool) operator.Record { return rec(operator.Delta, w1, n, more) }
	other := claim1
	other.Shard = 8
	for name, c := range map[string]struct {
		records []operator.Record
		err     string
	}{
		"good":                    {[]operator.Record{claim1, delta1, part(1, true), part(2, false), claim2}, ""},
		"no claim":                {[]operator.Record{delta1}, "doesn't begin with a claim"},
		"claims fall":             {[]operator.Record{claim2, claim1}, "after claim"},
		"the same claim":          {[]operator.Record{claim1, claim1}, "after claim"},
		"deposed writer":          {[]operator.Record{claim1, claim2, delta1}, "under claim"},
		"part missing":            {[]operator.Record{claim1, part(1, true), part(3, false)}, "part 3 after part 1"},
		"no first part":           {[]operator.Record{claim1, part(2, false)}, "part 2 after part 0"},
		"whole inside parts":      {[]operator.Record{claim1, part(1, true), delta1}, "a whole record after part 1"},
		"claim inside parts":      {[]operator.Record{claim1, part(1, true), claim2, delta2}, ""},
		"parts behind that claim": {[]operator.Record{claim1, part(1, true), claim2, stray}, "part 2 after part 0"},
		"another shard":           {[]operator.Record{other}, "record is of shard 8"},
	} {
		t.Run(name, func(t *testing.T) {
			chain := operator.Chain{Shard: 7}
			var err error
			for i, r := range c.records {
				r.Prev = chain.Head
				if _, err = chain.Push(uint64(2+i), r.Encode(nil)); err != nil {
					break
				}
			}
			switch {
			case c.err == "" && err == nil:
			case c.err == "" || !errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), c.err):
				t.Errorf("got %v, want %q", err, c.err)
			}
		})
	}
}

// TestChainLinks: records of good form that are left out, come twice or stand in another order.
func TestChainLinks(t *testing.T) {
	log := &shardLog{}
	h := owner(t, log, nil)
	for i := range uint64(4) {
		h.deliver(i+1, eventOf("p", i+1, fmt.Sprint(i)))
	}
	e := log.entries
	for name, order := range map[string][]int{
		"left out": {0, 1, 3}, "twice": {0, 1, 1}, "swapped": {0, 2, 1}, "from the middle": {2},
	} {
		chain := operator.Chain{Shard: 7}
		var err error
		for at, i := range order {
			if _, err = chain.Push(uint64(10+at), e[i].Payload); err != nil {
				break
			}
		}
		if !errors.Is(err, engine.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	resumed := operator.Resume(7, e[1].Seq)
	for _, entry := range e[2:] {
		if r, err := resumed.Push(entry.Seq, entry.Payload); err != nil || r == nil {
			t.Errorf("resumed: %v", err)
		}
	}
	if r, err := operator.Resume(7, 1).Push(e[2].Seq, e[2].Payload); err != nil || r == nil {
		t.Errorf("resumed at the first position: %v", err)
	}
	if r, err := operator.Resume(7, 0).Push(e[2].Seq, e[2].Payload); err == nil {
		t.Errorf("from the start: %+v", r)
	}
	for i, entry := range e {
		head := "" // the first is a claim
		if r, err := operator.Decode(entry.Payload); err != nil {
			t.Fatal(err)
		} else if i > 0 {
			head = r.ID
		}
		if c, err := operator.ResumeAt(7, entry.Seq, entry.Payload); err != nil || c.DeltaHead != head {
			t.Errorf("resumed at %d: %+v, %v", entry.Seq, c, err)
		}
	}
	if _, err := resumed.Push(e[4].Seq, e[4].Payload); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("a position twice: %v", err)
	}
}

// partsLog is a log with a claim (10), a transaction of three parts (20, 30, 40) and a whole delta (50).
func partsLog() (entries []engine.Entry, ids []string) {
	w := operator.Writer{Epoch: 1, Node: "n1", Incarnation: 1}
	prev := ""
	for i, r := range []operator.Record{
		{Kind: operator.Claim}, {Kind: operator.Delta, Part: 1, More: true, Body: []byte("a")},
		{Kind: operator.Delta, Part: 2, More: true, Body: []byte("b")}, {Kind: operator.Delta, Part: 3, Body: []byte("c")},
		{Kind: operator.Delta, Body: []byte("d")},
	} {
		r.Shard, r.Writer, r.Time, r.Prev = 7, w, start, prev
		entries = append(entries, engine.Entry{Seq: uint64(10 * (i + 1)), Payload: r.Encode(nil)})
		prev = r.ID
		ids = append(ids, r.ID)
	}
	return entries, ids
}

// TestResumeInside: who begins inside a transaction of several parts hears so, and not that the log is damaged.
func TestResumeInside(t *testing.T) {
	log, ids := partsLog()
	for at := 1; at <= 2; at++ {
		known, err := operator.ResumeAt(7, log[at].Seq, log[at].Payload)
		if err != nil {
			t.Fatal(err)
		}
		if !known.Inside() {
			t.Errorf("resumed after part %d: not inside", at)
		}
		for _, chain := range []*operator.Chain{known, operator.Resume(7, log[at].Seq)} {
			for _, e := range log[at+1:] {
				if _, err = chain.Push(e.Seq, e.Payload); err != nil {
					break
				}
			}
			if !errors.Is(err, operator.ErrInside) || errors.Is(err, engine.ErrDamaged) || chain.Seq >= log[3].Seq {
				t.Errorf("resumed after part %d: %v, at %d", at, err, chain.Seq)
			}
		}
		claim := operator.Record{Kind: operator.Claim, Shard: 7, Prev: ids[at], Time: start,
			Writer: operator.Writer{Epoch: 2, Node: "n2", Incarnation: 1}}
		for _, chain := range []*operator.Chain{known, operator.Resume(7, log[at].Seq)} {
			if chain.Seq != log[at].Seq {
				chain, _ = operator.ResumeAt(7, log[at].Seq, log[at].Payload)
			}
			if r, err := chain.Push(99, claim.Encode(nil)); err != nil || r == nil || chain.Inside() || chain.Whole != 99 {
				t.Errorf("the claim that ends it: %v, %v", r, err)
			}
		}
	}
}

// TestResumeAt: what comes after the record must fit it.
func TestResumeAt(t *testing.T) {
	log, ids := partsLog()
	chain, err := operator.ResumeAt(7, log[3].Seq, log[3].Payload)
	if err != nil || chain.Head != ids[3] || chain.Inside() {
		t.Fatalf("%+v, %v", chain, err)
	}
	if r, err := chain.Push(log[4].Seq, log[4].Payload); err != nil || r == nil {
		t.Errorf("what follows: %v", err)
	}
	chain, _ = operator.ResumeAt(7, log[0].Seq, log[0].Payload)
	if _, err := chain.Push(log[4].Seq, log[4].Payload); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("a gap: %v", err)
	}
	if _, err := operator.ResumeAt(8, log[0].Seq, log[0].Payload); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("another shard's: %v", err)
	}
}

// resealed is a record with other headers behind its id row, and the id that they make.
func resealed(raw []byte, headers string) []byte {
	rest := bytes.SplitAfterN(raw, []byte("\n"), 2)[1]
	rest = append([]byte(headers), rest...)
	sum := sha256.Sum256(rest)
	return append([]byte("H id <ni:///sha-256;"+base64.RawURLEncoding.EncodeToString(sum[:])+"> .\n"), rest...)
}

// TestHeadersOfLaterVersions: what may be ignored is, what must be understood stops the reader and says why, and what nobody has
// announced is damage.
func TestHeadersOfLaterVersions(t *testing.T) {
	r := operator.Record{Kind: operator.Delta, Shard: 3, Writer: operator.Writer{Epoch: 1, Node: "n"}, Body: []byte("TX .\nTC .\n")}
	raw := r.Encode(nil)
	for headers, want := range map[string]error{
		"":                                       nil,
		"H format \"1\" .\n":                     nil,
		"H x-trace \"abc\" .\n":                  nil,
		"H format \"1\" .\nH x-y <urn:z> .\n":    nil,
		"H format \"2\" .\nH encoding \"z\" .\n": operator.ErrNewer,
		"H x-a \"1\" .\nH format \"7\" .\n":      operator.ErrNewer,
		"H encoding \"z\" .\n":                   engine.ErrDamaged,
		"H format \"two\" .\n":                   engine.ErrDamaged,
	} {
		doc := resealed(raw, headers)
		got, err := operator.Decode(doc)
		if want == nil && (err != nil || got.Shard != 3 || string(got.Body) != string(r.Body)) || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %+v, %v", headers, got, err)
		}
		if errors.Is(want, operator.ErrNewer) && (errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), "upgrade")) {
			t.Errorf("%q: %v", headers, err)
		}
		if want == nil && got.ID == r.ID != (headers == "") {
			t.Errorf("%q: id %s", headers, got.ID)
		}
	}
}

// TestResumedChainKnowsItsOwner: after its first record, a chain that begins anywhere takes none of another writer that has not
// claimed the shard.
func TestResumedChainKnowsItsOwner(t *testing.T) {
	w := operator.Writer{Epoch: 2, Node: "n1", Incarnation: 1}
	c := operator.Resume(7, 9)
	first := &operator.Record{Kind: operator.Delta, Shard: 7, Writer: w, ID: "a", Prev: "before"}
	if _, err := c.PushRecord(12, first); err != nil || c.Owner != w {
		t.Fatalf("%v, owner %+v", err, c.Owner)
	}
	w.Epoch++
	second := &operator.Record{Kind: operator.Delta, Shard: 7, Writer: w, ID: "b", Prev: "a"}
	if _, err := c.PushRecord(15, second); !errors.Is(err, engine.ErrDamaged) {
		t.Errorf("a record of nobody who owns the shard: %v", err)
	}
}
