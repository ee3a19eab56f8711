package file

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// headFormat is the comment before a record: shard, position, bytes of the record.
const headFormat = "# shard %d position %d length %d\n"

// writer appends to the file of one shard. It is used by one goroutine.
type writer struct {
	file     *os.File
	size     int64 // of what is whole
	position uint64
}

// open opens the file, or makes it, takes its lock, and cuts off a last record that is not whole.
func open(path string, shard int) (_ *writer, err error) {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := lock(f); err != nil {
		return nil, fmt.Errorf("lock %s, which another process writes: %w", path, err)
	}
	w := &writer{file: f}
	if w.size, w.position, err = scan(f, shard); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if err := f.Truncate(w.size); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if missing != nil {
		return w, syncDir(filepath.Dir(path))
	}
	return w, nil
}

// syncDir makes a new file's name as durable as its content.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// scan returns where the last whole record ends, and its position. What stands behind that was being written when the
// process or the machine died; whatever it is, the log has it.
func scan(f *os.File, shard int) (size int64, position uint64, err error) {
	r := bufio.NewReaderSize(f, 64<<10)
	for {
		head, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return size, position, nil
		}
		if err != nil {
			return 0, 0, err
		}
		var s int
		var at uint64
		var length int64
		if n, err := fmt.Sscanf(head, headFormat, &s, &at, &length); n != 3 || err != nil || length < 0 {
			return size, position, nil // a head that a crash has cut ends what is whole
		}
		if s != shard {
			return 0, 0, fmt.Errorf("it holds records of shard %d; is it another pipeline's?", s)
		}
		whole, err := skipRecord(r, length)
		if err != nil {
			return 0, 0, err
		}
		if !whole || at <= position {
			return size, position, nil
		}
		size += int64(len(head)) + length
		position = at
	}
}

// skipRecord reports whether a record of that length follows: all of it, begun and ended as records are. (After a power
// cut a file may have its length without its content.)
func skipRecord(r *bufio.Reader, length int64) (bool, error) {
	const begin, end = "H ", ".\n"
	if length < int64(len(begin)+len(end)) {
		return false, nil
	}
	var edge [2]byte
	for _, step := range []struct {
		skip int64
		want string
	}{{0, begin}, {length - int64(len(begin)+len(end)), end}} {
		_, err := io.CopyN(io.Discard, r, step.skip)
		if err == nil {
			_, err = io.ReadFull(r, edge[:])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil || !bytes.Equal(edge[:], []byte(step.want)) {
			return false, err
		}
	}
	return true, nil
}

// append writes a batch and fsyncs it. After an error the writer is to be closed: what an fsync that failed has left on
// the disk is only known by reading it again.
func (w *writer) append(data []byte, position uint64) error {
	if _, err := w.file.WriteAt(data, w.size); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	w.size += int64(len(data))
	w.position = position
	return nil
}

func (w *writer) close() error { return w.file.Close() }
