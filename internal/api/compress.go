package api

import (
	"io"
	"net/http"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compressor is a compression of answers.
type compressor interface {
	io.WriteCloser
	Flush() error
}

// compressors are the codings that are offered, the better first. One is asked for by its name, or an older one (RFC 9110, 8.4.1.3).
var compressors = []struct {
	name, older string
	make        func(io.Writer) (compressor, error)
}{
	{"zstd", "zstd", func(w io.Writer) (compressor, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	}},
	{"gzip", "x-gzip", func(w io.Writer) (compressor, error) { return gzip.NewWriterLevel(w, gzip.BestSpeed) }},
}

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
	cw := &compressWriter{ResponseWriter: w, name: compressors[best].name, make: compressors[best].make}
	return cw, cw.end
}

// compressWriter compresses what is written, if the status is 200.
type compressWriter struct {
	http.ResponseWriter
	name  string
	make  func(io.Writer) (compressor, error)
	to    compressor // nil: what is written goes as it is
	begun bool
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
	to, err := w.make(w.ResponseWriter)
	if err != nil {
		return // it goes as it is
	}
	w.to = to
	w.Header().Set("Content-Encoding", w.name)
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
	if w.to != nil {
		_ = w.to.Close() // a client that has gone away does not hear of it
	}
}
