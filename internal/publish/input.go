package publish

import (
	"crypto/sha256"
	"io"
	"os"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/rdfio"
)

// input is the bytes of a file, or of standard input.
type input struct {
	file io.Reader
	name string
	read *atomic.Int64
}

// open returns the decompressed bytes.
func (in *input) open() (io.ReadCloser, error) {
	return rdfio.Decompress(in.name, &countingReader{r: in.file, n: in.read})
}

// fingerprint reads the whole file once and makes of it the prefix of the labels of its blank nodes, which are its own:
// those of all its parts must be the same nodes, those of another file others. What can be read only once is kept in a
// temporary file until closed is called.
func (in *input) fingerprint() (prefix string, closed func(), err error) {
	h := sha256.New()
	closed = func() {}
	f, ok := in.file.(*os.File)
	var begin int64
	if ok {
		begin, err = f.Seek(0, io.SeekCurrent)
	}
	if !ok || err != nil {
		if f, err = os.CreateTemp("", "quadrille-publish-*"); err != nil {
			return "", closed, err
		}
		closed = func() {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
		_, err = io.Copy(io.MultiWriter(f, h), in.file)
		in.file = f
	} else {
		_, err = io.Copy(h, f)
	}
	if err == nil {
		_, err = f.Seek(begin, io.SeekStart)
	}
	return "q" + lowerBase32(h.Sum(nil)[:10]), closed, err
}

// seekable reports whether a reader can be read twice.
func seekable(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	_, err := f.Seek(0, io.SeekCurrent)
	return err == nil
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}
