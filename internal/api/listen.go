package api

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// DefaultAddr is where a node listens unless it is told otherwise.
const DefaultAddr = "127.0.0.1:7375"

// ErrNotLoopback is returned for an address that others can reach, as long as it is not protected.
var ErrNotLoopback = errors.New("this address is open to others")

// ListenConfig says where and how to listen.
type ListenConfig struct {
	// Addr is host:port; port 0 takes a free one. Default [DefaultAddr]. An address that is not on loopback needs
	// Certificate and Protected.
	Addr string
	// Certificate: TLS 1.2 or newer is spoken. Nil: no TLS.
	Certificate *Certificate
	// Protected says that the API asks for tokens.
	Protected bool
}

// Listen opens the port.
func Listen(cfg ListenConfig) (net.Listener, error) {
	cfg.Addr = cmp.Or(cfg.Addr, DefaultAddr)
	if err := cfg.check(); err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP at %s: %w", cfg.Addr, err)
	}
	if cfg.Certificate == nil {
		return ln, nil
	}
	return tls.NewListener(ln, &tls.Config{
		GetCertificate: cfg.Certificate.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	}), nil
}

func (cfg *ListenConfig) check() error {
	host, _, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return fmt.Errorf("listen address %q: expected HOST:PORT: %w", cfg.Addr, err)
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	if cfg.Certificate == nil || !cfg.Protected {
		return fmt.Errorf("listen at %s: %w; configure a TLS certificate and key (tls-cert, tls-key) and tokens (token, tokens), "+
			"or listen on loopback, such as %s", cfg.Addr, ErrNotLoopback, DefaultAddr)
	}
	return nil
}

// Serve answers requests that come in at ln until ctx ends, then lets those under way end within 10 s; live streams
// end at once. It closes ln, and returns nil after an end that ctx asked for. It is called once.
func (a *API) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           a,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       a.cfg.ReadTimeout,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    256 << 10, // a cursor has a position for each of thousands of shards
		ErrorLog:          slog.NewLogLogger(a.cfg.Logger.Handler(), slog.LevelDebug),
	}
	server.RegisterOnShutdown(a.close)
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		a.close()
		return fmt.Errorf("serve HTTP at %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		a.cfg.Logger.Warn("requests did not end in time; cut off", "error", err)
		_ = server.Close() // closes what Shutdown gave up on; nothing to add to its error
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP at %s: %w", ln.Addr(), err)
	}
	return nil
}
