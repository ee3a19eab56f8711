package api

import (
	"net/http"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/web"
)

// filePart stands in a path for the name of a file of the console.
const filePart = "{file}"

// consolePath is where its files are.
const consolePath = "/console/"

// consolePolicy has a browser load nothing but what this node gives out, run no script that stands in a page, and show it in no
// frame (Content Security Policy Level 3).
const consolePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// consoleTypes are the media types of the files.
var consoleTypes = []string{"text/javascript", "text/css", "image/svg+xml", "text/plain"}

// consoleEndpoints are those of the console, which are public: what they show is asked for with a token.
func (a *API) consoleEndpoints() []*endpoint {
	if !a.cfg.Console {
		return nil
	}
	return []*endpoint{
		{method: http.MethodGet, path: "/", what: "The console, a page for a browser; a node whose console is off has none.",
			gives: []string{"text/html"}, statuses: []int{http.StatusOK, http.StatusNotModified},
			codes: []string{"not_found"}, compressed: true, needs: public,
			serve: serveConsole},
		{method: http.MethodGet, path: consolePath + filePart, what: "A file of the console.",
			segments: map[string]string{"file": "Name of the file."},
			gives:    consoleTypes, statuses: []int{http.StatusOK, http.StatusNotModified}, codes: []string{"not_found"},
			compressed: true, needs: public,
			serve: serveConsole},
	}
}

// consoleFile is the name of the file of the console that a path leads to, "" for the page; ok is false where it leads elsewhere.
func consoleFile(path string) (name string, ok bool) {
	if path == "/" {
		return "", true
	}
	return strings.CutPrefix(path, consolePath)
}

func serveConsole(w http.ResponseWriter, r *http.Request, _ args) {
	name, _ := consoleFile(r.URL.Path) // it is one of the table
	if p := serveFile(w, r, name); p != nil {
		p.write(w)
	}
}

// serveFile answers with a file, or returns the problem to answer with. A browser asks each time whether it is still the same: a page and its scripts are of one version.
func serveFile(w http.ResponseWriter, r *http.Request, name string) *problem {
	f, ok := web.Find(name)
	if !ok {
		return newProblem("not_found", "the console has no file %q", name)
	}
	media, _, _ := strings.Cut(f.Type, ";")
	if _, p := acceptable(r.Header.Values("Accept"), []string{media}, r.URL.Path); p != nil {
		return p
	}
	header := w.Header()
	header.Set("Cache-Control", "no-cache")
	header.Set("ETag", f.ETag)
	header.Set("Content-Security-Policy", consolePolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	if etagMatches(r.Header.Values("If-None-Match"), f.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	header.Set("Content-Type", f.Type)
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.Text) // a client that has gone away does not hear of it
	}
	return nil
}
