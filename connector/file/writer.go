package file

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/filelock"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// headFormat is the comment before a record, but for its sum: shard, position, bytes of the patch.
const headFormat = "# shard %d position %d length %d"

// appendHead appends the comment before a patch, which is given in pieces. Its sum is that of the SHA-256 of the comment up to there,
// and the patch.
func appendHead(dst []byte, shard int, position uint64, pieces ...[]byte) []byte {
	length := 0
	for _, p := range pieces {
		length += len(p)
	}
	begin := len(dst)
	dst = fmt.Appendf(dst, headFormat, shard, position, length)
	h := sha256.New()
	h.Write(dst[begin:])
	for _, p := range pieces {
		h.Write(p)
	}
	dst = base64.RawURLEncoding.AppendEncode(append(dst, sumField...), h.Sum(nil))
	return append(dst, '\n')
}

// sumField stands before the sum.
const sumField = " sum "

// writer appends to the file of one shard. It is used by one goroutine.
type writer struct {
	file  handle
	path  string
	shard int
	max   int         // bytes of a batch
	size  int64       // of what is whole
	last  engine.Mark // of the last record there
	cut   int64       // bytes that were cut off when it was opened

	batch, headers []byte // memory of the last ones

	disk  disk
	kind  kind
	first uint64    // position of the first record there, if there is one
	begun time.Time // its time
	// untidy: pieces may be there that are to be compressed or removed.
	untidy bool
}

// open opens the file, or makes it, takes its lock, checks every record, and cuts off an end that a crash has torn; see
// [scan]. batch is the most that was written with one fsync, if that was more than one record.
func open(d disk, path string, shard, batch int) (_ *writer, err error) {
	f, made, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := take(f, path); err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	w := &writer{file: f, path: path, shard: shard, max: batch, disk: d}
	if w.size, w.last, err = scan(f, size, shard, batch); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := w.readFirst(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	w.cut = size - w.size
	if err := f.Truncate(w.size); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	// A file whose name was not made durable, for a crash came between, may be empty: then its name is made so now.
	if made || size == 0 {
		return w, d.SyncDir(filepath.Dir(path))
	}
	return w, nil
}

// take locks a file. It may be one that was rotated by who had the lock before: then it is not what the path names.
func take(f handle, path string) error {
	if err := f.Lock(); err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	is, err := f.Is(path)
	if err == nil && !is {
		err = filelock.ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	return nil
}

// Target is the file's path.
func (w *writer) Target() string { return w.path }

// At is the last record that is on the disk.
func (w *writer) At() engine.Mark { return w.last }

// Write writes the records in batches, each with one fsync, and rotates the file where that is due. After an error the writer is
// to be closed: what an fsync that failed has left on the disk is only known by reading it again.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	records, cannot := w.kind.texts(records)
	for len(records) > 0 {
		if w.due(records[0].Time) {
			if err := w.rotate(); err != nil {
				return fmt.Errorf("rotate after position %d: %w", w.last.Position, err)
			}
		}
		var taken int
		w.batch, taken = w.fill(w.batch[:0], w.together(records))
		if w.size == 0 {
			w.first = records[0].Position
		}
		if w.begun.IsZero() {
			w.begun = records[0].Time
		}
		if err := w.append(w.batch, records[taken-1].Mark); err != nil {
			return err
		}
		records = records[taken:]
		if err := w.tidy(ctx); err != nil {
			return err
		}
	}
	return cannot
}

// fill appends records to the batch while they fit in it; one that is larger than a batch goes alone.
func (w *writer) fill(batch []byte, records []connector.Record) ([]byte, int) {
	for i, r := range records {
		w.headers = patch.Entry{ID: r.ID, Prev: r.Prev, Shard: w.shard, Time: r.Time}.Append(w.headers[:0])
		if w.kind.nquads {
			w.headers = asComments(w.headers)
		}
		if i > 0 && len(batch)+maxHead+len(w.headers)+len(r.Body) > w.max {
			return batch, i
		}
		batch = appendHead(batch, w.shard, r.Position, w.headers, r.Body)
		batch = append(append(batch, w.headers...), r.Body...)
	}
	return batch, len(records)
}

func (w *writer) append(data []byte, last engine.Mark) error {
	if _, err := w.file.WriteAt(data, w.size); err != nil {
		return fmt.Errorf("write after position %d: %w", w.last.Position, err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("write after position %d: %w", w.last.Position, err)
	}
	w.size += int64(len(data))
	w.last = last
	return nil
}

// Close closes the file, and with it the lock.
func (w *writer) Close() error { return w.file.Close() }
