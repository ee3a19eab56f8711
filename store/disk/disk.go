// Package disk keeps quads in a database on a disk: a [store.Store] for what is larger than memory.
package disk

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/quadrille-stream/quadrille/store"
)

// ErrDamaged is in the chain of errors of a database that is not as this package leaves one.
var ErrDamaged = errors.New("damaged store")

// Options say where a store is and what it may take. The zero value of each field but Dir is its default.
type Options struct {
	// Dir is the folder of the database, which is made if need be, and used by one process at a time.
	Dir string
	// Cache is the memory for what was read, in bytes. Default: 256 MiB that all such stores of the process have together.
	Cache int64
	// Buffer is the memory for what isn't written to the disk's tables yet, in bytes, of which there may be four. It is also what a
	// crash loses at most of what was committed. Default [DefaultBuffer].
	Buffer uint64
	// MaxQuads is the most quads that it holds, those that the open transaction changes counted twice. Default: no limit but the disk's.
	MaxQuads int
	// ReadOnly: there must be a store, whose folder stays as it is. Transactions can be read and changed, but a commit is an error.
	ReadOnly bool
	// FS is the file system. Default: the operating system's. For tests.
	FS vfs.FS
}

// DefaultBuffer is that of [Options], in bytes.
const DefaultBuffer = 32 << 20

const (
	// buffers is how many there may be before a commit has to wait; small ones, which the database begins with and writes once they are half
	// of a buffer together, count as what they have. A commit is refused before that if they can't be written.
	buffers = 4
	// maxSublevels is how many tables may have to be looked into for a key, besides those of the levels, before a commit has to wait.
	maxSublevels = 24
)

// Store is a [store.Store] in a database of [Options.Dir]. Make one with [Open].
//
// A commit is there as a whole or not at all, with its position and meta, but need not be on the disk yet: after a crash the store is
// at some commit before, as its position says, so that whoever has a log goes on from there. [Store.Flush] and [Store.Close] write what
// there is. Each change costs three or six keys, of about 100 bytes of memory each until the transaction is committed, and as much once besides.
//
// A pattern is answered in time that is proportional to what is found. A term that no quad has is dropped by the commit that takes the
// last quad, and its id is never given again.
//
// Once something can't be written, no commit is taken in until it can be. What leaves the database in an unknown state is for good:
// then the folder can only be opened by another process.
type Store struct {
	db     *pebble.DB
	faults *faults
	max    int
	head   head // of the last commit; the writer's
	buffer uint64
	since  uint64 // bytes that were committed since the buffers were counted

	position  atomic.Uint64
	committed atomic.Int64
	readOnly  bool
	tx        *tx
	known     known  // the writer's
	recent    recent // the writer's
	maxBatch  int
	stats     statistics
	discard   *runtime.Cleanup
	dir       string
	shared    bool // it uses common

	pins   sync.Mutex // of what is below, and of commits: a view and what it says of itself are of one
	views  map[*view]struct{}
	closed bool
}

var _ store.Store = (*Store)(nil)

// Exists reports whether a folder has a store, or another database of its kind, in it.
func Exists(dir string) (bool, error) {
	desc, err := pebble.Peek(dir, vfs.Default)
	if err != nil {
		return false, fmt.Errorf("look for a store in %s: %w", dir, err)
	}
	return desc.Exists, nil
}

// Open opens the database of the folder, or makes one. The caller must [Store.Close] it.
func Open(o Options) (*Store, error) {
	s := &Store{dir: o.Dir, max: o.MaxQuads, readOnly: o.ReadOnly, maxBatch: maxBatch - spare, views: map[*view]struct{}{}, buffer: or(o.Buffer, DefaultBuffer), faults: newFaults(or[vfs.FS](o.FS, vfs.Default))}
	if err := s.open(o); err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, openError(err))
	}
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Dir, err), s.database().close())
	}
	return s, nil
}

// open opens the database. One that loses sight of what is on the disk in the background, while it is opened, waits for ever: it is left to
// that, and what it holds to the end of the process.
func (s *Store) open(o Options) error {
	done := make(chan error, 1)
	go func() { done <- s.openDatabase(o) }()
	select {
	case err := <-done:
		return err
	case <-s.faults.lost:
		return s.faults.dead()
	}
}

func (s *Store) openDatabase(o Options) (err error) {
	p := s.options()
	if s.shared = o.Cache == 0; s.shared {
		p.Cache, p.FileCache = common.acquire()
		defer func() {
			if err != nil {
				common.release()
			}
		}()
	} else {
		p.Cache = pebble.NewCache(o.Cache)
		defer p.Cache.Unref()
	}
	defer s.faults.opened(&err)
	if !s.readOnly {
		if err := s.clearUnmade(o.Dir); err != nil {
			return err
		}
	}
	if s.db, err = pebble.Open(o.Dir, p); err != nil {
		return err
	}
	if !s.readOnly {
		_ = s.faults.RemoveAll(s.faults.PathJoin(o.Dir, loading)) // it only takes room
	}
	return nil
}

// clearUnmade makes room for a database whose making was cut off, such as by a disk that was full: it has no table, and the file that would
// say which there are is missing. The database itself refuses such a folder for ever.
func (s *Store) clearUnmade(dir string) error {
	fs := s.faults
	names, err := fs.List(dir)
	if err != nil {
		return nil //nolint:nilerr // the database says what is wrong with the folder
	}
	tables := slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, ".sst") })
	desc, err := pebble.Peek(dir, fs)
	switch {
	case err == nil && tables && !desc.Exists: // the database would take it for a new one
		return fmt.Errorf("%w: there are tables, and nothing that says which are in use", ErrDamaged)
	case err != nil || tables || !desc.Exists:
		return nil //nolint:nilerr // as above
	}
	if _, err := fs.Stat(fs.PathJoin(dir, fs.PathBase(desc.ManifestFilename))); !errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.") || strings.HasPrefix(name, "MANIFEST-") || strings.HasPrefix(name, "OPTIONS-") {
			if err := fs.Remove(fs.PathJoin(dir, name)); err != nil {
				return fmt.Errorf("clear what was not made whole: %w", err)
			}
		}
	}
	return nil
}

func or[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// options are those of the database. It has no log of its own: what a crash loses is in the log of whoever has one, and a database
// without is a prefix of the commits nonetheless, since its buffers are written in order.
func (s *Store) options() *pebble.Options {
	p := &pebble.Options{
		ReadOnly:                    s.readOnly,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		FS:                          s.faults,
		MemTableSize:                s.buffer,
		MemTableStopWritesThreshold: 1000, // see room
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000,
		MaxOpenFiles:                maxFiles,
		Logger:                      s.faults,
		EventListener:               s.faults.listener(),
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].BlockSize = 16 << 10
	}
	return p
}

// damaged says in one line that something is, without details of the database's own.
func damaged(err error) error {
	if errors.Is(err, ErrDamaged) {
		return err
	}
	text, _, _ := strings.Cut(err.Error(), "<")
	return fmt.Errorf("%w: %s", ErrDamaged, strings.Join(strings.Fields(text), " "))
}

// openError is what an error of opening means. A database whose files are not all there, or not whole, has no name for that.
func openError(err error) error {
	if errors.Is(err, iofs.ErrNotExist) || errors.Is(err, pebble.ErrDBNotPristine) || strings.Contains(err.Error(), "object size mismatch") {
		return damaged(err)
	}
	return diskError(err)
}

// diskError says that a disk is full, or its content damaged, by the names that there are for it.
func diskError(err error) error {
	if errors.Is(err, pebble.ErrBatchTooLarge) { // which the database counts among what is damaged
		return fmt.Errorf("%w: a transaction is too large", store.ErrFull)
	}
	if err != nil && pebble.IsCorruptionError(err) {
		return damaged(err)
	}
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// load reads what the database says of itself.
func (s *Store) load() error {
	r := reader{src: s.db, faults: s.faults}
	defer r.end()
	value, err := r.get([]byte{headKey}, nil)
	if err != nil {
		return err
	}
	if len(value) > 0 && value[0] > version {
		return fmt.Errorf("it is of version %d, this program knows %d; a later one has made it", value[0], version)
	}
	if value != nil && !s.head.parse(value) {
		return fmt.Errorf("%w: its head is not one of version %d", ErrDamaged, version)
	}
	s.position.Store(s.head.position)
	s.committed.Store(int64(s.head.quads))
	return s.stats.load(s.db)
}

// Damaged is what was found damaged since the store was opened: by whoever reads it, by a commit, or in the background. It wraps
// [ErrDamaged], and is nil if nothing was found. Any goroutine may call it at any time.
func (s *Store) Damaged() error {
	if p := s.faults.damage.Load(); p != nil {
		return *p
	}
	return nil
}

// Len is the number of committed quads.
func (s *Store) Len() int { return int(s.committed.Load()) }

// Position is the position of the last commit.
func (s *Store) Position() uint64 { return s.position.Load() }

// room waits until there is room in the buffers for a commit of so many bytes, and few tables to be merged. The database would wait for
// ever for a disk that is full.
func (s *Store) room(bytes int) error {
	s.since += uint64(bytes)
	if s.since < s.buffer/4 {
		return s.faults.err()
	}
	s.since = 0
	for {
		event := s.faults.next()
		if err := s.faults.err(); err != nil {
			return err
		}
		m := s.db.Metrics()
		if m.MemTable.Size <= buffers*s.buffer && m.Levels[0].Sublevels <= maxSublevels {
			return nil
		}
		<-event
	}
}

// Flush writes what is committed to the disk. Any goroutine may call it until the store is closed.
func (s *Store) Flush() error {
	if err := s.flush(); err != nil {
		return fmt.Errorf("write store: %w", err)
	}
	return nil
}

func (s *Store) flush() error {
	if err := s.faults.dead(); err != nil {
		return err
	}
	if err := s.stats.save(s.db); err != nil {
		return diskError(err)
	}
	failures := s.faults.failures.Load()
	done, err := s.db.AsyncFlush()
	if err != nil {
		return diskError(err)
	}
	return s.await(done, failures)
}

// await waits for done, and no longer than until something can't be written.
func (s *Store) await(done <-chan struct{}, failures uint64) error {
	for {
		event := s.faults.next()
		if s.faults.failures.Load() != failures {
			if err := s.faults.err(); err != nil {
				return err
			}
		}
		select {
		case <-done:
			return nil
		case <-event:
		}
	}
}

// Close writes what is committed to the disk, and closes the database. It is the writer's: an open transaction is rolled back. Views are
// closed, also those that are being read; what reads them gets [store.ErrClosed]. After an error what was committed last may be missing,
// as after a crash. A second call does nothing.
func (s *Store) Close() error {
	if s.discard != nil {
		s.discard.Stop()
	}
	if s.tx != nil {
		s.tx.Rollback()
	}
	if !s.shut() {
		return nil
	}
	var err error
	if !s.readOnly {
		err = s.Flush()
	}
	return errors.Join(err, s.database().close())
}

// shut closes all views, and reports whether the store was open.
func (s *Store) shut() bool {
	s.pins.Lock()
	defer s.pins.Unlock()
	if s.closed {
		return false
	}
	s.closed = true
	for v := range s.views {
		v.shut()
	}
	return true
}

// Discard has the store closed and its folder removed once nobody refers to it or to a view of it any more, unless it is closed before.
func (s *Store) Discard() {
	c := runtime.AddCleanup(s, func(d *database) { go d.discard() }, s.database())
	s.discard = &c
}

// database is what is left of a store that nobody refers to.
type database struct {
	db     *pebble.DB
	faults *faults
	dir    string
	shared bool
}

func (s *Store) database() *database { return &database{s.db, s.faults, s.dir, s.shared} }

// close closes the database. One that doesn't know what is on the disk would wait for what has ended, so it stays.
func (d *database) close() error {
	if d.faults.dead() != nil {
		return nil
	}
	defer func() {
		if d.shared {
			common.release()
		}
	}()
	return d.db.Close()
}

func (d *database) discard() {
	_ = d.close() // of what is to be removed no error matters
	_ = os.RemoveAll(d.dir)
}

// Checkpoint makes a folder, which must not be there, with the store as it is after some commit, those before the call among them. It
// takes no room as long as files are the same, and is opened like any other. Any goroutine may call it until the store is closed,
// while views are open and the writer goes on. After an error there is no such folder.
func (s *Store) Checkpoint(dir string) error {
	if err := s.Flush(); err != nil {
		return err
	}
	if err := s.db.Checkpoint(dir); err != nil {
		return fmt.Errorf("checkpoint to %s: %w", dir, diskError(err))
	}
	return nil
}
