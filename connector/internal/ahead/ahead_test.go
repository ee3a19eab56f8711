package ahead

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func messageOf(length int) connector.Message {
	return connector.Message{Body: []byte(strings.Repeat("x", length))}
}

// TestReadAheadIsBounded: a message that fits to the byte is taken at once, one byte more waits until the others were read; one
// that is larger than the bound goes alone.
func TestReadAheadIsBounded(t *testing.T) {
	const limit = 10
	synctest.Test(t, func(t *testing.T) {
		r := newReader(limit)
		for _, lengths := range [][]int{{4, 6}, {1, 9}, {2 * limit}, {10}, {0, 10}} {
			for _, n := range lengths {
				if err := r.add(t.Context(), messageOf(n)); err != nil {
					t.Fatal(err)
				}
			}
			added := make(chan error, 1)
			go func() { added <- r.add(t.Context(), messageOf(1)) }()
			synctest.Wait()
			if len(added) > 0 {
				t.Errorf("after %v: a byte too many is taken", lengths)
			}
			if got, err := r.Read(t.Context()); err != nil || len(got) != len(lengths) {
				t.Errorf("%v: read %d, %v", lengths, len(got), err)
			}
			if err := <-added; err != nil {
				t.Error(err)
			}
			if got, err := r.Read(t.Context()); err != nil || len(got) != 1 {
				t.Errorf("%v: then read %d, %v", lengths, len(got), err)
			}
		}
	})
}

// TestMessagesWithoutBytes: they wait, too, when there are too many.
func TestMessagesWithoutBytes(t *testing.T) {
	r := newReader(1)
	for n := range 10_000 {
		if !r.tryAdd(messageOf(0)) {
			t.Fatalf("there is no room for message %d", n)
		}
	}
	if r.tryAdd(messageOf(0)) {
		t.Error("there is room for more than 10,000")
	}
	if got, err := r.Read(t.Context()); err != nil || len(got) != 10_000 || !r.tryAdd(messageOf(0)) {
		t.Errorf("%d, %v", len(got), err)
	}
}

// TestWaitingForRoomEnds: what waits for room ends with the connection.
func TestWaitingForRoomEnds(t *testing.T) {
	r := newReader(1)
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := r.add(ctx, messageOf(1)); err != nil {
		t.Fatal(err)
	}
	cancel(ending.ErrClosed)
	if err := r.add(ctx, messageOf(1)); !errors.Is(err, ending.ErrClosed) {
		t.Errorf("there was no room, and it returned %v", err)
	}
}

// TestEnds: what was handed over is read first, then why nothing more comes, as often as it is asked for; closing waits for the
// end.
func TestEnds(t *testing.T) {
	end := errors.New("no more")
	r := Start(t.Context(), 10, func(_ context.Context, add func(connector.Message) error) error {
		return errors.Join(add(messageOf(1)), end)
	})
	<-r.ended
	if got, err := r.Read(t.Context()); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for range 2 {
		if _, err := r.Read(t.Context()); !errors.Is(err, end) {
			t.Errorf("%v", err)
		}
	}
	over := false
	r = Start(t.Context(), 10, func(ctx context.Context, _ func(connector.Message) error) error {
		<-ctx.Done()
		over = true
		return context.Cause(ctx)
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := r.Close(); err != nil || !over {
		t.Errorf("%v, ended %v", err, over)
	}
	if _, err := r.Read(t.Context()); !errors.Is(err, ending.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestWaits: who waits for messages is woken by one, and by the end.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := errors.New("no more")
		r := Start(t.Context(), 10, func(_ context.Context, add func(connector.Message) error) error {
			time.Sleep(time.Second)
			err := add(messageOf(1))
			time.Sleep(time.Second)
			return errors.Join(err, end)
		})
		begin := time.Now()
		if got, err := r.Read(t.Context()); err != nil || len(got) != 1 || time.Since(begin) != time.Second {
			t.Errorf("%v, %v, after %v", got, err, time.Since(begin))
		}
		if _, err := r.Read(t.Context()); !errors.Is(err, end) {
			t.Errorf("%v", err)
		}
	})
}
