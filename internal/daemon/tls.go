package daemon

import (
	"crypto/tls"
	"errors"

	"github.com/quadrille-stream/quadrille/internal/config"
)

// tlsOf reads the files that settings of TLS name; nil: it isn't wanted.
func tlsOf(wanted bool, files *config.TLSFiles) (*tls.Config, error) {
	if !wanted {
		if *files != (config.TLSFiles{}) {
			return nil, errors.New("tls-ca, tls-cert and tls-key need tls: true")
		}
		return nil, nil
	}
	roots, err := rootsOf(files.TLSCA)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}
	pair, err := certificateOf(files.TLSCert, files.TLSKey)
	if pair != nil {
		cfg.Certificates = []tls.Certificate{*pair}
	}
	return cfg, err
}
