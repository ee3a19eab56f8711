package api_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/api"
)

// TestCORS: a browser is told that pages of the configured origins may ask, before it sends a token, and of no other; without
// any, nobody is told anything.
func TestCORS(t *testing.T) {
	allowing := only(t, "secret of the test")
	allowing.Origins = []string{"https://pages.example"}
	closed := only(t, "secret of the test")
	for _, test := range []struct {
		access                  api.Access
		method, origin, allowed string
		status                  int
	}{
		{allowing, "OPTIONS", "https://pages.example", "https://pages.example", 204},
		{allowing, "GET", "https://pages.example", "https://pages.example", 401}, // of which the page may know
		{allowing, "OPTIONS", "https://other.example", "", 401},
		{allowing, "GET", "", "", 401},
		{closed, "OPTIONS", "https://pages.example", "", 401},
		{closed, "GET", "https://pages.example", "", 401},
	} {
		base := serve(t, good(), api.Config{Access: test.access})
		answer, body := call(t, test.method, base+"/sparql", "", "Origin", test.origin, "Access-Control-Request-Method", "POST")
		if answer.StatusCode != test.status || answer.Header.Get("Access-Control-Allow-Origin") != test.allowed {
			t.Errorf("%s from %q: %d %v %s", test.method, test.origin, answer.StatusCode, answer.Header, body)
		}
		if test.status == 204 && (!strings.Contains(answer.Header.Get("Access-Control-Allow-Methods"), "POST") ||
			!strings.Contains(answer.Header.Get("Access-Control-Allow-Headers"), "Authorization")) {
			t.Errorf("%v", answer.Header)
		}
		if got, _ := call(t, test.method, base+"/sparql", "", "Origin", test.origin, "Access-Control-Request-Method", "POST", "Host", "evil.example"); test.status == 204 && got.StatusCode != 204 {
			t.Errorf("with tokens any host is taken: %d", got.StatusCode)
		}
	}
	open := serve(t, good(), api.Config{Access: api.Access{Origins: []string{"https://pages.example"}}})
	if answer, _ := call(t, "OPTIONS", open+"/sparql", "", "Origin", "https://pages.example", "Access-Control-Request-Method", "POST", "Host", "evil.example"); answer.StatusCode != 421 {
		t.Errorf("another host: %d", answer.StatusCode)
	}
}

// TestCrossSite: what a browser sends for a page of another site is refused where it may change something, with a token or where none is
// needed, unless its origin is configured; what reads is answered, and so is who is no browser, and the node's own page.
func TestCrossSite(t *testing.T) {
	const form = "update=INSERT+DATA+%7B%7D"
	pages := []string{"https://pages.example/"}
	for _, test := range []struct {
		what, method, origin, site string
		origins                    []string
		status                     int
	}{
		{"a form of another site", "POST", "http://evil.example", "cross-site", nil, 403},
		{"a form of a page with no origin", "POST", "null", "cross-site", nil, 403},
		{"an old browser's", "POST", "http://evil.example", "", nil, 403},
		{"another port of this host", "POST", "http://127.0.0.1:1", "same-site", nil, 403},
		{"one that isn't configured", "POST", "http://evil.example", "cross-site", pages, 403},
		{"one that is", "POST", "https://pages.example", "cross-site", pages, 200},
		{"its own page", "POST", "http://127.0.0.1:1", "same-origin", nil, 200},
		{"no browser", "POST", "", "", nil, 200},
		{"a link", "GET", "", "cross-site", nil, 200},
	} {
		base := serve(t, good(), api.Config{Access: api.Access{Origins: test.origins}})
		path, body := base+"/sparql", form
		if test.method == "GET" {
			path, body = base+"/v1/status", ""
		}
		answer, text := call(t, test.method, path, body, "Content-Type", "application/x-www-form-urlencoded", "Origin", test.origin, "Sec-Fetch-Site", test.site)
		if answer.StatusCode != test.status || test.status == 403 && code(t, text) != "cross_site" {
			t.Errorf("%s: %d %s, want %d", test.what, answer.StatusCode, text, test.status)
		}
	}
}
