package disk

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"unsafe"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// runBuffer is the memory of each run that is read or written, in bytes.
const runBuffer = 32 << 10

// runs are a file with one run after another. A run is records, or numbers.
type runs struct {
	file vfs.File // nil: there is none
	w    *bufio.Writer
	size int64
	ends []int64 // of each run
	buf  []byte
	err  error
}

type countingWriter struct{ r *runs }

func (c countingWriter) Write(p []byte) (int, error) {
	n, err := c.r.file.Write(p)
	c.r.size += int64(n)
	return n, err
}

func (r *runs) create(fs vfs.FS, path string) (err error) {
	if r.file, err = fs.Create(path, vfs.WriteCategoryUnspecified); err != nil {
		return err
	}
	r.w = bufio.NewWriterSize(countingWriter{r}, 8*runBuffer)
	return nil
}

func (r *runs) close() {
	if r.file != nil {
		_ = r.file.Close() // it is removed
		r.file = nil
	}
}

// write writes a record. Its error is one of end.
func (r *runs) write(record []byte) {
	r.numbers(uint64(len(record)))
	_, err := r.w.Write(record)
	r.err = errors.Join(r.err, err)
}

// numbers writes numbers.
func (r *runs) numbers(all ...uint64) {
	r.buf = r.buf[:0]
	for _, n := range all {
		r.buf = binary.AppendUvarint(r.buf, n)
	}
	_, err := r.w.Write(r.buf)
	if r.err == nil {
		r.err = err
	}
}

// end ends the run.
func (r *runs) end() error {
	err := errors.Join(r.err, r.w.Flush())
	r.ends = append(r.ends, r.size)
	return err
}

// open returns a run, the first is 0.
func (r *runs) open(i int) *run {
	from := int64(0)
	if i > 0 {
		from = r.ends[i-1]
	}
	return &run{r: bufio.NewReaderSize(io.NewSectionReader(r.file, from, r.ends[i]-from), runBuffer)}
}

// all returns all runs.
func (r *runs) all() (list []source) {
	for i := range r.ends {
		list = append(list, r.open(i))
	}
	return list
}

// run is a run that is read.
type run struct {
	r   *bufio.Reader
	buf []byte
}

// next implements [source].
func (r *run) next() ([]byte, error) {
	size, err := binary.ReadUvarint(r.r)
	if err != nil {
		return nil, err
	}
	if uint64(cap(r.buf)) < size {
		r.buf = make([]byte, size)
	}
	r.buf = r.buf[:size]
	_, err = io.ReadFull(r.r, r.buf)
	return r.buf, err
}

// number reads a number.
func (r *run) number() (uint64, error) { return binary.ReadUvarint(r.r) }

// asString is the text that bytes have, which nobody changes.
func asString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
