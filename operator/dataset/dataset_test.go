package dataset_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

func eventOf(text string) *event.Event {
	return &event.Event{MediaType: dataset.MediaType, Payload: []byte(text)}
}

// content is the committed quads of a logic, sorted.
func content(l *dataset.Logic) string {
	v := l.View().(store.View)
	defer v.Close()
	var list []string
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			panic(err)
		}
		list = append(list, q.String())
	}
	slices.Sort(list)
	return strings.Join(list, "\n")
}

// TestExactDelta: what is written is what changes, and no empty transaction.
// TestIndexed: the store in memory has its index from the start, and after a snapshot, where it is asked for, and not where it isn't.
func TestIndexed(t *testing.T) {
	for want, l := range map[bool]func() *dataset.Logic{true: dataset.Indexed, false: dataset.New} {
		source := l()
		if err := source.Apply(1, []byte("TX .\nA <x:s> <x:p> <x:o> .\nTC .\n")); err != nil {
			t.Fatal(err)
		}
		var file bytes.Buffer
		none := func(io.Writer) error { return nil }
		if err := source.Snapshot(none)(&file); err != nil {
			t.Fatal(err)
		}
		restored := l()
		if err := restored.Restore(&file, func(io.Reader) error { return nil }); err != nil {
			t.Fatal(err)
		}
		for name, l := range map[string]*dataset.Logic{"source": source, "restored": restored} {
			if got := l.Store().(*memory.Store).Indexed(); got != want {
				t.Errorf("%s: index %v, expected %v", name, got, want)
			}
		}
	}
}

func TestExactDelta(t *testing.T) {
	l := dataset.New()
	body, adds, deletes, err := l.Evaluate(eventOf("TX .\nA <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"1\" .\n"+
		"D <urn:s> <urn:p> \"2\" .\nTC .\nTX .\nD <urn:s> <urn:p> \"2\" .\nTC .\nTX .\nTC .\n"), operator.Evaluation{}, []byte("before\n"))
	want := "before\nTX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n"
	if string(body) != want || adds != 1 || deletes != 0 || err != nil {
		t.Errorf("%q, +%d -%d, %v", body, adds, deletes, err)
	}
	if content(l) != "" {
		t.Error("visible before Commit")
	}
	// The next event sees it all the same.
	body, adds, deletes, err = l.Evaluate(eventOf("TX .\nD <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"3\" .\nTC .\n"), operator.Evaluation{}, nil)
	if adds != 1 || deletes != 1 || err != nil {
		t.Errorf("%q, +%d -%d, %v", body, adds, deletes, err)
	}
	l.Commit(5)
	if content(l) != `<urn:s> <urn:p> "3" .` || l.Store().Position() != 5 {
		t.Errorf("%s at %d", content(l), l.Store().Position())
	}
	if _, _, _, err := l.Evaluate(eventOf("TX .\nA <urn:x> <urn:p> \"1\" .\nTC .\n"), operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	l.Rollback()
	l.Rollback()
	l.Commit(6)
	if content(l) != `<urn:s> <urn:p> "3" .` || l.Store().Position() != 6 {
		t.Errorf("after a rollback %s at %d", content(l), l.Store().Position())
	}
}

func TestBadEvents(t *testing.T) {
	const aborted = "TX .\nA <urn:s> <urn:p> \"1\" .\nTA .\n"
	l := dataset.New()
	for want, ev := range map[string]*event.Event{
		`media type "text/plain": this shard evaluates application/rdf-patch`: {MediaType: "text/plain"},
		"an event holds an aborted transaction":                               eventOf(aborted),
		"line 1, column 3":                                                    eventOf("A nonsense .\n"),
	} {
		if _, _, _, err := l.Evaluate(ev, operator.Evaluation{}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		l.Rollback()
	}
	if content(l) != "" {
		t.Error("a bad event has left something")
	}
}

// TestBadEventLeavesNoTrace: the good events before it and behind it are evaluated as if it had not come.
func TestBadEventLeavesNoTrace(t *testing.T) {
	l := dataset.New()
	if err := l.Apply(1, []byte("TX .\nA <urn:s> <urn:p> \"0\" .\nTC .\n")); err != nil {
		t.Fatal(err)
	}
	first, second := "TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n", "TX .\nD <urn:s> <urn:p> \"1\" .\nA <urn:t> <urn:p> \"2\" .\nTC .\n"
	body, _, _, err := l.Evaluate(eventOf(first), operator.Evaluation{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range []string{"nonsense", "TX .\nTA .\n", "A <urn:s> <urn:p> .\n"} {
		text := "TX .\nA <urn:t> <urn:p> \"2\" .\nD <urn:s> <urn:p> \"0\" .\nD <urn:s> <urn:p> \"1\" .\nTC .\n" + rows
		after, adds, deletes, err := l.Evaluate(eventOf(text), operator.Evaluation{}, body)
		if err == nil || adds+deletes != 0 || string(after) != first {
			t.Errorf("%q, +%d -%d, %v", after, adds, deletes, err)
		}
	}
	body, adds, deletes, err := l.Evaluate(eventOf(second), operator.Evaluation{}, body)
	if string(body) != first+second || adds != 1 || deletes != 1 || err != nil {
		t.Errorf("%q, +%d -%d, %v", body, adds, deletes, err)
	}
	l.Commit(2)
	if got := content(l); got != "<urn:s> <urn:p> \"0\" .\n<urn:t> <urn:p> \"2\" ." {
		t.Error(got)
	}
	twin := dataset.New()
	_ = twin.Apply(1, []byte("TX .\nA <urn:s> <urn:p> \"0\" .\nTC .\n"))
	if err := twin.Apply(2, body); err != nil || content(twin) != content(l) {
		t.Errorf("replayed: %v, %s", err, content(twin))
	}
}

// TestChecked: what a splitter has read is evaluated the same whether the owner trusts it or not. What nobody has checked is
// read by the owner.
func TestChecked(t *testing.T) {
	split, err := dataset.Splitter{Key: dataset.Subject, Shards: 1}.Patch([]byte("A <urn:s><urn:p>'a\\u0022 .'@DE<_:g>.D <urn:s>\n<urn:p> 1.5 .\n" +
		"TX . A _:b <urn:p> << <urn:s> <urn:p> '>' >> . TC ."))
	if err != nil || len(split.Parts) != 1 {
		t.Fatalf("%+v, %v", split, err)
	}
	var bodies [2]string
	for i, checked := range []bool{false, true} {
		l, ev := dataset.New(), eventOf("D <urn:s> <urn:p> \"1.5\"^^<http://www.w3.org/2001/XMLSchema#decimal> .\n"+string(split.Parts[0].Payload))
		_ = l.Apply(1, []byte("TX .\nA <urn:s> <urn:p> \"1.5\"^^<http://www.w3.org/2001/XMLSchema#decimal> .\nTC .\n"))
		ev.Checked = checked
		body, adds, deletes, err := l.Evaluate(ev, operator.Evaluation{}, nil)
		if bodies[i] = string(body); err != nil || adds != 2 || deletes != 1 {
			t.Errorf("checked: %v; %q, +%d -%d, %v", checked, body, adds, deletes, err)
		}
	}
	if bodies[0] != bodies[1] {
		t.Errorf("not checked\n%s\nchecked\n%s", bodies[0], bodies[1])
	}
	if _, _, _, err := dataset.New().Evaluate(eventOf("A <urn:s> <urn:p> no term .\n"), operator.Evaluation{}, nil); err == nil {
		t.Error("what is no term came into the state")
	}
	ev := eventOf("A <urn:s> <urn:a b> \"1\" .\n") // a space is not noticed by who looks for the end of the term alone
	if _, _, _, err := dataset.New().Evaluate(ev, operator.Evaluation{}, nil); err == nil {
		t.Error("what nobody has checked is not looked at")
	}
	ev.Checked = true
	if _, adds, _, err := dataset.New().Evaluate(ev, operator.Evaluation{}, nil); err != nil || adds != 1 {
		t.Error("what was checked is looked at again:", err)
	}
}

// TestApplyRefuses what can't come from this state, and changes nothing.
func TestApplyRefuses(t *testing.T) {
	l := dataset.New()
	if err := l.Apply(3, []byte("TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n")); err != nil {
		t.Fatal(err)
	}
	for want, body := range map[string]string{
		"adds what is there":        "TX .\nA <urn:t> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"1\" .\nTC .\n",
		"deletes what is not there": "TX .\nD <urn:s> <urn:p> \"1\" .\nD <urn:s> <urn:p> \"1\" .\nTC .\n",
		"expected":                  "TX .\nA <urn:t> <urn:p> \"1\" .\nnonsense",
	} {
		if err := l.Apply(4, []byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if content(l) != `<urn:s> <urn:p> "1" .` || l.Store().Position() != 3 {
			t.Errorf("%s at %d", content(l), l.Store().Position())
		}
	}
}

// TestReplay: what one logic evaluates another replays, to the same state; and a snapshot on the way holds that of its
// position, whatever comes behind it.
func TestReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		one, two := dataset.New(), dataset.New()
		var write func(io.Writer) error
		var pinned string
		for i := range uint64(rapid.IntRange(1, 12).Draw(t, "events")) {
			var b strings.Builder
			b.WriteString("TX .\n")
			for range rapid.IntRange(0, 6).Draw(t, "rows") {
				code := rapid.SampledFrom([]string{"A", "D"}).Draw(t, "code")
				fmt.Fprintf(&b, "%s <urn:s%d> <urn:p> \"o\" .\n", code, rapid.IntRange(0, 4).Draw(t, "s"))
			}
			b.WriteString("TC .\n")
			body, adds, deletes, err := one.Evaluate(eventOf(b.String()), operator.Evaluation{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "fate") == 0 {
				one.Rollback()
				continue
			}
			before := one.Store().Len()
			one.Commit(i + 1)
			if one.Store().Len() != before+int(adds)-int(deletes) {
				t.Fatalf("%d quads, then +%d -%d, now %d", before, adds, deletes, one.Store().Len())
			}
			if err := two.Apply(i+1, body); err != nil {
				t.Fatalf("%v\n%s", err, body)
			}
			if write == nil && rapid.Bool().Draw(t, "snapshot") {
				write, pinned = one.Snapshot(func(w io.Writer) error {
					_, err := io.WriteString(w, "extra")
					return err
				}), content(one)
			}
		}
		if content(one) != content(two) || one.Store().Position() != two.Store().Position() {
			t.Fatalf("%s\n\n%s", content(one), content(two))
		}
		if write != nil {
			checkSnapshot(t, write, pinned)
		}
	})
}

func checkSnapshot(t *rapid.T, write func(io.Writer) error, want string) {
	var buf bytes.Buffer
	if err := write(&buf); err != nil {
		t.Fatal(err)
	}
	l := dataset.New()
	var extra []byte
	err := l.Restore(bytes.NewReader(buf.Bytes()), func(r io.Reader) (err error) {
		extra, err = io.ReadAll(r)
		return err
	})
	if err != nil || string(extra) != "extra" || content(l) != want {
		t.Fatalf("%q, %v\n%s\nwant\n%s", extra, err, content(l), want)
	}
	if err := dataset.New().Restore(bytes.NewReader(buf.Bytes()[:buf.Len()/2]), nil); err == nil {
		t.Fatal("half a snapshot")
	}
}

// TestFull: no room is an error of its own, to the owner and at replay; the state is as before.
func TestFull(t *testing.T) {
	l := dataset.Within(4)
	if _, _, _, err := l.Evaluate(eventOf("TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n"), operator.Evaluation{}, nil); err != nil {
		t.Fatal(err)
	}
	l.Commit(1)
	large := "TX .\nA <urn:s> <urn:p> \"2\" .\nA <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"3\" .\n" +
		"A <urn:s> <urn:p> \"4\" .\nTC .\n"
	_, _, _, err := l.Evaluate(eventOf(large), operator.Evaluation{}, nil)
	if !errors.Is(err, operator.ErrFull) || !errors.Is(err, store.ErrFull) {
		t.Errorf("evaluate: %v", err)
	}
	l.Rollback()
	err = l.Apply(2, []byte(strings.Replace(large, "A <urn:s> <urn:p> \"1\" .\n", "", 1)))
	if !errors.Is(err, operator.ErrFull) || content(l) != `<urn:s> <urn:p> "1" .` || l.Store().Position() != 1 {
		t.Errorf("apply: %v; %s at %d", err, content(l), l.Store().Position())
	}
	if err := l.Apply(3, []byte("TX .\nD <urn:s> <urn:p> \"1\" .\nTC .\n")); err != nil || content(l) != "" {
		t.Errorf("it does not go on: %v", err)
	}
}

// TestBounds: an event over its bounds is bad, and leaves no trace; one that is at them is good.
func TestBounds(t *testing.T) {
	l := dataset.New()
	const row, most = "A <urn:s> <urn:p> \"1\" .\n", len("TX .\nA <urn:s> <urn:p> \"1\" .\nTC .\n")
	first, _, _, err := l.Evaluate(eventOf("TX .\nA <urn:s> <urn:p> \"0\" .\nTC .\n"), operator.Evaluation{MaxBody: most, MaxSteps: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for want, c := range map[string]struct {
		rows   string
		within operator.Evaluation
	}{
		"more than 1 steps":  {row + row, operator.Evaluation{MaxSteps: 1}},
		"more than 1 steps;": {row + "D <urn:s> <urn:p> \"x\" .\n", operator.Evaluation{MaxSteps: 1}},
		"more than 2 steps":  {row + "D <urn:s> <urn:p> \"x\" .\n" + row, operator.Evaluation{MaxSteps: 2, MaxBody: most}},
		"more than 33 bytes": {row, operator.Evaluation{MaxBody: most - 1}},
		"more than 20 bytes": {row + "nonsense", operator.Evaluation{MaxBody: 20}},
	} {
		body, adds, deletes, err := l.Evaluate(eventOf("TX .\n"+c.rows+"TC .\n"), c.within, first)
		if err == nil || !strings.Contains(err.Error(), want) || string(body) != string(first) || adds+deletes != 0 ||
			errors.Is(err, operator.ErrFull) || errors.Is(err, operator.ErrState) {
			t.Errorf("%s: %v, %q", want, err, body)
		}
	}
	body, adds, _, err := l.Evaluate(eventOf("TX .\n"+row+row+"TC .\n"), operator.Evaluation{MaxBody: most, MaxSteps: 2}, first)
	if err != nil || adds != 1 || len(body) != 2*most {
		t.Errorf("%v, +%d, %d bytes", err, adds, len(body))
	}
	if err := l.Commit(1); err != nil || l.Len() != 2 {
		t.Errorf("%v, %d quads", err, l.Len())
	}
}

// broken is a store whose transactions fail from some call on.
type broken struct {
	store.Store
	good *int
}

type brokenTx struct {
	store.Tx
	good *int
}

var errDisk = errors.New("the disk is gone")

func (b broken) Begin() store.Tx { return brokenTx{b.Store.Begin(), b.good} }

func (b brokenTx) call() error {
	if *b.good--; *b.good < 0 {
		return errDisk
	}
	return nil
}

func (b brokenTx) Add(q rdf.Quad) (bool, error) {
	if err := b.call(); err != nil {
		return false, err
	}
	return b.Tx.Add(q)
}

func (b brokenTx) Delete(q rdf.Quad) (bool, error) {
	if err := b.call(); err != nil {
		return false, err
	}
	return b.Tx.Delete(q)
}

func (b brokenTx) RollbackTo(s store.Savepoint) error {
	return errors.Join(b.call(), b.Tx.RollbackTo(s))
}

func (b brokenTx) Commit(position uint64, meta []byte) error {
	if err := b.call(); err != nil {
		b.Rollback()
		return err
	}
	return b.Tx.Commit(position, meta)
}

// TestStoreFails: whichever call of the store fails, the error says that the state did, and neither the event nor the log
// is to blame; nothing is committed.
func TestStoreFails(t *testing.T) {
	const text = "TX .\nA <urn:s> <urn:p> \"1\" .\nD <urn:s> <urn:p> \"1\" .\nA <urn:s> <urn:p> \"1\" .\nTC .\n"
	fails := func(what string, err error) {
		if !errors.Is(err, operator.ErrState) || !errors.Is(err, errDisk) || errors.Is(err, operator.ErrFull) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for calls := range 4 {
		good := calls
		l := dataset.On(func(s store.Store) store.Store { return broken{s, &good} })
		_, _, _, err := l.Evaluate(eventOf(text), operator.Evaluation{}, nil)
		if calls == 3 && err == nil {
			err = l.Commit(1)
		}
		fails(fmt.Sprint("event, call ", calls), err)
		l.Rollback()
		good = calls
		fails(fmt.Sprint("delta, call ", calls), l.Apply(1, []byte(text)))
		if l.Len() != 0 || l.Store().Position() != 0 {
			t.Errorf("%d quads at %d", l.Len(), l.Store().Position())
		}
	}
	good := 1
	l := dataset.On(func(s store.Store) store.Store { return broken{s, &good} })
	_, _, _, err := l.Evaluate(eventOf("TX .\nA <urn:s> <urn:p> \"1\" .\nnonsense"), operator.Evaluation{}, nil)
	fails("back from a bad event", err)
}

// once is a store whose transactions fail at one call, and go on as if nothing had been.
type once struct {
	store.Store
	good *int
}

type onceTx struct {
	store.Tx
	good *int
}

func (o once) Begin() store.Tx { return onceTx{o.Store.Begin(), o.good} }

func (o onceTx) Add(q rdf.Quad) (bool, error) {
	if *o.good--; *o.good == -1 {
		return false, errDisk
	}
	return o.Tx.Add(q)
}

func (o onceTx) Delete(q rdf.Quad) (bool, error) {
	if *o.good--; *o.good == -1 {
		return false, errDisk
	}
	return o.Tx.Delete(q)
}

// TestStoreFailsOnce: an error of the store stops a delta at its row, also when the store would take what comes after it.
func TestStoreFailsOnce(t *testing.T) {
	for good := range 2 {
		l := dataset.On(func(s store.Store) store.Store { return once{s, &good} })
		err := l.Apply(1, []byte("TX .\nA <urn:s> <urn:p> \"1\" .\nD <urn:s> <urn:p> \"1\" .\nTC .\n"))
		if !errors.Is(err, operator.ErrState) || !errors.Is(err, errDisk) || l.Store().Position() != 0 {
			t.Errorf("%v, at %d", err, l.Store().Position())
		}
	}
}
