package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// firstBuffer is the first buffer for a body. Who tells of more has not sent it yet.
	firstBuffer = 64 << 10
	// maxPooled is the largest buffer that is kept for another body.
	maxPooled = 4 << 20
	// leastProgress is how much of a body, or the rest of it, must come within [Config.ReadTimeout], again and again.
	leastProgress = 256 << 10
)

// readBody reads the body, decompressed. The caller calls release, also after a problem, when it no longer needs it. After a problem the
// connection ends with the answer: what is left of the body would be read as the next request.
func (a *API) readBody(w http.ResponseWriter, r *http.Request) (body []byte, release func(), p *problem) {
	defer func() {
		if p != nil {
			w.Header().Set("Connection", "close")
		}
	}()
	taken := int64(0)
	release = func() {
		a.bodies.give(taken)
		if cap(body) > 0 && cap(body) <= maxPooled {
			buffer := body[:0]
			a.buffers.Put(&buffer)
		}
	}
	reader, known, p := a.bodyReader(w, r)
	if p != nil {
		return nil, release, p
	}
	for {
		if len(body) == cap(body) {
			body = a.grow(body, known)
			if more := int64(cap(body)) - taken; a.bodies.take(more) {
				taken += more
			} else {
				return nil, release, a.bodiesBusy()
			}
		}
		n, err := reader.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > a.cfg.MaxBody:
			return nil, release, a.tooLarge()
		case errors.Is(err, io.EOF):
			return body, release, nil
		case err != nil:
			return nil, release, a.readProblem(err)
		}
	}
}

// bodiesBusy says that no more bytes of documents, and of what mappings make of them, may be held.
func (a *API) bodiesBusy() *problem {
	return newProblem("busy", "documents of %d bytes are under way, which is the limit; try again", a.cfg.MaxBodies).retry("1")
}

// grow returns the body in a buffer of twice the room: what is taken of the budget follows what has come, not what was told. Of a
// known length it is no more than that, and the byte that shows the end.
func (a *API) grow(body []byte, known int64) []byte {
	size := min(max(2*int64(cap(body)), firstBuffer), a.cfg.MaxBody+1)
	if known > 0 && int64(len(body)) <= known {
		size = min(size, known+1)
	}
	return append(a.buffer(size), body...)
}

// buffer returns an empty buffer of about that size: one of an earlier body, unless it is far too large.
func (a *API) buffer(size int64) []byte {
	const most = 4
	if pooled, ok := a.buffers.Get().(*[]byte); ok && int64(cap(*pooled)) >= size && int64(cap(*pooled)) <= most*size {
		return *pooled
	}
	return make([]byte, 0, size)
}

// bodyReader returns a reader of the decompressed body, and its length if that is known, else 0.
func (a *API) bodyReader(w http.ResponseWriter, r *http.Request) (io.Reader, int64, *problem) {
	switch {
	case r.ProtoMajor == 1 && r.ContentLength == 0 && r.Header["Content-Length"] == nil:
		return nil, 0, newProblem("length_required", "the request has neither a Content-Length nor a body in chunks, so none of its body is "+
			"read; send an empty one with Content-Length: 0")
	case r.ContentLength > a.cfg.MaxBody:
		return nil, 0, a.tooLarge()
	}
	zipped, p := isZipped(r)
	if p != nil {
		return nil, 0, p
	}
	paced := &pacedReader{r: http.MaxBytesReader(w, r.Body, a.cfg.MaxBody), progressed: func() { a.setDeadlines(w, r) }}
	if !zipped {
		return paced, max(r.ContentLength, 0), nil
	}
	unzipped, err := gzip.NewReader(paced)
	if err != nil {
		return nil, 0, a.readProblem(fmt.Errorf("gzip: %w", err))
	}
	return unzipped, 0, nil
}

// isZipped reports whether the body is compressed with gzip, which has an older name, too (RFC 9110, 8.4.1.3). What is compressed
// twice isn't read.
func isZipped(r *http.Request) (zipped bool, _ *problem) {
	values := r.Header.Values("Content-Encoding")
	codings := 0
	for _, item := range listItems(values) {
		switch strings.ToLower(strings.TrimSpace(item)) {
		case "", "identity":
			continue
		case "gzip", "x-gzip":
			zipped = true
		default:
			zipped, codings = false, 2
		}
		codings++
	}
	if codings > 1 {
		p := newProblem("unsupported_encoding", "Content-Encoding %q is not supported; send gzip or none", strings.Join(values, ", "))
		p.header.Set("Accept-Encoding", "gzip")
		return false, p
	}
	return zipped, nil
}

// pacedReader tells whenever [leastProgress] bytes have come.
type pacedReader struct {
	r          io.Reader
	come       int
	progressed func()
}

// Read implements [io.Reader].
func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.come += n; p.come >= leastProgress {
		p.come = 0
		p.progressed()
	}
	return n, err
}

func (a *API) tooLarge() *problem {
	return newProblem("too_large",
		"the document is over %d bytes; send it in parts, at the ends of transactions", a.cfg.MaxBody)
}

func (a *API) readProblem(err error) *problem {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return a.tooLarge()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return newProblem("slow_body", "%d bytes of the body, or the rest of it, must come every %v", leastProgress, a.cfg.ReadTimeout)
	}
	return newProblem("body", "read the body: %v", err)
}

// setDeadlines bounds the time of reading the body, or the next piece of it, and of writing the answer; a stream extends the latter
// as it goes, and has no read deadline, which would end its connection. A writer that knows no deadlines, such as that of a test,
// is left as it is.
func (a *API) setDeadlines(w http.ResponseWriter, r *http.Request) {
	rc, now := http.NewResponseController(w), time.Now()
	read, write := time.Time{}, now.Add(a.cfg.WriteTimeout)
	if r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		read, write = now.Add(a.cfg.ReadTimeout), now.Add(a.cfg.ReadTimeout+a.cfg.WriteTimeout)
	}
	err := errors.Join(rc.SetReadDeadline(read), rc.SetWriteDeadline(write))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		a.cfg.Logger.Debug("set deadlines", "error", err)
	}
}

// budget bounds the bytes in use.
type budget struct {
	max  int64
	used atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.used.Add(n) <= b.max {
		return true
	}
	b.used.Add(-n)
	return false
}

func (b *budget) give(n int64) { b.used.Add(-n) }
