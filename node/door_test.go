package node_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
)

// inBubble runs a test in time that stands still while anybody works.
func inBubble(t *testing.T, shards int, change func(*graph.Config), test func(*testing.T, *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, shards, change)
		c.failAfter = time.Second
		test(t, c)
	})
}

// try submits a patch.
func (c *cluster) try(name, key, patch string) error {
	_, err := c.nodes[name].Submit(c.t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte(patch), Key: key})
	return err
}

// large is a transaction that fills more than one part.
func large(name string) string {
	var b strings.Builder
	b.WriteString("TX .\n")
	for i := range 1200 {
		fmt.Fprintf(&b, "A <http://e/%s%d> <http://e/p> \"%s\" .\n", name, i, strings.Repeat("v", 100))
	}
	b.WriteString("TC .\n")
	return b.String()
}

// TestPrevGuardsTheDocument, wherever it stands: a document that is refused has no effect, one that is taken has all.
func TestPrevGuardsTheDocument(t *testing.T) {
	c := newCluster(t, 4, func(cfg *graph.Config) { cfg.Key = dataset.Dataset })
	c.start("n1")
	c.ready("n1")
	const last = "TX .\nA <http://e/last> <http://e/p> \"1\" .\nTC .\n"
	var conflict *graph.ConflictError
	if err := c.try("n1", "", `H prev <ni:///sha-256;x> .`+last); !errors.As(err, &conflict) || conflict.Head != "" {
		t.Errorf("there is no head: %v", err)
	}
	head := c.submit("n1", "", `H prev "" .`+"TX .\nA <http://e/a> <http://e/p> \"0\" .\nTC .\n")[0].Head
	for name, doc := range map[string]string{
		"between":     large("s") + "H prev <ni:///sha-256;wrong> .\n" + last,
		"at the end":  large("s") + last + "H prev <ni:///sha-256;wrong> .\n",
		"none wanted": large("s") + last + "H prev \"\" .\n",
	} {
		if err := c.try("n1", "key of "+name, doc); !errors.As(err, &conflict) || conflict.Head != head {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Count(c.data("n1"), "\n"); got != 1 {
			t.Fatalf("%s: refused, and yet there are %d quads", name, got)
		}
	}
	if err := c.try("n1", "", "H prev <ni:///sha-256;wrong> .\n"); !errors.As(err, &conflict) {
		t.Errorf("without rows: %v", err)
	}
	var syntax *rdf.SyntaxError
	err := c.try("n1", "", "H prev <"+head+"> .\n"+last+"H prev <ni:///sha-256;wrong> .\n")
	if !errors.As(err, &syntax) || syntax.Line != 5 {
		t.Errorf("two of them: %v", err)
	}
	doc := large("s") + large("t") + "H prev <" + head + "> .\n" + last
	next := c.submit("n1", "k", doc)[0]
	if got := strings.Count(c.data("n1"), "\n"); got != 2402 || next.Adds != 2401 {
		t.Errorf("%d quads, %+v", got, next)
	}
	if again := c.submit("n1", "k", doc)[0]; !again.Duplicate {
		t.Errorf("again: %+v", again)
	}
	for _, row := range strings.SplitAfter(strings.TrimSpace(c.data("n1")), "\n") {
		c.submit("n1", "", "D "+row)
	}
	if err := c.try("n1", "", `H prev "" .`+last); !errors.As(err, &conflict) || conflict.Head == "" || c.data("n1") != "" {
		t.Errorf("a dataset that was emptied has a head: %v", err)
	}
}

func TestKeysAreText(t *testing.T) {
	c := newCluster(t, 2, nil)
	c.start("n1")
	c.ready("n1")
	const row = "A <http://e/a> <http://e/p> \"1\" .\n"
	for _, key := range []string{"k\xff", "\xc3", strings.Repeat("k", graph.MaxKey+1)} {
		for _, text := range []string{row, "TX .\nTC .\n"} {
			if err := c.try("n1", key, text); !errors.Is(err, event.ErrKey) || !errors.Is(graph.CheckKey(key), event.ErrKey) {
				t.Errorf("%q: %v", key, err)
			}
		}
		events := []event.Addressed{{Event: event.Event{Producer: event.Producer{Kind: event.Once, Name: key + strings.Repeat("x", event.MaxText)}, Payload: []byte(row)}}}
		if _, err := c.nodes["n1"].SendBatch(t.Context(), events); err == nil {
			t.Errorf("%q is a producer", key)
		}
	}
	events := []event.Addressed{{Event: event.Event{Producer: event.Producer{Name: "p\xff"}, Seq: 1, MediaType: graph.TypePatch, Payload: []byte(row)}}}
	if _, err := c.nodes["n1"].SendBatch(t.Context(), events); !errors.Is(err, event.ErrKey) {
		t.Errorf("a producer of other bytes: %v", err)
	}
	if got := c.data("n1"); got != "" {
		t.Errorf("it had an effect: %s", got)
	}
	c.submit("n1", strings.Repeat("ü", graph.MaxKey/2), row)
}

func TestKeepMustAgree(t *testing.T) {
	c := newCluster(t, 2, nil)
	c.start("n1")
	c.ready("n1")
	cfg := c.config("n2")
	cfg.Keep = time.Hour
	n, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = n.Run(t.Context())
	if !errors.Is(err, coordinator.ErrSettings) || !strings.Contains(err.Error(), "1h0m0s here, and 24h0m0s") {
		t.Errorf("the error must name both values: %v", err)
	}
}

func TestShardsAreTheEngines(t *testing.T) {
	c := newCluster(t, 3, nil)
	cfg := c.config("n1")
	for _, wrong := range []int{-1, 2, 4} {
		cfg.Shards = wrong
		if _, err := graph.New(cfg); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%d shards", wrong)) {
			t.Errorf("%d shards on an engine of 3: %v", wrong, err)
		}
	}
	cfg.Shards = 0
	n, err := graph.New(cfg)
	if err != nil || len(n.Status().Shards) != 3 {
		t.Errorf("%v", err)
	}
}

// cramped is a logic that has no room for what is called vast.
type cramped struct{ *dataset.Logic }

func (l cramped) Evaluate(ev *event.Event, within operator.Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	if strings.Contains(string(ev.Payload), "vast") {
		return dst, 0, 0, fmt.Errorf("%w: no room for it", operator.ErrFull)
	}
	return l.Logic.Evaluate(ev, within, dst)
}

// TestHaltedIsSaidAtOnce, through whatever door; the other shards go on, and the process too.
func TestHaltedIsSaidAtOnce(t *testing.T) {
	change := func(cfg *graph.Config) {
		cfg.Key = dataset.Graph
		cfg.Logic = func(int) operator.Logic { return cramped{dataset.New()} }
	}
	inBubble(t, 2, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		c.start("n2")
		eventually(t, "each owns one", func() bool { return c.owned("n1") == 1 && c.owned("n2") == 1 })
		for _, what := range []string{"vast", "small"} {
			for _, door := range []string{"n1", "n2"} {
				begin := time.Now()
				err := c.try(door, "", "A <http://e/"+what+"> <http://e/p> \"1\" <http://e/g1> .\n")
				if !errors.Is(err, event.ErrHalted) || !strings.Contains(err.Error(), "the state is full: no room for it") ||
					time.Since(begin) > time.Second {
					t.Errorf("%s, at %s, after %v: %v", what, door, time.Since(begin), err)
				}
			}
		}
		ok := 0
		for i := range 8 {
			if c.try("n1", "", fmt.Sprintf("A <http://e/a> <http://e/p> \"1\" <http://e/g%d> .\n", i)) == nil {
				ok++
			}
		}
		if ok == 0 || ok == 8 {
			t.Errorf("%d of 8 graphs are taken; one of two shards is halted", ok)
		}
	})
}

// broken is an engine whose shard logs take no appends for a reason.
type broken struct {
	*memory.Engine
	why *atomic.Pointer[error]
}

func (b broken) Shard(s int) engine.ShardLog { return brokenLog{b.Engine.Shard(s), b.why} }

type brokenLog struct {
	engine.ShardLog
	why *atomic.Pointer[error]
}

func (l brokenLog) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if why := l.why.Load(); why != nil {
		return 0, fmt.Errorf("append: %w: %w", engine.ErrUnknown, *why)
	}
	return l.ShardLog.Append(ctx, expect, payload)
}

// TestLastKnownCause: who waits in vain is told what the owner said last, and soon where waiting is of no use; and when it
// is over, all goes on.
func TestLastKnownCause(t *testing.T) {
	for _, cause := range []error{engine.ErrNoRoom, engine.ErrNoLeader} {
		var why atomic.Pointer[error]
		change := func(cfg *graph.Config) { cfg.Engine = broken{cfg.Engine.(*memory.Engine), &why} }
		inBubble(t, 1, change, func(t *testing.T, c *cluster) {
			c.start("n1")
			c.ready("n1")
			c.start("n2")
			c.ready("n1", "n2")
			why.Store(&cause)
			for _, door := range []string{"n1", "n2"} {
				begin := time.Now()
				err := c.try(door, "k"+door, "A <http://e/"+door+"> <http://e/p> \"1\" .\n")
				if !errors.Is(err, cause) || errors.Is(err, event.ErrNoOwner) ||
					!strings.Contains(err.Error(), "the owner n1 answers: append") ||
					(time.Since(begin) == 20*time.Second) != (cause == engine.ErrNoLeader) || time.Since(begin) > 20*time.Second {
					t.Errorf("at %s after %v: %v", door, time.Since(begin), err)
				}
			}
			why.Store(nil)
			time.Sleep(5 * time.Second) // the owner looks again at its own pace
			for _, door := range []string{"n1", "n2"} {
				c.submit(door, "k"+door, "A <http://e/"+door+"> <http://e/p> \"1\" .\n")
			}
			if got := strings.Count(c.data("n1"), "\n"); got != 2 {
				t.Errorf("%d quads", got)
			}
		})
	}
}

// TestStreamSinkSaysWhatPasses: a sink whose engine has no room takes the same later; one whose shard is halted doesn't.
func TestStreamSinkSaysWhatPasses(t *testing.T) {
	var why atomic.Pointer[error]
	change := func(cfg *graph.Config) {
		cfg.Engine = broken{cfg.Engine.(*memory.Engine), &why}
		cfg.Logic = func(int) operator.Logic { return cramped{dataset.New()} }
	}
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		write := func(offset uint64, subject string) error {
			quad := rdf.Quad{S: rdf.Trusted("<http://e/" + subject + ">"), P: rdf.Trusted("<http://e/p>"), O: rdf.Trusted(`"1"`)}
			_, err := c.nodes["n1"].StreamSink().WriteBatch(t.Context(),
				[]graph.Message{{StreamID: "s", Offset: offset, Quads: []rdf.Quad{quad}}})
			return err
		}
		why.Store(&engine.ErrNoRoom)
		if err := write(1, "a"); !errors.Is(err, graph.ErrBackPressure) || !errors.Is(err, engine.ErrNoRoom) {
			t.Errorf("no room: %v", err)
		}
		why.Store(nil)
		time.Sleep(5 * time.Second) // of the bubble: until the owner has tried again
		if err := write(1, "a"); err != nil {
			t.Error(err)
		}
		if err := write(2, "vast"); !errors.Is(err, event.ErrHalted) || errors.Is(err, graph.ErrBackPressure) {
			t.Errorf("halted: %v", err)
		}
	})
}

// unled is an engine whose control log has no leader.
type unled struct {
	*memory.Engine
	lost *atomic.Bool
}

func (u unled) Control() engine.Log { return unledLog{u.Engine.Control(), u.lost} }

type unledLog struct {
	engine.Log
	lost *atomic.Bool
}

func (l unledLog) Tail(ctx context.Context) (engine.Entry, error) {
	if l.lost.Load() {
		return engine.Entry{}, fmt.Errorf("read the tail: %w", engine.ErrNoLeader)
	}
	return l.Log.Tail(ctx)
}

// TestNobodyCanTakeOver: the owner is gone, and no other can be committed; the cause is not the owner.
func TestNobodyCanTakeOver(t *testing.T) {
	var lost atomic.Bool
	change := func(cfg *graph.Config) { cfg.Engine = unled{cfg.Engine.(*memory.Engine), &lost} }
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		lost.Store(true)
		c.start("n1")
		if err := c.try("n1", "", "A <http://e/a> <http://e/p> \"1\" ."); !errors.Is(err, engine.ErrNoLeader) {
			t.Errorf("not entered: %v", err)
		}
		lost.Store(false)
		c.ready("n1")
		c.start("n2")
		c.ready("n1", "n2")
		lost.Store(true)
		c.kill("n1")
		if err := c.try("n2", "", "A <http://e/a> <http://e/p> \"1\" ."); !errors.Is(err, engine.ErrNoLeader) {
			t.Errorf("the owner is gone: %v", err)
		}
		lost.Store(false)
		c.submit("n2", "", "A <http://e/a> <http://e/p> \"1\" .")
	})
}

// hanging is an engine whose shard logs, once they hang, answer no append for a minute, whatever its context says.
type hanging struct {
	*memory.Engine
	hangs *atomic.Bool
}

func (e hanging) Shard(s int) engine.ShardLog { return hangingLog{e.Engine.Shard(s), e.hangs} }

type hangingLog struct {
	engine.ShardLog
	hangs *atomic.Bool
}

func (l hangingLog) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if l.hangs.Load() {
		<-time.After(time.Minute)
		return 0, engine.ErrUnknown
	}
	return l.ShardLog.Append(ctx, expect, payload)
}

// TestStopped: a node that has ended, or is about to, says so at once, whatever its engine does.
func TestStopped(t *testing.T) {
	var hangs atomic.Bool
	change := func(cfg *graph.Config) { cfg.Engine = hanging{cfg.Engine.(*memory.Engine), &hangs} }
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		c.start("n1")
		c.ready("n1")
		hangs.Store(true)
		waits := make(chan error, 1)
		begin := time.Now()
		go func() { waits <- c.try("n1", "", "A <http://e/a> <http://e/p> \"1\" .") }()
		synctest.Wait()
		c.stop["n1"]()
		if err := <-waits; !errors.Is(err, event.ErrStopped) {
			t.Errorf("under way: %v", err)
		}
		if err := c.try("n1", "", "A <http://e/a> <http://e/p> \"1\" ."); !errors.Is(err, event.ErrStopped) {
			t.Errorf("afterwards: %v", err)
		}
		if _, err := c.nodes["n1"].SendBatch(t.Context(), []event.Addressed{{}}); !errors.Is(err, event.ErrStopped) {
			t.Errorf("Send: %v", err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %v", took)
		}
		c.kill("n1")
		if err := c.try("n1", "", "A <http://e/a> <http://e/p> \"1\" ."); !errors.Is(err, event.ErrStopped) {
			t.Errorf("when all has ended: %v", err)
		}
	})
}
