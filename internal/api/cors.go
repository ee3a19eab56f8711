package api

import (
	"net/http"
	"slices"
	"strings"
)

const (
	// corsRequest and corsExposed are the headers that pages of other origins may send, and see.
	corsRequest = "Accept, Authorization, Content-Encoding, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, " +
		CursorHeader + ", " + requestIDHeader
	corsExposed = "ETag, Location, Retry-After, " + CursorHeader + ", " + requestIDHeader
	// corsAge is how many seconds a browser may remember what it was told.
	corsAge = "600"
)

// cors lets pages of the origins that are configured, and no others, see the answer (the Fetch standard, 3.2). It reports whether the
// request was a browser's question whether it may ask, which has no token, and is answered.
func (a *API) cors(w http.ResponseWriter, r *http.Request, route route) (answered bool) {
	if len(a.cfg.Access.Origins) == 0 {
		return false
	}
	header := w.Header()
	header.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if !a.cfg.Access.lets(origin) {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origin)
	header.Set("Access-Control-Expose-Headers", corsExposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" || !a.cfg.Access.hostAllowed(r.Host) {
		return false
	}
	header.Set("Access-Control-Allow-Methods", route.allow())
	header.Set("Access-Control-Allow-Headers", corsRequest)
	header.Set("Access-Control-Max-Age", corsAge)
	w.WriteHeader(http.StatusNoContent)
	return true
}

// lets reports whether pages of the origin may see answers.
func (a *Access) lets(origin string) bool {
	return slices.ContainsFunc(a.Origins, func(o string) bool { return strings.EqualFold(strings.TrimSuffix(o, "/"), origin) })
}

// sameSite refuses what a browser sends for a page of another origin, unless that is configured or the method only reads: to send a form
// no page has to ask before, and what it would change is changed whether or not it may see the answer.
func (a *Access) sameSite(r *http.Request) *problem {
	var protection http.CrossOriginProtection
	if protection.Check(r) == nil || a.lets(r.Header.Get("Origin")) {
		return nil
	}
	return newProblem("cross_site", "the page that sends this is of %q; add that to the configured origins if it may ask this node",
		r.Header.Get("Origin"))
}
