package daemon

import (
	"crypto/tls"
	"errors"
)

// tlsOf reads the files that settings of TLS name; nil: it isn't wanted.
func tlsOf(wanted bool, ca, cert, key string) (*tls.Config, error) {
	if !wanted {
		if ca != "" || cert != "" || key != "" {
			return nil, errors.New("tls-ca, tls-cert and tls-key need tls: true")
		}
		return nil, nil
	}
	roots, err := rootsOf(ca)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	pair, err := certificateOf(cert, key)
	if pair != nil {
		cfg.Certificates = []tls.Certificate{*pair}
	}
	return cfg, err
}
