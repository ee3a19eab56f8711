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
	if (cert == "") != (key == "") {
		return nil, errors.New("tls-cert and tls-key belong together: give both, or none")
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
