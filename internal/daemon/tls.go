package daemon

import (
	"crypto/tls"
	"errors"

	"github.com/quadrille-stream/quadrille/client"
)

// clientTLS reads the files that the TLS settings of a connection name; nil if it is not encrypted.
func clientTLS(on bool, ca, cert, key string) (*tls.Config, error) {
	if !on {
		if ca != "" || cert != "" || key != "" {
			return nil, errors.New("tls-ca, tls-cert and tls-key need tls: true")
		}
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		roots, err := client.ReadRoots(ca)
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = roots
	}
	if (cert == "") != (key == "") {
		return nil, errors.New("tls-cert and tls-key belong together: give both, or none")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}
