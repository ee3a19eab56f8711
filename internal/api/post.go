package api

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/patch"
)

// Media types that mean something of their own here.
const (
	typePatch       = patch.MediaType
	typeBinaryPatch = patch.BinaryMediaType
)

var (
	postTypes  = graph.MediaTypes()
	acceptPost = strings.Join(postTypes, ", ")
)

const (
	// firstBuffer is the buffer for a body whose length nobody has told.
	firstBuffer = 64 << 10
	// maxPooled is the largest buffer that is kept for another body.
	maxPooled = 4 << 20
)

func (a *API) postChanges(w http.ResponseWriter, r *http.Request, args args) {
	through, p := a.mapping(args)
	var media, key string
	if p == nil {
		media, p = changesType(r, through)
	}
	if p == nil {
		key, p = a.idempotencyKey(w, r)
	}
	if p != nil {
		p.write(w)
		return
	}
	body, release, p := a.readBody(w, r)
	defer release()
	if p != nil {
		// What is left of the body would be read as the next request.
		w.Header().Set("Connection", "close")
		p.write(w)
		return
	}
	if through != nil {
		mapped, err := through.AppendPatch(nil, mapping.Message{Body: body})
		if err != nil {
			newProblem("not_mapped", "%v", err).write(w)
			return
		}
		if !a.bodies.take(int64(len(mapped))) {
			a.bodiesBusy().write(w)
			return
		}
		defer a.bodies.give(int64(len(mapped)))
		media, body = graph.TypeReplace, mapped
	}
	results, err := a.node.Submit(r.Context(), graph.Submission{
		MediaType: media, Body: body, Key: key,
	})
	if err != nil {
		a.submitProblem(w, err).write(w)
		return
	}
	answer := client.Accepted{Results: resultsOf(results)}
	for _, result := range results {
		answer.Adds += result.Adds
		answer.Deletes += result.Deletes
	}
	writeJSON(w, answer)
}

// idempotencyKey returns the key of a request, empty if it has none. A header that is empty, or there twice, is a mistake
// of a sender that believes to be safe.
func (a *API) idempotencyKey(w http.ResponseWriter, r *http.Request) (string, *problem) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	err := graph.CheckKey(keys[0])
	switch {
	case len(keys) > 1:
		err = fmt.Errorf("%w: %d headers Idempotency-Key, send one", event.ErrKey, len(keys))
	case keys[0] == "":
		err = fmt.Errorf("%w: the header Idempotency-Key is empty; leave it out, or send a key", event.ErrKey)
	}
	if err != nil {
		return "", a.causeProblem(w, err)
	}
	return keys[0], nil
}

// mapping returns the one that the document goes through, nil if it says what it is itself.
func (a *API) mapping(args args) (*mapping.Mapping, *problem) {
	name, given := arg[string](args, "mapping")
	if !given {
		return nil, nil
	}
	m, err := a.cfg.Mappings.Get(name)
	if err != nil {
		return nil, newProblem("bad_parameter", "mapping: %v", err)
	}
	return m, nil
}

// changesType returns the media type without its parameters, if it is one that is read, by the mapping if there is one.
func changesType(r *http.Request, through *mapping.Mapping) (string, *problem) {
	types, accept := postTypes, acceptPost
	if through != nil {
		types = through.MediaTypes()
		accept = strings.Join(types, ", ")
	}
	text := r.Header.Get("Content-Type")
	media, params, err := mime.ParseMediaType(text)
	charset, hasCharset := params["charset"]
	if err == nil && slices.Contains(types, media) &&
		(!hasCharset || strings.EqualFold(charset, "utf-8")) {
		return media, nil
	}
	p := newProblem("unsupported_media_type",
		"Content-Type %q is not supported; send %s, in UTF-8", text, accept)
	p.header.Set("Accept-Post", accept)
	return "", p
}

// readBody reads the body, decompressed. The caller calls release, also after a problem, when it no longer needs it.
func (a *API) readBody(w http.ResponseWriter, r *http.Request) (body []byte, release func(), _ *problem) {
	taken := int64(0)
	release = func() {
		a.bodies.give(taken)
		if cap(body) > 0 && cap(body) <= maxPooled {
			buffer := body[:0]
			a.buffers.Put(&buffer)
		}
	}
	if r.ContentLength > a.cfg.MaxBody {
		return nil, release, a.tooLarge()
	}
	reader, known, p := a.bodyReader(w, r)
	if p != nil {
		return nil, release, p
	}
	if pooled, ok := a.buffers.Get().(*[]byte); ok {
		body = *pooled
	}
	for {
		if len(body) == cap(body) || cap(body) < known {
			body = grow(body, known, a.cfg.MaxBody)
		}
		if more := int64(cap(body)) - taken; more > 0 {
			if !a.bodies.take(more) {
				return nil, release, a.bodiesBusy()
			}
			taken += more
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

// grow returns the buffer with room for the known length and the byte that shows its end, or, where that is full or
// unknown, twice as much.
func grow(body []byte, known int, limit int64) []byte {
	size := max(2*cap(body), firstBuffer)
	if known > 0 && len(body) <= known {
		size = known + 1
	}
	return append(make([]byte, 0, min(int64(size), limit+1)), body...)
}

// bodyReader returns a reader of the decompressed body, and its length if that is known, else 0.
func (a *API) bodyReader(w http.ResponseWriter, r *http.Request) (io.Reader, int, *problem) {
	limited := http.MaxBytesReader(w, r.Body, a.cfg.MaxBody)
	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
		return limited, int(max(r.ContentLength, 0)), nil
	case "gzip":
		unzipped, err := gzip.NewReader(limited)
		if err != nil {
			return nil, 0, a.readProblem(fmt.Errorf("gzip: %w", err))
		}
		return unzipped, 0, nil
	default:
		p := newProblem("unsupported_encoding",
			"Content-Encoding %q is not supported; send gzip or none", encoding)
		p.header.Set("Accept-Encoding", "gzip")
		return nil, 0, p
	}
}

func (a *API) tooLarge() *problem {
	return newProblem("too_large",
		"the document is over %d bytes; send it in parts, at the ends of transactions", a.cfg.MaxBody)
}

func (a *API) readProblem(err error) *problem {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return a.tooLarge()
	}
	return newProblem("body", "read the body: %v", err)
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
