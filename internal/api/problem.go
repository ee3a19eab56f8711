package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdf"
)

// problem is the one error of the API, at its edge.
type problem struct {
	status  int
	header  http.Header
	Error   problemBody        `json:"error"`
	Results []node.ShardResult `json:"results,omitempty"`
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
	text, err := json.Marshal(value)
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

// coded are the errors that have a status and a code of their own, in the order in which they are looked for: what can't
// succeed before what may.
var coded = []struct {
	err    error
	status int
	code   string
}{
	{node.ErrMediaType, http.StatusUnsupportedMediaType, "unsupported_media_type"},
	{event.ErrTooLarge, http.StatusRequestEntityTooLarge, "too_large"},
	{node.ErrKey, http.StatusBadRequest, "bad_key"},
	{event.ErrReused, http.StatusUnprocessableEntity, "key_reused"},
	{event.ErrBad, http.StatusUnprocessableEntity, "bad_event"},
	{node.ErrPrevNeedsDataset, http.StatusBadRequest, "prev_needs_dataset"},
	{event.ErrHalted, http.StatusServiceUnavailable, codeHalted},
	{event.ErrStopped, http.StatusServiceUnavailable, "stopped"},
	{engine.ErrNoRoom, http.StatusServiceUnavailable, "no_room"},
	{engine.ErrNoLeader, http.StatusServiceUnavailable, "no_leader"},
	{event.ErrBusy, http.StatusServiceUnavailable, codeBusy},
	{event.ErrNoOwner, http.StatusServiceUnavailable, "no_owner"},
	{context.DeadlineExceeded, http.StatusServiceUnavailable, "timeout"},
	{context.Canceled, http.StatusServiceUnavailable, "canceled"},
}

const (
	codeHalted = "halted"
	codeBusy   = "busy"
)

// CodeError returns the error of package node that a code of the API stands for, nil if it stands for none.
func CodeError(code string) error {
	for _, c := range coded {
		if c.code == code {
			return c.err
		}
	}
	return nil
}

// submitProblem maps an error of Submit.
func (a *API) submitProblem(err error) *problem {
	p := a.causeProblem(err)
	var partial *node.PartialError
	if errors.As(err, &partial) {
		p.Results = partial.Done
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
	var conflict *node.ConflictError
	if errors.As(err, &conflict) {
		p := newProblem(http.StatusConflict, "prev_not_head", "%v", err)
		p.Error.Head = conflict.Head
		return p
	}
	for _, c := range coded {
		if errors.Is(err, c.err) {
			return newProblem(c.status, c.code, "%v", err)
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
