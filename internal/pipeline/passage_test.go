package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// noDocument is a media type that the door of these tests can't divide.
const noDocument = "text/none"

// ledger is the door of a pipeline of one shard. It commits each event at once, unless answer says otherwise.
type ledger struct {
	answer func(ctx context.Context, ev *event.Addressed) (event.Ack, error)

	mu    sync.Mutex
	sent  []event.Addressed
	noted map[event.Producer]uint64
}

func (l *ledger) Ownership() ([]int, <-chan struct{}) { return []int{0}, nil }

func (l *ledger) Shards() int { return 1 }

func (l *ledger) Sequence(_ context.Context, _ int, p event.Producer) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.noted[p], nil
}

func (l *ledger) Divide(s graph.Submission, from event.Producer, seq uint64) ([]event.Addressed, error) {
	if s.MediaType == noDocument {
		return nil, errors.New(string(s.Body[:min(len(s.Body), 5000)]))
	}
	return []event.Addressed{{Event: event.Event{Producer: from, Seq: seq, MediaType: s.MediaType, Payload: s.Body}}}, nil
}

func (l *ledger) SendBatch(ctx context.Context, events []event.Addressed) (acks []event.Ack, err error) {
	for i := range events {
		ack := event.Ack{Status: event.Committed}
		if l.answer != nil {
			if ack, err = l.answer(ctx, &events[i]); err != nil {
				return nil, err
			}
		}
		acks = append(acks, ack)
		l.take(&events[i], ack)
	}
	return acks, nil
}

func (l *ledger) take(ev *event.Addressed, ack event.Ack) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, *ev)
	if ev.Producer.Kind == event.Resume && ack.Status == event.Committed {
		if l.noted == nil {
			l.noted = map[event.Producer]uint64{}
		}
		l.noted[ev.Producer] = ev.Seq
	}
}

// letters are the dead letters that were sent.
func (l *ledger) letters() (list []event.Addressed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ev := range l.sent {
		if _, _, is := ev.Rejected(); is {
			list = append(list, ev)
		}
	}
	return list
}

// script is a source that does what it is told, one step after the other, and then waits. It is its own reader.
type script struct {
	t     *testing.T
	opens []error // of the next attempts to connect
	reads []step
	acks  []error // of the next acks

	mu       sync.Mutex
	opened   []time.Time
	read     []time.Time
	acked    int
	progress connector.Progress
}

// step is what a reading returns, after a time.
type step struct {
	after    time.Duration
	messages []connector.Message
	err      error
}

func (s *script) Open(_ context.Context, p connector.Progress) (connector.Reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened, s.progress = append(s.opened, time.Now()), p
	if len(s.opens) > 0 && s.opens[0] != nil {
		err := s.opens[0]
		s.opens = s.opens[1:]
		return nil, err
	}
	s.opens = s.opens[min(1, len(s.opens)):]
	return s, nil
}

func (s *script) Read(ctx context.Context) ([]connector.Message, error) {
	s.mu.Lock()
	s.read = append(s.read, time.Now())
	var next step
	more := len(s.reads) > 0
	if more {
		next, s.reads = s.reads[0], s.reads[1:]
	}
	s.mu.Unlock()
	if !more {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	select {
	case <-time.After(next.after):
	case <-ctx.Done():
	}
	return next.messages, next.err
}

func (s *script) Ack(_ context.Context, committed []connector.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(committed) == 0 {
		s.t.Error("nothing is acked")
	}
	if len(s.acks) > 0 {
		err := s.acks[0]
		s.acks = s.acks[1:]
		return err
	}
	s.acked += len(committed)
	return nil
}

func (s *script) Close() error { return nil }

// starting starts a source, and returns what stops it. It is called within a bubble.
func starting(t *testing.T, door pipeline.Door, from connector.Source, log io.Writer, pauses pipeline.Backoff) (*pipeline.Source, func()) {
	t.Helper()
	s := pipeline.NewSource(door, from, pipeline.SourceConfig{Name: "src", Logger: slog.New(slog.NewTextHandler(log, nil)), Backoff: pauses})
	stop := running(t, s.Run)
	synctest.Wait()
	return s, stop
}

func messages(list ...connector.Message) step { return step{messages: list} }

// rare are pauses that nobody outwaits.
var rare = pipeline.Backoff{Min: time.Hour, Max: time.Hour}

// TestNothingIsAckedBeforeItIsCommitted: also not when the source is stopped while it waits for its door, or pauses.
func TestNothingIsAckedBeforeItIsCommitted(t *testing.T) {
	for name, answer := range map[string]func(context.Context, *event.Addressed) (event.Ack, error){
		"waits": func(ctx context.Context, _ *event.Addressed) (event.Ack, error) {
			<-ctx.Done()
			return event.Ack{}, ctx.Err()
		},
		"pauses": func(context.Context, *event.Addressed) (event.Ack, error) { return event.Ack{}, event.ErrNoOwner },
	} {
		synctest.Test(t, func(t *testing.T) {
			from := &script{t: t, reads: []step{messages(message("a", 0))}}
			s, stop := starting(t, &ledger{answer: answer}, from, io.Discard, rare)
			stop()
			if st := s.Status(); from.acked != 0 || st.Messages != 0 {
				t.Errorf("%s: %d are acked, %d are counted", name, from.acked, st.Messages)
			}
		})
	}
}

// TestWhyItIsTriedAgain: the status has the cause, whether connecting, reading, acking or the owner of a shard has failed.
func TestWhyItIsTriedAgain(t *testing.T) {
	cause := errors.New("cut off")
	full := func(context.Context, *event.Addressed) (event.Ack, error) {
		return event.Ack{Status: event.Halted, Reason: "cut off"}, nil
	}
	for name, test := range map[string]struct {
		from *script
		door *ledger
		is   error
	}{
		"connecting": {&script{opens: []error{cause}}, &ledger{}, cause},
		"acking":     {&script{reads: []step{messages(message("a", 0))}, acks: []error{cause}}, &ledger{}, cause},
		"reading":    {&script{reads: []step{{err: cause}}}, &ledger{}, cause},
		"committing": {&script{reads: []step{messages(message("a", 0))}}, &ledger{answer: full}, event.ErrHalted},
	} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			test.from.t = t
			s, stop := starting(t, test.door, test.from, &log, rare)
			if err := s.Status().Err; !errors.Is(err, test.is) || !strings.Contains(err.Error(), "cut off") {
				t.Errorf("%s: the status has %v", name, err)
			}
			stop()
			if !strings.Contains(log.String(), "cut off") || !strings.Contains(log.String(), "source=src") {
				t.Errorf("%s: the log has %q", name, log.String())
			}
			if n := len(test.from.opened); n != 1 {
				t.Errorf("%s: it has connected %d times, though it was stopped while it paused", name, n)
			}
		})
	}
}

// TestWellOnceItIsCommitted: a source shows no error any more as soon as its batch is committed, though it is not acked yet.
func TestWellOnceItIsCommitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var free atomic.Bool
		door := &ledger{answer: func(context.Context, *event.Addressed) (event.Ack, error) {
			if !free.Load() {
				return event.Ack{Status: event.Busy, Reason: "not now"}, nil
			}
			return event.Ack{Status: event.Committed}, nil
		}}
		from := &script{t: t, reads: []step{messages(message("a", 0))}}
		s, _ := starting(t, door, from, io.Discard, pipeline.Backoff{Min: time.Second, Max: time.Second})
		if err := s.Status().Err; !errors.Is(err, event.ErrBusy) {
			t.Errorf("it shows %v", err)
		}
		free.Store(true)
		for s.Status().Messages == 0 {
			time.Sleep(time.Millisecond)
			synctest.Wait()
		}
		if err := s.Status().Err; err != nil {
			t.Errorf("it shows %v", err)
		}
	})
}

// TestFailingSince: since the first of the errors in a row, however often it is tried again.
func TestFailingSince(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &ledger{answer: func(context.Context, *event.Addressed) (event.Ack, error) {
			return event.Ack{Status: event.Busy, Reason: "not now"}, nil
		}}
		began := time.Now()
		from := &script{t: t, reads: []step{messages(message("a", 0))}}
		s, _ := starting(t, door, from, io.Discard, pipeline.Backoff{Min: time.Second, Max: time.Second})
		for range 3 {
			if st := s.Status(); !st.Since.Equal(began) || !errors.Is(st.Err, event.ErrBusy) {
				t.Errorf("after %v it shows %v since %v", time.Since(began), st.Err, st.Since)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
	})
}

// TestRefusedAreCounted: a message is counted as rejected once, in whichever way it was; a letter that can't be committed either
// stops nobody, and is in the log.
func TestRefusedAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		door := &ledger{answer: func(_ context.Context, ev *event.Addressed) (event.Ack, error) {
			reason, _, letter := ev.Rejected()
			switch {
			case letter && strings.Contains(reason, "its identity was used before"):
				return event.Ack{Status: event.TooLarge, Reason: "no letter fits"}, nil
			case letter || ev.Seq == 1 && ev.Producer.Kind == event.Source:
				return event.Ack{Status: event.Bad, Reason: "not evaluated"}, nil
			case ev.Seq == 2 && ev.Producer.Kind == event.Source:
				return event.Ack{Status: event.Reused}, nil
			}
			return event.Ack{Status: event.Committed}, nil
		}}
		poison := message("a", 2)
		poison.MediaType = noDocument
		second := message("a", 1)
		for i, m := range []*connector.Message{&second, &poison} {
			m.Vars = maps.All(map[string]string{"line": strconv.Itoa(i + 7), "header.token": "not for the log"})
		}
		unevaluated := message("a", 0)
		unevaluated.Vars = maps.All(map[string]string{"line": strings.Repeat("6", 300)})
		from := &script{t: t, reads: []step{messages(unevaluated), messages(second), messages(poison), messages(message("a", 3))}}
		s, stop := starting(t, door, from, &log, rare)
		if st := s.Status(); st.Messages != 4 || st.Rejected != 3 || st.Err != nil {
			t.Errorf("%+v", st)
		}
		stop()
		for want, times := range map[string]int{
			"not evaluated": 1, "a message can't be taken in": 2, "a dead letter was refused": 1, "no letter fits": 1, "has stopped": 0,
			"offset=0 line=" + strings.Repeat("6", 256) + " ": 1, "offset=1 line=7 ": 1, "offset=2 line=8 ": 1, "header": 0,
		} {
			if strings.Count(log.String(), want) != times {
				t.Errorf("want %q %d times in the log: %s", want, times, log.String())
			}
		}
	})
}

// TestLettersAreBounded: of what is too large for a letter the beginning is kept, and that is said.
func TestLettersAreBounded(t *testing.T) {
	const most = 8 << 20
	for more, said := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := message("a", 0)
			m.MediaType, m.Body = noDocument, bytes.Repeat([]byte("x"), most+more)
			door := &ledger{}
			s, stop := starting(t, door, &script{t: t, reads: []step{messages(m)}}, io.Discard, rare)
			stop()
			letters := door.letters()
			if len(letters) != 1 || s.Status().Rejected != 1 {
				t.Fatalf("%d letters, %+v", len(letters), s.Status())
			}
			reason, _, _ := letters[0].Rejected()
			if len(letters[0].Payload) != most || strings.Contains(reason, "only its first 8388608 bytes") != said || len(reason) > 2100 {
				t.Errorf("%d bytes more: %d bytes are kept, the reason has %d: …%s", more, len(letters[0].Payload), len(reason), reason[2000:])
			}
		})
	}
}

// TestLettersOfRefusedAreBounded: a media type of any length is cut in the letter.
func TestLettersOfRefusedAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &ledger{answer: func(_ context.Context, ev *event.Addressed) (event.Ack, error) {
			if ev.Producer.Kind == event.Source && strings.HasPrefix(ev.MediaType, "text/") {
				return event.Ack{Status: event.TooLarge}, nil
			}
			return event.Ack{Status: event.Committed}, nil
		}}
		m := message("a", 0)
		m.MediaType = "text/" + strings.Repeat("x", 5000)
		_, stop := starting(t, door, &script{t: t, reads: []step{messages(m)}}, io.Discard, rare)
		stop()
		letters := door.letters()
		if len(letters) != 1 {
			t.Fatalf("%d letters", len(letters))
		}
		if _, mediaType, _ := letters[0].Rejected(); mediaType != m.MediaType[:2048] {
			t.Errorf("the media type has %d bytes", len(mediaType))
		}
	})
}

// TestProgressIsNoted: after 200 ms without a message, each time, so that the next reader begins behind it; the first message of
// all is known, too.
func TestProgressIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from := &script{t: t, reads: []step{messages(message("a", 0)), {after: time.Second, messages: []connector.Message{message("a", 1)}}}}
		door := &ledger{}
		starting(t, door, from, io.Discard, rare)
		for want := range uint64(3) {
			next, found, err := from.progress.Next(t.Context(), "a")
			if err != nil || next != want || found != (want > 0) {
				t.Errorf("%d messages are noted: %d, %v, %v", want, next, found, err)
			}
			if want == 0 {
				time.Sleep(199 * time.Millisecond)
				if next, _, _ := from.progress.Next(t.Context(), "a"); next != 0 {
					t.Error("it was noted before the time")
				}
				time.Sleep(2 * time.Millisecond)
			} else {
				time.Sleep(time.Second)
			}
		}
		if len(door.sent) != 4 {
			t.Errorf("two messages, and how far they have come, are %d events", len(door.sent))
		}
	})
}

// TestNamesOfStreams: one whose producer has half of the most bytes that a text may have is taken, a longer one is not.
func TestNamesOfStreams(t *testing.T) {
	for more, is := range []error{nil, connector.ErrGiveUp} {
		synctest.Test(t, func(t *testing.T) {
			stream := strings.Repeat("x", event.MaxText/2-len("src/")+more)
			s, _ := starting(t, &ledger{}, &script{t: t, reads: []step{messages(message(stream, 0))}}, io.Discard, rare)
			if st := s.Status(); !errors.Is(st.Err, is) || (st.Messages == 1) != (is == nil) {
				t.Errorf("%d bytes too many: %+v", more, st)
			}
		})
	}
}

// TestPausesOfASource: they grow while nothing comes, and are short again after something came; while a connection is tried
// again, and while a reading is.
func TestPausesOfASource(t *testing.T) {
	pauses := pipeline.Backoff{Min: time.Second, Max: time.Hour}
	cut := errors.New("cut off")
	many := func(err error) (list []error) {
		for range 8 {
			list = append(list, err)
		}
		return list
	}
	var retries []step
	for _, err := range many(connector.ErrRetry) {
		retries = append(retries, step{err: err})
	}
	synctest.Test(t, func(t *testing.T) {
		from := &script{t: t, reads: append(retries, messages(message("a", 0)), step{err: connector.ErrRetry})}
		starting(t, &ledger{}, from, io.Discard, pauses)
		time.Sleep(time.Hour)
		synctest.Wait()
		pausesGrow(t, from.read[:9])
		if len(from.opened) != 1 || len(from.read) != 11 {
			t.Fatalf("%d connections, %d readings", len(from.opened), len(from.read))
		}
		isShort(t, from.read[10].Sub(from.read[9]))
	})
	synctest.Test(t, func(t *testing.T) {
		from := &script{t: t, opens: many(cut), reads: []step{messages(message("a", 0)), {after: time.Second, err: cut}}}
		starting(t, &ledger{}, from, io.Discard, pauses)
		time.Sleep(time.Hour)
		synctest.Wait()
		pausesGrow(t, from.opened[:9])
		if len(from.opened) != 10 {
			t.Fatalf("%d connections", len(from.opened))
		}
		isShort(t, from.opened[9].Sub(from.read[1].Add(time.Second)))
	})
}

// pausesGrow checks that of nine attempts each pause is about twice as long as the one before, from a second on.
func pausesGrow(t *testing.T, at []time.Time) {
	t.Helper()
	for i := 1; i < len(at); i++ {
		want := time.Second << (i - 1)
		if got := at[i].Sub(at[i-1]); got < want/2 || got > want*3/2 {
			t.Errorf("pause %d is %v, want about %v", i, got, want)
		}
	}
}

func isShort(t *testing.T, pause time.Duration) {
	t.Helper()
	if pause < time.Second/2 || pause > 3*time.Second/2 {
		t.Errorf("after something came, the pause is %v", pause)
	}
}
