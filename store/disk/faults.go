package disk

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// retryPause is how long nothing is written after it could not be. The database tries again at once, for ever.
const retryPause = 200 * time.Millisecond

// faults notes what the database can't do in the background. It is the file system of the database, and its logger: of that the end
// of the process is asked where the database doesn't know what is on the disk.
type faults struct {
	vfs.FS
	opening  atomic.Bool
	broken   atomic.Pointer[error] // nil: it can be written
	fatal    atomic.Pointer[error] // nil: not for good
	failed   atomic.Int64          // when it was, as time.Now().UnixNano()
	failures atomic.Uint64

	lost   chan struct{}         // closed when fatal is set
	damage atomic.Pointer[error] // the first that was found; nil: none was

	flush, compaction atomic.Pointer[error] // how the last one ended

	mu    sync.Mutex
	event chan struct{} // closed, and another in its place, where something was written or could not be
}

func newFaults(fs vfs.FS) *faults {
	f := &faults{FS: fs, lost: make(chan struct{}), event: make(chan struct{})}
	f.opening.Store(true)
	return f
}

// panicked is what a call panics with while the database is opened, where the end of the process is asked for.
type panicked struct{ err error }

// opened says that the database is open, or makes an error of the panic instead of which it isn't.
func (f *faults) opened(err *error) {
	f.opening.Store(false)
	switch p := recover().(type) {
	case nil:
	case panicked:
		*err = p.err
	case runtime.Error:
		panic(p)
	case error: // what the database panics with where it can't know what is on the disk
		*err = p
	default:
		panic(p)
	}
}

// err is why nothing can be written, nil if it can.
func (f *faults) err() error {
	for _, p := range [...]*error{f.fatal.Load(), f.broken.Load()} {
		if p != nil {
			return *p
		}
	}
	return nil
}

// dead is why nothing can be written any more.
func (f *faults) dead() error {
	if p := f.fatal.Load(); p != nil {
		return *p
	}
	return nil
}

// next is closed when something happens. Whoever waits takes it before he looks whether he has to.
func (f *faults) next() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.event
}

// note wakes whoever waits for something to happen.
func (f *faults) note() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.event)
	f.event = make(chan struct{})
}

// listener hears what happens in the background.
func (f *faults) listener() *pebble.EventListener {
	return &pebble.EventListener{
		FlushEnd:        func(info pebble.FlushInfo) { f.wrote(info.Err, &f.flush) },
		CompactionEnd:   func(info pebble.CompactionInfo) { f.wrote(info.Err, &f.compaction) },
		BackgroundError: f.failure,
		DataCorruption:  func(info pebble.DataCorruptionInfo) { f.found(info.Details) }, // who reads it gets the error, too
	}
}

// found notes what is damaged.
func (f *faults) found(err error) {
	if err = damaged(err); f != nil {
		f.damage.CompareAndSwap(nil, &err)
	}
}

// wrote notes the end of a flush or a compaction. An error that is one comes to failure next: there are others, of what had nothing to write.
func (f *faults) wrote(err error, end *atomic.Pointer[error]) {
	if end.Store(&err); err == nil {
		f.broken.Store(nil)
	}
	f.note()
}

// failure notes that a flush or a compaction has failed, which is tried again. Nothing else keeps anything from being written: a look at
// the statistics of a table may fail, too.
func (f *faults) failure(err error) {
	for _, end := range [...]*error{f.flush.Load(), f.compaction.Load()} {
		if end != nil && errors.Is(err, *end) {
			err = diskError(err)
			f.broken.Store(&err)
			f.failed.Store(time.Now().UnixNano())
			f.failures.Add(1)
			f.note()
			return
		}
	}
}

// Create makes a file, not right after one could not be written.
func (f *faults) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if f.fatal.Load() != nil {
		select {} // what it has written is there or not; the database would write it again, beside the first, and end the process for it
	}
	if at := f.failed.Load(); at != 0 {
		time.Sleep(time.Until(time.Unix(0, at).Add(retryPause)))
	}
	return f.FS.Create(name, category)
}

// Open opens a file to be read.
func (f *faults) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := f.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &readFile{file}, nil
}

// readFile is a file that is read. What a disk has lost of it is damage, like what it has changed: a disk that fails as a whole can't be
// written either.
type readFile struct{ vfs.File }

func (r *readFile) Read(p []byte) (int, error) {
	n, err := r.File.Read(p)
	return n, unreadable(err)
}

func (r *readFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.File.ReadAt(p, off)
	return n, unreadable(err)
}

func unreadable(err error) error {
	if errors.Is(err, syscall.EIO) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// OpenDir opens a folder. Where that of the database can't be synced, the database would end the process.
func (f *faults) OpenDir(name string) (vfs.File, error) {
	file, err := f.FS.OpenDir(name)
	if err != nil || !f.opening.Load() {
		return file, err
	}
	return &folder{File: file, faults: f}, nil
}

// folder is the database's, or one above it.
type folder struct {
	vfs.File
	faults *faults
}

// Sync returns only if it has succeeded, but while the database is opened.
func (d *folder) Sync() error {
	err := d.File.Sync()
	if err != nil && !d.faults.opening.Load() {
		d.faults.Fatalf("sync folder: %w", err)
		select {}
	}
	return err
}

// Unwrap is for what asks for the file system below.
func (f *faults) Unwrap() vfs.FS { return f.FS }

// Infof implements the database's logger.
func (f *faults) Infof(string, ...any) {}

// Errorf implements the database's logger. Errors come back from calls, or to the listener.
func (f *faults) Errorf(string, ...any) {}

// Fatalf notes that the database doesn't know what is on the disk.
func (f *faults) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		if cause, ok := a.(error); ok && !errors.Is(err, cause) {
			err = fmt.Errorf("%w (%w)", err, cause)
		}
	}
	if err = diskError(err); errors.Is(err, iofs.ErrNotExist) {
		err = damaged(err)
		f.found(err)
	}
	if f.opening.Load() && isOpening() {
		panic(panicked{err})
	}
	if f.fatal.CompareAndSwap(nil, &err) {
		close(f.lost)
	}
	f.failures.Add(1)
	f.note()
	if isBackground() {
		runtime.Goexit() // what it would do next is not meant for a database that goes on; its locks are given up
	}
}

// isOpening reports whether this is the goroutine that opens a database, and not one that the database has started.
func isOpening() bool { return isWithin(".(*Store).openDatabase") }

// isBackground reports whether this is a goroutine in which the database flushes or compacts.
func isBackground() bool { return isWithin(".(*DB).flush", ".(*DB).compact") }

// isWithin reports whether one of these functions has been called and has not returned.
func isWithin(functions ...string) bool {
	var callers [64]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		if slices.ContainsFunc(functions, func(name string) bool { return strings.HasSuffix(frame.Function, name) }) {
			return true
		}
		if !more {
			return false
		}
	}
}
