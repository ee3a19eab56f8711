package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/expr"
)

// The media types of what is asked.
const (
	typeQuery  = "application/sparql-query"
	typeUpdate = graph.TypeUpdate
	typeForm   = "application/x-www-form-urlencoded"
)

var sparqlTypes = []string{typeQuery, typeUpdate, typeForm}

// sparqlPath is where queries and updates go.
const sparqlPath = "/sparql"

var (
	// queryParameters are those of a query, updateParameters those of an update (SPARQL 1.1 Protocol, 2.1 and 2.2).
	queryParameters = []parameter{
		{name: "query", kind: kindText, what: "The query: SPARQL."},
		{name: "default-graph-uri", kind: kindIRI, many: true, what: "A graph of the default graph, in the place of what the query says of FROM."},
		{name: "named-graph-uri", kind: kindIRI, many: true, what: "A named graph, in the place of what the query says of FROM NAMED."},
		{name: "timeout", kind: kindTime, what: "How long the answer may take; no longer than the node allows."},
	}
	updateParameters = []parameter{
		{name: "using-graph-uri", kind: kindIRI, many: true, what: "A graph of the default graph of what WHERE looks at, in an update without USING and WITH."},
		{name: "using-named-graph-uri", kind: kindIRI, many: true, what: "A named graph of that."},
	}
	formParameters = append(append([]parameter{{name: "update", kind: kindText, what: "The update: SPARQL."}}, queryParameters...), updateParameters...)
)

// sparqlEndpoints are those of the SPARQL Protocol.
func (a *API) sparqlEndpoints() []*endpoint {
	cursor := "A cursor, such as an earlier answer had: the answer knows of all that it names."
	codes := []string{"syntax", "cursor", "over_budget", "no_service", "busy", "timeout", "canceled", "stopped", "no_leader", "no_room", "damaged", "data", "internal"}
	return []*endpoint{
		{method: http.MethodGet, path: sparqlPath,
			what:  "Answers a query, of the shards as they were when it came, or newer (SPARQL 1.1 Protocol). Without one, describes the service. Parameters that it doesn't know are left out.",
			query: queryParameters, headers: map[string]string{CursorHeader: cursor}, lenient: true,
			gives: answerTypes, statuses: []int{http.StatusOK}, codes: codes,
			needs: access.Read, basic: true, compressed: true, serve: a.getSPARQL},
		{method: http.MethodPost, path: sparqlPath,
			what: "Answers a query, which needs the right read, or carries out an update, which needs the right write: direct, or as the parameter query or update of a form. " +
				"Parameters that it doesn't know are left out.",
			query: append(queryParameters[1:], updateParameters...), lenient: true,
			headers: map[string]string{CursorHeader: cursor, "Content-Encoding": "gzip, or x-gzip, which is the same, or none; once.",
				"Idempotency-Key": "Makes it safe to send the same update again, as for /v1/changes."},
			takes: sparqlTypes, gives: append([]string{typeJSON}, answerTypes...), statuses: []int{http.StatusOK, http.StatusNoContent},
			codes: append([]string{"unsupported_media_type", "unsupported_encoding", "too_large", "bad_key", "key_reused", "bad_event", "not_local", "halted",
				"no_owner", "forbidden", "body", "length_required", "slow_body"}, codes...),
			needs: anyToken, basic: true, compressed: true, serve: a.postSPARQL},
	}
}

// kindTime is a time with its unit, or a number of seconds.
var kindTime = kind{schema{"type": "string"}, "a number of seconds, or a time with its unit such as 500ms", parseTime}

func parseTime(text string) (any, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		d, err = time.ParseDuration(text + "s")
	}
	if err == nil && d <= 0 {
		err = fmt.Errorf("%s: expected more than 0", text)
	}
	return d, err
}

// getSPARQL answers a query in the URL, or describes the service.
func (a *API) getSPARQL(w http.ResponseWriter, r *http.Request, args args) {
	text, given := arg[string](args, "query")
	var p *problem
	switch {
	case r.URL.Query().Has("update"):
		p = newProblem("bad_parameter", "an update goes by POST")
	case given:
		p = a.query(w, r, text, args)
	default:
		p = a.describeService(w, r)
	}
	if p != nil {
		p.write(w)
	}
}

// postSPARQL answers or carries out what is in the body.
func (a *API) postSPARQL(w http.ResponseWriter, r *http.Request, args args) {
	body, release, p := a.sparqlBody(w, r, args)
	defer release()
	if p == nil {
		rc := http.NewResponseController(w)
		// The body is there: from now on the node has its own bounds.
		_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{})
		if body.update {
			p = a.update(w, r, body)
		} else {
			p = a.query(w, r, body.text, body.args)
		}
	}
	if p != nil {
		p.write(w)
	}
}

// sparqlBody is what came by POST.
type sparqlBody struct {
	text   string
	update bool
	args   args
}

// sparqlBody reads the body, of which the right that the token needs follows. The caller calls release.
func (a *API) sparqlBody(w http.ResponseWriter, r *http.Request, args args) (b sparqlBody, release func(), p *problem) {
	media, p := mediaOf(r, sparqlTypes)
	if p != nil {
		return b, func() {}, p
	}
	text, release, p := a.readBody(w, r)
	if p != nil {
		return b, release, p
	}
	if !utf8.Valid(text) {
		return b, release, newProblem("body", "the body is no UTF-8")
	}
	b = sparqlBody{text: string(text), update: media == typeUpdate, args: args}
	if media == typeForm {
		p = b.form()
	}
	need := access.Read
	if b.update {
		need = access.Write
	}
	if p == nil {
		p = a.cfg.Access.admit(r, need, true)
	}
	return b, release, p
}

// form reads a form, whose parameters are besides those of the URL.
func (b *sparqlBody) form() *problem {
	values, err := url.ParseQuery(b.text)
	if err != nil {
		return newProblem("body", "the form is malformed: %v", err)
	}
	form := &endpoint{method: http.MethodPost, path: sparqlPath, query: formParameters, lenient: true}
	parsed, p := form.parse(values)
	if p != nil {
		return p
	}
	query, asks := arg[string](parsed, "query")
	update, changes := arg[string](parsed, "update")
	if asks == changes {
		return newProblem("bad_parameter", "the form has %d of query and update: expected one", map[bool]int{true: 2}[asks])
	}
	b.text, b.update = query+update, changes
	for name, values := range b.args {
		parsed[name] = append(parsed[name], values...)
	}
	b.args = parsed
	return nil
}

// mediaOf returns the media type of the body, if it is one of these, in UTF-8.
func mediaOf(r *http.Request, types []string) (string, *problem) {
	media, p := mediaIn(strings.Join(r.Header.Values("Content-Type"), ", "), types) // which no two lines can make
	if p != nil {
		p.header.Set("Accept-"+r.Method[:1]+strings.ToLower(r.Method[1:]), strings.Join(types, ", "))
	}
	return media, p
}

// mediaIn returns which of the media types a header Content-Type has, in UTF-8; for one that is older or wider, that of the format.
func mediaIn(text string, types []string) (string, *problem) {
	if slices.Contains(types, text) { // as most write it
		return text, nil
	}
	media, params, err := mime.ParseMediaType(text)
	if format, known := rdfio.ByMediaType(media); known {
		media = format.MediaType()
	}
	charset, hasCharset := params["charset"]
	if err == nil && slices.Contains(types, media) && (!hasCharset || strings.EqualFold(charset, "utf-8")) {
		return media, nil
	}
	return "", newProblem("unsupported_media_type", "Content-Type %q is not supported; send %s, in UTF-8", text, strings.Join(types, ", "))
}

// datasetOf reads the graphs of the protocol.
func datasetOf(args args, defaults, named string) (d sparql.Dataset) {
	for _, value := range args[defaults] {
		d.Default = append(d.Default, value.(rdf.Term))
	}
	for _, value := range args[named] {
		d.Named = append(d.Named, value.(rdf.Term))
	}
	return d
}

// query has a query answered.
func (a *API) query(w http.ResponseWriter, r *http.Request, text string, args args) *problem {
	q := graph.Question{Text: text, Base: baseOf(r), Dataset: datasetOf(args, "default-graph-uri", "named-graph-uri")}
	q.Time, _ = arg[time.Duration](args, "timeout")
	var p *problem
	if q.After, p = a.after(r); p != nil {
		return p
	}
	ctx, cancel := a.ending(r.Context())
	defer cancel()
	out := a.newAnswer(w, r)
	defer func() { out.release() }()
	return out.end(a.node.Query(ctx, q, out))
}

// ending returns a context that ends with the node's server, too, and then by [event.ErrStopped].
func (a *API) ending(of context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(of)
	unhook := context.AfterFunc(a.closing, func() { cancel(fmt.Errorf("%w: the node is shutting down; ask another one", event.ErrStopped)) })
	return ctx, func() { unhook(); cancel(nil) }
}

// baseOf is what relative IRIs of a request are resolved against: its own address (RFC 3986, 5.1.3).
func baseOf(r *http.Request) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawPath: r.URL.RawPath}
	if r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}

// after reads the cursor that an answer must know of.
func (a *API) after(r *http.Request) (engine.Cursor, *problem) {
	text := strings.Join(r.Header.Values(CursorHeader), ",")
	if text == "" {
		return nil, nil
	}
	c, err := client.ParseCursor(text)
	if err != nil {
		return nil, newProblem("bad_parameter", "header %s: %v", CursorHeader, err)
	}
	if own := a.pipeline(); c.Pipeline != "" && c.Pipeline != own {
		return nil, newProblem("cursor", "the cursor is of pipeline %q, and this is %q", c.Pipeline, own)
	}
	return c.Cursor, nil
}

// maxShort bounds the bytes of a cursor in a header, without ids where it would be longer than [maxTrailer] with them.
const maxShort = 8 << 10

// setCursor tells a cursor in the header, if there is room.
func (a *API) setCursor(header http.Header, marks engine.Cursor) {
	if len(marks) == 0 {
		return
	}
	c := client.Cursor{Pipeline: a.pipeline(), Cursor: marks}
	text := c.String()
	if len(text) > maxTrailer {
		short := engine.Cursor{}
		for s, m := range marks {
			short[s] = engine.Mark{Position: m.Position}
		}
		c.Cursor = short
		text = c.String()
	}
	if len(text) <= maxShort {
		header.Set(CursorHeader, text)
	}
}

// update has an update carried out.
func (a *API) update(w http.ResponseWriter, r *http.Request, body sparqlBody) *problem {
	key, p := a.idempotencyKey(w, r)
	if p != nil {
		return p
	}
	using := datasetOf(body.args, "using-graph-uri", "using-named-graph-uri")
	text, p := withUsing(body.text, baseOf(r), using)
	if p != nil {
		return p
	}
	return a.submit(w, r, graph.Submission{MediaType: typeUpdate, Body: []byte(text), Key: key})
}

// submit has a submission committed, and says so.
func (a *API) submit(w http.ResponseWriter, r *http.Request, s graph.Submission) *problem {
	results, err := a.node.Submit(r.Context(), s)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
	if err != nil {
		return a.submitProblem(w, err)
	}
	a.writeAccepted(w, r, results, http.StatusOK)
	return nil
}

// writeAccepted says what was committed: with the cursor to read it by, and in JSON if the client takes that. status is that of an
// answer with a body.
func (a *API) writeAccepted(w http.ResponseWriter, r *http.Request, results []graph.Result, status int) {
	marks := engine.Cursor{}
	for _, result := range results {
		if result.Position > 0 {
			marks[result.Shard] = engine.Mark{Position: result.Position}
		}
	}
	a.setCursor(w.Header(), marks)
	if _, json := negotiate(r.Header.Values("Accept"), []string{typeJSON}); !json && status == http.StatusOK {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	writeAs(w, typeJSON, status, acceptedOf(results))
}

// withUsing returns an update whose operations look at the graphs of the protocol, which must not say so themselves (SPARQL 1.1 Protocol,
// 2.2.3), and whose IRIs need no base any more. One that needs neither stays as it is.
func withUsing(text, base string, using sparql.Dataset) (string, *problem) {
	if len(using.Default)+len(using.Named) == 0 {
		if _, err := sparql.ParseUpdate(text); err == nil {
			return text, nil
		}
	}
	u, err := sparql.ParseUpdate(text, sparql.Base(base))
	if err != nil {
		return "", queryProblem(err)
	}
	for _, op := range u.Operations {
		m, ok := op.(*sparql.Modify)
		if !ok {
			continue
		}
		if !m.With.IsZero() || len(m.Using.Default)+len(m.Using.Named) > 0 {
			return "", newProblem("bad_parameter", "using-graph-uri and using-named-graph-uri: the update has USING or WITH itself")
		}
		m.Using = using
	}
	return u.String(), nil
}

// queryProblem maps an error of a query; nil if it is of no kind of a query's.
func queryProblem(err error) *problem {
	if p := syntaxProblem(err); p != nil {
		return p
	}
	for _, of := range queryErrors {
		if !errors.Is(err, of.cause) {
			continue
		}
		p := newProblem(of.code, "%v", err)
		if of.again {
			p.retry("1")
		}
		return p
	}
	return nil
}

// queryErrors are the errors of who reads quads, in the order in which they are looked for. again: the same request may soon be answered,
// here or at another node.
var queryErrors = []struct {
	cause error
	code  string
	again bool
}{
	{graph.ErrInternal, "internal", false}, // which is in the log
	{eval.ErrBudget, "over_budget", false},
	{expr.ErrLimit, "over_budget", false},
	{expr.ErrCompile, "syntax", false}, // such as a cast of two arguments
	{eval.ErrService, "no_service", false},
	{node.ErrCursor, "cursor", false},
	{engine.ErrDamaged, "damaged", false},
	{event.ErrStopped, "stopped", true},
	{engine.ErrNoRoom, "no_room", true},
	{engine.ErrNoLeader, "no_leader", true},
	{event.ErrBusy, "busy", true},
	{errGone, "canceled", false},
	{context.DeadlineExceeded, "timeout", false},
	{context.Canceled, "canceled", false},
}
