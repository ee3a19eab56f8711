package api

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Access says who may do what. What has no token then needs none: everything, where Tokens is nil.
type Access struct {
	// Tokens are those that are taken, each as "Authorization: Bearer", for what [access.Right] allows.
	Tokens *access.Tokens
	// OpenMetrics: /metrics is for everybody. ClosedProbes: /healthz and /readyz are not, but need any token.
	OpenMetrics, ClosedProbes bool
	// Hosts are the names, besides localhost and loopback addresses, that a request may have as its Host. Without tokens every
	// other Host is refused, so that no web page can reach a node on loopback by DNS rebinding. With tokens and no Hosts, any
	// Host is taken.
	Hosts []string
	// Origins are those of the web pages, besides the node's own, that may see answers, and send what changes something, such as
	// https://pages.example. A browser shows answers to no others, and what it sends for them by other methods than GET, HEAD and OPTIONS is
	// refused.
	Origins []string
}

// What an endpoint needs besides a single right. One that would be left without any is for who may do all.
const (
	// public: no token.
	public access.Right = 1 << 7
	// anyToken: one with whichever right.
	anyToken = access.Read | access.Write
)

// metrics is what /metrics needs.
func (a *Access) metrics() access.Right {
	if a.OpenMetrics {
		return public
	}
	return access.Read
}

// probes is what /healthz and /readyz need.
func (a *Access) probes() access.Right {
	if a.ClosedProbes {
		return anyToken
	}
	return public
}

// admit returns nil if a request may come in that needs so much, else the problem to answer with. basic: the token may come as the
// password of HTTP basic authentication, whoever the user is.
func (a *Access) admit(r *http.Request, need access.Right, basic bool) *problem {
	if !a.hostAllowed(r.Host) {
		return newProblem("wrong_host", "host %q is not this node; add it to the configured hosts if it should be", r.Host)
	}
	if p := a.sameSite(r); p != nil {
		return p
	}
	if a.Tokens == nil || need == public {
		return nil
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	text := bearer(r)
	if _, password, ok := r.BasicAuth(); ok && basic {
		scheme, text = "Bearer", password
	}
	token, found := a.Tokens.Find(text)
	switch {
	case !found || !strings.EqualFold(scheme, "Bearer"):
		p := newProblem("unauthorized", `this node needs "Authorization: Bearer TOKEN"`)
		p.header.Set("WWW-Authenticate", `Bearer realm="quadrille"`)
		if basic {
			p.header.Add("WWW-Authenticate", `Basic realm="quadrille"`)
		}
		return p
	case !token.Rights.Has(need):
		p := newProblem("forbidden", "%s %s needs the right %v, and the token of %s has %v", r.Method, r.URL.Path, need, token.Name,
			token.Rights)
		p.header.Set("WWW-Authenticate", `Bearer realm="quadrille", error="insufficient_scope", scope="`+need.String()+`"`)
		return p
	}
	return nil
}

// bearer is the text of a request's token, "" if it has none.
func bearer(r *http.Request) string {
	_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(text)
}

// who is the name of the token of a request that was let in, "" where there are no tokens.
func (a *Access) who(r *http.Request) string {
	if a.Tokens == nil {
		return ""
	}
	token, _ := a.Tokens.Find(bearer(r))
	return token.Name
}

func (a *Access) hostAllowed(host string) bool {
	if a.Tokens != nil && len(a.Hosts) == 0 {
		return true
	}
	host = strings.TrimSuffix(loopback.Host(host), ".")
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return true
	}
	isHost := func(name string) bool { return strings.EqualFold(name, host) }
	return isHost("localhost") || slices.ContainsFunc(a.Hosts, isHost)
}
