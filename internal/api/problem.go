package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/rdf"
)

// problem is the one error of the API, at its edge.
type problem struct {
	status  int
	header  http.Header
	Error   problemBody     `json:"error"`
	Results []client.Result `json:"results,omitempty"`
}

type problemBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Head    string `json:"head,omitempty"`
	// Shard is the one that an event "error" of a stream is about; without it the event ends the stream.
	Shard *int `json:"shard,omitempty"`
}

func newProblem(status int, code, format string, args ...any) *problem {
	return &problem{status: status, header: http.Header{},
		Error: problemBody{Code: code, Message: fmt.Sprintf(format, args...)}}
}

func (p *problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	writeJSON(w, p.status, p)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := marshal(value)
	if err != nil {
		// Only a value of our own that JSON can't hold can come here.
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	// A client that has gone away does not hear of it.
	_, _ = w.Write(append(text, '\n'))
}

// statuses are those of the codes that stand for an error, in the order in which they are looked for: what can't succeed
// before what may.
var statuses = []struct {
	code   string
	status int
}{
	{"unsupported_media_type", http.StatusUnsupportedMediaType},
	{"too_large", http.StatusRequestEntityTooLarge},
	{"bad_key", http.StatusBadRequest},
	{"key_reused", http.StatusUnprocessableEntity},
	{"bad_event", http.StatusUnprocessableEntity},
	{"prev_needs_dataset", http.StatusBadRequest},
	{codeHalted, http.StatusServiceUnavailable},
	{"stopped", http.StatusServiceUnavailable},
	{"no_room", http.StatusServiceUnavailable},
	{"no_leader", http.StatusServiceUnavailable},
	{codeBusy, http.StatusServiceUnavailable},
	{"no_owner", http.StatusServiceUnavailable},
	{"timeout", http.StatusServiceUnavailable},
	{"canceled", http.StatusServiceUnavailable},
}

const (
	codeHalted = "halted"
	codeBusy   = "busy"
)

// submitProblem maps an error of Submit.
func (a *API) submitProblem(err error) *problem {
	p := a.causeProblem(err)
	var partial *graph.PartialError
	if errors.As(err, &partial) {
		p.Results = resultsOf(partial.Done)
	}
	switch {
	case p.Error.Code == codeHalted: // no time is known after which it would be of use
	case p.status == http.StatusServiceUnavailable:
		p.header.Set("Retry-After", "1")
	case p.status == http.StatusUnsupportedMediaType:
		p.header.Set("Accept-Post", acceptPost)
	}
	return p
}

func (a *API) causeProblem(err error) *problem {
	if line, column, reason, ok := syntaxError(err); ok {
		p := newProblem(http.StatusBadRequest, "syntax", "%s", reason)
		p.Error.Line, p.Error.Column = line, column
		return p
	}
	var conflict *graph.ConflictError
	if errors.As(err, &conflict) {
		p := newProblem(http.StatusConflict, "prev_not_head", "%v", err)
		p.Error.Head = conflict.Head
		return p
	}
	for _, s := range statuses {
		if cause := client.Cause(s.code); cause != nil && errors.Is(err, cause) {
			return newProblem(s.status, s.code, "%v", err)
		}
	}
	a.cfg.Logger.Error("submit", "error", err)
	return newProblem(http.StatusInternalServerError, "internal", "%v", err)
}

// syntaxError returns where a document departs from its format.
func syntaxError(err error) (line, column int, reason string, ok bool) {
	var syntax *rdf.SyntaxError
	if errors.Is(err, event.ErrTooLarge) || !errors.As(err, &syntax) {
		return 0, 0, "", false
	}
	return syntax.Line, syntax.Col, syntax.Msg, true
}
