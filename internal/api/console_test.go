package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/api"
)

// TestConsoleFiles: everybody gets the page and all that it names, with headers that keep it to itself; who has a file is told so.
func TestConsoleFiles(t *testing.T) {
	url := serve(t, &scripted{}, api.Config{Console: true, Access: only(t, "0123456789abcdef")})
	_, page := call(t, "GET", url+"/", "")
	names := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(names) < 3 {
		t.Fatalf("the page names %v:\n%s", names, page)
	}
	if regexp.MustCompile(`<style|<script(>| [^>]*></script>.)|\son\w+=|style=`).MatchString(page) {
		t.Errorf("the page has a script or style that its policy forbids:\n%s", page)
	}
	for _, path := range append([][]string{{"", "/"}}, names...) {
		answer, _ := call(t, "GET", url+path[1], "")
		header := answer.Header
		if answer.StatusCode != http.StatusOK || header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v", path[1], answer.StatusCode, header)
		}
		policy := header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy+";", want+";") {
				t.Errorf("%s: no %s in %q", path[1], want, policy)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") || strings.Contains(policy, "*") {
			t.Errorf("%s: %q", path[1], policy)
		}
		if again, body := call(t, "GET", url+path[1], "", "If-None-Match", header.Get("ETag")); again.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s again: %d", path[1], again.StatusCode)
		}
	}
	if answer, body := call(t, "GET", url+"/console/nothing.js", ""); answer.StatusCode != 404 || code(t, body) != "not_found" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	off := serve(t, &scripted{}, api.Config{})
	for _, path := range []string{"/", "/console/app.js"} {
		if answer, _ := call(t, "GET", off+path, ""); answer.StatusCode != 404 {
			t.Errorf("%s of a node that shows none: %d", path, answer.StatusCode)
		}
	}
	open := serve(t, &scripted{}, api.Config{Console: true})
	if answer, body := call(t, "GET", open+"/", "", "Host", "evil.example"); code(t, body) != "wrong_host" {
		t.Errorf("a name that leads here: %d %s", answer.StatusCode, body)
	}
}
