package api

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// DefaultAddr is where a node listens unless it is told otherwise.
const DefaultAddr = "127.0.0.1:7375"

// ErrNotLoopback is returned for an address that others can reach, as long as it is not protected.
var ErrNotLoopback = errors.New("this address is open to others")

// ListenConfig says where and how to listen.
type ListenConfig struct {
	// Addr is host:port; port 0 takes a free one. Default [DefaultAddr]. An address that is not on loopback needs
	// CertFile, KeyFile and Protected.
	Addr string
	// CertFile and KeyFile are PEM files; with both, TLS 1.2 or newer is spoken.
	CertFile, KeyFile string
	// Protected says that the API has a token.
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
	if cfg.CertFile == "" {
		return ln, nil
	}
	cert, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("load TLS certificate %s and key %s: %w", cfg.CertFile, cfg.KeyFile, err),
			ln.Close())
	}
	return tls.NewListener(ln, &tls.Config{
		Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
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
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return errors.New("TLS needs both a certificate file and a key file")
	}
	if host == "localhost" {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	if cfg.CertFile == "" || !cfg.Protected {
		return fmt.Errorf("listen at %s: %w; configure a TLS certificate and key (tls-cert, tls-key) and a token (token), "+
			"or listen on loopback, such as %s", cfg.Addr, ErrNotLoopback, DefaultAddr)
	}
	return nil
}
