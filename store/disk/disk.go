// Package disk keeps quads in a database on a disk: a [store.Store] for what is larger than memory.
package disk

import (
	"errors"
	"fmt"
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
	// Cache is the memory for what was read, in bytes. Default 64 MiB.
	Cache int64
	// Buffer is the memory for what isn't written to the disk's tables yet, in bytes, of which there may be four. It is also what a
	// crash loses at most of what was committed. Default 32 MiB.
	Buffer uint64
	// MaxQuads is the most quads that it holds, those that the open transaction changes counted twice. Default: no limit but the disk's.
	MaxQuads int
	// FS is the file system. Default: the operating system's. For tests.
	FS vfs.FS
}

const (
	defaultCache  = 64 << 20
	defaultBuffer = 32 << 20
	// buffers is how many there may be before a commit has to wait. A commit is refused before that if they can't be written.
	buffers = 4
)

// Store is a [store.Store] in a database of [Options.Dir]. Make one with [Open].
//
// A commit is there as a whole or not at all, with its position and meta, but need not be on the disk yet: after a crash the store is
// at some commit before, as its position says, so that whoever has a log goes on from there. [Store.Flush] and [Store.Close] write what
// there is. Each change costs three or six keys, and of a transaction about 100 bytes of memory each until it is committed.
//
// A pattern is answered in time that is proportional to what is found, at most. A term that no quad has is dropped by the commit that takes the
// last quad, and its id is never given again.
type Store struct {
	db   *pebble.DB
	max  int
	head head // of the last commit; the writer's

	position  atomic.Uint64
	committed atomic.Int64
	tx        *tx
	pins      sync.RWMutex // a view and what it says of itself are of one commit
	stats     statistics
	broken    atomic.Pointer[error] // why what is committed can't be written
}

var _ store.Store = (*Store)(nil)

// Open opens the database of the folder, or makes one. The caller must [Store.Close] it.
func Open(o Options) (*Store, error) {
	s := &Store{max: o.MaxQuads}
	cache := pebble.NewCache(or(o.Cache, defaultCache))
	defer cache.Unref()
	db, err := pebble.Open(o.Dir, s.options(o, cache))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", o.Dir, diskError(err))
	}
	s.db = db
	if err := s.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", o.Dir, err), db.Close())
	}
	return s, nil
}

func or[T int64 | uint64](v, otherwise T) T {
	if v == 0 {
		return otherwise
	}
	return v
}

// options are those of the database. It has no log of its own: what a crash loses is in the log of whoever has one, and a database
// without is a prefix of the commits nonetheless, since its buffers are written in order.
func (s *Store) options(o Options, cache *pebble.Cache) *pebble.Options {
	p := &pebble.Options{
		Cache:                       cache,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		FS:                          o.FS,
		MemTableSize:                or(o.Buffer, defaultBuffer),
		MemTableStopWritesThreshold: buffers,
		L0CompactionThreshold:       2,
		L0StopWritesThreshold:       1000,
		MaxOpenFiles:                1000,
		Logger:                      silent{},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				err = diskError(err)
				s.broken.Store(&err)
			},
			FlushEnd: func(info pebble.FlushInfo) {
				if info.Err == nil {
					s.broken.Store(nil)
				}
			},
		},
	}
	for i := range p.Levels {
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		p.Levels[i].BlockSize = 16 << 10
	}
	return p
}

// silent is a log of what nobody needs to know: errors come back from calls, or from the listener.
type silent struct{}

func (silent) Infof(string, ...any)  {}
func (silent) Errorf(string, ...any) {}

// Fatalf ends the call that can't go on, with what [recovered] makes of it.
func (silent) Fatalf(format string, args ...any) { panic(fatal{fmt.Errorf(format, args...)}) }

// fatal is what the database panics with where it would end the process.
type fatal struct{ err error }

// recovered makes an error of the end of a call.
func recovered(err *error) {
	switch f := recover().(type) {
	case nil:
	case fatal:
		*err = f.err
	default:
		panic(f)
	}
}

// diskError says that a disk is full by the name that the contract has for it.
func diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, store.ErrFull) {
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	}
	return err
}

// load reads what the database says of itself.
func (s *Store) load() error {
	r := reader{src: s.db}
	value, err := r.get([]byte{headKey}, nil)
	if err != nil {
		return err
	}
	if value != nil && !s.head.parse(value) {
		return fmt.Errorf("%w: its head is not one of version %d", ErrDamaged, version)
	}
	s.position.Store(s.head.position)
	s.committed.Store(int64(s.head.quads))
	return s.stats.load(s.db)
}

// Len is the number of committed quads.
func (s *Store) Len() int { return int(s.committed.Load()) }

// Position is the position of the last commit.
func (s *Store) Position() uint64 { return s.position.Load() }

// Flush writes what is committed to the disk. It is the writer's, between transactions.
func (s *Store) Flush() (err error) {
	defer recovered(&err)
	if err := s.stats.save(s.db); err != nil {
		return fmt.Errorf("write store: %w", diskError(err))
	}
	if err := s.db.Flush(); err != nil {
		return fmt.Errorf("write store: %w", diskError(err))
	}
	return nil
}

// Close writes what is committed to the disk, and closes the database. It is the writer's, between transactions; all views must be closed.
// After an error what was committed last may be missing, as after a crash.
func (s *Store) Close() (err error) {
	defer recovered(&err)
	return errors.Join(s.Flush(), s.db.Close())
}

// Checkpoint makes a folder, which must not be there, with the store as it is committed; it takes no room as long as files are the same,
// and is opened like any other. It is the writer's, between transactions.
func (s *Store) Checkpoint(dir string) error {
	if err := s.Flush(); err != nil {
		return err
	}
	if err := s.db.Checkpoint(dir); err != nil {
		return fmt.Errorf("checkpoint to %s: %w", dir, diskError(err))
	}
	return nil
}
