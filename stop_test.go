package quadrille_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// TestStopDuringStart: a start that waits for others ends with its context, and leaves nothing behind.
func TestStopDuringStart(t *testing.T) {
	free, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	silence, err := net.Listen("tcp", "127.0.0.1:0") // which takes connections, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer silence.Close()
	for _, c := range []struct {
		name    string
		cfg     quadrille.Config
		waiting func(ctx context.Context) // returns when the start has begun to wait
	}{
		{"no majority", quadrille.Config{Name: "n1", Election: testElection, Dir: t.TempDir(), ClusterPort: free[0], Secret: jetstream.NewSecret(),
			Routes: []string{fmt.Sprint("nats://127.0.0.1:", free[0]), fmt.Sprint("nats://127.0.0.1:", free[1])}},
			func(ctx context.Context) { awaitPort(ctx, free[0]) }},
		{"no answer", quadrille.Config{Name: "n1", NATS: "nats://" + silence.Addr().String()},
			func(context.Context) {
				if conn, err := silence.Accept(); err == nil {
					t.Cleanup(func() { _ = conn.Close() })
				}
			}},
	} {
		ctx, cancel := context.WithCancel(within(t))
		go func() {
			c.waiting(ctx)
			cancel()
		}()
		if _, err := quadrille.Start(ctx, silent(c.cfg)); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// awaitPort returns when the port takes connections.
func awaitPort(ctx context.Context, port int) {
	for ctx.Err() == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			_ = conn.Close()
			return
		}
	}
}

// TestStopBeforeStart: with a context that has ended there is an error, or a node that was faster and works.
func TestStopBeforeStart(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, cfg := range map[string]quadrille.Config{"folder": {Dir: t.TempDir()}, "memory": {}} {
		g, err := quadrille.Start(ended, silent(cfg))
		switch {
		case err == nil:
			add(t, g, "s")
			end(t, g)
		case !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNothingIsLeftRunning: after a Start that its context has ended, at whichever moment, no store of the engine runs on.
func TestNothingIsLeftRunning(t *testing.T) {
	stores := func() int {
		buf := make([]byte, 4<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), "flushStreamStateLoop(")
	}
	failed := 0
	for i := range 40 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*4*time.Millisecond)
		g, err := quadrille.Start(ctx, silent(quadrille.Config{Shards: 2, Dir: t.TempDir()}))
		cancel()
		if err == nil {
			end(t, g)
		} else {
			failed++
		}
		for deadline := time.Now().Add(patience); stores() > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after %d ms, %d stores still run; Start: %v", 4*i, stores(), err)
			}
		}
	}
	if failed == 0 {
		t.Error("no Start was ended: the machine is faster than this test")
	}
}
