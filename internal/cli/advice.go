package cli

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/quadrille-stream/quadrille/client"
)

// advised puts behind an error of the way to a node what may help; a node's own way to others has other flags.
func advised(err error) error {
	if _, own := errors.AsType[prefixed](err); own {
		return err
	}
	if advice := adviceFor(err); advice != "" {
		return fmt.Errorf("%w; %s", err, advice)
	}
	return err
}

func adviceFor(err error) string {
	if told, ok := errors.AsType[*client.Error](err); ok {
		return adviceForAnswer(told)
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "is the host in --url right?"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "--tls-ca FILE names the certificates to trust"
	}
	switch {
	case errors.Is(err, client.ErrNotNode):
		return adviceNotNode
	case errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS is spoken there: --url http://HOST:PORT"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no node runs there: start one (quadrille serve), or name another with --url or QUADRILLE_URL"
	}
	return ""
}

// adviceNotNode is for answers of others.
const adviceNotNode = "--url or QUADRILLE_URL is to be the address of a node's HTTP API, http://HOST:PORT, which the node prints when it is ready"

// adviceForAnswer is for what a node has answered, or somebody in its place.
func adviceForAnswer(e *client.Error) string {
	switch {
	case e.Code == "unauthorized":
		return "--token or, better, QUADRILLE_TOKEN is the node's token"
	case e.Code == "wrong_host":
		return "--url is to have a name that the node knows as its own (serve --hosts)"
	case e.Code == "prev_needs_dataset":
		return "--ignore-prev leaves the headers \"prev\" out"
	case e.Code == "starting":
		return "--patience says how long to go on trying"
	case e.Code == "not_found":
		if u, err := url.Parse(e.URL); err == nil && strings.Trim(u.Path, "/") != "" {
			return fmt.Sprintf("--url is the address of a node without a path, %s://%s", u.Scheme, u.Host)
		}
	case strings.Contains(e.Detail, "HTTP request to an HTTPS server"):
		return "TLS is spoken there: --url https://HOST:PORT"
	case errors.Is(e, client.ErrNotNode):
		return adviceNotNode
	}
	return ""
}
