// Package api is a node's HTTP interface: changes in, changes out, data, status, health and metrics.
//
//	POST /v1/changes   takes a document of changes; see [API]
//	GET  /v1/changes   the changes that were committed, as server-sent events or RDF Patch, live or not
//	GET  /v1/data      the quads of all shards, as N-Quads; partial=true: of those that can be read
//	GET  /v1/status    what this node knows, as JSON
//	GET  /v1/verify    what this node finds in its own copy of the logs, as JSON; see [Verification]
//	GET  /healthz      the process answers
//	GET  /readyz       every shard that this node owns is claimed; else 503 with the reason
//	GET  /metrics      Prometheus
//
// An error is a JSON object {"error":{"code","message"}}, with "line" and "column" for a mistake in a document, "head"
// for a patch whose "prev" is not the head, and beside it "results" with the shards that have committed.
//
// A patch may say, in a pipeline whose key is dataset, what it builds on: H prev <ID> commits it whole if ID is the head,
// else nothing of it (409). It guards the whole document, wherever it stands in it; two different ones are a mistake.
// H prev "" asks for a dataset to which no delta was ever committed: one that was emptied again has a head.
//
// An Idempotency-Key is UTF-8 of 1 to 256 bytes, and comes once (else 400, bad_key). After an answer 503 the same request
// with the same key can be sent again, with one exception; the code tells the cause:
//
//	no_owner    the shard had no owner that answered
//	busy        a queue is full, here or at the owner, or the owner is not ready
//	no_room     the disk, or what the engine may use of it, is full; it goes on by itself when there is room
//	no_leader   too few servers reach each other
//	starting    this node waits for its engine, such as a cluster without a majority
//	stopped     this node is shutting down; another takes the request
//	halted      the owner has stopped the shard (damage, a full store): somebody must see to it. The answer has no
//	            Retry-After, since repeating doesn't help
//
// Where there are tokens, a request without one is 401, unauthorized, and one whose token isn't good for it 403, forbidden.
//
// What is over a limit, here or further on, is 413, too_large.
package api

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
)

// Submitter takes changes in. Submit may be called concurrently and doesn't keep the body.
type Submitter interface {
	// Submit takes a document in as [graph.Graph.Submit] does.
	Submit(ctx context.Context, s graph.Submission) ([]graph.Result, error)
}

// Reader gives out what was committed. All methods may be called concurrently; Follow calls fn from one goroutine at a
// time.
type Reader interface {
	// Follow gives out records as [node.Node.Follow] does.
	Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error
	// Resolve checks a cursor and completes it; an error that is a [node.ErrCursor] says that it is of no use.
	Resolve(ctx context.Context, c engine.Cursor) (engine.Cursor, error)
	Tails(ctx context.Context) (engine.Cursor, error)
	WriteData(ctx context.Context, w io.Writer, o graph.DataOptions) (engine.Cursor, error)
}

// Health tells how the node is. Both methods may be called concurrently and answer at once.
type Health interface {
	// Status says what the node knows, Ready why it can't work now; nil: it can.
	Status() graph.Status
	Ready() error
}

// Node is what the API needs of a [graph.Graph].
type Node interface {
	Submitter
	Reader
	Health
}

// Sink is what the metrics show of a sink. Both methods may be called concurrently and answer at once.
type Sink interface {
	// Positions returns, per shard that is written, the log position up to which it is.
	Positions() map[int]uint64
	// Errors returns the errors of the shards that are being tried again.
	Errors() map[int]error
}

// SourceStatus is what the metrics show of a source.
type SourceStatus struct {
	// Running: it runs on this node. Failing: it is being tried again.
	Running, Failing bool
	// Messages counts those committed since the start, Rejected those of them that are dead letters.
	Messages, Rejected uint64
}

// Config configures an [API].
type Config struct {
	// MaxBody bounds the bytes of one request body, after decompression. Default 64 MiB.
	MaxBody int64
	// MaxBodies bounds the bytes of all bodies that are being worked on; beyond it the answer is 503. Default four
	// times MaxBody.
	MaxBodies int64
	// MaxStreams bounds the readers of /v1/changes and /v1/data at one time; beyond it the answer is 503. Default 64.
	MaxStreams int
	// Heartbeat is the time between the comments that keep a live stream open. Default 15 s.
	Heartbeat time.Duration
	// WriteTimeout bounds the time in which a client must take what was written to it. Default 30 s.
	WriteTimeout time.Duration
	// ReadTimeout bounds the time in which a client must send its body. Default 5 min.
	ReadTimeout time.Duration
	// Access says who may do what.
	Access Access
	// Hosts are the names, besides localhost and loopback addresses, that a request may have as its Host. Without
	// tokens every other Host is refused, so that no web page can reach a node on loopback by DNS rebinding. With
	// tokens and no Hosts, any Host is taken.
	Hosts []string
	// Verifier answers /v1/verify; nil: nobody does.
	Verifier Verifier
	// Sinks are shown by the metrics, by name.
	Sinks map[string]Sink
	// Sources are shown by the metrics, by name. Each may be called concurrently and answers at once.
	Sources map[string]func() SourceStatus
	// Logger. Default: slog.Default().
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	c.MaxBody = cmp.Or(c.MaxBody, 64<<20)
	c.MaxBodies = cmp.Or(c.MaxBodies, 4*c.MaxBody)
	c.MaxStreams = cmp.Or(c.MaxStreams, 64)
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 5*time.Minute)
	c.Logger = cmp.Or(c.Logger, slog.Default())
}

// API is the [http.Handler] of a node. It may be used concurrently.
type API struct {
	node    Node
	cfg     Config
	routes  map[string]map[string]http.HandlerFunc // path, method
	streams chan struct{}                          // holds a value for each stream that is open
	bodies  budget
	metrics *metrics
	// verifying holds a value while somebody has the logs verified.
	verifying chan struct{}
	// closing ends live streams when the server shuts down, while other requests may still end in peace.
	closing context.Context
	close   context.CancelFunc
	buffers sync.Pool
}

// New returns the API of n. It starts nothing.
func New(n Node, cfg Config) *API {
	cfg.setDefaults()
	a := &API{
		node:    n,
		cfg:     cfg,
		streams: make(chan struct{}, cfg.MaxStreams),
		bodies:  budget{max: cfg.MaxBodies},

		verifying: make(chan struct{}, 1),
	}
	a.closing, a.close = context.WithCancel(context.Background())
	a.metrics = newMetrics(a)
	a.routes = map[string]map[string]http.HandlerFunc{
		"/v1/changes": {http.MethodGet: a.getChanges, http.MethodPost: a.postChanges},
		"/v1/data":    {http.MethodGet: a.getData},
		"/v1/status":  {http.MethodGet: a.getStatus},
		"/v1/verify":  {http.MethodGet: a.getVerify},
		"/healthz":    {http.MethodGet: getHealth},
		"/readyz":     {http.MethodGet: a.getReady},
		"/metrics":    {http.MethodGet: a.metrics.handler.ServeHTTP},
	}
	return a
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cw := &codeWriter{ResponseWriter: w}
	begin := time.Now()
	route, handler, p := a.find(r)
	if p == nil {
		p = a.admit(r)
	}
	a.setDeadlines(cw, r)
	defer func() { a.metrics.observe(route, r.Method, cw.code, time.Since(begin)) }()
	if p != nil {
		p.write(cw)
		return
	}
	handler(cw, r)
}

// find returns the route of a request and its handler, or the problem to answer with.
func (a *API) find(r *http.Request) (route string, _ http.HandlerFunc, _ *problem) {
	methods, ok := a.routes[r.URL.Path]
	if !ok {
		return "other", nil, newProblem(http.StatusNotFound, "not_found",
			"there is no %s; see /v1/changes, /v1/data, /v1/status, /v1/verify, /healthz, /readyz, /metrics", r.URL.Path)
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handler, ok := methods[method]
	if !ok {
		p := newProblem(http.StatusMethodNotAllowed, "method_not_allowed", "%s has no method %s", r.URL.Path, r.Method)
		p.header.Set("Allow", allow(methods))
		return r.URL.Path, nil, p
	}
	return r.URL.Path, handler, nil
}

func allow(methods map[string]http.HandlerFunc) string {
	var names []string
	for name := range methods {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// openStream takes a place among the streams; the caller calls the returned function when it is done.
func (a *API) openStream() (release func(), _ *problem) {
	select {
	case a.streams <- struct{}{}:
		return func() { <-a.streams }, nil
	default:
		p := newProblem(http.StatusServiceUnavailable, "too_many_streams",
			"%d streams are open, which is the limit; try again later or at another node", a.cfg.MaxStreams)
		p.header.Set("Retry-After", "5")
		return nil, p
	}
}

func (a *API) getStatus(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, statusOf(a.node.Status()))
}

func getHealth(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (a *API) getReady(w http.ResponseWriter, _ *http.Request) {
	if err := a.node.Ready(); err != nil {
		p := newProblem(http.StatusServiceUnavailable, "not_ready", "%v", err)
		p.header.Set("Retry-After", "1")
		p.write(w)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}

// codeWriter remembers the status for the metrics.
type codeWriter struct {
	http.ResponseWriter
	code int
}

func (w *codeWriter) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *codeWriter) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets [http.ResponseController] reach the real writer.
func (w *codeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// setDeadlines bounds the time of reading the body and of writing the answer; a stream extends the latter as it goes,
// and has no read deadline, which would end its connection. A writer that knows no deadlines, such as that of a test,
// is left as it is.
func (a *API) setDeadlines(w http.ResponseWriter, r *http.Request) {
	rc, now := http.NewResponseController(w), time.Now()
	read, write := time.Time{}, now.Add(a.cfg.WriteTimeout)
	if r.Method == http.MethodPost {
		read, write = now.Add(a.cfg.ReadTimeout), now.Add(a.cfg.ReadTimeout+a.cfg.WriteTimeout)
	}
	err := errors.Join(rc.SetReadDeadline(read), rc.SetWriteDeadline(write))
	if err != nil && !errors.Is(err, http.ErrNotSupported) {
		a.cfg.Logger.Debug("set deadlines", "error", err)
	}
}
