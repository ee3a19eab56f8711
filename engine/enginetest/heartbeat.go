package enginetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/engine"
)

// heartbeats: every engine hears every other, and itself.
func (s suite) heartbeats(t *testing.T) {
	ctx := limited(t)
	list := s.open(t, 3, 1)
	beats := make([]engine.Beat, len(list))
	for i := range beats {
		beats[i] = engine.Beat{Node: fmt.Sprint("node ", i), Incarnation: 1<<63 + uint64(i), Load: 1234.5, Info: strings.Repeat("i", 1<<10)}
	}
	heard := &hearing{by: make([]map[string]engine.Beat, len(list)), all: make(chan struct{}), want: len(beats)}
	listening, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for i, e := range list {
		heard.by[i] = map[string]engine.Beat{}
		wg.Go(func() {
			err := e.Heartbeats().Listen(listening, func(b engine.Beat) { heard.add(i, b) })
			checkIs(t, "Listen whose context ended", err, context.Canceled)
		})
	}
	tick := time.NewTicker(10 * time.Millisecond) // beats get lost, for example before somebody listens
	defer tick.Stop()
	for done := false; !done; {
		for i, e := range list {
			if err := e.Heartbeats().Beat(ctx, beats[i]); err != nil {
				t.Fatalf("Beat: %v", err)
			}
		}
		select {
		case <-heard.all:
			done = true
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not every engine heard every other: %v", heard.by)
		}
	}
	stop()
	wg.Wait()
	for i, by := range heard.by {
		for _, want := range beats {
			if diff := cmp.Diff(want, by[want.Node]); diff != "" {
				t.Errorf("engine %d (-want +got):\n%s", i, diff)
			}
		}
	}
	checkIs(t, "Beat", list[0].Heartbeats().Beat(listening, beats[0]), context.Canceled)
}

// hearing is who has heard of whom.
type hearing struct {
	mu   sync.Mutex
	by   []map[string]engine.Beat
	want int
	all  chan struct{} // closed when everybody has heard of so many
}

func (h *hearing) add(i int, b engine.Beat) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.by[i][b.Node]; ok {
		return
	}
	h.by[i][b.Node] = b
	for _, by := range h.by {
		if len(by) < h.want {
			return
		}
	}
	close(h.all)
}

var errBroken = errors.New("the reader broke")
