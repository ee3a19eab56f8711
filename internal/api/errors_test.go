package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/results"
	"github.com/quadrille-stream/quadrille/store"
)

// begun returns what came of an answer, and why there is no more.
func begun(t *testing.T, address string) ([]byte, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	return io.ReadAll(answer.Body)
}

// failures are errors of who reads quads, with what the client and the log hear: the code, when to come again, the level. What stands
// for no code of its own is "data", once for a query and once for quads as they are.
var failures = []struct {
	name  string
	err   error
	code  string
	again bool
	level string
}{
	{"budget", &eval.BudgetError{Bound: "Steps", Limit: 1}, "over_budget", false, ""},
	{"string", fmt.Errorf("%w: CONCAT", expr.ErrLimit), "over_budget", false, ""},
	{"expression", fmt.Errorf("%w: a cast of two", expr.ErrCompile), "syntax", false, ""},
	{"service", fmt.Errorf("line 1: %w", eval.ErrService), "no_service", false, ""},
	{"cursor", fmt.Errorf("%w: x", node.ErrCursor), "cursor", false, ""},
	{"held", fmt.Errorf("1: %w", graph.ErrHeld), "not_acceptable", false, ""},
	{"form", graph.ErrForm, "not_acceptable", false, ""},
	{"character", results.ErrCharacter, "not_acceptable", false, ""},
	{"busy", event.ErrBusy, "busy", true, ""},
	{"stopped", event.ErrStopped, "stopped", true, ""},
	{"no leader", fmt.Errorf("shard 1: %w", engine.ErrNoLeader), "no_leader", true, ""},
	{"no room", engine.ErrNoRoom, "no_room", true, ""},
	{"timeout", context.DeadlineExceeded, "timeout", false, ""},
	{"canceled", context.Canceled, "canceled", false, ""},
	{"damaged", fmt.Errorf("shard 1: %w", engine.ErrDamaged), "damaged", false, "WARN"},
	{"fault", graph.ErrInternal, "internal", false, ""}, // which the graph has put into the log
	{"closed", store.ErrClosed, "data", true, "ERROR"},  // which the graph tells in other words
	{"unknown", errors.New("boom"), "data", true, "ERROR"},
}

// TestErrorsOfReading: each has its code and its level, whoever reads.
func TestErrorsOfReading(t *testing.T) {
	n := good()
	var log logtext.Text
	base := serve(t, n, api.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, test := range failures {
		n.query = func(graph.Question, graph.Answer) error { return test.err }
		n.data = func(io.Writer, graph.DataOptions) (engine.Cursor, error) { return nil, test.err }
		for _, path := range []string{"/sparql?query=ASK%7B%7D", "/data?default", "/v1/data"} {
			if (test.code == "no_service" || test.code == "syntax") && path != "/sparql?query=ASK%7B%7D" || path == "/v1/data" && (test.code == "over_budget" || test.code == "syntax" || test.code == "cursor") {
				continue // which nothing of it can give
			}
			log.Take()
			answer, body := call(t, "GET", base+path, "")
			c, _ := client.CodeNamed(test.code)
			if answer.StatusCode != c.Status || code(t, body) != test.code || (answer.Header.Get("Retry-After") == "1") != test.again {
				t.Errorf("%s, %s: %d, again %q: %s", path, test.name, answer.StatusCode, answer.Header.Get("Retry-After"), body)
			}
			if said := log.Take(); (test.level == "") != (said == "") || !strings.Contains(said, test.level) {
				t.Errorf("%s, %s: the log has %q", path, test.name, said)
			}
		}
	}
}

// TestErrorsOfChanges: what a code stands for is no matter for the log, nor is what stands there already.
func TestErrorsOfChanges(t *testing.T) {
	n := good()
	var log logtext.Text
	base := serve(t, n, api.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, test := range []struct {
		err         error
		code, level string
	}{
		{fmt.Errorf("shard 1: %w", engine.ErrNoLeader), "no_leader", ""}, {event.ErrHalted, "halted", ""}, {event.ErrBad, "bad_event", ""},
		{context.Canceled, "canceled", ""}, {graph.ErrInternal, "internal", ""}, {errors.New("boom"), "internal", "ERROR"},
	} {
		n.submit = func(context.Context, graph.Submission) ([]graph.Result, error) { return nil, test.err }
		for path, media := range map[string]string{"/v1/changes": patchType, "/sparql": updateType} {
			log.Take()
			if _, body := call(t, "POST", base+path, "CLEAR ALL", "Content-Type", media); code(t, body) != test.code {
				t.Errorf("%s, %v: %s", path, test.err, body)
			}
			if said := log.Take(); (test.level == "") != (said == "") || !strings.Contains(said, test.level) {
				t.Errorf("%s, %v: the log has %q", path, test.err, said)
			}
		}
	}
}

// TestMissingShards: servers that are away for a while are no fault, and come back; damage is one, and doesn't.
func TestMissingShards(t *testing.T) {
	n := good()
	var log logtext.Text
	base := serve(t, n, api.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for _, test := range []struct {
		errs  []error
		again bool
	}{{[]error{engine.ErrNoLeader}, true}, {[]error{engine.ErrNoLeader, engine.ErrDamaged}, false}} {
		n.data = func(io.Writer, graph.DataOptions) (engine.Cursor, error) {
			return nil, &graph.MissingError{Shards: []int{1}, Errs: test.errs}
		}
		log.Take()
		answer, body := call(t, "GET", base+"/v1/data", "")
		if answer.StatusCode != 503 || code(t, body) != "incomplete" || (answer.Header.Get("Retry-After") != "") != test.again {
			t.Errorf("%v: %d %s", test.errs, answer.StatusCode, body)
		}
		if said := log.Take(); strings.Contains(said, "ERROR") == test.again {
			t.Errorf("%v: the log has %q", test.errs, said)
		}
	}
}

// TestFaultsOfHandlers: whatever panics, the client hears of it, or the answer is cut off, and the log has where, once.
func TestFaultsOfHandlers(t *testing.T) {
	n := good()
	var log logtext.Text
	base := serve(t, n, api.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	n.query = func(_ graph.Question, a graph.Answer) error {
		if err := a.Begin(graph.Head{Form: sparql.Select, Vars: []sparql.Var{"v"}}); err != nil {
			return err
		}
		panic("a secret of the program")
	}
	n.submit = func(context.Context, graph.Submission) ([]graph.Result, error) { panic("a secret of the program") }
	for _, ask := range []struct{ method, path, media string }{{"GET", "/sparql?query=ASK%7B%7D", ""}, {"POST", "/v1/changes", patchType}} {
		log.Take()
		answer, body := call(t, ask.method, base+ask.path, "x", "Content-Type", ask.media)
		if answer.StatusCode != 500 || code(t, body) != "internal" || strings.Contains(body, "secret") || answer.Header.Get("Trailer") != "" {
			t.Errorf("%s: %d %s", ask.path, answer.StatusCode, body)
		}
		if said := log.Take(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, "errors_test.go") || !strings.Contains(said, "secret") {
			t.Errorf("%s: the log has %q", ask.path, said)
		}
	}
	n.query = func(_ graph.Question, a graph.Answer) error {
		err := a.Begin(graph.Head{Form: sparql.Select, Vars: []sparql.Var{"v"}})
		for range 1000 {
			err = errors.Join(err, a.Row([]rdf.Term{rdf.Trusted(`"` + strings.Repeat("x", 1000) + `"`)}))
		}
		panic(err)
	}
	if body, err := begun(t, base+"/sparql?query=ASK%7B%7D"); err == nil || json.Valid(body) {
		t.Errorf("what had begun: %d bytes, %v", len(body), err)
	}
}
