package jetstream

import (
	"errors"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

// soleUser opens a pipeline on a server of its own that nobody else reaches.
func soleUser(t testing.TB, shards int) (*pipeline, *Server) {
	t.Helper()
	s, err := StartServer(limited(t), ServerConfig{Name: "sole", Dir: t.TempDir(), NoListen: true, NoSync: true}, nil)
	check(t, err)
	t.Cleanup(s.Shutdown)
	cfg := fresh(shards, 1)
	cfg.Server = s
	return open(t, s, cfg).(*pipeline), s
}

// endOf is the end of one log, for which so many requests were made.
func endOf(t *testing.T, p *pipeline, shard int) (end, requests uint64) {
	t.Helper()
	before := p.nc.Stats().OutMsgs
	ends, errs := p.Ends(limited(t), []int{shard})
	check(t, errs[0])
	return ends[0], p.nc.Stats().OutMsgs - before
}

// TestSoleUserKnowsTheEnd: where nobody else can append, the end needs no question, until somebody else might.
func TestSoleUserKnowsTheEnd(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	p, s := soleUser(t, 3)
	want := func(why string, shard int, end uint64, asks bool) {
		t.Helper()
		if got, requests := endOf(t, p, shard); got != end || (requests > 0) != asks {
			t.Errorf("%s: %d by %d requests; want %d, by a request: %t", why, got, requests, end, asks)
		}
	}
	want("nothing is known", 0, 0, true)
	want("it is known to be empty", 0, 0, false)
	first := added(ctx, t, p.Shard(0), 0, []byte("one"))
	want("an append was confirmed", 0, first, false)
	second := added(ctx, t, p.Shard(1), 0, []byte("two"))
	want("another log", 1, second, false)
	if _, err := p.Shard(0).Append(ctx, second, []byte("refused")); !errors.Is(err, engine.ErrConflict) {
		t.Fatal(err)
	}
	want("an append was refused, which was not known to be wrong", 0, first, true)
	want("it was asked for", 0, first, false)

	nc := connect(t, s)
	want("somebody else may append", 1, second, true)
	other, err := Open(ctx, nc, Config{Pipeline: p.cfg.Pipeline, Shards: 3, Streams: 1})
	check(t, err)
	third := added(ctx, t, other.Shard(1), second, []byte("three"))
	want("somebody else has appended", 1, third, true)
	nc.Close()
	want("nobody else is there any more", 1, third, true)
}

// TestServersWithOthersAreAsked: another process may reach the server, or another user of this one has come.
func TestServersWithOthersAreAsked(t *testing.T) {
	t.Parallel()
	listening := start(t, ServerConfig{Name: "listening", Dir: t.TempDir(), Port: -1})
	cfg := fresh(1, 1)
	cfg.Server = listening
	p := open(t, listening, cfg).(*pipeline)
	end := added(limited(t), t, p.Shard(0), 0, []byte("one"))
	if got, requests := endOf(t, p, 0); got != end || requests == 0 {
		t.Errorf("a server that listens: %d by %d requests, want %d", got, requests, end)
	}
	p, s := soleUser(t, 1)
	if _, err := Open(limited(t), p.nc, Config{Pipeline: p.cfg.Pipeline, Shards: 1, Server: s}); err != nil {
		t.Fatal(err)
	}
	end = added(limited(t), t, p.Shard(0), 0, []byte("one"))
	if got, requests := endOf(t, p, 0); got != end || requests == 0 {
		t.Errorf("two have opened the pipeline: %d by %d requests, want %d", got, requests, end)
	}
}

// TestOpenOutcome: an append whose outcome is open may take later, until something stands behind where it was to be.
func TestOpenOutcome(t *testing.T) {
	unknown := fmt.Errorf("%w: no answer", engine.ErrUnknown)
	var k known
	is := func(why string, end uint64, ok bool) {
		t.Helper()
		if got, known := k.sole(); got != end && ok || known != ok {
			t.Errorf("%s: %d, known: %t; want %d, %t", why, got, known, end, ok)
		}
	}
	is("nothing is known", 0, false)
	k.appended(0, 3, nil)
	is("confirmed", 3, true)
	k.appended(3, 0, engine.ErrTooLarge)
	is("too large", 3, true)
	k.appended(3, 0, unknown)
	is("open", 3, false)
	k.asked(3, 3, 3)
	is("it has not taken until now", 3, false)
	k.appended(3, 0, unknown)
	k.asked(3, 5, 7)
	is("it has taken", 5, true)
	k.appended(5, 0, unknown)
	k.appended(5, 8, nil)
	is("the same again was confirmed", 8, true)
	k.appended(8, 0, engine.ErrConflict)
	is("refused", 8, false)
	k.asked(8, 9, 9)
	is("asked for", 9, true)
	k.saw(12)
	is("a reader has seen one that is under way", 12, true)
	k.asked(12, 10, 20)
	is("the log has lost its end", 12, false)
}

// TestEndsMoveNoRecords: the records of logs that are known are not sent, and one question is for all logs of a stream.
func TestEndsMoveNoRecords(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	cfg := fresh(20, 1)
	cfg.Streams = 2
	p, other := open(t, one(t), cfg).(*pipeline), open(t, one(t), cfg)
	const size = 100_000
	all, want := make([]int, 20), make([]uint64, 20)
	for s := range all {
		all[s], want[s] = s, added(ctx, t, p.Shard(s), 0, make([]byte, size))
	}
	// ask asks for all. On a busy machine an answer is late, and asked for again.
	ask := func(records uint64) (requests uint64) {
		t.Helper()
		before := p.nc.Stats()
		ends, errs := p.Ends(ctx, all)
		check(t, errors.Join(errs...))
		after := p.nc.Stats()
		requests = after.OutMsgs - before.OutMsgs
		if in := (after.InBytes - before.InBytes) / size; requests == 2 && in != records || in > records*(requests-1) {
			t.Errorf("%d requests for 2 streams, %d records: want %d of each set of requests", requests, in, records)
		}
		for s, end := range ends {
			if end != want[s] {
				t.Errorf("shard %d: %d, want %d", s, end, want[s])
			}
		}
		return requests
	}
	ask(18) // the first log of each stream is known no further than where the others begin
	ask(0)
	for s := range 2 {
		want[s] = added(ctx, t, other.Shard(s), want[s], make([]byte, size))
	}
	ask(2)
	for ask(0) != 2 {
		if ctx.Err() != nil {
			t.Fatal("no set of requests was one for each stream")
		}
	}
}
