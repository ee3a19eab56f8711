package disk

import (
	"iter"

	"github.com/cockroachdb/pebble/v2"
)

// Entry is what whoever uses the store keeps beside the quads, such as how far those have come who send changes.
type Entry struct {
	// Key is what it is kept by, Value what is kept.
	Key, Value []byte
}

// Keep keeps an entry with the open transaction, in the place of one with the same key; without a value (nil) it is taken out. It is there
// with the commit, as a whole with the quads, or not at all. It panics if no transaction is open.
func (s *Store) Keep(e Entry) error {
	if s.tx == nil {
		panic("store: Keep without a transaction")
	}
	t := s.tx.open()
	if t.failed != nil {
		return t.failed
	}
	t.key = append(append(t.key[:0], entryKey), e.Key...)
	var err error
	if e.Value == nil {
		err = t.batch.Delete(t.key, nil)
	} else {
		err = t.batch.Set(t.key, e.Value, nil)
	}
	return errOr(err, t.fail)
}

// Entries yields the entries that are committed, in order of key. One is valid until the next. Any goroutine may call it; what comes after
// [Store.Close] is [store.ErrClosed].
func (s *Store) Entries() iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		v := s.View().(*view)
		defer v.Close()
		if err := v.check(); err != nil {
			yield(Entry{}, err)
			return
		}
		if err := v.entries(yield); err != nil {
			yield(Entry{}, err)
		}
	}
}

// entries yields them until yield says that it is enough.
func (v *view) entries(yield func(Entry, error) bool) error {
	c, err := v.cursor([]byte{entryKey}, []byte{entryKey + 1}, nil)
	if err != nil {
		return err
	}
	defer v.release(c)
	var e Entry
	read := func(it *pebble.Iterator) error {
		value, err := it.ValueAndErr()
		e.Key, e.Value = append(e.Key[:0], it.Key()[1:]...), append(e.Value[:0], value...)
		return err
	}
	for {
		more, err := v.advance(c, 1, read)
		if err != nil || !more || !yield(e, nil) {
			return err
		}
	}
}
