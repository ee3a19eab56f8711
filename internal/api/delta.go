package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// labels writes blank nodes as <_:LABEL>: Jena's reader drops the first character of a label that is written as _:LABEL, so
// that two nodes may become one.
type labels struct {
	*patch.Writer
	out *bytes.Buffer
}

func newLabels(text []byte) *labels {
	out := bytes.NewBuffer(text)
	return &labels{patch.NewWriter(out), out}
}

// inBrackets is the form that is read as it is.
var inBrackets = patch.BlankPolicy(func(blank rdf.Term) (rdf.Term, error) { return rdf.Trusted("<" + blank.String() + ">"), nil })

// Add implements [patch.Change].
func (l *labels) Add(q rdf.Quad) error {
	q, err := inBrackets.Name(q)
	if err != nil {
		return err
	}
	return l.Writer.Add(q)
}

// Delete implements [patch.Change].
func (l *labels) Delete(q rdf.Quad) error {
	q, err := inBrackets.Name(q)
	if err != nil {
		return err
	}
	return l.Writer.Delete(q)
}

func (l *labels) bytes() ([]byte, error) {
	err := l.Flush()
	return l.out.Bytes(), err
}

// deltaEndpoints are those of RDF Delta's protocol, to read. A client's server is this node's address with /delta/.
func (a *API) deltaEndpoints() []*endpoint {
	if !a.cfg.Delta {
		return nil
	}
	return []*endpoint{
		{method: http.MethodPost, path: "/delta/$/rpc",
			what:  "RDF Delta: says which logs there are, one for each shard, and how far they are.",
			takes: []string{typeJSON}, gives: []string{typeJSON}, statuses: []int{http.StatusOK},
			codes: []string{"syntax", "tails", "follow", "damaged", "cursor"}, needs: access.Read, basic: true, serve: a.postDelta},
		{method: http.MethodGet, path: "/delta/$/ping", what: "RDF Delta: says that the node answers.",
			gives: []string{typeJSON}, statuses: []int{http.StatusOK}, needs: access.Read, basic: true,
			serve: func(w http.ResponseWriter, _ *http.Request, _ args) { writeJSON(w, deltaPing()) }},
		{method: http.MethodGet, path: "/delta/{log}/{patch}", what: "RDF Delta: gives out a delta of a shard as a patch.",
			segments: map[string]string{"log": "Name of the log, or its id: PIPELINE-SHARD, or PIPELINE where there is one shard.",
				"patch": "Version of the patch, a number from 1, or its id."},
			gives: []string{typePatch}, statuses: []int{http.StatusOK},
			codes: []string{"not_found", "tails", "follow", "damaged", "cursor", "too_many_streams"},
			needs: access.Read, basic: true, serve: a.getDelta},
	}
}

func deltaPing() any { return map[string]string{"value": time.Now().UTC().Format(time.RFC3339Nano)} }

// logs returns the patch logs of the shards.
func (a *API) logs() []*patchLog {
	a.patchLogs.Do(func() {
		status := a.node.Status()
		a.allLogs = patchLogs(status.Pipeline, len(status.Shards))
	})
	return a.allLogs
}

// logNamed returns the log of a name or an id, as it comes with or without its scheme; nil if there is none.
func (a *API) logNamed(name string) *patchLog {
	for _, l := range a.logs() {
		if l.name == name || l.id == strings.TrimPrefix(name, "id:") || l.uri() == name {
			return l
		}
	}
	return nil
}

// uri is what the log is called by those who name everything with an IRI.
func (l *patchLog) uri() string { return "delta:" + l.name }

// getDelta gives out a patch.
func (a *API) getDelta(w http.ResponseWriter, r *http.Request, _ args) {
	release, p := take(a.readers, "readers of changes are connected")
	if p != nil {
		p.write(w)
		return
	}
	defer release()
	segments := strings.Split(r.URL.Path, "/")
	name, of := segments[2], segments[3]
	l := a.logNamed(name)
	if l == nil {
		newProblem("not_found", "there is no log %q", name).write(w)
		return
	}
	version, err := strconv.ParseUint(of, 10, 63)
	byID := err != nil
	if byID {
		version, _ = versionOf(of) // 0, which there isn't, if it is none
	}
	text, id, err := l.fetch(r.Context(), a.node, version)
	switch {
	case err != nil:
		followProblem(err).write(w)
	case text == nil || byID && id != of:
		newProblem("not_found", "the log %s has no patch %q", l.name, of).write(w)
	default:
		noStore(w, typePatch)
		_, _ = w.Write(text) // the client is gone then
	}
}

// deltaRequest is what RDF Delta's RPC is asked.
type deltaRequest struct {
	Operation string `json:"operation"`
	Arg       struct {
		DataSource string `json:"datasource"`
		Name       string `json:"name"`
		URI        string `json:"uri"`
	} `json:"arg"`
}

// maxDelta bounds a question in bytes.
const maxDelta = 64 << 10

// postDelta answers what RDF Delta's clients ask of a server; what would change something is refused.
func (a *API) postDelta(w http.ResponseWriter, r *http.Request, _ args) {
	var q deltaRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDelta)).Decode(&q); err != nil {
		newProblem("syntax", "the question: %v", err).write(w)
		return
	}
	answer, p := a.deltaAnswer(r, &q)
	if p != nil {
		p.write(w)
		return
	}
	writeJSON(w, answer)
}

// nothing is the answer about what isn't known.
var nothing = map[string]string{}

func (a *API) deltaAnswer(r *http.Request, q *deltaRequest) (any, *problem) {
	list := []any{}
	switch q.Operation {
	case "ping":
		return deltaPing(), nil
	case "list_datasource":
		for _, l := range a.logs() {
			list = append(list, l.id)
		}
	case "list_descriptions":
		for _, l := range a.logs() {
			list = append(list, l.description())
		}
	case "list_log_info":
		for _, l := range a.logs() {
			info, p := a.deltaInfo(r, l)
			if p != nil {
				return nil, p
			}
			list = append(list, info)
		}
	case "describe_datasource":
		if l := a.logNamed(q.Arg.DataSource + q.Arg.Name + q.Arg.URI); l != nil { // one of them is there
			return l.description(), nil
		}
		return nothing, nil
	case "describe_log":
		l := a.logNamed(q.Arg.DataSource)
		if l == nil {
			return nothing, nil
		}
		return a.deltaInfo(r, l)
	default:
		return nil, newProblem("bad_parameter", "operation %q: the logs can be read, and nothing else", q.Operation)
	}
	return map[string]any{"array": list}, nil
}

// description is what is fixed of a log.
func (l *patchLog) description() map[string]any {
	return map[string]any{"id": "id:" + l.id, "name": l.name, "uri": l.uri()}
}

// deltaInfo is a log's description, with how far it is.
func (a *API) deltaInfo(r *http.Request, l *patchLog) (any, *problem) {
	versions, newest, err := l.state(r.Context(), a.node)
	if err != nil {
		return nil, followProblem(err)
	}
	info := l.description()
	info["min_version"], info["max_version"], info["latest"] = min(versions, 1), versions, ""
	if versions > 0 {
		info["latest"] = "id:" + newest
	}
	return info, nil
}
