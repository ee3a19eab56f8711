// Package ondisk is the operator's logic for RDF, of package dataset, with the quads of a shard on a disk.
package ondisk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// Logic is a [dataset.Logic] whose quads are on a disk, with what the operator needs to go on: a shard whose node starts again reads the end of its
// log only. Its methods are those of [operator.Durable] besides.
//
// What it is restored with stands in a folder of its own until [Logic.Open], or until nobody uses it any more.
type Logic struct {
	*dataset.Logic
	options  disk.Options
	store    atomic.Pointer[disk.Store] // nil: neither opened nor restored
	restored string                     // the folder of a store that is not the shard's yet, "" for none
	remove   func(path string) error
}

// spareSuffix is what such folders have behind the name of the shard's.
const spareSuffix = ".restored-"

// asideSuffix is what the folder has behind that name which was found damaged.
const asideSuffix = ".damaged"

var (
	_ operator.Durable     = (*Logic)(nil)
	_ operator.Snapshotter = (*Logic)(nil)
)

// New returns a logic for the shard that is kept in the folder of the options, which is not looked at yet. One process uses it at a
// time.
func New(o disk.Options) *Logic {
	return &Logic{Logic: dataset.New(), options: o, remove: os.RemoveAll}
}

// Take takes a folder of shards for this process, which makes it if need be, until what is returned is closed or the process ends. It removes
// what earlier processes have left there.
func Take(dir string) (io.Closer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	hold, err := disk.Lock(filepath.Join(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("the folder %s can't be taken: %w; if another process has it, stop that, or give each node a folder of its own", dir, err)
	}
	if err := removeSpares(dir); err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	return hold, nil
}

// removeSpares removes the folders below that are no shard's.
func removeSpares(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "*"+spareSuffix+"*"))
	for _, path := range left {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

// Restore makes a store of the snapshot beside the shard's.
func (d *Logic) Restore(r io.Reader, extra func(io.Reader) error) error {
	if err := os.MkdirAll(filepath.Dir(d.options.Dir), 0o700); err != nil {
		return fmt.Errorf("%w: %w", operator.ErrState, err)
	}
	dir, err := d.spare()
	if err != nil {
		return fmt.Errorf("%w: %w", operator.ErrState, err)
	}
	o := d.options
	o.Dir = dir
	var part []byte
	keep := func(r io.Reader) (err error) {
		if part, err = io.ReadAll(r); err != nil {
			return err
		}
		return extra(bytes.NewReader(part))
	}
	s, err := disk.ReadSnapshot(o, r, keep, func() ([]byte, error) { return part, nil })
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	s.Discard() // a logic that only serves readers is not closed
	d.store.Store(s)
	d.Use(s, nil)
	d.restored = dir
	return nil
}

// Open implements [operator.Durable]. What was restored takes the place of what was kept.
func (d *Logic) Open(part func(put func(operator.Entry) error) ([]byte, error)) (kept operator.Kept, err error) {
	if d.restored != "" {
		if err := d.replace(); err != nil {
			return kept, err
		}
	}
	if err := os.MkdirAll(d.options.Dir, 0o700); err != nil {
		return kept, err
	}
	s, err := disk.Open(d.options)
	if err != nil {
		return kept, opening(err)
	}
	d.store.Store(s)
	put := func(e operator.Entry) error { return s.Keep(disk.Entry(e)) }
	d.Use(s, func() ([]byte, error) { return part(put) })
	view := s.View()
	defer view.Close()
	kept.Part, err = view.Meta()
	kept.Position, kept.Entries = view.Position(), entriesOf(s)
	return kept, err
}

// entriesOf yields what the operator has put.
func entriesOf(s *disk.Store) iter.Seq2[operator.Entry, error] {
	return func(yield func(operator.Entry, error) bool) {
		for e, err := range s.Entries() {
			if !yield(operator.Entry(e), advised(err)) {
				return
			}
		}
	}
}

// errAdvice is what can be done about a folder that can't be read or written.
var errAdvice = errors.New("what is kept there is made of the log: while the node is down, the folder can be removed")

// opening says what can be done about a store that can't be opened.
func opening(err error) error {
	if errors.Is(err, disk.ErrDamaged) {
		return advised(err)
	}
	return fmt.Errorf("%w (%w)", err, errAdvice)
}

// advised says what can be done, if what was read is damaged.
func advised(err error) error {
	if errors.Is(err, disk.ErrDamaged) {
		return fmt.Errorf("%w: %w (%w)", operator.ErrStateDamaged, err, errAdvice)
	}
	return err
}

// Damaged implements [operator.Durable].
func (d *Logic) Damaged() error {
	if s := d.store.Load(); s != nil {
		return advised(s.Damaged())
	}
	return nil
}

// SetAside implements [operator.Durable]: the folder gets another name, which an earlier one of the shard had.
func (d *Logic) SetAside() (where string, err error) {
	_ = d.Close() // what is damaged may not be written, and isn't used again
	where = d.options.Dir + asideSuffix
	if err := os.RemoveAll(where); err != nil {
		return "", err
	}
	return where, os.Rename(d.options.Dir, where)
}

// Forget implements [operator.Durable].
func (d *Logic) Forget() (remove func() error, err error) {
	if _, err := os.Stat(d.options.Dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	spare, err := d.spare()
	if err != nil {
		return nil, err
	}
	if err := os.Rename(d.options.Dir, filepath.Join(spare, "gone")); err != nil {
		return nil, errors.Join(err, os.Remove(spare))
	}
	return func() error { return os.RemoveAll(spare) }, nil
}

// spare makes a folder that the next start removes, if it is there by then.
func (d *Logic) spare() (string, error) {
	return os.MkdirTemp(filepath.Dir(d.options.Dir), filepath.Base(d.options.Dir)+spareSuffix+"*")
}

// Aside returns the folders below that were found damaged and set aside, by whichever process. Whoever has looked at them removes them.
func Aside(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "*"+asideSuffix)) }

// Evaluate implements [operator.Logic].
func (d *Logic) Evaluate(ev *event.Event, within operator.Evaluation, dst []byte) ([]byte, uint64, uint64, error) {
	body, adds, deletes, err := d.Logic.Evaluate(ev, within, dst)
	return body, adds, deletes, advised(err)
}

// Commit implements [operator.Logic].
func (d *Logic) Commit(position uint64) error { return advised(d.Logic.Commit(position)) }

// Apply implements [operator.Logic].
func (d *Logic) Apply(position uint64, body []byte) error {
	return advised(d.Logic.Apply(position, body))
}

// replace puts the folder of what was restored in the place of the shard's. At no moment is a part of one there: what is left of the one
// before when the process ends is a spare.
func (d *Logic) replace() error {
	if err := d.Close(); err != nil {
		return err
	}
	restored := d.restored
	d.restored = ""
	old := restored + ".old"
	if err := os.Rename(d.options.Dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(restored, d.options.Dir); err != nil {
		return err
	}
	_ = d.remove(old) // else it is at the next start
	return nil
}

// closed is the store of a logic that is closed.
type closed struct{ store.Store }

// View implements [operator.Viewer]: there is none of a logic that is closed.
func (d *Logic) View() operator.View {
	s := d.Store()
	if _, is := s.(closed); is {
		return nil
	}
	return s.View()
}

// Close implements [operator.Durable].
func (d *Logic) Close() error {
	d.Rollback()
	s := d.store.Swap(nil)
	if s == nil {
		return nil
	}
	d.Use(closed{memory.New()}, nil) // first: nobody begins to read what is being closed
	return s.Close()
}
