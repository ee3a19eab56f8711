package api

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

const (
	// storePath is the graph store; graphPath a graph that its own address names.
	storePath = "/data"
	graphPath = storePath + "/{graph}"
)

// graphParameters name a graph by parameters (SPARQL 1.1 Graph Store Protocol, 4.2).
var graphParameters = []parameter{
	{name: "graph", kind: kindGraphName, what: "The name of the graph."},
	{name: "default", kind: kindFlag, what: "The default graph."},
}

// kindFlag is there or isn't.
var kindFlag = kind{schema{"type": "string", "maxLength": 0}, "without a value", func(text string) (any, error) {
	if text != "" {
		return nil, errors.New("it has a value")
	}
	return true, nil
}}

// kindGraphName is an IRI. The other one that /v1/data has for the default graph is told from a mistake.
var kindGraphName = kind{kindIRI.schema, kindIRI.expects, func(text string) (any, error) {
	if text == "default" {
		return nil, errors.New("the default graph is ?default")
	}
	return kindIRI.parse(text)
}}

// graphTypes are the media types of a graph's document, postedTypes those of what is added to one, patchTypes those of changes of one.
var (
	graphTypes  = graph.StateTypes()
	postedTypes = append(graph.StateTypes(), typeFiles)
	patchTypes  = []string{typePatch, typeUpdate}
)

// storeEndpoints are those of the Graph Store Protocol: each method for a graph that parameters name, and for one that its address names.
func (a *API) storeEndpoints() (list []*endpoint) {
	changeCodes := []string{"not_found", "prev_not_head", "prev_needs_dataset", "precondition_failed", "other_graph", "syntax", "too_large", "bad_key", "key_reused", "bad_event", "halted",
		"stopped", "no_room", "no_leader", "no_owner", "busy", "timeout", "canceled", "damaged", "data", "body", "length_required", "slow_body", "internal",
		"unsupported_encoding"}
	bodyCodes := append([]string{"unsupported_media_type"}, changeCodes...)
	none := map[string]string{
		"If-Match":      "An ETag that the graph must have, or * for a graph that there is; else 412.",
		"If-None-Match": "* for a graph that there must not be; else 412.",
	}
	headers := map[string]string{"Idempotency-Key": "Makes it safe to send the same again, as for /v1/changes."}
	for name, what := range none {
		headers[name] = what
	}
	sends := map[string]string{"Content-Encoding": "gzip, or x-gzip, which is the same, or none; once."}
	for name, what := range headers {
		sends[name] = what
	}
	for path, query := range map[string][]parameter{storePath: graphParameters, graphPath: nil} {
		at := endpoint{path: path, query: query, basic: true}
		if path == graphPath {
			at.segments = map[string]string{"graph": "Any path: the graph is named by the address of the request."}
		}
		get, put, post, remove, change := at, at, at, at, at
		get.method, get.what, get.gives, get.statuses = http.MethodGet, "Gives out a graph.", tripleTypes, []int{http.StatusOK, http.StatusNotModified}
		get.headers = map[string]string{"If-None-Match": "The ETag of an answer that is known: 304 if nothing was committed since.", CursorHeader: "A cursor: the answer knows of all that it names."}
		get.codes = []string{"not_found", "cursor", "over_budget", "busy", "timeout", "canceled", "stopped", "no_leader", "no_room", "damaged", "data"}
		get.needs, get.compressed, get.serve = access.Read, true, a.getGraph
		put.method, put.what, put.headers, put.takes, put.gives = http.MethodPut, "Makes a graph what the document says.", sends, graphTypes, []string{typeJSON}
		put.statuses, put.codes, put.needs, put.serve = []int{http.StatusOK, http.StatusCreated, http.StatusNoContent}, bodyCodes, access.Write, a.putGraph
		post.method, post.what, post.headers, post.takes, post.gives = http.MethodPost, "Adds the document to a graph, or all documents of a form, in one change.", sends, postedTypes, []string{typeJSON}
		if path == storePath {
			post.what += " Without a name it is a new one, whose name is in the header Location."
		}
		post.statuses, post.codes, post.needs, post.serve = put.statuses, bodyCodes, access.Write, a.postGraph
		remove.method, remove.what, remove.headers, remove.gives = http.MethodDelete, "Takes out all of a graph.", headers, []string{typeJSON}
		remove.statuses, remove.codes, remove.needs, remove.serve = []int{http.StatusOK, http.StatusNoContent}, changeCodes, access.Write, a.deleteGraph
		change.method, change.what, change.headers, change.takes, change.gives = http.MethodPatch, "Changes a graph by a patch or an update, which are about it alone.", sends, patchTypes, []string{typeJSON}
		change.statuses, change.codes, change.needs, change.serve = []int{http.StatusOK, http.StatusNoContent}, bodyCodes, access.Write, a.patchGraph
		list = append(list, &get, &put, &post, &remove, &change)
	}
	return list
}

// target is the graph that a request is about.
type target struct {
	name rdf.Term // the zero Term for the default graph
	// base is what relative IRIs of its documents are resolved against: its name, or the address of the request.
	base string
	made bool // the name was made for the request
}

// graphOf reads which graph a request is about.
func (a *API) graphOf(r *http.Request, args args) (t target, p *problem) {
	t.base = baseOf(r)
	name, named := arg[rdf.Term](args, "graph")
	_, isDefault := arg[bool](args, "default")
	direct := r.URL.Path != storePath
	switch {
	case named && isDefault:
		return t, newProblem("bad_parameter", "graph and default: expected one of them")
	case isDefault:
		return t, nil
	case named:
		t.name, t.base = name, name.Value()
		return t, nil
	case !direct && r.Method == http.MethodPost:
		t.base, t.made = t.base+"/"+strings.ToLower(rand.Text()), true
	case !direct:
		return t, newProblem("bad_parameter", "which graph? Give ?graph=IRI or ?default")
	}
	var err error
	if t.name, err = rdf.IRI(t.base); err != nil {
		return t, newProblem("bad_parameter", "the address as the name of a graph: %v", err)
	}
	return t, nil
}

// graphTag is the entity tag of a graph in a form: it is made of the positions of the shards that can have quads of it, so two answers with
// the same one have the same statements, at whichever node. What stands before the dot is the same in all forms.
func graphTag(name rdf.Term, cut engine.Cursor, form string) string {
	sum := sha256.Sum256([]byte(name.String() + " " + cut.String()))
	kind := sha256.Sum256([]byte(form))
	encode := base64.RawURLEncoding.EncodeToString
	return `"` + encode(sum[:16]) + "." + encode(kind[:3]) + `"`
}

// getGraph gives out a graph, at one cut of the shards.
func (a *API) getGraph(w http.ResponseWriter, r *http.Request, args args) {
	if p := a.writeGraph(w, r, args); p != nil {
		p.write(w)
	}
}

func (a *API) writeGraph(w http.ResponseWriter, r *http.Request, args args) *problem {
	t, p := a.graphOf(r, args)
	if p != nil {
		return p
	}
	q := graph.Question{Text: "SELECT ?s ?p ?o { ?s ?p ?o }"}
	if !t.name.IsZero() {
		q.Text = "SELECT ?s ?p ?o { GRAPH " + t.name.String() + " { ?s ?p ?o } }"
	}
	if q.After, p = a.after(r); p != nil {
		return p
	}
	ctx, cancel := a.ending(r.Context())
	defer cancel()
	out := &graphAnswer{answer: a.newAnswer(w, r), name: t.name}
	defer func() { out.release() }()
	err := a.node.Query(ctx, q, out)
	if err == nil && !out.found && !t.name.IsZero() {
		err = problemError{noGraph(t.name)}
	}
	return out.end(err)
}

func noGraph(name rdf.Term) *problem { return newProblem("not_found", "there is no graph %s", name) }

// graphAnswer writes the quads of a graph, which begin when one is there.
type graphAnswer struct {
	*answer
	name  rdf.Term
	found bool
}

// Begin implements [graph.Answer].
func (g *graphAnswer) Begin(h graph.Head) error {
	media, p := acceptable(g.r.Header.Values("Accept"), tripleTypes, storePath)
	if p != nil {
		return problemError{p}
	}
	g.start(media)
	header := g.w.Header()
	header.Set("Cache-Control", "private, no-cache")
	// Compressing makes other bytes of it, which its tag has to tell.
	tag := graphTag(g.name, h.Cut, media+" "+strings.Join(g.r.Header.Values("Accept-Encoding"), ","))
	header.Set("ETag", tag)
	g.api.setCursor(header, h.Cut)
	if etagMatches(g.r.Header.Values("If-None-Match"), tag) {
		header.Del("Content-Type")
		g.w.WriteHeader(http.StatusNotModified)
		return errAnswered
	}
	if g.r.Method == http.MethodHead {
		g.found = g.name.IsZero()
		if g.found {
			return errAnswered
		}
		return nil
	}
	header.Set("Trailer", ErrorHeader)
	return g.beginTriples(h)
}

// Row implements [graph.Answer].
func (g *graphAnswer) Row(terms []rdf.Term) error {
	g.found = true
	if g.r.Method == http.MethodHead {
		return errAnswered
	}
	return g.Triple(rdf.Triple{S: terms[0], P: terms[1], O: terms[2]})
}

// conditions are what a change asks of the graph as it is (RFC 9110, 13).
type conditions struct {
	match, noneMatch []string
	name             rdf.Term
	mustExist        bool // for a DELETE
}

// check is nil for a graph that a change may be made of.
func (c *conditions) check(s graph.GraphState) error {
	exists := s.Exists || c.name.IsZero()
	own := graphTag(c.name, s.Cut, "")
	same := func(item string) bool {
		item = strings.TrimSpace(item)
		return item == "*" && exists || exists && strings.HasPrefix(item, own[:strings.IndexByte(own, '.')+1])
	}
	switch {
	case len(c.match) > 0 && !slices.ContainsFunc(listItems(c.match), same):
		return problemError{newProblem("precondition_failed", "If-Match: the graph is another one by now, or isn't there")}
	case len(c.noneMatch) > 0 && slices.ContainsFunc(listItems(c.noneMatch), same):
		return problemError{newProblem("precondition_failed", "If-None-Match: the graph is there")}
	case c.mustExist && !exists:
		return problemError{noGraph(c.name)}
	}
	return nil
}

// some reports whether there are conditions by headers.
func (c *conditions) some() bool { return len(c.match)+len(c.noneMatch) > 0 }

func (a *API) putGraph(w http.ResponseWriter, r *http.Request, args args) {
	a.changeGraph(w, r, args, graphTypes, true)
}

func (a *API) postGraph(w http.ResponseWriter, r *http.Request, args args) {
	a.changeGraph(w, r, args, postedTypes, false)
}

func (a *API) deleteGraph(w http.ResponseWriter, r *http.Request, args args) {
	a.changeGraph(w, r, args, nil, true)
}

func (a *API) patchGraph(w http.ResponseWriter, r *http.Request, args args) {
	a.changeGraph(w, r, args, patchTypes, false)
}

// changeGraph reads the document of a change, if there is to be one, and has it made.
func (a *API) changeGraph(w http.ResponseWriter, r *http.Request, args args, types []string, replace bool) {
	t, p := a.graphOf(r, args)
	u := graph.GraphUpdate{Graph: t.name, Base: t.base, Replace: replace}
	if p == nil {
		u.Key, p = a.idempotencyKey(w, r)
	}
	release := func() {}
	if p == nil && types != nil {
		u.Documents, release, p = a.documents(w, r, types)
	}
	defer release()
	if p == nil {
		rc := http.NewResponseController(w)
		_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}) // the node has its own bounds
		if types != nil && u.Documents[0].MediaType == typeUpdate {
			p = a.updateGraph(w, r, t, &u)
		} else {
			p = a.commitGraph(w, r, t, u)
		}
	}
	if p != nil {
		p.write(w)
	}
}

// documents reads those of a request, which are one or more. The caller calls release when they are no longer needed.
func (a *API) documents(w http.ResponseWriter, r *http.Request, types []string) ([]graph.Document, func(), *problem) {
	media, p := mediaOf(r, types)
	if p != nil {
		return nil, func() {}, p
	}
	body, release, p := a.readBody(w, r)
	if p != nil {
		return nil, release, p
	}
	if media != typeFiles {
		return []graph.Document{{MediaType: media, Body: body}}, release, nil
	}
	documents, releaseParts, p := a.form(r, body)
	return documents, func() { releaseParts(); release() }, p
}

// commitGraph has a graph changed.
func (a *API) commitGraph(w http.ResponseWriter, r *http.Request, t target, u graph.GraphUpdate) *problem {
	c := conditions{match: r.Header.Values("If-Match"), noneMatch: r.Header.Values("If-None-Match"), name: t.name,
		mustExist: r.Method == http.MethodDelete}
	if c.some() {
		u.If = c.check
	}
	results, state, err := a.node.UpdateGraph(r.Context(), u)
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
	conflict, changed := errors.AsType[*graph.ConflictError](err)
	switch {
	case changed && c.some():
		p := newProblem("precondition_failed", "%v: it was changed meanwhile", err)
		if partial, ok := errors.AsType[*graph.PartialError](err); ok {
			p.Results = resultsOf(partial.Done)
		}
		p.Head = conflict.Head
		return p
	case err != nil:
		return a.graphProblem(w, err)
	case !c.some() && c.mustExist && !state.Exists && !t.name.IsZero() && acceptedOf(results).Deletes == 0: // a repeated one has deleted something
		return noGraph(t.name)
	}
	status := http.StatusOK
	if !state.Exists && !t.name.IsZero() && (r.Method == http.MethodPut || r.Method == http.MethodPost) {
		status = http.StatusCreated
		if t.made {
			w.Header().Set("Location", t.base)
		}
	}
	a.writeAccepted(w, r, results, status)
	return nil
}

func (a *API) graphProblem(w http.ResponseWriter, err error) *problem {
	if p, ok := errors.AsType[problemError](err); ok {
		return p.problem
	}
	if errors.Is(err, graph.ErrOtherGraph) {
		return newProblem("other_graph", "%v", err)
	}
	p := a.submitProblem(w, err)
	if d, ok := errors.AsType[*graph.DocumentError](err); ok && !strings.Contains(p.Detail, d.Name) {
		p.Detail = shorten(d.Name + ": " + p.Detail)
	}
	return p
}

// updateGraph has a graph changed by an update, which is about that graph alone.
func (a *API) updateGraph(w http.ResponseWriter, r *http.Request, t target, u *graph.GraphUpdate) *problem {
	if len(r.Header.Values("If-Match"))+len(r.Header.Values("If-None-Match")) > 0 {
		return newProblem("bad_parameter", "If-Match and If-None-Match: an update has its conditions in its WHERE; send a patch, or PUT")
	}
	text, p := updateWithin(string(u.Documents[0].Body), t)
	if p != nil {
		return p
	}
	return a.submit(w, r, graph.Submission{MediaType: typeUpdate, Body: []byte(text), Key: u.Key})
}

// updateWithin makes an update one of a graph: what it says without a graph is of that, and it must name no other.
func updateWithin(text string, t target) (string, *problem) {
	tree, err := sparql.ParseUpdate(text, sparql.Base(t.base))
	if err != nil {
		return "", queryProblem(err)
	}
	for _, op := range tree.Operations {
		ok := false
		switch op := op.(type) {
		case *sparql.InsertData:
			ok = quadsWithin(op.Quads, t.name)
		case *sparql.DeleteData:
			ok = quadsWithin(op.Quads, t.name)
		case *sparql.Modify:
			ok = (op.With.IsZero() || op.With == t.name) && len(op.Using.Default)+len(op.Using.Named) == 0 &&
				quadsWithin(op.Delete, t.name) && quadsWithin(op.Insert, t.name)
			op.With = t.name
		case *sparql.Manage:
			ok = op.Target.Kind == sparql.TargetGraph && op.Target.Graph == t.name || op.Target.Kind == sparql.TargetDefault && t.name.IsZero()
		}
		if !ok {
			return "", newProblem("other_graph", "the update is about others than the graph %s, or all", t.base)
		}
	}
	return tree.String(), nil
}

// quadsWithin puts the quads that name no graph into one, and reports whether all others are in it, too.
func quadsWithin(quads []sparql.Quad, name rdf.Term) bool {
	for i := range quads {
		g := &quads[i].G
		switch {
		case g.Term.IsZero() && g.Var == "":
			g.Term = name
		case g.Term != name:
			return false
		}
	}
	return true
}
