package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	// grace is what requests under way have to end in.
	grace = 10 * time.Second
	// startingTimeout bounds the time of a request that comes before there is an API.
	startingTimeout = 10 * time.Second
)

// Server answers the requests that come in at a listener. Until it is given an [API] it tells what the node waits for: one that
// waits for its engine, for hours if a cluster has no majority, must not leave those hanging who ask it. /healthz is answered as
// ever, all else with 503 and the code "starting", to who may come in. It is one server from first to last, so that no connection is cut off when
// the API comes. The console is there from the beginning: it says what the node waits for as any client hears it.
type Server struct {
	ln     net.Listener
	cfg    ServerConfig
	http   *http.Server
	api    atomic.Pointer[API] // nil: the node is starting
	served chan error
}

// ServerConfig configures a [Server].
type ServerConfig struct {
	// Access and Console are those of the API.
	Access  Access
	Console bool
	// WaitsFor says what the node waits for that starts.
	WaitsFor string
	// Logger. It must be given.
	Logger *slog.Logger
}

// NewServer begins to answer at ln, until Run or Close has ended.
func NewServer(ln net.Listener, cfg ServerConfig) *Server {
	s := &Server{ln: ln, cfg: cfg, served: make(chan error, 1)}
	s.http = &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    256 << 10, // a cursor has a position for each of thousands of shards
		ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	go func() { s.served <- s.http.Serve(ln) }()
	return s
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a := s.api.Load(); a != nil {
		a.ServeHTTP(w, r)
		return
	}
	deadline, rc := time.Now().Add(startingTimeout), http.NewResponseController(w)
	_, _ = rc.SetReadDeadline(deadline), rc.SetWriteDeadline(deadline) // a connection that has none is at its end
	w.Header().Set(requestIDHeader, requestID(r))
	if p := s.answerStarting(w, r); p != nil {
		p.write(w)
	}
}

// answerStarting answers a request that comes before there is an API, or returns the problem to answer with.
func (s *Server) answerStarting(w http.ResponseWriter, r *http.Request) *problem {
	need := anyToken
	if name, ok := consoleFile(r.URL.Path); ok && s.cfg.Console && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if p := s.cfg.Access.admit(r, public, false); p != nil {
			return p
		}
		return serveFile(w, r, name)
	}
	if r.URL.Path == healthPath || r.URL.Path == "/readyz" {
		need = s.cfg.Access.probes()
	}
	if p := s.cfg.Access.admit(r, need, false); p != nil {
		return p
	}
	if r.URL.Path == healthPath && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		getHealth(w, r, nil)
		return nil
	}
	return newProblem("starting", "the node is starting: %s", s.cfg.WaitsFor).retry("1")
}

// Use has a answer from now on. It is called once.
func (s *Server) Use(a *API) {
	s.http.RegisterOnShutdown(a.close)
	s.api.Store(a)
}

// Run waits until ctx ends; then it lets requests under way end within 10 s, and live streams at once. It closes the listener,
// and returns nil after an end that ctx asked for. It is called once.
func (s *Server) Run(ctx context.Context) error {
	select {
	case err := <-s.served:
		_ = s.Close()
		return fmt.Errorf("serve HTTP at %s: %w", s.ln.Addr(), err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := s.http.Shutdown(ending); err != nil {
		s.cfg.Logger.Warn("requests did not end in time; cut off", "error", err)
		_ = s.http.Close() // closes what Shutdown gave up on; nothing to add to its error
	}
	if err := <-s.served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP at %s: %w", s.ln.Addr(), err)
	}
	return nil
}

// Close closes the listener and all connections. After Run there is nothing left to close.
func (s *Server) Close() error {
	if err := s.http.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close %s: %w", s.ln.Addr(), err)
	}
	return nil
}
