package api

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/access"
)

// Access says who may do what. What has no token then needs none: everything, where Tokens is nil.
type Access struct {
	// Tokens are those that are taken, each as "Authorization: Bearer", for what [access.Right] allows.
	Tokens *access.Tokens
	// OpenMetrics: /metrics is for everybody. ClosedProbes: /healthz and /readyz are not, but need any token.
	OpenMetrics, ClosedProbes bool
}

// public is what a request needs that needs nothing; anyToken is enough with whichever right.
const (
	public   access.Right = 0
	anyToken              = access.Read | access.Write
)

// needs are the rights that requests need, by path and method. What is not listed needs access.Admin. docs/access.md shows it.
var needs = map[string]map[string]access.Right{
	"/v1/changes": {http.MethodGet: access.Read, http.MethodPost: access.Write},
	"/v1/data":    {http.MethodGet: access.Read},
	"/v1/status":  {http.MethodGet: anyToken},
	"/v1/verify":  {http.MethodGet: access.Admin},
	"/metrics":    {http.MethodGet: access.Read},
	"/healthz":    {http.MethodGet: public},
	"/readyz":     {http.MethodGet: public},
}

// need returns the right that a request needs.
func (a *Access) need(path, method string) access.Right {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	need, listed := needs[path][method]
	switch {
	case !listed:
		return access.Admin
	case need == public && a.ClosedProbes:
		return anyToken
	case path == "/metrics" && a.OpenMetrics:
		return public
	}
	return need
}

// admit returns nil if the request may come in, else the problem to answer with.
func (a *API) admit(r *http.Request) *problem {
	if !a.hostAllowed(r.Host) {
		return newProblem(http.StatusMisdirectedRequest, "wrong_host",
			"host %q is not this node; add it to the configured hosts if it should be", r.Host)
	}
	return a.cfg.Access.admit(r)
}

func (a *Access) admit(r *http.Request) *problem {
	if a.Tokens == nil {
		return nil
	}
	need := a.need(r.URL.Path, r.Method)
	if need == public {
		return nil
	}
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, found := a.Tokens.Find(strings.TrimSpace(text))
	switch {
	case !found || !strings.EqualFold(scheme, "Bearer"):
		p := newProblem(http.StatusUnauthorized, "unauthorized", `this node needs "Authorization: Bearer TOKEN"`)
		p.header.Set("WWW-Authenticate", `Bearer realm="quadrille"`)
		return p
	case !token.Rights.Has(need):
		p := newProblem(http.StatusForbidden, "forbidden", "%s %s needs the right %v, and the token of %s has %v", r.Method, r.URL.Path,
			need, token.Name, token.Rights)
		p.header.Set("WWW-Authenticate", `Bearer realm="quadrille", error="insufficient_scope", scope="`+need.String()+`"`)
		return p
	}
	return nil
}

func (a *API) hostAllowed(host string) bool {
	if a.cfg.Access.Tokens != nil && len(a.cfg.Hosts) == 0 {
		return true
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	isHost := func(name string) bool { return strings.EqualFold(name, host) }
	return isHost("localhost") || slices.ContainsFunc(a.cfg.Hosts, isHost)
}
