package tlserror

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
)

func TestIsRefusal(t *testing.T) {
	for _, err := range []error{
		&tls.CertificateVerificationError{Err: errors.New("expired")}, x509.UnknownAuthorityError{}, x509.HostnameError{Certificate: &x509.Certificate{}},
		tls.RecordHeaderError{Msg: "no TLS"}, tls.AlertError(42), &net.OpError{Op: "remote error", Err: tls.AlertError(42)},
	} {
		if !IsRefusal(fmt.Errorf("connect: %w", err)) {
			t.Errorf("%T is none", err)
		}
	}
	for _, err := range []error{nil, io.EOF, &net.OpError{Op: "dial", Err: errors.New("refused")}} {
		if IsRefusal(err) {
			t.Errorf("%v is one", err)
		}
	}
}
