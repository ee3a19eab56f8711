// Package api is a node's HTTP interface: changes in, changes out, data, status, health and metrics. The table in endpoints.go
// has all of it: each path and method with its parameters, media types and errors; /v1/openapi.json is made of it.
//
// An error is a [client.Problem] (RFC 9457), with "line" and "column" for a mistake in a document, "head" for a patch whose
// "prev" is not the head, and "results" with the shards that have committed. A parameter that the table doesn't have is one.
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
//	halted      the owner has stopped the shard (damage, a full store), and doesn't go on by itself. The answer has no
//	            Retry-After, since repeating doesn't help
//
// Where there are tokens, a request without one is 401, unauthorized, and one whose token isn't good for it 403, forbidden.
//
// What is over a limit, here or further on, is 413, too_large.
//
// With the parameter mapping, a document is JSON or CSV, or what else the mapping reads, of which the mapping makes changes (422,
// not_mapped, where it can't).
package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// Submitter takes changes in. All methods may be called concurrently and don't keep the body.
type Submitter interface {
	// Submit takes a document in as [graph.Graph.Submit] does, SubmitAll several as [graph.Graph.SubmitAll] does.
	Submit(ctx context.Context, s graph.Submission) ([]graph.Result, error)
	SubmitAll(ctx context.Context, documents []graph.Submission) []graph.Outcome
	// UpdateGraph changes one graph as [graph.Graph.UpdateGraph] does.
	UpdateGraph(ctx context.Context, u graph.GraphUpdate) ([]graph.Result, graph.GraphState, error)
}

// Reader gives out what was committed. All methods may be called concurrently; Follow calls fn from one goroutine at a
// time.
type Reader interface {
	// Follow gives out records as [node.Node.Follow] does.
	Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error
	// Resolve checks a cursor and completes it; an error that is a [node.ErrCursor] says that it is of no use.
	Resolve(ctx context.Context, c engine.Cursor) (engine.Cursor, error)
	Tails(ctx context.Context) (engine.Cursor, error)
	// Before returns a cursor so many positions before the ends, as [node.Node.Before] does.
	Before(ctx context.Context, positions uint64) (engine.Cursor, error)
	WriteData(ctx context.Context, w io.Writer, o graph.DataOptions) (engine.Cursor, error)
}

// Asker answers questions. All methods may be called concurrently.
type Asker interface {
	// Query answers a query as [graph.Graph.Query] does.
	Query(ctx context.Context, q graph.Question, a graph.Answer) error
	// Try says what an update would change as [graph.Graph.Try] does.
	Try(ctx context.Context, t graph.Trial) (*graph.Delta, error)
	// NewDataWriter returns a writer of RDF as [graph.Graph.NewDataWriter] does.
	NewDataWriter(w io.Writer, f rdfio.Format, opts ...rdfio.WriteOption) (_ rdfio.DataWriter, release func(), err error)
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
	Asker
	Health
}

// Config configures an [API].
type Config struct {
	// MaxBody bounds the bytes of one request body, after decompression. Default 64 MiB.
	MaxBody int64
	// MaxBodies bounds the bytes of all bodies that have come and are being worked on; beyond it the answer is 503. Default four
	// times MaxBody.
	MaxBodies int64
	// MaxReaders bounds the readers of /v1/changes at one time, MaxDumps those of /v1/data; beyond it the answer is 503.
	// Defaults 64 and 16. MaxWatchers bounds those of /v1/overview; default 32.
	MaxReaders, MaxDumps, MaxWatchers int
	// Heartbeat is the time between the comments that keep a live stream open. Default 15 s.
	Heartbeat time.Duration
	// WriteTimeout bounds the time in which a client must take what was written to it. Default 30 s.
	WriteTimeout time.Duration
	// ReadTimeout bounds the time in which a client must send 256 KiB more of its body, or the rest of it. Default 30 s.
	ReadTimeout time.Duration
	// Access says who may do what.
	Access Access
	// Mappings are those that documents may be sent through; nil: none.
	Mappings *mapping.Set
	// Verifier answers /v1/verify; nil: nobody does.
	Verifier Verifier
	// Sources and Sinks say how each is; the status and the metrics show them. Each may be called concurrently and answers at
	// once.
	Sources []func() client.SourceStatus
	Sinks   []func() client.SinkStatus
	// Delta shows each shard as a log of RDF Delta, below /delta/, to read.
	Delta bool
	// Console shows the console in a browser at /, whose files everybody may read.
	Console bool
	// Control changes what they do; nil: nobody does.
	Control Control
	// Desk handles dead letters; nil: nobody does.
	Desk Desk
	// Peers returns a client that sends a token to the other nodes; nil: they are not asked.
	Peers func(token string) *client.Client
	// Logger. Default: slog.Default().
	Logger *slog.Logger
}

func (c *Config) setDefaults() {
	c.MaxBody = cmp.Or(c.MaxBody, 64<<20)
	c.MaxBodies = cmp.Or(c.MaxBodies, 4*c.MaxBody)
	c.MaxReaders = cmp.Or(c.MaxReaders, 64)
	c.MaxDumps = cmp.Or(c.MaxDumps, 16)
	c.MaxWatchers = cmp.Or(c.MaxWatchers, 32)
	c.Heartbeat = cmp.Or(c.Heartbeat, 15*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 30*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 30*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
}

// API is the [http.Handler] of a node. It may be used concurrently.
type API struct {
	node   Node
	cfg    Config
	table  []*endpoint
	routes map[string]route // by path
	// pipeline is its name, which doesn't change.
	pipeline func() string
	// readers, dumps and watchers hold a value for each answer of /v1/changes, /v1/data and /v1/overview that is under way.
	readers, dumps, watchers chan struct{}

	overviews overviews
	bodies    budget
	metrics   *metrics
	// verifying holds a value while somebody has the logs verified.
	verifying chan struct{}
	// closing ends live streams when the server shuts down, while other requests may still end in peace.
	closing context.Context
	close   context.CancelFunc
	buffers sync.Pool

	patchLogs sync.Once // makes allLogs
	allLogs   []*patchLog
}

// New returns the API of n. It starts nothing.
func New(n Node, cfg Config) *API {
	cfg.setDefaults()
	a := &API{
		node:    n,
		cfg:     cfg,
		readers: make(chan struct{}, cfg.MaxReaders),
		dumps:   make(chan struct{}, cfg.MaxDumps),

		watchers: make(chan struct{}, cfg.MaxWatchers),
		bodies:   budget{max: cfg.MaxBodies},

		verifying: make(chan struct{}, 1),
	}
	a.pipeline = sync.OnceValue(func() string { return n.Status().Pipeline })
	a.closing, a.close = context.WithCancel(context.Background())
	a.metrics = newMetrics(a)
	a.table = slices.Concat(a.endpoints(), a.deltaEndpoints(), a.consoleEndpoints())
	a.routes = routesOf(a.table)
	return a
}

// ServeHTTP implements [http.Handler].
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	cw := &codeWriter{ResponseWriter: w}
	begin := time.Now()
	cw.Header().Set(requestIDHeader, requestID(r))
	a.setDeadlines(cw, r)
	pattern := patternOf(a.routes, r.URL.Path)
	defer func() {
		took := time.Since(begin)
		a.metrics.observe(cmp.Or(pattern, "other"), r.Method, cw.code, took)
		if a.cfg.Logger.Enabled(r.Context(), slog.LevelDebug) {
			a.cfg.Logger.Debug("request", "request_id", cw.Header().Get(requestIDHeader), "method", r.Method, "path", r.URL.Path, "status", cw.code, "took", took)
		}
	}()
	defer a.contain(cw)
	if p := a.dispatch(cw, r, pattern); p != nil {
		p.write(cw)
	}
}

// contain answers a request whose handler has panicked, or cuts off what it has begun to answer. The stack goes to the log.
func (a *API) contain(w *codeWriter) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	a.log(w).Error("panic, which has ended a request: report it", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.code != 0 {
		panic(http.ErrAbortHandler)
	}
	for name := range w.Header() {
		if name != requestIDHeader {
			w.Header().Del(name)
		}
	}
	newProblem("internal", "%v; the node's log says where: report it", graph.ErrInternal).write(w)
}

// dispatch has the request answered, whose path is one of the pattern, or returns the problem to answer with.
func (a *API) dispatch(w http.ResponseWriter, r *http.Request, pattern string) *problem {
	route, ok := a.routes[pattern]
	if !ok {
		return newProblem("not_found", "there is no %s; see %s", r.URL.Path, strings.Join(sortedKeys(a.routes), ", "))
	}
	if a.cors(w, r, route) {
		return nil
	}
	e := route.find(r.Method)
	need, basic := anyToken, false // of a method that the path doesn't have
	if e != nil {
		need, basic = e.needs, e.basic
	}
	if p := a.cfg.Access.admit(r, need, basic); p != nil {
		return p
	}
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", route.allow())
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if e == nil {
		p := newProblem("method_not_allowed", "%s has no method %s", r.URL.Path, r.Method)
		p.header.Set("Allow", route.allow())
		return p
	}
	args, p := e.parseQuery(r)
	if p != nil {
		return p
	}
	if item := itemOf(pattern, r.URL.Path); item != "" {
		args[itemArg] = []any{item}
	}
	if len(e.gives) == 1 { // the others choose themselves
		if _, p := acceptable(r.Header.Values("Accept"), e.gives, e.path); p != nil {
			return p
		}
	}
	done := func() {}
	if e.compressed {
		w, done = compress(w, r)
	}
	e.serve(w, r, args)
	done() // but not of an answer that is cut off, which ends in a panic
	return nil
}

// take takes a place in a budget of streams; the caller calls the returned function when it is done.
func take(places chan struct{}, what string) (release func(), _ *problem) {
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	default:
		return nil, newProblem("too_many_streams", "%d %s, which is the limit; try again later or at another node", cap(places),
			what).retry("5")
	}
}

func (a *API) getStatus(w http.ResponseWriter, _ *http.Request, _ args) {
	writeJSON(w, a.status())
}

func getHealth(w http.ResponseWriter, _ *http.Request, _ args) {
	writeJSON(w, map[string]string{"status": "ok"})
}

func (a *API) getReady(w http.ResponseWriter, _ *http.Request, _ args) {
	if err := a.node.Ready(); err != nil {
		newProblem("not_ready", "%v", err).retry("1").write(w)
		return
	}
	writeJSON(w, map[string]string{"status": "ready"})
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
