package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAsker: an answer counts only if it is whole.
func TestAsker(t *testing.T) {
	const rows = `{"head":{"vars":["p","o"]},"results":{"bindings":[{"p":{},"o":{}},{"p":{},"o":{}}]}}`
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		switch r.ContentLength {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Trailer", "Quadrille-Error")
			defer w.Header().Set("Quadrille-Error", "over_budget: too much")
		}
		fmt.Fprint(w, rows)
		w.(http.Flusher).Flush()
	}))
	defer server.Close()
	a, err := newAsker(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ text, want string }{{"whole", ""}, {"1", "503"}, {"22", "too much"}, {"whole", ""}} {
		answer, err := a.ask(test.text, answersJSON)
		switch {
		case test.want == "" && (string(answer) != rows || err != nil):
			t.Errorf("%q: %q, %v", test.text, answer, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%q: %q, %v, want an error with %q", test.text, answer, err, test.want)
		}
	}
	if err := a.close(); err != nil || len(connections) != 1 {
		t.Errorf("%d connections, want one that is kept: %v", len(connections), err)
	}
}
