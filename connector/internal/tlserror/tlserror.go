// Package tlserror tells errors of TLS that no trying again mends.
package tlserror

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
)

// Advice is what is to be done about a refusal.
const Advice = "check the certificates of both ends, and tls-ca"

// IsRefusal reports whether one of the two ends doesn't take the other's certificate, or doesn't speak TLS.
func IsRefusal(err error) bool {
	_, certificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, host := errors.AsType[x509.HostnameError](err)
	_, header := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	op, isOp := errors.AsType[*net.OpError](err)
	return certificate || authority || host || header || alert || isOp && op.Op == "remote error" // an alert that the other end has sent
}
