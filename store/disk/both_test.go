package disk_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// both drives a store in memory and one on a disk with the same operations, and compares what they answer.
type both struct {
	fs      *vfs.MemFS
	disk    *disk.Store
	memory  *memory.Store
	txs     []store.Tx // of both, none if no transaction is open
	saved   [][]store.Savepoint
	views   [][]store.View
	history map[uint64][]string // the quads at each position
	at      uint64
}

func (b *both) options() disk.Options {
	return disk.Options{Dir: "db", FS: b.fs, Cache: 1 << 16, Buffer: 64 << 10}
}

// drawn is a quad of few terms: in places where the other stores have them, too.
func drawn(t *rapid.T) rdf.Quad {
	node := rapid.SampledFrom([]string{"<x:a>", "<x:b>", "<x:c>", "_:d"})
	object := rapid.OneOf(node, rapid.SampledFrom([]string{`"1"^^<` + rdf.XSDInteger + `>`, `"a"`, `"b"@en`, "<<( _:d <x:p> <x:a> )>>"}))
	q := rdf.Quad{
		S: rdf.Trusted(node.Draw(t, "s")),
		P: rdf.Trusted(rapid.SampledFrom([]string{"<x:p>", "<x:q>", "<x:a>"}).Draw(t, "p")),
		O: rdf.Trusted(object.Draw(t, "o")),
	}
	if g := rapid.SampledFrom([]string{"", "<x:g>", "<x:a>"}).Draw(t, "g"); g != "" {
		q.G = rdf.Trusted(g)
	}
	return q
}

func (b *both) begin() {
	if len(b.txs) == 0 {
		b.txs, b.saved = []store.Tx{b.memory.Begin(), b.disk.Begin()}, nil
	}
}

func (b *both) change(t *rapid.T) {
	b.begin()
	q, add := drawn(t), rapid.IntRange(0, 2).Draw(t, "delete") > 0
	var changed [2]bool
	for i, tx := range b.txs {
		do := tx.Delete
		if add {
			do = tx.Add
		}
		var err error
		if changed[i], err = do(q); err != nil {
			t.Fatal(err)
		}
	}
	if changed[0] != changed[1] {
		t.Fatalf("%v, add %v: in memory a change %v, on a disk %v", q, add, changed[0], changed[1])
	}
}

func (b *both) many(t *rapid.T) {
	for range rapid.IntRange(1, 40).Draw(t, "changes") {
		b.change(t)
	}
}

func (b *both) save(*rapid.T) {
	b.begin()
	b.saved = append(b.saved, []store.Savepoint{b.txs[0].Savepoint(), b.txs[1].Savepoint()})
}

func (b *both) back(t *rapid.T) {
	if len(b.txs) == 0 || len(b.saved) == 0 {
		t.Skip("there is no savepoint")
	}
	i := rapid.IntRange(0, len(b.saved)-1).Draw(t, "savepoint")
	for k, tx := range b.txs {
		if err := tx.RollbackTo(b.saved[i][k]); err != nil {
			t.Fatal(err)
		}
	}
	b.saved = b.saved[:i+1]
}

func (b *both) commit(t *rapid.T) {
	b.begin()
	b.at++
	for _, tx := range b.txs {
		if err := tx.Commit(b.at, fmt.Append(nil, b.at)); err != nil {
			t.Fatal(err)
		}
	}
	b.txs = nil
	b.history[b.at] = texts(t, b.memory)
}

func (b *both) rollback(*rapid.T) {
	for _, tx := range b.txs {
		tx.Rollback()
	}
	b.txs = nil
}

func (b *both) view(*rapid.T) {
	b.views = append(b.views, []store.View{b.memory.View(), b.disk.View()})
}

func (b *both) closeView(t *rapid.T) {
	if len(b.views) == 0 {
		t.Skip("no view is open")
	}
	i := rapid.IntRange(0, len(b.views)-1).Draw(t, "view")
	for _, v := range b.views[i] {
		v.Close()
	}
	b.views = slices.Delete(b.views, i, i+1)
}

func (b *both) closeAll() {
	for _, pair := range b.views {
		for _, v := range pair {
			v.Close()
		}
	}
	b.views = nil
}

// ask compares the answers to a pattern: in the transaction, and in a view.
func (b *both) ask(t *rapid.T) {
	q, bound := drawn(t), rapid.IntRange(0, 15).Draw(t, "bound")
	readers := [][]store.Reader{}
	if len(b.txs) > 0 {
		readers = append(readers, []store.Reader{b.txs[0], b.txs[1]})
	}
	for _, pair := range b.views {
		readers = append(readers, []store.Reader{pair[0], pair[1]})
	}
	for _, pair := range readers {
		if m, d := found(t, pair[0], q, bound), found(t, pair[1], q, bound); !slices.Equal(m, d) {
			t.Fatalf("%v, bound %04b: in memory\n%q\non a disk\n%q", q, bound, m, d)
		}
	}
}

// found are the quads that have the terms of q whose bits are set, with what is counted.
func found(t *rapid.T, r store.Reader, q rdf.Quad, bound int) (all []string) {
	var p store.Pattern
	for i, place := range []*store.ID{&p.S, &p.P, &p.O, &p.G} {
		if bound>>i&1 == 1 {
			id, known, err := r.Lookup([]rdf.Term{q.S, q.P, q.O, q.G}[i])
			if err != nil {
				t.Fatal(err)
			} else if !known {
				return []string{"0", "0"}
			}
			*place = id
		}
	}
	for q, err := range store.Quads(r, p) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, q.String())
	}
	n, err := r.Count(p)
	s, err2 := r.Statistics(p.P)
	if err := errors.Join(err, err2); err != nil || n != len(all) || s.Quads < n && bound != 0 && p.P != store.Any {
		t.Fatalf("%d found, %d counted, statistics %+v, %v", len(all), n, s, err)
	}
	slices.Sort(all)
	if len(all) == 0 {
		return []string{"0", "0"} // a term that no quad has may be known
	}
	return append(all, fmt.Sprint(n), fmt.Sprint(s.Quads))
}

// texts are the quads of a store, in order.
func texts(t *rapid.T, s store.Store) []string { return slices.Sorted(maps.Keys(contents(t, s))) }

func (b *both) check(t *rapid.T) {
	if b.disk.Len() != b.memory.Len() || b.disk.Position() != b.memory.Position() {
		t.Fatalf("on a disk %d quads at %d, in memory %d at %d", b.disk.Len(), b.disk.Position(), b.memory.Len(), b.memory.Position())
	}
}

// reopen closes the store on the disk and opens it again, with what was committed.
func (b *both) reopen(t *rapid.T) {
	b.rollback(t)
	b.closeAll()
	if err := b.disk.Close(); err != nil {
		t.Fatal(err)
	}
	b.open(t)
}

func (b *both) open(t *rapid.T) {
	var err error
	if b.disk, err = disk.Open(b.options()); err != nil {
		t.Fatal(err)
	}
}

// crash goes on with the disk as a crash leaves it, and with a store in memory that has what was there at the position.
func (b *both) crash(t *rapid.T) {
	b.rollback(t)
	b.closeAll()
	seed := rapid.Uint64().Draw(t, "seed")
	left := b.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rapid.IntRange(0, 100).Draw(t, "kept"), RNG: rand.New(rand.NewPCG(seed, 0))})
	if err := b.disk.Close(); err != nil {
		t.Fatal(err)
	}
	b.fs = left
	b.open(t)
	b.at = b.disk.Position()
	want, was := b.history[b.at]
	if got := texts(t, b.disk); !was || !slices.Equal(got, want) {
		t.Fatalf("at %d: %q, there was %q", b.at, got, want)
	}
	b.memory = memory.New()
	tx, v := b.memory.Begin(), b.disk.View()
	defer v.Close()
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err == nil {
			_, err = tx.Add(q)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(b.at, nil); err != nil {
		t.Fatal(err)
	}
}

// TestBoth: a store on a disk answers as one in memory does, whatever is done, and if it is opened again or crashes meanwhile.
func TestBoth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := &both{fs: vfs.NewCrashableMem(), memory: memory.New(), history: map[uint64][]string{0: nil}}
		b.open(t)
		defer func() {
			b.rollback(t)
			if err := b.disk.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		t.Repeat(map[string]func(*rapid.T){
			"":         b.check,
			"change":   b.change,
			"many":     b.many,
			"save":     b.save,
			"back":     b.back,
			"commit":   b.commit,
			"rollback": b.rollback,
			"view":     b.view,
			"close":    b.closeView,
			"ask":      b.ask,
			"reopen":   b.reopen,
			"crash":    b.crash,
			"flush": func(t *rapid.T) {
				if err := b.disk.Flush(); err != nil {
					t.Fatal(err)
				}
			},
		})
	})
}
