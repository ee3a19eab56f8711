package disk

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/quadrille-stream/quadrille/store"
)

// mergeTerms gives ids to all terms, in the order of their texts, writes the tables of both ways, and the ids of each piece's terms.
func (l *Loader) mergeTerms() error {
	byID, byText := table{t: &l.tables}, table{t: &l.tables}
	var long []hashed
	var before, key []byte
	term := func(text []byte) error {
		l.distinct.last++
		n := l.distinct.last
		key = idKey(key[:0], store.ID(n))
		if err := byID.set(key, text); err != nil {
			return err
		}
		if len(text) > maxKeyText {
			long = append(long, hashed{sha256.Sum256(text), n})
			return nil
		}
		key = textKeyOf(key[:0], asString(text))
		var room [16]byte
		return byText.set(key, appendNumber(room[:0], n))
	}
	l.ids.pieces = make([]ids, len(l.terms.ends))
	w := worker{l: l}
	defer w.end()
	err := merge(l.terms.all(), func(text []byte, piece int) error {
		if err := w.step(); err != nil {
			return err
		}
		if l.distinct.last == 0 || !bytes.Equal(text, before) {
			if err := term(text); err != nil {
				return err
			}
			before = append(before[:0], text...)
		}
		return l.ids.add(piece, l.distinct.last)
	})
	return errors.Join(err, l.ids.end(), byID.end(), byText.end(), l.writeHashes(long))
}

// hashed is a text that is no key itself. Each takes 40 bytes of memory: its text has more than six times that.
type hashed struct {
	sum [sha256.Size]byte
	id  uint64
}

func (l *Loader) writeHashes(long []hashed) (err error) {
	slices.SortFunc(long, func(a, b hashed) int { return bytes.Compare(a.sum[:], b.sum[:]) })
	t := table{t: &l.tables}
	for i := 0; i < len(long) && err == nil; i++ {
		err = t.set(append([]byte{hashKey}, long[i].sum[:]...), appendNumber(nil, long[i].id))
	}
	return errors.Join(err, t.end())
}

// idBlock is the size of the blocks in which the ids of a piece's terms are written, in bytes.
const idBlock = 4 << 10

// idFile has the ids of the terms of each piece, as differences. What belongs to a piece is in blocks, since all come at once.
type idFile struct {
	runs
	pieces []ids
}

type ids struct {
	last   uint64
	buf    []byte
	blocks []int // that are of the piece
}

func (f *idFile) add(piece int, id uint64) error {
	p := &f.pieces[piece]
	p.buf = binary.AppendUvarint(p.buf, id-p.last)
	if p.last = id; len(p.buf) < idBlock {
		return nil
	}
	return f.flush(p)
}

func (f *idFile) flush(p *ids) error {
	f.write(p.buf)
	p.buf = p.buf[:0]
	p.blocks = append(p.blocks, len(f.ends))
	return f.runs.end()
}

func (f *idFile) end() error {
	for i := range f.pieces {
		if err := f.flush(&f.pieces[i]); err != nil {
			return err
		}
		f.pieces[i].buf = nil
	}
	return nil
}

// read returns the ids of a piece's terms, from 1.
func (f *idFile) read(piece int) ([]store.ID, error) {
	all := []store.ID{store.Any}
	last := store.ID(0)
	for _, block := range f.pieces[piece].blocks {
		b, err := f.open(block).next()
		if err != nil {
			return nil, err
		}
		for len(b) > 0 {
			n, size := binary.Uvarint(b)
			last += store.ID(n)
			all, b = append(all, last), b[size:]
		}
	}
	return all, nil
}

// sortQuads writes the keys of each piece in each order. Those of the only piece stay in memory.
func (l *Loader) sortQuads() error {
	for piece := range l.pieces.ends {
		if err := l.readPiece(piece); err != nil {
			return err
		}
		if len(l.pieces.ends) == 1 {
			return nil
		}
		if err := l.eachOrder(l.writeSorted); err != nil {
			return err
		}
	}
	return nil
}

// writeSorted writes the keys of the piece that is in memory, in an order.
func (l *Loader) writeSorted(o *order, r *runs) error {
	w := worker{l: l}
	defer w.end()
	s := l.sorted(o)
	for key, err := s.next(); err == nil; key, err = s.next() {
		if err := w.step(); err != nil {
			return err
		}
		r.write(key)
	}
	return r.end()
}

// readPiece reads the quads of a piece, with their ids.
func (l *Loader) readPiece(piece int) error {
	ids, err := l.ids.read(piece)
	if err != nil {
		return err
	}
	l.quads, l.named = l.quads[:0], l.named[:0]
	r := l.pieces.open(piece)
	for {
		var q store.Quad
		for place := range uint8(4) {
			n, err := r.number()
			if errors.Is(err, io.EOF) && place == 0 {
				return nil
			} else if err != nil {
				return err
			}
			*component(&q, place) = store.ID(placed(store.ID(n), ids))
		}
		if q.G == store.DefaultGraph {
			l.quads = append(l.quads, q)
		} else {
			l.named = append(l.named, q)
		}
	}
}

// eachOrder calls fn for each order and its runs, some at a time.
func (l *Loader) eachOrder(fn func(*order, *runs) error) error {
	var all sync.WaitGroup
	orders := slices.Concat(unnamed, named)
	errs := make([]error, len(orders))
	turns := make(chan struct{}, sorters)
	for i := range orders {
		turns <- struct{}{}
		all.Go(func() {
			errs[i] = fn(&orders[i], &l.orders[i])
			<-turns
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// sorted are the keys of quads in an order.
type sorted struct {
	order *order
	all   [][4]uint64
	key   []byte
}

// sorted sorts the quads that are in memory.
func (l *Loader) sorted(o *order) *sorted {
	from := l.quads
	if len(o.places) == 4 {
		from = l.named
	}
	s := &sorted{order: o, all: make([][4]uint64, len(from))}
	for i := range from {
		for k, place := range o.places {
			s.all[i][k] = uint64(*component(&from[i], place))
		}
	}
	slices.SortFunc(s.all, func(a, b [4]uint64) int {
		for k := range a {
			if c := cmp.Compare(a[k], b[k]); c != 0 {
				return c
			}
		}
		return 0
	})
	return s
}

// next implements [source].
func (s *sorted) next() ([]byte, error) {
	if len(s.all) == 0 {
		return nil, io.EOF
	}
	s.key = append(s.key[:0], s.order.prefix)
	for _, n := range s.all[0][:len(s.order.places)] {
		s.key = appendNumber(s.key, n)
	}
	s.all = s.all[1:]
	return s.key, nil
}

// mergeQuads writes the tables of all orders.
func (l *Loader) mergeQuads() error {
	return l.eachOrder(func(o *order, r *runs) error {
		sources := r.all()
		if len(l.pieces.ends) == 1 {
			sources = []source{l.sorted(o)}
		}
		t := table{t: &l.tables}
		count := l.counting(o)
		var before []byte
		w := worker{l: l}
		defer w.end()
		err := merge(sources, func(key []byte, _ int) error {
			if err := w.step(); err != nil {
				return err
			}
			if bytes.Equal(key, before) {
				return nil
			}
			before = append(before[:0], key...)
			if err := count(key); err != nil {
				return err
			}
			return t.set(key, nil)
		})
		return errors.Join(err, t.end())
	})
}

// counting returns what each key of the order is given to: one order of those in the default graph, and one of the others, is counted.
func (l *Loader) counting(o *order) func(key []byte) error {
	if o.places[0] != 1 {
		return func([]byte) error { return nil }
	}
	return func(key []byte) error {
		q, ok := o.quad(key)
		if !ok {
			return fmt.Errorf("%w: the key %x is none of a quad", ErrDamaged, key)
		}
		l.counted.Lock()
		defer l.counted.Unlock()
		if l.distinct.quads++; l.s.max > 0 && l.distinct.quads > uint64(l.s.max) {
			return fmt.Errorf("%w: more than %d quads", store.ErrFull, l.s.max)
		}
		l.sums[q.P]++
		l.s.stats.note([]change{{q, true}})
		return nil
	}
}

// writeRest writes the tables of what is neither quad nor term.
func (l *Loader) writeRest() error {
	head, counts, sketches := table{t: &l.tables}, table{t: &l.tables}, table{t: &l.tables}
	err := head.set([]byte{headKey}, l.distinct.append(nil))
	for _, predicate := range slices.Sorted(maps.Keys(l.sums)) {
		err = errors.Join(err, counts.set(countKeyOf(nil, predicate), appendNumber(nil, l.sums[predicate])))
	}
	stats := l.s.stats.predicates
	for _, predicate := range slices.Sorted(maps.Keys(stats)) {
		err = errors.Join(err, sketches.set(sketchKeyOf(nil, predicate), stats[predicate].value()))
	}
	return errors.Join(err, head.end(), counts.end(), sketches.end())
}
