package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
)

// mapper maps every message to a quad with its variable, once it is mended.
type mapper struct{ good atomic.Bool }

func (m *mapper) Map(msg connector.Message) (graph.Submission, error) {
	if !m.good.Load() {
		return graph.Submission{}, errors.New("no field")
	}
	if string(msg.Body) == "never" {
		return graph.Submission{}, errors.New("still no field")
	}
	topic := ""
	if msg.Vars != nil {
		topic = maps.Collect(msg.Vars)["topic"]
	}
	body := fmt.Sprintf("TX .\nA <urn:x:%s> <urn:at> %q .\nA <urn:y:%s> <urn:at> <urn:z> .\nTC .\n", msg.Body, fmt.Sprint(msg.Offset, " ", msg.Time.Unix(), " ", topic), msg.Body)
	return graph.Submission{MediaType: graph.TypePatch, Body: []byte(body)}, nil
}

// lettered are nodes on which a source has made letters of each message.
type lettered struct {
	*graphs
	t     *testing.T
	first *graph.Graph
	desk  *pipeline.Control
	mend  *mapper
	src   *pipeline.Source
	done  func()
}

func letters(t *testing.T, bodies ...string) *lettered {
	t.Helper()
	l := &lettered{graphs: newGraphs(t), t: t, mend: &mapper{}}
	l.first = l.start("n1")
	b := newBroker()
	for i, body := range bodies {
		m := connector.Message{Stream: "a/0", Offset: uint64(i), MediaType: "application/json", Body: []byte(body), Time: time.Unix(100+int64(i), 0)}
		m.Vars = func(yield func(string, string) bool) { yield("topic", "t\"; 1") }
		b.send(m)
	}
	l.src = pipeline.NewSource(l.first, b, pipeline.SourceConfig{Name: "src", Map: l.mend.Map, Idle: time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Backoff: pipeline.Backoff{Min: time.Millisecond, Max: 3 * time.Millisecond}})
	l.done = running(t, l.src.Run)
	until(t, "all are letters", func() bool { return l.src.Status().Rejected == uint64(len(bodies)) })
	l.desk = l.deskOf(l.first)
	return l
}

func (l *lettered) deskOf(g *graph.Graph) *pipeline.Control {
	return &pipeline.Control{Switches: g.Coordinator(), Letters: g, Sources: map[string]*pipeline.Source{"src": l.src}}
}

func (l *lettered) list(f pipeline.LetterFilter) ([]pipeline.Letter, *pipeline.LetterPlace) {
	l.t.Helper()
	list, more, err := l.desk.ListLetters(l.t.Context(), f)
	if err != nil {
		l.t.Fatal(err)
	}
	return list, more
}

func placeOf(l pipeline.Letter) pipeline.LetterPlace {
	return pipeline.LetterPlace{Shard: l.Shard, Position: l.Position}
}

// TestLetterIsRetried: a message is taken in again as its configuration is then, with all that was known of it; twice, by two at once on
// two nodes, it has one effect and is settled once; that holds on whichever node, also after restarts.
func TestLetterIsRetried(t *testing.T) {
	l := letters(t, "m0", "never", "m2")
	list, more := l.list(pipeline.LetterFilter{Shard: -1, Limit: 10})
	if len(list) != 3 || more != nil {
		t.Fatalf("%d letters, %v", len(list), more)
	}
	if got := list[0]; got.Source != "src" || got.Stream != "a/0" || got.Offset != 0 || !got.Whole || got.Cut || got.MediaType != "application/json" ||
		got.Vars["topic"] != "t\"; 1" || got.Sent.Unix() != 100 || string(got.Payload) != "m0" || got.Reason != "no field" || got.Time.IsZero() {
		t.Errorf("%+v", got)
	}
	if _, err := l.desk.RetryLetter(t.Context(), placeOf(list[0]), "ops"); err == nil || !strings.Contains(err.Error(), "no field") {
		t.Errorf("it is still none: %v", err)
	}
	l.mend.good.Store(true)
	second := l.start("n2")
	other := l.deskOf(second)
	var all sync.WaitGroup
	var done, settled atomic.Int32
	for _, desk := range []*pipeline.Control{l.desk, other, l.desk, other} {
		all.Go(func() {
			again, err := desk.RetryLetter(t.Context(), placeOf(list[0]), "ops")
			switch {
			case err == nil && len(again) == 0:
				done.Add(1)
			case errors.Is(err, pipeline.ErrSettled):
				settled.Add(1)
			default:
				t.Errorf("%v, %v", again, err)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 || settled.Load() != 3 {
		t.Errorf("%d retries were the first, %d came later", done.Load(), settled.Load())
	}
	if got := quads(t, second); strings.Count(got, "urn:at") != 2 || !strings.Contains(got, `<urn:x:m0> <urn:at> "0 100 t\"; 1"`) {
		t.Errorf("the effect:\n%s", got)
	}
	if err := other.DropLetter(t.Context(), placeOf(list[2]), "ops"); err != nil {
		t.Error(err)
	}
	if err := l.desk.DropLetter(t.Context(), placeOf(list[2]), "ops"); !errors.Is(err, pipeline.ErrSettled) {
		t.Errorf("dropped twice: %v", err)
	}
	if _, err := l.desk.RetryLetter(t.Context(), placeOf(list[1]), "ops"); err == nil {
		t.Error("what can't be mapped was taken in")
	}
	l.done()
	l.stops["n1"]()
	third := l.start("n3")
	l.desk = l.deskOf(third)
	for _, desk := range []*pipeline.Control{other, l.desk} {
		left, _, err := desk.ListLetters(t.Context(), pipeline.LetterFilter{Shard: -1, Limit: 10})
		if err != nil || len(left) != 1 || string(left[0].Payload) != "never" {
			t.Errorf("%d are left, %v", len(left), err)
		}
	}
	if shown, open, err := l.desk.ShowLetter(t.Context(), placeOf(list[0])); err != nil || open || string(shown.Payload) != "m0" {
		t.Errorf("a settled one: %+v, %v, %v", shown, open, err)
	}
	if _, _, err := l.desk.ShowLetter(t.Context(), pipeline.LetterPlace{Shard: list[0].Shard, Position: 1}); !errors.Is(err, node.ErrNoLetter) {
		t.Errorf("what is no letter: %v", err)
	}
}

// TestLettersInPages: lists are bounded, and go on where they ended, over what was settled meanwhile.
func TestLettersInPages(t *testing.T) {
	var bodies []string
	for i := range 25 {
		bodies = append(bodies, fmt.Sprintf("m%d", i))
	}
	l := letters(t, bodies...)
	var got []string
	f := pipeline.LetterFilter{Shard: -1, Limit: 10, Source: "src"}
	for pages := 1; ; pages++ {
		list, more := l.list(f)
		for _, of := range list {
			got = append(got, string(of.Payload))
		}
		if more == nil {
			if pages != 3 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		f.After = *more
		if err := l.desk.DropLetter(t.Context(), placeOf(list[len(list)-1]), "ops"); err != nil { // the place is of no letter then
			t.Fatal(err)
		}
	}
	if strings.Join(got, " ") != strings.Join(bodies, " ") {
		t.Errorf("%q", got)
	}
	if list, more := l.list(pipeline.LetterFilter{Shard: -1, Limit: 1, Source: "other"}); len(list) != 0 || more == nil {
		t.Errorf("of a source without letters: %d, %v; no more than ten are looked at", len(list), more)
	}
	if list, _ := l.list(pipeline.LetterFilter{Shard: (l.src.Status().Home + 1) % shards, Limit: 9}); len(list) != 0 {
		t.Errorf("of another shard: %d", len(list))
	}
}

// TestLargeLetter: a letter of several records is listed, shown whole, and taken in again; one that has lost a part is not.
func TestLargeLetter(t *testing.T) {
	l := letters(t, strings.Repeat("x", 2<<20), strings.Repeat("y", 9<<20))
	list, _ := l.list(pipeline.LetterFilter{Shard: -1, Limit: 10})
	if len(list) != 2 || list[0].Parts < 2 || list[0].Payload != nil || list[0].Source != "src" || list[1].Offset != 1 {
		t.Fatalf("%+v", list)
	}
	shown, open, err := l.desk.ShowLetter(t.Context(), placeOf(list[0]))
	if err != nil || !open || len(shown.Payload) != 2<<20 || shown.MediaType != "application/json" {
		t.Errorf("%d bytes, %v, %v", len(shown.Payload), open, err)
	}
	l.mend.good.Store(true)
	if _, err := l.desk.RetryLetter(t.Context(), placeOf(list[1]), ""); !errors.Is(err, pipeline.ErrCut) {
		t.Errorf("a part of a message: %v", err)
	}
	if err := l.desk.DropLetter(t.Context(), placeOf(list[1]), ""); err != nil {
		t.Error(err)
	}
}

// TestLetterBeforeDamage: a letter of several parts is read whole, though the record right behind it is damaged.
func TestLetterBeforeDamage(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	acks, err := g.SendBatch(t.Context(), []event.Addressed{{Shard: 2, Event: event.Event{Producer: event.Producer{Name: "src/a"}, Seq: 5,
		MediaType: graph.TypePatch, Payload: []byte(strings.Repeat("nonsense", 1<<18))}}})
	if err != nil || acks[0].Status != event.Bad {
		t.Fatal(acks, err)
	}
	at := acks[0].Position
	if _, err := c.engine.Shard(2).Append(t.Context(), at, []byte("no record")); err != nil {
		t.Fatal(err)
	}
	got, err := g.Letter(t.Context(), 2, at)
	if err != nil || got.Parts < 2 || len(got.Payload) != 8<<18 {
		t.Errorf("%d parts, %d bytes, %v", got.Parts, len(got.Payload), err)
	}
}

// TestLetterOfAnOwner: what an owner can't evaluate is a letter in its shard; taken in again it is one more, and the first is settled.
func TestLetterOfAnOwner(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	desk := &pipeline.Control{Switches: g.Coordinator(), Letters: g}
	acks, err := g.SendBatch(t.Context(), []event.Addressed{{Shard: 2, Event: event.Event{Producer: event.Producer{Name: "src/a"}, Seq: 5,
		MediaType: graph.TypePatch, Payload: []byte("nonsense")}}})
	if err != nil || acks[0].Status != event.Bad {
		t.Fatal(acks, err)
	}
	at := pipeline.LetterPlace{Shard: 2, Position: acks[0].Position}
	l, open, err := desk.ShowLetter(t.Context(), at)
	if err != nil || !open || l.Whole || l.Source != "src" || l.Stream != "a" || l.Offset != 4 {
		t.Errorf("%+v %v %v", l, open, err)
	}
	if _, err := desk.RetryLetter(t.Context(), at, ""); err == nil {
		t.Error("nonsense was taken in")
	}
	if got := g.Status().Shards[2].Letters; got != 1 {
		t.Errorf("%d are open", got)
	}
	if err := desk.DropLetter(t.Context(), pipeline.LetterPlace{Shard: 1, Position: at.Position}, ""); !errors.Is(err, node.ErrNoLetter) {
		t.Errorf("a letter of another shard: %v", err)
	}
}

// TestLetterOfAnUpdate: an update that all shards carry out, of which one has a letter, is taken in again by that one alone.
func TestLetterOfAnUpdate(t *testing.T) {
	c := newGraphs(t)
	g := c.start("n1")
	var data strings.Builder
	for i := range 64 {
		fmt.Fprintf(&data, "INSERT DATA { <urn:%d> <urn:n> 1 } ;", i)
	}
	before, err := g.Submit(t.Context(), graph.Submission{MediaType: graph.TypeUpdate, Body: []byte(data.String())})
	if err != nil || len(before) != shards {
		t.Fatal(before, err)
	}
	failed := event.Event{Producer: event.Producer{Name: "src/a"}, Seq: 5, MediaType: graph.TypeUpdate, Payload: []byte("INSERT { ?s <urn:n> 2 } WHERE { ?s <urn:n> 1 }")}
	failed.Reject("it had no room")
	acks, err := g.SendBatch(t.Context(), []event.Addressed{{Shard: 2, Event: failed}})
	if err != nil || acks[0].Status != event.Bad {
		t.Fatal(acks, err)
	}
	desk := &pipeline.Control{Switches: g.Coordinator(), Letters: g}
	if again, err := desk.RetryLetter(t.Context(), pipeline.LetterPlace{Shard: 2, Position: acks[0].Position}, "ops"); err != nil || len(again) > 0 {
		t.Fatal(again, err)
	}
	for s, one := range before {
		view, _, err := g.View(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		if want := int(one.Adds) * map[bool]int{true: 2, false: 1}[s == 2]; view.Len() != want {
			t.Errorf("shard %d has %d quads, expected %d", s, view.Len(), want)
		}
		view.Close()
	}
}

type allLetters = pipeline.Letters // which has a method of its name

// countedLetters counts the readings.
type countedLetters struct {
	allLetters
	readings, read int
}

func (c *countedLetters) LetterHeads(ctx context.Context, shard int, positions []uint64, fn func(node.Letter) error) error {
	c.readings, c.read = c.readings+1, c.read+len(positions)
	return c.allLetters.LetterHeads(ctx, shard, positions, fn)
}

// TestListReadsTogether: a list reads each letter once, many at a time; so it does page by page.
func TestListReadsTogether(t *testing.T) {
	bodies := make([]string, 300)
	for i := range bodies {
		bodies[i] = fmt.Sprint("m", i)
	}
	l := letters(t, bodies...)
	for _, limit := range []int{1000, 100} {
		counted := &countedLetters{allLetters: l.first}
		l.desk.Letters = counted
		var all []pipeline.Letter
		for f, more := (pipeline.LetterFilter{Shard: -1, Limit: limit}), true; more; {
			list, next := l.list(f)
			all = append(all, list...)
			if more = next != nil; more {
				f.After = *next
			}
		}
		if most := len(bodies)/min(limit, 256) + 1; len(all) != len(bodies) || counted.read != len(bodies) || counted.readings > most {
			t.Errorf("pages of %d: %d letters, of which %d were read in %d readings, want %d at most", limit, len(all), counted.read, counted.readings, most)
		}
		for i, one := range all {
			if string(one.Payload) != bodies[i] {
				t.Fatalf("letter %d: %s", i, one.Payload)
			}
		}
	}
}

// TestLetterHeads: letters among other records, near and far, are read in order; a place without one is an error.
func TestLetterHeads(t *testing.T) {
	l := letters(t, "m0", "m1", "m2")
	list, _ := l.list(pipeline.LetterFilter{Shard: -1, Limit: 10})
	shard, positions := list[0].Shard, []uint64{}
	for _, one := range list {
		positions = append(positions, one.Position)
	}
	for _, test := range []struct {
		of   []uint64
		want int
		err  error
	}{
		{positions, 3, nil}, {positions[1:], 2, nil}, {[]uint64{positions[0], positions[2]}, 2, nil}, {nil, 0, nil},
		{append(slices.Clone(positions), positions[2]+1), 3, node.ErrNoLetter},
		{append(slices.Clone(positions), positions[2]+1000), 3, node.ErrNoLetter}, {[]uint64{0}, 0, node.ErrNoLetter},
	} {
		got := 0
		err := l.first.LetterHeads(t.Context(), shard, test.of, func(one node.Letter) error {
			if one.Position != test.of[got] {
				t.Errorf("%v: the %dth is %d", test.of, got, one.Position)
			}
			got++
			return nil
		})
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v: %d, %v, want %d, %v", test.of, got, err, test.want, test.err)
		}
	}
	if err := l.first.LetterHeads(t.Context(), shard, positions, func(node.Letter) error { return io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("what fn says: %v", err)
	}
}
