package api

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

// problem is the one error of the API, at its edge.
type problem struct {
	client.Problem
	header http.Header
}

// newProblem returns the problem of a code, which is one of [client.Codes].
func newProblem(code, format string, args ...any) *problem {
	c, _ := client.CodeNamed(code)
	return &problem{header: http.Header{}, Problem: client.Problem{Type: c.Type(), Title: c.Title, Status: c.Status, Code: code,
		Detail: shorten(fmt.Sprintf(format, args...))}}
}

// maxDetail bounds what a problem says, in bytes: what it repeats of the request may be long.
const maxDetail = 4 << 10

func shorten(text string) string {
	if len(text) <= maxDetail {
		return text
	}
	return fmt.Sprintf("%s… (and %d bytes more)", strings.ToValidUTF8(text[:maxDetail], ""), len(text)-maxDetail)
}

// retry says after how many seconds the request may be of use.
func (p *problem) retry(seconds string) *problem {
	p.header.Set("Retry-After", seconds)
	return p
}

func (p *problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	p.RequestID = w.Header().Get(requestIDHeader)
	writeAs(w, client.TypeProblem, p.Status, p.Problem)
}

func writeJSON(w http.ResponseWriter, value any) { writeAs(w, typeJSON, http.StatusOK, value) }

func writeAs(w http.ResponseWriter, mediaType string, status int, value any) {
	text, err := marshal(value)
	if err != nil {
		// Only a value of our own that JSON can't hold can come here.
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	text = append(text, '\n')
	noStore(w, mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that has gone away does not hear of it
}

// noStore sets the headers of an answer that is of now.
func noStore(w http.ResponseWriter, mediaType string) {
	header := w.Header()
	header.Set("Content-Type", mediaType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
}

// submitProblem maps an error of Submit.
func (a *API) submitProblem(w http.ResponseWriter, err error) *problem {
	p := a.causeProblem(w, err)
	var partial *graph.PartialError
	if errors.As(err, &partial) {
		p.Results = resultsOf(partial.Done)
	}
	switch {
	case p.Code == "halted": // no time is known after which it would be of use
	case p.Status == http.StatusServiceUnavailable:
		p.retry("1")
	case p.Status == http.StatusUnsupportedMediaType:
		p.header.Set("Accept-Post", acceptPost)
	}
	return p
}

func (a *API) causeProblem(w http.ResponseWriter, err error) *problem {
	var conflict *graph.ConflictError
	if errors.As(err, &conflict) {
		p := newProblem("prev_not_head", "%v", err)
		p.Head = conflict.Head
		return p
	}
	if local, ok := errors.AsType[*graph.NotLocalError](err); ok {
		return notLocal(local)
	}
	if code, ok := client.CodeOf(err); ok {
		p := newProblem(code.Name, "%v", err)
		p.place(err)
		return p
	}
	if p := syntaxProblem(err); p != nil {
		return p
	}
	if !errors.Is(err, graph.ErrInternal) { // which is in the log
		a.log(w).Error("submit", "error", err)
	}
	return newProblem("internal", "%v", err)
}

// notLocal says why an update can't be carried out, and what would do.
func notLocal(err *graph.NotLocalError) *problem {
	help := err.Help
	if !err.Elsewhere {
		help += "; or ask POST " + trialPath + " (quadrille delta) what it changes now, and send that patch, if nobody changes the same meanwhile"
	}
	p := newProblem("not_local", "%s; %s", err.Reason, help)
	p.Line, p.Column = err.Pos.Line, err.Pos.Column
	return p
}

// place tells where in the document it is, if the error does.
func (p *problem) place(err error) {
	if syntax, ok := errors.AsType[*rdf.SyntaxError](err); ok {
		p.Line, p.Column = syntax.Line, syntax.Col
	}
}

// syntaxProblem says where a document departs from its format; nil for an error of another kind.
func syntaxProblem(err error) *problem {
	if syntax, ok := errors.AsType[*rdf.SyntaxError](err); ok {
		p := newProblem("syntax", "%s", syntax.Msg)
		p.place(err)
		return p
	}
	if binary, ok := errors.AsType[*patch.BinaryError](err); ok {
		return newProblem("syntax", "%v", binary)
	}
	if document, ok := errors.AsType[*jsonld.Error](err); ok {
		return newProblem("syntax", "%v", document)
	}
	return nil
}
