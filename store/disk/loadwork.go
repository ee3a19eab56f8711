package disk

import (
	"errors"
	iofs "io/fs"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// loadWork tells how far [Loader.Finish] is: in terms and keys that were sorted or merged.
type loadWork struct{ done, total atomic.Uint64 }

// begin says what there is to do: each term is merged, each key sorted and merged, which is one with a single piece.
func (w *loadWork) begin(l *Loader) {
	total := l.found + l.keys
	if len(l.pieces.ends) > 1 {
		total += l.keys
	}
	w.total.Store(total)
}

// workStep is how much is done between two looks at whether to go on.
const workStep = 4096

// worker does a part of the work of [Loader.Finish].
type worker struct {
	l *Loader
	n uint64
}

// step counts a term or a key, and is the error of a context that has ended.
func (w *worker) step() error {
	if w.n++; w.n < workStep {
		return nil
	}
	w.end()
	return w.l.ctx.Err()
}

// end counts the rest.
func (w *worker) end() {
	w.l.work.done.Add(w.n)
	w.n = 0
}

// Progress tells how much of the work of [Loader.Finish] is done, and how much there is in all, in no unit; both are 0 until it has
// begun. Any goroutine may call it.
func (l *Loader) Progress() (done, total uint64) { return l.work.done.Load(), l.work.total.Load() }

// Unfinished returns how many bytes a [Loader] has beside the store of a folder, of which nothing is in the store: of one that fills it
// now, or, where no process has the store open, of one that was cut off, such as by a crash. [Open] removes them. The error of a folder
// that is not there is none.
func Unfinished(dir string) (bytes int64, found bool, err error) {
	fs := vfs.Default
	dir = fs.PathJoin(dir, loading)
	names, err := fs.List(dir)
	if errors.Is(err, iofs.ErrNotExist) {
		return 0, false, nil
	} else if err != nil {
		return 0, false, err
	}
	for _, name := range names {
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if errors.Is(err, iofs.ErrNotExist) {
			continue // its loader goes on
		} else if err != nil {
			return 0, false, err
		}
		bytes += info.Size()
	}
	return bytes, true, nil
}
