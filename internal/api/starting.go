package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Starting answers requests at a listener until there is an [API]: a node that waits for its engine, for hours if a cluster
// has no majority, must not leave those hanging who ask it. /healthz is answered as ever; all else with 503, the code
// "starting", and what the node waits for.
type Starting struct {
	server *http.Server
	share  *share
	ended  chan struct{}
}

// NewStarting starts to answer at ln, until Stop. why says what the node waits for.
func NewStarting(ln net.Listener, why string) *Starting {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { getHealth(w, r, nil) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(requestIDHeader, requestID(r))
		newProblem("starting", "the node is starting: %s", why).retry("1").write(w)
	})
	s := &Starting{share: newShare(ln), ended: make(chan struct{}),
		server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
			WriteTimeout: 10 * time.Second}}
	s.server.SetKeepAlivesEnabled(false)
	go func() {
		defer close(s.ended)
		_ = s.server.Serve(s.share.lend()) // it ends with Stop
	}()
	return s
}

// Stop ends it, lets requests under way end within a second, and returns a listener for who answers next; that closes ln when
// it is closed. It is called once.
func (s *Starting) Stop() net.Listener {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.server.Shutdown(ctx) != nil {
		_ = s.server.Close()
	}
	<-s.ended
	return s.share.own()
}

// share lets one listener be used by several, one after the other.
type share struct {
	ln     net.Listener
	conns  chan net.Conn
	err    error // of ln, once failed is closed
	failed chan struct{}
	done   chan struct{} // is closed when ln is
}

func newShare(ln net.Listener) *share {
	s := &share{ln: ln, conns: make(chan net.Conn), failed: make(chan struct{}), done: make(chan struct{})}
	go s.accept()
	return s
}

func (s *share) accept() {
	defer close(s.failed)
	for {
		c, err := s.ln.Accept()
		if err != nil {
			s.err = err
			return
		}
		select {
		case s.conns <- c:
		case <-s.done:
			_ = c.Close()
		}
	}
}

// lend returns a listener whose end leaves ln open.
func (s *share) lend() net.Listener { return &lent{share: s, ended: make(chan struct{})} }

// own returns a listener whose end closes ln.
func (s *share) own() net.Listener { return &lent{share: s, ended: make(chan struct{}), owns: true} }

type lent struct {
	*share
	ended chan struct{}
	owns  bool
	once  sync.Once
}

func (l *lent) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.ended:
		return nil, fmt.Errorf("accept at %s: %w", l.ln.Addr(), net.ErrClosed)
	case <-l.failed:
		return nil, l.err
	}
}

func (l *lent) Addr() net.Addr { return l.ln.Addr() }

func (l *lent) Close() (err error) {
	l.once.Do(func() {
		close(l.ended)
		if l.owns {
			close(l.done)
			if err = l.ln.Close(); errors.Is(err, net.ErrClosed) {
				err = nil
			}
			<-l.failed
		}
	})
	return err
}
