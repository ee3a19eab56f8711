package api

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/quadrille-stream/quadrille/internal/loopback"
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
	if err := cfg.Check(); err != nil {
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
		GetCertificate: cfg.Certificate.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}), nil
}

// Check reports what is wrong with it, as far as that can be known without listening.
func (cfg ListenConfig) Check() error {
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("listen address %q: expected HOST:PORT, such as %s", cfg.Addr, DefaultAddr)
	}
	if loopback.Is(host) {
		return nil
	}
	if cfg.Certificate == nil || !cfg.Protected {
		return fmt.Errorf("listen at %s: %w; configure a TLS certificate and key (tls-cert, tls-key) and tokens (token, tokens), "+
			"or listen on loopback, such as %s", cfg.Addr, ErrNotLoopback, DefaultAddr)
	}
	return nil
}
