package kafka_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/kafka"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// stateShard is a shard, whose log and quads grow together.
type stateShard struct {
	mu      sync.Mutex
	store   *memory.Store
	records []connector.Record
}

// mark is that of the record at a position.
func (s *stateShard) mark(position uint64) engine.Mark {
	if position == 0 {
		return engine.Mark{}
	}
	return engine.Mark{Position: position, ID: fmt.Sprintf("ni:%d", position)}
}

// change commits the rows of a patch, and returns its record.
func (s *stateShard) change(t *testing.T, rows string) connector.Record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	body := []byte("TX .\n" + rows + "TC .\n")
	tx := s.store.Begin()
	for row, err := range patch.Rows(body) {
		if err == nil && row.Deleted {
			_, err = tx.Delete(row.Quad)
		} else if err == nil {
			_, err = tx.Add(row.Quad)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	position := s.store.Position() + 1
	if err := tx.Commit(position, nil); err != nil {
		t.Fatal(err)
	}
	s.records = append(s.records, connector.Record{Mark: s.mark(position), Body: body})
	return s.records[position-1]
}

func (s *stateShard) view(_ context.Context, _ int, position uint64) (store.View, engine.Mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.store.View()
	if v.Position() < position {
		return nil, engine.Mark{}, fmt.Errorf("the log ends at %d", v.Position())
	}
	return v, s.mark(v.Position()), nil
}

// states are those of all subjects, by key.
func (s *stateShard) states(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	v := s.store.View()
	defer v.Close()
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[q.S.Key()] += q.String() + "\n"
	}
	return all
}

// states makes a compacted topic for the states of a shard.
func (b *broker) states(t *testing.T) (*target, *stateShard) {
	t.Helper()
	s, sh := b.target(t, 1), &stateShard{store: memory.New()}
	if err := sh.store.Index(t.Context()); err != nil { // else each state takes a look at all quads
		t.Fatal(err)
	}
	compact, always := "compact", "0"
	s.cfg.Topic = unique("states")
	b.makeWith(t, s.cfg.Topic, 3, map[string]*string{"cleanup.policy": &compact, "min.cleanable.dirty.ratio": &always})
	s.cfg.States, s.cfg.View = rdfio.NQuads, sh.view
	return s, sh
}

// isAsShard checks that the newest record of each subject is what the shard has, and that gone ones have a tombstone. It returns
// how many records there are.
func (s *target) isAsShard(t *testing.T, sh *stateShard, gone ...string) int {
	t.Helper()
	want, got := sh.states(t), map[string]string{}
	records := s.b.all(t, s.cfg.Topic)
	for _, r := range records {
		if r.Value == nil != (header(r, "content-type") == "") || header(r, "shard") != "2" || header(r, "position") == "" {
			t.Errorf("%s has the headers %v", r.Key, r.Headers)
		}
		got[string(r.Key)] = string(r.Value)
		if r.Value == nil {
			got[string(r.Key)] = "a tombstone"
		}
	}
	for key, value := range got {
		if _, there := want[key]; !there && value != "a tombstone" || there && value != want[key] {
			t.Errorf("%s is\n%s, expected\n%s", key, value, want[key])
		}
	}
	for key := range want {
		if got[key] == "" {
			t.Fatalf("%s isn't there", key)
		}
	}
	for _, key := range gone {
		if got[key] != "a tombstone" {
			t.Errorf("%s is %q, and gone in the shard", key, got[key])
		}
	}
	return len(records)
}

func (s *target) closeAll(t *testing.T, writers ...connector.Writer) {
	t.Helper()
	for _, w := range writers {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// subjects are rows for so many subjects, each with a quad in the default graph alone.
func subjectRows(code string, from, to int) string {
	var rows strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&rows, "%s <urn:subject:%d> <urn:predicate> \"%s\" .\n", code, i, strings.Repeat("x", 50))
	}
	return rows.String()
}

// testStates: what the shard had before is in the topic first, in several transactions, each subject once, also when the one who
// writes it is killed between two of them; and then what becomes of it.
func testStates(t *testing.T, b *broker) {
	const many = 20_000
	s, sh := b.states(t)
	sh.change(t, subjectRows("A", 0, many))
	sh.change(t, subjectRows("D", 0, 1)+"A _:b <urn:predicate> <urn:subject:1> <urn:g> .\n")
	var ends atomic.Int64
	opening, kill := context.WithCancel(conntest.Within(t))
	s.cfg.DialBy(spoil(conntest.Endless, func(key int16) bool {
		if key == kmsg.EndTxn.Int16() && ends.Add(1) == 3 { // the claim's, the first one's, and that of the second
			kill()
		}
		return opening.Err() != nil
	}))
	_, err := s.Sink(t).Open(opening, 2)
	s.cfg.DialBy(nil)
	if n := ends.Load(); err == nil || n < 3 {
		t.Fatalf("nobody was killed in the third transaction: there were %d, %v", n, err)
	}
	gone := sh.change(t, subjectRows("D", 1, many/2)) // while nobody writes
	w := s.openShard(t, 2)
	if at := w.At(); at != sh.mark(2) {
		t.Errorf("goes on at %v", at)
	}
	if n := s.isAsShardBut(t, sh, subjectKeys(1, many/2)); n < many/2 || n > many {
		t.Errorf("%d records, of %d subjects", n, many)
	}
	if err := w.Write(conntest.Within(t), []connector.Record{gone}); err != nil {
		t.Fatal(err)
	}
	s.isAsShard(t, sh, subjectKeys(1, many/2)...)
	// What follows: one that another has taken the shard from, changes in one batch, a view that is later than the records.
	other := s.openShard(t, 2)
	first := sh.change(t, "D _:b <urn:predicate> <urn:subject:1> <urn:g> .\nA _:c <urn:predicate> \"1\" .\n")
	if err := w.Write(conntest.Within(t), []connector.Record{first}); err == nil {
		t.Error("who is not the shard's writer any more has written")
	}
	second := sh.change(t, "A _:c <urn:predicate> \"1\" <urn:g> .\n")
	if err := other.Write(conntest.Within(t), []connector.Record{first}); err != nil {
		t.Fatal(err)
	}
	before := s.isAsShard(t, sh, "_:b")
	s.closeAll(t, w, other)
	last := s.openShard(t, 2)
	third := sh.change(t, "D _:c <urn:predicate> \"1\" .\n")
	if at := last.At(); at != first.Mark {
		t.Errorf("goes on at %v", at)
	}
	if err := last.Write(conntest.Within(t), []connector.Record{second, third}); err != nil {
		t.Fatal(err)
	}
	if n := s.isAsShard(t, sh, "_:b", "urn:subject:1"); n != before+1 {
		t.Errorf("%d records for two changes of one subject in a batch", n-before)
	}
	s.closeAll(t, last)
}

func subjectKeys(from, to int) (keys []string) {
	for i := from; i < to; i++ {
		keys = append(keys, fmt.Sprintf("urn:subject:%d", i))
	}
	return keys
}

// isAsShardBut checks that what the shard has is in the topic, where nothing is said of some subjects, and each once.
func (s *target) isAsShardBut(t *testing.T, sh *stateShard, but []string) int {
	t.Helper()
	want := sh.states(t)
	for _, key := range but {
		delete(want, key)
	}
	records, known := s.b.all(t, s.cfg.Topic), map[string]bool{}
	for _, r := range records {
		if known[string(r.Key)] {
			t.Errorf("%s was written twice", r.Key)
		}
		known[string(r.Key)] = true
		if value, there := want[string(r.Key)]; there && value != string(r.Value) {
			t.Errorf("%s is\n%s, expected\n%s", r.Key, r.Value, value)
		}
		delete(want, string(r.Key))
	}
	if len(want) > 0 {
		t.Errorf("%d subjects are not there", len(want))
	}
	return len(records)
}

// testStatesSought: at the start all states are written anew, also what has gone since; a topic of deltas is none of states.
func testStatesSought(t *testing.T, b *broker) {
	s, sh := b.states(t)
	sh.change(t, "A <urn:a> <urn:p> \"1\" .\nA <urn:b> <urn:p> \"1\" .\n")
	w := s.openShard(t, 2)
	s.closeAll(t, w)
	seek := func(to engine.Mark) {
		t.Helper()
		if err := s.Sink(t).(connector.Seeker).Seek(conntest.Within(t), 2, to); err != nil {
			t.Fatal(err)
		}
	}
	gone := sh.change(t, "D <urn:a> <urn:p> \"1\" .\n")
	seek(engine.Mark{})
	seek(engine.Mark{})
	w = s.openShard(t, 2)
	if w.At() != sh.mark(1) {
		t.Errorf("goes on at %v", w.At())
	}
	if err := w.Write(conntest.Within(t), []connector.Record{gone}); err != nil {
		t.Fatal(err)
	}
	s.closeAll(t, w)
	if n := s.isAsShard(t, sh, "urn:a"); n != 4 {
		t.Errorf("%d records, expected two, the one that is left, and a tombstone", n)
	}
	seek(sh.mark(1))
	w = s.openShard(t, 2)
	if w.At() != sh.mark(1) {
		t.Errorf("goes on at %v", w.At())
	}
	s.closeAll(t, w)
	deltas := *s
	deltas.cfg.States = ""
	_, err := deltas.Sink(t).Open(conntest.Within(t), 2)
	conntest.GivesUp(t, err, "another topic, or another name")
	if err := deltas.Sink(t).(connector.Seeker).Seek(conntest.Within(t), 2, sh.mark(2)); err != nil {
		t.Fatal(err)
	}
	_, err = s.Sink(t).Open(conntest.Within(t), 2)
	conntest.GivesUp(t, err, "another topic, or another name")
	seek(engine.Mark{}) // nothing is known of states
	w = s.openShard(t, 2)
	if w.At() != sh.mark(2) {
		t.Errorf("goes on at %v", w.At())
	}
	s.closeAll(t, w)
}

// testStatesTorn: connections that end at any byte, and answers that get lost, lose no state.
func testStatesTorn(t *testing.T, b *broker) {
	s, sh := b.states(t)
	var connections, answers atomic.Int64
	s.cfg.DialBy(spoil(func() int64 { return 1500 + 700*connections.Add(1)%20_000 }, func(key int16) bool {
		return key == kmsg.EndTxn.Int16() && answers.Add(1)%5 == 0
	}))
	sh.change(t, subjectRows("A", 0, 100))
	var written int
	for i := range 40 {
		sh.change(t, subjectRows("D", i, i+1)+subjectRows("A", 100+i, 101+i))
	}
	for ctx := conntest.Within(t); written < len(sh.records); {
		w, err := s.Sink(t).Open(ctx, 2)
		for err == nil && w.At().Position < uint64(len(sh.records)) {
			from := w.At().Position
			err = w.Write(ctx, sh.records[from:min(int(from)+3, len(sh.records))])
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
		if w != nil {
			written = int(w.At().Position)
			_ = w.Close() // what is open is ended by the next one
		}
		if written == len(sh.records) && len(sh.records) < 60 {
			for i := range 20 {
				sh.change(t, subjectRows("D", 50+i, 51+i))
			}
		}
	}
	s.isAsShard(t, sh, subjectKeys(50, 70)...)
	if connections.Load() < 10 {
		t.Errorf("%d connections: hardly any was torn", connections.Load())
	}
}

// TestStateConfig: what can't be of states is told before anything is connected.
func TestStateConfig(t *testing.T) {
	good := kafka.SinkConfig{Connection: kafka.Connection{Brokers: []string{"127.0.0.1:9092"}}, Topic: "t", Name: "n", Shards: 1,
		States: rdfio.TriG, View: (&stateShard{}).view}
	if _, err := kafka.NewSink(good); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*kafka.SinkConfig){
		func(c *kafka.SinkConfig) { c.States = rdfio.Turtle },
		func(c *kafka.SinkConfig) { c.States = rdfio.Patch },
		func(c *kafka.SinkConfig) { c.View = nil },
	} {
		cfg := good
		change(&cfg)
		if _, err := kafka.NewSink(cfg); err == nil || !strings.Contains(err.Error(), "several graphs") {
			t.Error(err)
		}
	}
}
