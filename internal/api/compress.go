package api

import (
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressor is a compression of answers.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// compressors are the codings that are offered, the better first. One is asked for by its name, or an older one (RFC 9110, 8.4.1.3).
var compressors = []*coding{
	{name: "zstd", older: "zstd", make: func() (compressor, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	}},
	{name: "gzip", older: "x-gzip", make: func() (compressor, error) { return gzip.NewWriterLevel(nil, gzip.BestSpeed) }},
}

// coding is a way to compress. Its compressors are used again: to make one, which has about a MiB, takes longer than all else of a short
// answer.
type coding struct {
	name, older string
	make        func() (compressor, error)
	idle        sync.Pool
}

// compressor returns one that writes to w. Who has closed it may put it into idle.
func (c *coding) compressor(w io.Writer) (compressor, error) {
	to, ok := c.idle.Get().(compressor)
	if !ok {
		var err error
		if to, err = c.make(); err != nil {
			return nil, err
		}
	}
	to.Reset(w)
	return to, nil
}

// compressFrom is the length in bytes from which on an answer is compressed, if it is known: what is shorter goes in one packet anyway.
const compressFrom = 1 << 10

// compress returns a writer that compresses a good answer, if the client accepts that, and a function that ends it. An answer
// that is cut off isn't ended.
func compress(w http.ResponseWriter, r *http.Request) (_ http.ResponseWriter, end func()) {
	w.Header().Add("Vary", "Accept-Encoding")
	list := parseAccept(r.Header.Values("Accept-Encoding"))
	best, weight := -1, 0.0
	for i, c := range compressors {
		if q, _ := weightOf(list, c.name, c.older, "*"); q > weight {
			best, weight = i, q
		}
	}
	if best < 0 || r.Method == http.MethodHead {
		return w, func() {}
	}
	cw := &compressWriter{ResponseWriter: w, coding: compressors[best]}
	return cw, cw.end
}

// compressWriter compresses what is written, if the status is 200, and it is not known to be short.
type compressWriter struct {
	http.ResponseWriter
	coding *coding
	to     compressor // nil: what is written goes as it is
	begun  bool
}

// WriteHeader decides whether to compress.
func (w *compressWriter) WriteHeader(status int) {
	if !w.begun {
		w.begun = true
		if status == http.StatusOK {
			w.compress()
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *compressWriter) compress() {
	if length, err := strconv.Atoi(w.Header().Get("Content-Length")); err == nil && length < compressFrom {
		return
	}
	to, err := w.coding.compressor(w.ResponseWriter)
	if err != nil {
		return // it goes as it is
	}
	w.to = to
	w.Header().Set("Content-Encoding", w.coding.name)
	w.Header().Del("Content-Length")
}

func (w *compressWriter) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.to == nil {
		return w.ResponseWriter.Write(b)
	}
	return w.to.Write(b)
}

// FlushError is what [http.ResponseController] calls.
func (w *compressWriter) FlushError() error {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	if w.to != nil {
		if err := w.to.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets [http.ResponseController] reach the real writer.
func (w *compressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *compressWriter) end() {
	if w.to == nil {
		return
	}
	_ = w.to.Close() // a client that has gone away does not hear of it
	w.to.Reset(nil)  // so that it holds nothing of this answer
	w.coding.idle.Put(w.to)
	w.to = nil
}
