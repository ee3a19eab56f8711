package disk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

const (
	// DefaultLoadMemory is how much memory a [Loader] has in use at most, in bytes, besides the store's own and that of long terms, 40 bytes
	// each. The garbage collector lets it grow to twice as much.
	DefaultLoadMemory = 256 << 20

	// perTerm and perQuad are what a term takes in memory besides its text, and a quad with what it is sorted in, in bytes.
	perTerm = 80
	perQuad = 32 * (1 + sorters)
	// sorters is how many orders are sorted at a time.
	sorters = 2
	// textBlock is the size of the blocks in which texts are kept.
	textBlock = 64 << 10
	// loading is the folder of a loader within that of the store.
	loading = "loading"
)

// Loader fills an empty store: several times as fast as transactions do, in bounded memory, however much there is. It sorts
// what it is given in pieces, which it writes to the disk beside the store, and merges them at the end into tables that need not be written
// again. Until [Loader.Finish] returns without an error, the store is empty, also after a crash: [Open] removes what a loader has left.
// It takes up to four times the room on the disk that the store has in the end. It is used by one goroutine.
type Loader struct {
	s      *Store // nil: it has ended
	dir    string
	memory int

	numbers map[string]uint32 // of the terms of the piece, from 1
	texts   []string
	room    []byte // for texts
	bytes   int    // of texts
	last    [4]numbered
	quads   []store.Quad // of the piece, by the numbers of their terms

	terms  runs   // the texts of each piece in order
	pieces runs   // the quads of each piece, by the places of their terms in that order
	ids    idFile // of the terms of each piece in that order
	orders []runs // the keys of each piece, for each order
	tables tables
	named  []store.Quad // of a piece that is sorted, besides quads

	found uint64          // terms of all pieces
	keys  uint64          // of the quads that have come, in all orders
	work  loadWork        // of Finish
	ctx   context.Context // of Finish

	counted  sync.Mutex // of what is below
	distinct head
	sums     map[store.ID]uint64 // quads of each predicate
}

// numbered is the last term in a place.
type numbered struct {
	text string
	n    store.ID
}

// NewLoader opens a store that is empty, to fill it, with about so many bytes of memory, 0 for [DefaultLoadMemory]. The caller must
// [Loader.Close] it.
func NewLoader(o Options, memory int) (*Loader, error) {
	s, err := Open(o)
	if err != nil {
		return nil, err
	}
	l := &Loader{s: s, memory: or(memory, DefaultLoadMemory), numbers: map[string]uint32{}, sums: map[store.ID]uint64{}}
	l.dir = s.faults.PathJoin(o.Dir, loading)
	if !s.head.isNew() {
		err = fmt.Errorf("load into %s: only an empty store can be loaded, this one is at position %d with %d quads", o.Dir, s.head.position, s.head.quads)
	} else if err = s.faults.FS.MkdirAll(l.dir, 0o700); err == nil {
		err = l.create()
	}
	if err != nil {
		return nil, errors.Join(diskError(err), l.Close())
	}
	return l, nil
}

// create makes the files of the loader.
func (l *Loader) create() error {
	options := l.s.options()
	options.EnsureDefaults()
	l.tables = tables{fs: l.s.faults.FS, dir: l.dir, options: options, format: l.s.db.TableFormat()}
	l.orders = make([]runs, len(unnamed)+len(named))
	for i, r := range l.files() {
		if err := r.create(l.tables.fs, l.tables.fs.PathJoin(l.dir, fmt.Sprintf("%d.run", i))); err != nil {
			return err
		}
	}
	return nil
}

// Add takes a quad in, whose terms it copies; one that has come already is no error. After an error, such as [store.ErrFull], there is
// nothing but Close.
func (l *Loader) Add(q rdf.Quad) error {
	ids := store.Quad{S: l.number(0, q.S), P: l.number(1, q.P), G: store.DefaultGraph}
	if id, inline := store.InlineID(q.O); inline {
		ids.O = id
	} else {
		ids.O = l.number(2, q.O)
	}
	if !q.G.IsZero() {
		ids.G = l.number(3, q.G)
	}
	l.quads = append(l.quads, ids)
	l.keys += uint64(len(orders(&ids)))
	if l.bytes+len(l.texts)*perTerm+len(l.quads)*perQuad < l.memory {
		return nil
	}
	return l.spill()
}

// number returns the number of a term in the piece.
func (l *Loader) number(place int, t rdf.Term) store.ID {
	text := t.String()
	if last := &l.last[place]; last.n != 0 && last.text == text {
		return last.n
	}
	n, known := l.numbers[text]
	if !known {
		text = l.keep(text)
		l.texts = append(l.texts, text)
		n = uint32(len(l.texts))
		l.numbers[text] = n
	} else {
		text = l.texts[n-1]
	}
	l.last[place] = numbered{text, store.ID(n)}
	return store.ID(n)
}

// keep copies a text.
func (l *Loader) keep(text string) string {
	l.bytes += len(text)
	if len(text) > textBlock/8 {
		return strings.Clone(text)
	}
	if len(l.room)+len(text) > cap(l.room) {
		l.room = make([]byte, 0, textBlock)
	}
	at := len(l.room)
	l.room = append(l.room, text...)
	return asString(l.room[at:])
}

// spill writes the piece, its terms in order, and begins another.
func (l *Loader) spill() error {
	order := make([]uint32, len(l.texts))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(l.texts[a], l.texts[b]) })
	l.found += uint64(len(order))
	places := make([]store.ID, len(order)+1) // by number, from 1
	for place, i := range order {
		places[i+1] = store.ID(place + 1)
		l.terms.write([]byte(l.texts[i]))
	}
	for _, q := range l.quads {
		l.pieces.numbers(placed(q.S, places), placed(q.P, places), placed(q.O, places), placed(q.G, places))
	}
	l.numbers, l.texts, l.room, l.bytes, l.quads, l.last = map[string]uint32{}, l.texts[:0], nil, 0, l.quads[:0], [4]numbered{}
	return diskError(errors.Join(l.terms.end(), l.pieces.end()))
}

// placed is what stands in the place of a number: an id that is no number stays.
func placed(id store.ID, places []store.ID) uint64 {
	if id < store.ID(len(places)) {
		id = places[id]
	}
	return uint64(id)
}

// Finish merges all, puts it into the store in one step, at the position and with meta, and returns the store, which is the caller's to
// close. When ctx ends before that step, its error is returned, within about a second. After an error there is nothing but Close.
func (l *Loader) Finish(ctx context.Context, position uint64, meta []byte) (*Store, error) {
	l.ctx = ctx
	l.distinct.position, l.distinct.meta = position, slices.Clone(meta)
	if err := l.finish(); err != nil {
		return nil, fmt.Errorf("load into %s: %w", l.s.dir, diskError(err))
	}
	s := l.s
	l.s = nil
	_ = l.remove() // Open does, too
	return s, nil
}

func (l *Loader) finish() error {
	if err := l.spill(); err != nil {
		return err
	}
	l.numbers, l.texts, l.quads = nil, nil, nil
	l.work.begin(l)
	for _, step := range []func() error{l.mergeTerms, l.sortQuads, l.mergeQuads, l.writeRest, l.ingest, l.s.load} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// ingest makes the tables those of the database. It doesn't return where the database would end the process.
func (l *Loader) ingest() error {
	s := l.s
	if err := l.ctx.Err(); err != nil {
		return err
	}
	failures := s.faults.failures.Load()
	done := make(chan struct{})
	var err error
	go func() {
		err = s.db.Ingest(context.Background(), l.tables.paths)
		close(done)
	}()
	if waiting := s.await(done, failures); waiting != nil {
		return waiting
	}
	return err
}

// Close gives up what is not finished: the store stays empty. It may be called after Finish, and does nothing then.
func (l *Loader) Close() error {
	if l.s == nil {
		return nil
	}
	s := l.s
	l.s = nil
	return errors.Join(l.remove(), s.Close())
}

// remove removes the files of the loader.
func (l *Loader) remove() error {
	for _, r := range l.files() {
		r.close()
	}
	if l.tables.fs == nil {
		return nil
	}
	return l.tables.fs.RemoveAll(l.dir)
}

// files are those of the loader that are no tables.
func (l *Loader) files() []*runs {
	all := []*runs{&l.terms, &l.pieces, &l.ids.runs}
	for i := range l.orders {
		all = append(all, &l.orders[i])
	}
	return all
}
