package operator_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
)

var errDisk = errors.New("the disk is gone")

// TestCommitFails: a state that can't take in what is in the log halts its shard. Those whose events are in the log hear
// that they are, the others that the shard is halted.
func TestCommitFails(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxRecord = 10 })
	h.deliver(1, eventOf("p", 1, "a"))
	h.Logic().(*words).fail = errDisk
	h.deliver(2, eventOf("p", 2, "bbbbbbbb"), eventOf("p", 3, "cc"))
	h.want("(claim)[a][bbbbbbbb]", "a", committed, committed, event.Halted)
	err := h.Err()
	if h.State() != operator.Halted || !errors.Is(err, operator.ErrState) || !errors.Is(err, errDisk) ||
		errors.Is(err, engine.ErrDamaged) || err.Error() != "shard 7, position 9: the state has failed: the disk is gone" {
		t.Errorf("%v: %v", h.State(), err)
	}
	if h.acks[1].Position != 9 || h.acks[1].Head == "" {
		t.Errorf("%+v", h.acks[1])
	}
}

// TestCommitFailsLater: the same, where the log tells that the record is there.
func TestCommitFailsLater(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.append = func(a operator.Append) (uint64, error, bool) {
		_, _ = h.log.append(a.Expect, a.Payload)
		return 0, engine.ErrUnknown, true
	}
	h.Logic().(*words).fail = errDisk
	h.deliver(1, eventOf("p", 1, "a"))
	h.want("(claim)[a]", "", committed)
	if h.State() != operator.Halted || !errors.Is(h.Err(), operator.ErrState) {
		t.Errorf("%v: %v", h.State(), h.Err())
	}
}

// TestStateFails: a state that fails says nothing against the event, which is no dead letter, nor against the log.
func TestStateFails(t *testing.T) {
	h := owner(t, &shardLog{}, nil)
	h.deliver(1, eventOf("p", 1, "broken"))
	h.want("(claim)", "", event.Halted)
	log := &shardLog{}
	log.add(t, claim(1, "n0", 1))
	r := claim(1, "n0", 1)
	r.Kind, r.Body = operator.Delta, []byte("broken\n")
	log.add(t, r)
	standby := newHarness(t, log, nil)
	standby.assign(operator.Standby, 2, 1)
	for _, h := range []*harness{h, standby} {
		if err := h.Err(); h.State() != operator.Halted || !errors.Is(err, operator.ErrState) || errors.Is(err, engine.ErrDamaged) {
			t.Errorf("%v: %v", h.State(), err)
		}
	}
}

// TestEvaluation: an event is evaluated at the time that its record has, also when that is made anew, and within the bounds
// of the configuration.
func TestEvaluation(t *testing.T) {
	h := owner(t, &shardLog{}, func(c *operator.Config) { c.MaxBody = 1000 })
	h.hold()
	h.deliver(1, eventOf("p", 1, "a"))
	h.now = h.now.Add(time.Hour).In(time.FixedZone("", 3600))
	h.deliver(2, eventOf("p", 2, "b"))
	h.release()
	with, records := h.Logic().(*words).with, h.log.records(t)
	if at := records[2].Time; !with.Time.Equal(start.Add(time.Hour)) || !at.Equal(with.Time) || with.Time.Location() != time.UTC {
		t.Errorf("evaluated at %v, recorded at %v", with.Time, at)
	}
	h.tick(time.Minute)
	h.deliver(3, eventOf("p", 3, "c"))
	with, records = h.Logic().(*words).with, h.log.records(t)
	if at := records[3].Time; !at.Equal(start.Add(time.Hour+time.Minute)) || !at.Equal(with.Time) {
		t.Errorf("evaluated at %v, recorded at %v", with.Time, at)
	}
	if with.MaxBody != 1000 || with.MaxSteps != 10_000_000 {
		t.Errorf("%+v", with)
	}
}

// TestFoldBounds: an event that puts too much into the log is bad, and the others around it are not.
func TestFoldBounds(t *testing.T) {
	total := 0
	h := newHarness(t, &shardLog{}, func(c *operator.Config) {
		c.MaxBody = 5
		c.Logic = func() operator.Logic {
			return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) { return append(dst, ev.Payload...), nil },
				func(body []byte) error {
					if total += len(body); total > 9 {
						return errDisk
					}
					return nil
				})
		}
	})
	h.assign(operator.Owner, 1, 1)
	h.deliver(1, eventOf("p", 1, "1234\n"), eventOf("p", 2, "12345\n"), eventOf("p", 3, "123\n"))
	if got := h.statuses(); !slices.Equal(got, []event.Status{committed, bad, committed}) || total != 9 ||
		!strings.Contains(h.acks[1].Reason, "6 bytes into the log, at most 5") {
		t.Errorf("%v, %d bytes, %s", got, total, h.acks[1].Reason)
	}
	h.deliver(2, eventOf("p", 4, "1\n"))
	if h.State() != operator.Halted || !errors.Is(h.Err(), errDisk) {
		t.Errorf("what can't be applied is ignored: %v, %v", h.State(), h.Err())
	}
}

// TestFold: a logic of two functions, as owner and as follower.
func TestFold(t *testing.T) {
	type sums struct{ total int }
	fold := func(s *sums) func() operator.Logic {
		return func() operator.Logic {
			*s = sums{}
			return operator.Fold(func(ev *event.Event, dst []byte) ([]byte, error) {
				switch text := string(ev.Payload); text {
				case "":
					return dst, nil
				case "bad":
					return append(dst, "a part of it\n"...), errors.New("it is bad")
				default:
					return append(append(dst, text...), '\n'), nil
				}
			}, func(body []byte) error {
				for word := range strings.FieldsSeq(string(body)) {
					s.total += len(word)
				}
				return nil
			})
		}
	}
	var one, two sums
	log := &shardLog{}
	first := newHarness(t, log, func(c *operator.Config) { c.Logic = fold(&one) })
	first.assign(operator.Owner, 1, 1)
	first.deliver(1, eventOf("p", 1, "aaa"), eventOf("p", 2, ""), eventOf("p", 3, "bad"), eventOf("p", 4, "b"))
	if body, _, _, err := first.Logic().Evaluate(&event.Event{Payload: []byte("bad")}, operator.Evaluation{}, []byte("x")); err == nil ||
		string(body) != "x" {
		t.Errorf("a bad event leaves %q, %v", body, err)
	}
	second := newHarness(t, log, func(c *operator.Config) { c.Logic = fold(&two) })
	second.assign(operator.Standby, 1, 2)
	got := first.statuses()
	if !slices.Equal(got, []event.Status{committed, committed, bad, committed}) || one.total != 4 || two != one {
		t.Errorf("%v, %+v, %+v", got, one, two)
	}
}
