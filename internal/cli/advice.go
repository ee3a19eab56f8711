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
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/internal/verify"
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
	if e, ok := errors.AsType[*verify.StoreError](err); ok {
		return adviceForStore(e)
	}
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

// storeAddress says which addresses --against and --store-update are.
const storeAddress = "--against is the address at which the store takes queries, --store-update that for updates if it is another: " +
	"see the examples of quadrille verify --help"

// adviceForStore is for what was met on the way to the store that is compared with, whose flags are others than a node's.
func adviceForStore(err *verify.StoreError) string {
	told, answered := errors.AsType[*endpoint.StatusError](err)
	_, noHost := errors.AsType[*net.DNSError](err)
	_, noTrust := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case answered && (told.Status == http.StatusUnauthorized || told.Status == http.StatusForbidden):
		return "QUADRILLE_STORE_TOKEN, or --store-user and QUADRILLE_STORE_PASSWORD, say who asks the store"
	case answered && told.Status/100 != 5, errors.Is(err, sparql.ErrNoEndpoint):
		return storeAddress
	case noHost:
		return "is the host of the store right? " + storeAddress
	case noTrust:
		return "--store-ca FILE names the certificates to trust"
	case errors.Is(err, http.ErrSchemeMismatch):
		return "no TLS is spoken by the store: http://HOST:PORT/…"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "no store runs there: start it, or name another; " + storeAddress
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
