package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// MissingHeader is the trailer of /v1/data?partial=true that holds the numbers of the shards that are missing.
const MissingHeader = "Quadrille-Missing"

// dataTypes are the media types of /v1/data, that of choice first. Triples have no place for a graph's name, so they are given of
// one graph alone: whether a client gets them must not depend on what is in the data at the time.
func dataTypes(oneGraph bool) []string {
	formats := []rdfio.Format{rdfio.NQuads, rdfio.TriG, rdfio.JSONLD}
	if oneGraph {
		formats = append(formats, rdfio.Turtle, rdfio.NTriples, rdfio.RDFXML)
	}
	types := make([]string, len(formats))
	for i, f := range formats {
		types[i] = f.MediaType()
	}
	return types
}

// getData gives out the quads of all shards that are asked for, with the cursor from which to follow them as a trailer.
//
// When it is known before the first byte that shards can't be read, the answer is 503 with the code "incomplete", which
// names them; with partial=true it is the other shards' quads. When that shows later, the others follow all the same,
// then a comment that names the shards; without partial=true the connection is then cut off, so that nobody takes a part
// for the whole, and with it the numbers stand in the trailer Quadrille-Missing.
func (a *API) getData(w http.ResponseWriter, r *http.Request, args args) {
	d := dump{api: a, w: w, r: r}
	d.options.Begin = d.begin
	d.options.Partial, _ = arg[bool](args, "partial")
	d.options.Select = selectionOf(args)
	var p *problem
	oneGraph := d.options.Select.Graph != nil
	if d.media, p = acceptable(r.Header.Values("Accept"), dataTypes(oneGraph), "/v1/data"); p != nil {
		if !oneGraph {
			p.Detail += "; Turtle, N-Triples and RDF/XML need ?graph=IRI or ?graph=default"
		}
		p.write(w)
		return
	}
	d.options.Format, _ = rdfio.Parse(d.media) // it is one of ours
	release, p := take(a.dumps, "answers with data are under way")
	if p != nil {
		p.write(w)
		return
	}
	defer release()
	ctx, cancel := a.ending(r.Context())
	defer cancel()
	d.write(ctx)
}

// selectionOf reads graph, subject and predicate.
func selectionOf(args args) (s graph.Selection) {
	s.Subject, _ = arg[rdf.Term](args, "subject")
	s.Predicate, _ = arg[rdf.Term](args, "predicate")
	if name, ok := arg[rdf.Term](args, "graph"); ok {
		s.Graph = &name
	}
	return s
}

// dump is one answer of /v1/data.
type dump struct {
	api     *API
	w       http.ResponseWriter
	r       *http.Request
	media   string
	options graph.DataOptions
}

// errAnswered ends a reading of which nothing is to be written.
var errAnswered = errors.New("there is no body")

// begin writes the headers when it is known where the logs end. The entity tag is made of that: what is written is as of then
// or newer, so as long as the logs end there, it is the same. It is weak, since another answer with the tag may be newer.
func (d *dump) begin(ends engine.Cursor) error {
	cursor := d.cursor(ends)
	sum := sha256.Sum256(fmt.Append(nil, cursor, " ", d.media, " ", d.r.URL.RawQuery))
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	header := d.w.Header()
	noStore(d.w, d.media)
	header.Set("Cache-Control", "private, no-cache")
	header.Add("Vary", "Accept")
	header.Set("ETag", tag)
	switch {
	case etagMatches(d.r.Header.Values("If-None-Match"), tag):
		header.Del("Content-Type")
		d.w.WriteHeader(http.StatusNotModified)
		return errAnswered
	case d.r.Method == http.MethodHead:
		return errAnswered
	}
	header.Set("Trailer", CursorHeader+", "+MissingHeader)
	return nil
}

func (d *dump) cursor(marks engine.Cursor) string {
	return client.Cursor{Pipeline: d.api.pipeline(), Cursor: marks}.String()
}

func (d *dump) write(ctx context.Context) {
	out := &lazyWriter{w: d.w, rc: http.NewResponseController(d.w), timeout: d.api.cfg.WriteTimeout}
	marks, err := d.api.node.WriteData(ctx, out, d.options)
	if errors.Is(err, errAnswered) {
		return
	}
	missing, partial := errors.AsType[*graph.MissingError](err)
	switch {
	case err == nil:
	case partial && d.options.Partial && ctx.Err() == nil:
		d.w.Header().Set(MissingHeader, strings.Trim(fmt.Sprint(missing.Shards), "[]"))
	case !out.begun:
		d.w.Header().Del("Trailer")
		d.w.Header().Del("ETag")
		d.problem(ended(ctx, err), missing).write(d.w)
		return
	default:
		d.api.cutOff(d.w, "data cut off", ended(ctx, err))
		_ = out.rc.Flush() // what was written tells which shards are missing
		panic(http.ErrAbortHandler)
	}
	text := d.cursor(marks)
	if len(text) <= maxTrailer {
		d.w.Header().Set(CursorHeader, text)
		return
	}
	_, _ = io.WriteString(out, rdfio.Comment(d.options.Format, CursorHeader+": "+text)) // a client that has gone away does not hear of it
}

// ended tells why the context has ended, if that is the error.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return context.Cause(ctx)
	}
	return err
}

// problem says why nothing is given out. missing says which shards are, nil if that is not it.
func (d *dump) problem(err error, missing *graph.MissingError) *problem {
	if missing == nil {
		return d.api.quadsProblem(d.w, "data", err)
	}
	p := newProblem("incomplete", "%s; ?partial=true gives the others", oneLine(err))
	damaged := func(err error) bool { return !errors.Is(err, engine.ErrNoLeader) }
	if slices.ContainsFunc(missing.Errs, damaged) {
		d.api.log(d.w).Error("data", "error", err)
		return p
	}
	return p.retry("1") // servers come back
}

// quadsProblem maps an error of reading quads. What is no error that is known goes to the log.
func (a *API) quadsProblem(w http.ResponseWriter, what string, err error) *problem {
	switch {
	case errors.Is(err, graph.ErrHeld), errors.Is(err, graph.ErrForm):
		return newProblem("not_acceptable", "%v; ask for another form, such as application/trig or application/n-quads", err)
	case errors.Is(err, results.ErrCharacter): // which says what to ask for
		return newProblem("not_acceptable", "%v", err)
	}
	p := queryProblem(err)
	switch {
	case p == nil:
		a.log(w).Error(what, "error", err)
		return newProblem("data", "%v", err).retry("1")
	case p.Code == "damaged":
		a.log(w).Warn(what, "error", err) // what has found it has said more
	}
	return p
}

// cutOff says in the log that an answer ends early. A client that has gone away is no trouble of the node's.
func (a *API) cutOff(w http.ResponseWriter, what string, err error) {
	level := slog.LevelWarn
	if errors.Is(err, errGone) || errors.Is(err, context.Canceled) {
		level = slog.LevelDebug
	}
	a.log(w).Log(context.Background(), level, what, "error", err)
}

// errGone: the client has gone away, or has taken nothing for too long.
var errGone = errors.New("the client takes no more of the answer")

// lazyWriter writes to a client that has its time for each write, and remembers whether anything was written.
type lazyWriter struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration
	begun   bool

	// ending: what is written now may be all that there is: it is held until finish, or more comes.
	ending bool
	held   []byte
}

var _ io.Writer = (*lazyWriter)(nil)

func (l *lazyWriter) Write(b []byte) (int, error) {
	switch {
	case l.begun:
	case l.ending && l.held == nil:
		l.held = append([]byte{}, b...)
		return len(b), nil
	case l.held != nil:
		held := l.held
		l.held = nil
		if _, err := l.send(held); err != nil {
			return 0, err
		}
	}
	return l.send(b)
}

// finish writes what is held, of which the length is known then, and that it goes well.
func (l *lazyWriter) finish() error {
	if l.held == nil {
		return nil
	}
	l.w.Header().Set("Content-Length", strconv.Itoa(len(l.held)))
	l.w.Header().Del("Trailer")
	_, err := l.send(l.held)
	return err
}

func (l *lazyWriter) send(b []byte) (int, error) {
	l.begun = true
	_ = l.rc.SetWriteDeadline(time.Now().Add(l.timeout))
	n, err := l.w.Write(b)
	if err != nil {
		err = fmt.Errorf("%w: %w", errGone, err)
	}
	return n, err
}

// etagMatches reports whether a header If-None-Match names the tag (RFC 9110, 13.1.2: the comparison is weak).
func etagMatches(values []string, tag string) bool {
	for item := range strings.SplitSeq(strings.Join(values, ","), ",") {
		item = strings.TrimSpace(item)
		if item == "*" || item != "" && strings.TrimPrefix(item, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
