package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// unwilling is a sink that opens for no shard while it has an error to say.
type unwilling struct{ why atomic.Pointer[string] }

func (k *unwilling) say(why string) { k.why.Store(&why) }

func (k *unwilling) Promise() connector.Promise { return connector.Once }

func (k *unwilling) Open(_ context.Context, shard int) (connector.Writer, error) {
	if why := *k.why.Load(); why != "" {
		return nil, fmt.Errorf("shard %d: %s", shard, why)
	}
	return unused{}, nil
}

// unused is a writer to which nothing is written.
type unused struct{}

func (unused) Target() string { return "memory" }

func (unused) At() engine.Mark { return engine.Mark{} }

func (unused) Write(context.Context, []connector.Record) error {
	return errors.New("nothing is to be written")
}

func (unused) Close() error { return nil }

// told runs a sink within virtual time for shards that are refused, and returns the lines of its log when it has ended.
func told(t *testing.T, shards []int, act func(k *unwilling, l *logs, lines func() []string)) (all []string) {
	synctest.Test(t, func(t *testing.T) {
		l, k := newLogs(shards...), &unwilling{}
		k.say("refused")
		var out logtext.Text
		s := pipeline.NewSink(l, k, pipeline.SinkConfig{Name: "plant", Logger: slog.New(slog.NewTextHandler(&out, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = s.Run(ctx)
		}()
		lines := func() []string {
			synctest.Wait()
			return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		}
		act(k, l, lines)
		cancel()
		<-done
		all = lines()
	})
	return all
}

// expectLines reports lines that don't have what is expected of each.
func expectLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	good := len(got) == len(want)
	for i := 0; good && i < len(got); i++ {
		for part := range strings.SplitSeq(want[i], "|") {
			good = good && strings.Contains(got[i], part)
		}
	}
	if !good {
		t.Fatalf("got %d lines\n%s\nwant\n%s", len(got), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

const (
	allRefused = "level=ERROR|the sink has stopped; it is tried again|sink=plant|shards=64 which=0-63|refused"
	allDenied  = "the sink has stopped; it is tried again|shards=64 which=0-63|denied"
)

// TestOneLineForAllShards: the same error of 64 shards is one line, which comes again after pauses that grow, and at another cause.
func TestOneLineForAllShards(t *testing.T) {
	told(t, shardsTo(64), func(k *unwilling, _ *logs, lines func() []string) {
		time.Sleep(50 * time.Second)
		expectLines(t, lines(), allRefused)
		time.Sleep(10 * time.Minute)
		expectLines(t, lines(), allRefused, allRefused+"|for=1m1s", allRefused+"|for=3m1s", allRefused+"|for=7m1s")
		k.say("denied")
		time.Sleep(20 * time.Second) // any shard has tried by then
		got := lines()
		expectLines(t, got[len(got)-1:], allDenied)
		if more := len(got) - 4; more > 5 {
			t.Errorf("64 shards that met another error one after the other made %d lines:\n%s", more, strings.Join(got[4:], "\n"))
		}
	})
}

// TestGoesOn: that it is over is said once, when it is for certain; a sink that was paused or moved says nothing.
func TestGoesOn(t *testing.T) {
	told(t, shardsTo(64), func(k *unwilling, _ *logs, lines func() []string) {
		time.Sleep(50 * time.Second)
		k.say("")
		time.Sleep(20 * time.Second)
		expectLines(t, lines()[:1], allRefused)
		before := len(lines())
		time.Sleep(time.Hour)
		got := lines()
		expectLines(t, got[before:], "level=INFO|the sink goes on|shards=64 which=0-63|refused")
	})
	told(t, []int{3, 5, 6, 7}, func(_ *unwilling, l *logs, lines func() []string) {
		time.Sleep(50 * time.Second)
		l.own()
		time.Sleep(time.Hour)
		expectLines(t, lines(), "shards=4 which=3,5-7|refused")
	})
}

// TestToldAtTheEnd: an error of the last moment is told when the sink ends.
func TestToldAtTheEnd(t *testing.T) {
	got := told(t, []int{1}, func(_ *unwilling, _ *logs, lines func() []string) {
		if got := lines(); got[0] != "" {
			t.Errorf("at once: %q", got)
		}
	})
	expectLines(t, got, "shards=1 which=1|refused")
}

func shardsTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}
