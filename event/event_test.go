package event_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
)

// TestProducerText: each text is one producer and back, each producer that passes Check is itself again from its text, and
// no two have the same text.
func TestProducerText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`(once|door|stream|source)/?[a-z/]{0,4}`)).Draw(t, "text")
		if got := event.ParseProducer(text).String(); got != text {
			t.Fatalf("%q comes back as %q", text, got)
		}
		p := event.Producer{Kind: event.Kind(rapid.IntRange(0, 5).Draw(t, "kind")), Name: text}
		if got := event.ParseProducer(p.String()); p.Check() == nil && got != p {
			t.Fatalf("%#v comes back as %#v", p, got)
		}
	})
}

func TestProducerCheck(t *testing.T) {
	for _, test := range []struct {
		producer event.Producer
		want     string
	}{
		{event.Producer{Name: "kafka/changes/3"}, ""},
		{event.Producer{Name: "once/"}, ""}, // names nobody
		{event.Producer{Kind: event.Once, Name: "once/k"}, ""},
		{event.Producer{Name: "once/k"}, `the source's name "once/k" begins like a producer of another kind`},
		{event.Producer{Name: "stream/s"}, `the source's name "stream/s" begins like a producer of another kind`},
		{event.Producer{Kind: event.Door}, "a producer of kind 3 has no name"},
		{event.Producer{Name: "resume/s"}, `the source's name "resume/s" begins like a producer of another kind`},
		{event.Producer{Kind: 6, Name: "x"}, `producer "x": kind 6 is unknown`},
		{event.Producer{Name: "\xff"}, `the producer's name "\xff" is no UTF-8`},
	} {
		got := ""
		if err := test.producer.Check(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%#v: %q, want %q", test.producer, got, test.want)
		}
	}
}

func TestKinds(t *testing.T) {
	got := ""
	for _, text := range []string{"", "src", "stream/s", "once/k", "door/n1/1", "resume/src", "once/", "once"} {
		p := event.ParseProducer(text)
		got += fmt.Sprint(p.Kind, " ", p.Name, " passing ", p.Passing(), " zero ", p.IsZero(), "\n")
	}
	const want = `0  passing false zero true
0 src passing false zero false
1 s passing false zero false
2 k passing true zero false
3 n1/1 passing true zero false
4 src passing false zero false
0 once/ passing false zero false
0 once passing false zero false
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestStatuses: an answer is either a refusal, to be sent again, or final, or none yet.
func TestStatuses(t *testing.T) {
	for s := range event.Status(20) {
		refusal := s == event.NotOwner || s == event.Busy || s == event.NoRoom || s == event.NoLeader
		final := s >= event.Committed && s <= event.NoLeader && !refusal
		if s.Refusal() != refusal || s.Final() != final {
			t.Errorf("status %d: refusal %v, final %v", s, s.Refusal(), s.Final())
		}
	}
	for _, ev := range []event.Event{{First: true}, {Prev: "x"}} {
		if !ev.Guarded() {
			t.Errorf("%+v is not guarded", ev)
		}
	}
	if (&event.Event{Key: "k"}).Guarded() {
		t.Error("guarded without a head")
	}
}
