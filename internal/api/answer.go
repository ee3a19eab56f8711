package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// ErrorHeader is the trailer that says why an answer broke off after its status was sent.
const ErrorHeader = "Quadrille-Error"

// The media types of answers, by what a query gives; the first is that of who doesn't choose. Those behind the standard ones are older
// or wider names.
var (
	rowTypes = []string{results.JSON.MediaType(), results.XML.MediaType(), results.CSV.MediaType(), results.TSV.MediaType(), typeJSON,
		"application/xml", "text/xml"}
	booleanTypes = []string{results.JSON.MediaType(), results.XML.MediaType(), typeJSON, "application/xml", "text/xml"}
	tripleTypes  = []string{rdfio.Turtle.MediaType(), rdfio.NTriples.MediaType(), rdfio.JSONLD.MediaType(), rdfio.RDFXML.MediaType(),
		rdfio.TriG.MediaType(), rdfio.NQuads.MediaType()}
	answerTypes = append(append([]string{}, rowTypes...), tripleTypes...)
)

// offersOf are the media types of what a query of the form gives.
func offersOf(f sparql.Form) []string {
	switch f {
	case sparql.Select:
		return rowTypes
	case sparql.Ask:
		return booleanTypes
	}
	return tripleTypes
}

// answer writes what a query gives.
type answer struct {
	api *API
	w   http.ResponseWriter
	r   *http.Request

	media   string
	out     *lazyWriter
	rows    *results.Writer
	triples rdfio.DataWriter
	release func()
}

func (a *API) newAnswer(w http.ResponseWriter, r *http.Request) *answer {
	out := &lazyWriter{w: w, rc: http.NewResponseController(w), timeout: a.cfg.WriteTimeout}
	return &answer{api: a, w: w, r: r, out: out, release: func() {}}
}

// problemError is a problem that ends an answer before it has begun.
type problemError struct{ *problem }

// Error implements error.
func (p problemError) Error() string { return p.Detail }

// Begin implements [graph.Answer].
func (a *answer) Begin(h graph.Head) error {
	media, p := acceptable(a.r.Header.Values("Accept"), offersOf(h.Form), sparqlPath)
	if p != nil {
		return problemError{p}
	}
	a.start(media)
	a.api.setCursor(a.w.Header(), h.Cut)
	if a.r.Method == http.MethodHead {
		return errAnswered
	}
	a.w.Header().Set("Trailer", ErrorHeader)
	if h.Form == sparql.Construct || h.Form == sparql.Describe {
		return a.beginTriples(h)
	}
	return a.beginRows(h)
}

// start sets the headers.
func (a *answer) start(media string) {
	a.media = media
	contentType := media
	if strings.HasPrefix(media, "text/") {
		contentType += "; charset=utf-8"
	}
	noStore(a.w, contentType)
	a.w.Header().Add("Vary", "Accept")
}

func (a *answer) beginRows(h graph.Head) (err error) {
	format, _ := results.ByMediaType(a.media) // it is one of ours
	if a.rows, err = results.NewWriter(a.out, format); err == nil && h.Form == sparql.Select {
		err = a.rows.Head(h.Vars)
	}
	return err
}

func (a *answer) beginTriples(h graph.Head) (err error) {
	format, _ := rdfio.Parse(a.media) // it is one of ours
	var prefixes []turtle.Prefix
	for _, p := range h.Prefixes {
		prefixes = append(prefixes, turtle.Prefix{Name: p.Name, IRI: p.IRI})
	}
	a.triples, a.release, err = a.api.node.NewDataWriter(a.out, format, rdfio.WithPrefixes(prefixes...))
	return err
}

// Row implements [graph.Answer].
func (a *answer) Row(terms []rdf.Term) error { return a.rows.Row(terms) }

// Triple implements [graph.Answer].
func (a *answer) Triple(t rdf.Triple) error { return a.triples.Write(rdf.Quad{S: t.S, P: t.P, O: t.O}) }

// Boolean implements [graph.Answer].
func (a *answer) Boolean(b bool) error { return a.rows.Boolean(b) }

// end ends the answer, or says why there is none, or no more.
func (a *answer) end(err error) *problem {
	if errors.Is(err, errAnswered) {
		return nil
	}
	if err == nil {
		err = a.complete()
	}
	switch {
	case err == nil:
		return nil
	case a.out.begun:
		a.breakOff(err)
		return nil
	}
	header := a.w.Header()
	for _, name := range []string{"Trailer", CursorHeader, "ETag", "Vary"} {
		header.Del(name)
	}
	return a.problem(err)
}

// complete writes the end of the answer. One that is short goes as a whole, with its length and without trailer.
func (a *answer) complete() (err error) {
	a.out.ending = true
	switch {
	case a.triples != nil:
		err = a.triples.Flush()
	case a.rows != nil:
		err = a.rows.Close()
	}
	if err != nil {
		return err
	}
	return a.out.finish()
}

func (a *answer) problem(err error) *problem {
	if p, ok := errors.AsType[problemError](err); ok {
		return p.problem
	}
	return a.api.quadsProblem(a.w, "query", err)
}

// breakOff says that there is no more, in the trailer where the body is of a form that nobody takes for whole without its end, such as
// JSON; of another one in a comment where it has such, and the connection is cut off.
func (a *answer) breakOff(err error) {
	p := a.problem(err)
	a.api.cutOff(a.w, "answer cut off", err)
	why := oneLine(fmt.Errorf("%s: %s", p.Code, p.Detail))
	format, isRows := results.ByMediaType(a.media)
	switch {
	case a.rows != nil && isRows && (format == results.JSON || format == results.XML):
		_ = a.rows.Flush()
		a.w.Header().Set(ErrorHeader, why)
		return
	case a.triples != nil && a.media == rdfio.RDFXML.MediaType():
		a.w.Header().Set(ErrorHeader, why)
		return
	case a.triples != nil:
		format, _ := rdfio.Parse(a.media)
		fmt.Fprint(a.out, "\n", rdfio.Comment(format, ErrorHeader+": "+why)) // a client that has gone away does not hear of it
	}
	_ = a.out.rc.Flush()
	panic(http.ErrAbortHandler)
}
