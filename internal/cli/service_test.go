package cli_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestService: SERVICE asks the hosts that are allowed, each the same thing once, and joins what they answer.
func TestService(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "a.ttl", "@prefix e: <http://example/> .\ne:a e:in e:hall . e:b e:in e:hall .\n_:x e:in e:other .\n")
	var asked atomic.Int32
	answer := func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if q := r.PostFormValue("query"); r.Method != http.MethodPost || !strings.Contains(q, "SELECT") || !strings.Contains(q, "<http://example/name>") {
			t.Errorf("%s %q", r.Method, q)
		}
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/sparql-results+json; charset=utf-8")
			fmt.Fprint(w, `{"head":{"vars":["n","s","u"]},"results":{"bindings":[
				{"s":{"type":"uri","value":"http://example/a"},"n":{"type":"literal","value":"A"}},
				{"s":{"type":"uri","value":"http://example/c"},"n":{"type":"literal","value":"C"}},
				{"s":{"type":"uri","value":"http://example/b"},"n":{"type":"bnode","value":"x"}}]}}`)
		case "/xml":
			w.Header().Set("Content-Type", "application/sparql-results+xml")
			fmt.Fprint(w, `<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="s"/></head><results>`+
				`<result><binding name="s"><uri>http://example/b</uri></binding></result></results></sparql>`)
		case "/text":
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, "hello")
		case "/moved":
			http.Redirect(w, r, "/json", http.StatusFound)
		default:
			http.Error(w, "no such dataset", http.StatusNotFound)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(answer))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	query := func(path, silent string, more ...string) (int, string, string) {
		text := "PREFIX e: <http://example/> SELECT ?s ?n { ?s e:in ?h SERVICE " + silent + " <" + server.URL + path + "> { ?s e:name ?n } } ORDER BY ?s"
		return run(t, "", append([]string{"query", "--data", "a.ttl", text}, more...)...)
	}
	for _, allowed := range []string{host, strings.Split(host, ":")[0]} {
		status, out, failed := query("/json", "", "--allow-host", allowed)
		if want := "?s\t?n\n<http://example/a>\t\"A\"\n<http://example/b>\t_:service1-x\n"; status != 0 || out != want {
			t.Errorf("%d, %q, %s, expected %q", status, out, failed, want)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("two queries asked %d times", n)
	}
	if _, out, _ := query("/xml", "", "--allow-host", host); out != "?s\t?n\n<http://example/b>\t\n" {
		t.Errorf("%q", out)
	}
	for _, test := range []struct{ path, allowed, want string }{
		{"/json", "other.example", "nothing is asked without leave; --allow-host " + host + " gives it"},
		{"/json", host + "0", "nothing is asked without leave"},
		{"/text", host, `expected results as JSON or XML, found "text/plain"`},
		{"/none", host, "404"},
		{"/moved", host, "302"},
	} {
		status, out, failed := query(test.path, "", "--allow-host", test.allowed)
		if status != 1 || strings.Count(failed, "\n") != 1 || !strings.HasPrefix(failed, "<query>:1:") || !strings.Contains(failed, test.want) {
			t.Errorf("%+v: %d, %q, %q", test, status, out, failed)
		}
		asked.Store(0)
		if status, out, failed := query(test.path, "SILENT", "--allow-host", test.allowed); status != 0 || strings.Count(out, "\n") != 4 {
			t.Errorf("%+v, SILENT: %d, %q, %q", test, status, out, failed)
		}
		if n := asked.Load(); n > 1 {
			t.Errorf("%+v asked %d times", test, n)
		}
	}
	if status, _, failed := query("/json", "", "--allow-host", host, "--max-memory", "100"); status != 1 || !strings.Contains(failed, "--max-memory") {
		t.Errorf("%d, %q", status, failed)
	}
}
