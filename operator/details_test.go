package operator_test

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

// TestLetterIsWhole: a dead letter has all that is needed to send the event again.
func TestLetterIsWhole(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	ev := eventOf("door/q/1", 7, "bad")
	ev.Key, ev.MediaType = "urn:a", "text/plain"
	h.deliver(1, ev)
	want := "H producer \"door/q/1\" .\nH seq \"7\" .\nH key \"urn:a\" .\nH media-type \"text/plain\" .\nH payload \"YmFk\" .\n"
	if got := string(h.log.records(t)[1].Body); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestFoldCounts: what changes nothing, or is bad, counts as nothing.
func TestFoldCounts(t *testing.T) {
	l := operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) {
		if string(ev.Payload) == "bad" {
			return append(dst, "x"...), errors.New("it is bad")
		}
		return append(dst, ev.Payload...), nil
	}, func([]byte) error { return nil })
	for payload, want := range map[string]uint64{"": 0, "bad": 0, "a": 1} {
		body, adds, deletes, err := l.Evaluate(&event.Event{Payload: []byte(payload)}, operator.Evaluation{}, []byte("before "))
		if adds != want || deletes != 0 || (err != nil) != (payload == "bad") || (string(body) != "before ") != (want > 0) {
			t.Errorf("%q: %q, %d, %d, %v", payload, body, adds, deletes, err)
		}
	}
}
