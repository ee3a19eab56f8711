package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/access"
)

// endpoint is one method of one path: what it takes, what it gives, and who serves it. The handlers, the checks of requests and
// the OpenAPI document come from the table that endpoints returns.
type endpoint struct {
	method, path string
	what         string
	// segments are the parts of the path that stand in braces there, with what they mean.
	segments map[string]string
	// query are the parameters. Any other is a mistake.
	query []parameter
	// headers are the request's headers that mean something here, with what they mean, besides those of all endpoints.
	headers map[string]string
	// takes are the media types of a body, gives those of a good answer.
	takes, gives []string
	// statuses are those of good answers, codes those of the problems, besides those of all endpoints and of what is needed.
	statuses []int
	codes    []string
	// needs is the right that a token must have, where there are tokens. Without one it is access.Admin.
	needs access.Right
	// lenient: parameters that it doesn't know are left out, since its clients may have them for others.
	lenient bool
	// basic: a token may come as the password of HTTP basic authentication.
	basic bool
	// compressed: the answer is compressed for who accepts it.
	compressed bool
	serve      func(w http.ResponseWriter, r *http.Request, args args)
}

const (
	typeJSON    = "application/json"
	typeOpenAPI = "application/vnd.oai.openapi+json"
	typeMetrics = "text/plain"
)

// healthPath is answered before there is an API, too.
const healthPath = "/healthz"

// commonCodes are the codes that each path may answer with, to a method that it has or has not.
var commonCodes = []string{"bad_parameter", "wrong_host", "not_acceptable", "method_not_allowed", "starting", "internal"}

// selection are the parameters that choose quads.
var selection = []parameter{
	{name: "graph", kind: kindName, what: "Only what is in this graph: an IRI, _:LABEL, or default for the default graph."},
	{name: "subject", kind: kindNode, what: "Only what has this subject: an IRI, or _:LABEL."},
	{name: "predicate", kind: kindIRI, what: "Only what has this predicate."},
}

// endpoints is the table of the API.
func (a *API) endpoints() []*endpoint {
	return slices.Concat(a.sparqlEndpoints(), a.storeEndpoints(), a.trialEndpoints(), a.connectorEndpoints(), a.letterEndpoints(), []*endpoint{
		{method: http.MethodPost, path: "/v1/changes",
			what: "Takes a document of changes, which is answered when all of it is committed; or, as the parts of a body in multipart/mixed, many, each " +
				"of which is committed for itself, and has an outcome in the answer.",
			query: []parameter{
				{name: "mapping", kind: kindText, what: "Name of the mapping, of the node's configuration, that makes changes of the document: " +
					"application/json, application/x-ndjson, application/ld+json or text/csv, as the mapping says."},
			},
			headers: map[string]string{
				"Content-Encoding": "gzip, or x-gzip, which is the same, or none; once.",
				"Idempotency-Key": "Makes it safe to send the same again: UTF-8 of 1 to 256 bytes, once. Another body under the same key is refused " +
					"in the shards that both fall in.",
			},
			takes: postTypes, gives: []string{typeJSON}, statuses: []int{http.StatusOK},
			codes: []string{"unsupported_media_type", "unsupported_encoding", "too_large", "bad_key", "key_reused", "bad_event", "not_mapped",
				"not_local", "prev_needs_dataset", "prev_not_head", "halted", "stopped", "no_room", "no_leader", "busy", "no_owner", "timeout", "canceled",
				"syntax", "body", "length_required", "slow_body", "internal"},
			needs: access.Write, serve: a.postChanges},
		{method: http.MethodGet, path: "/v1/changes", what: "Gives out the changes that were committed, live or not.",
			query: append([]parameter{
				{name: "from", kind: kindFrom, what: "Where to begin: start, now, last:N for so many positions before the end of each log, or a cursor that a node has handed out. Default: start."},
				{name: "shard", kind: kindInt, many: true, what: "Only this shard; again for more. Default: all."},
				{name: "live", kind: kindBool, what: "Go on with what is yet to come. Default: true for events, else false."},
			}, selection...),
			headers: map[string]string{"Last-Event-ID": "A cursor that goes before from; a browser resumes with it."},
			gives:   []string{typePatch, typeBinaryPatch, typeEvents}, statuses: []int{http.StatusOK},
			codes: []string{"cursor", "tails", "damaged", "follow", "too_many_streams"},
			needs: access.Read, compressed: true, serve: a.getChanges},
		{method: http.MethodGet, path: "/v1/data", what: "Gives out the quads of all shards.",
			query: append([]parameter{
				{name: "partial", kind: kindBool, what: "Give out those of the other shards where some can't be read."},
			}, selection...),
			headers: map[string]string{"If-None-Match": "The ETag of an answer that is known: 304 if nothing was committed since."},
			gives:   dataTypes(true), statuses: []int{http.StatusOK, http.StatusNotModified},
			codes: []string{"incomplete", "damaged", "data", "busy", "stopped", "canceled", "timeout", "no_leader", "no_room", "internal", "too_many_streams"},
			needs: access.Read, compressed: true, serve: a.getData},
		{method: http.MethodGet, path: "/v1/status", what: "Says what this node knows.",
			gives: []string{typeJSON}, statuses: []int{http.StatusOK}, compressed: true,
			needs: anyToken, serve: a.getStatus},
		{method: http.MethodGet, path: "/v1/overview", what: "Says how all nodes of the pipeline are, as each says of itself; as events, each second anew.",
			gives: []string{typeJSON, typeEvents}, statuses: []int{http.StatusOK}, codes: []string{"too_many_streams", "internal"},
			compressed: true, needs: access.Read, serve: a.getOverview},
		{method: http.MethodGet, path: "/v1/verify", what: "Says what this node finds in its own copy of the logs.",
			query: []parameter{{name: "at", kind: kindAt, what: "Give the ids of the records at these places instead."}},
			gives: []string{typeJSON}, statuses: []int{http.StatusOK},
			codes: []string{"not_found", "busy", "not_verified"},
			needs: access.Admin, serve: a.getVerify},
		{method: http.MethodGet, path: "/v1/openapi.json", what: "Describes the API.",
			gives: []string{typeJSON, typeOpenAPI}, statuses: []int{http.StatusOK}, compressed: true,
			needs: anyToken, serve: a.getOpenAPI},
		{method: http.MethodGet, path: healthPath, what: "Says that the process answers.",
			gives: []string{typeJSON}, statuses: []int{http.StatusOK}, needs: a.cfg.Access.probes(), serve: getHealth},
		{method: http.MethodGet, path: "/readyz", what: "Says whether this node can commit to every shard that it owns.",
			gives: []string{typeJSON}, statuses: []int{http.StatusOK}, codes: []string{"not_ready"}, needs: a.cfg.Access.probes(),
			serve: a.getReady},
		{method: http.MethodGet, path: "/metrics", what: "Gives out metrics for Prometheus.",
			gives: []string{typeMetrics}, statuses: []int{http.StatusOK},
			needs: a.cfg.Access.metrics(),
			serve: func(w http.ResponseWriter, r *http.Request, _ args) { a.metrics.handler.ServeHTTP(w, r) }},
	})
}

// itemParam stands in a path for the name of what is asked for, and itemArg is the name of that among the arguments.
const itemParam, itemArg = "{name}", "{name}"

// named says what stands there.
var named = map[string]string{"name": "Name of a source or sink; SHARD:POSITION of a dead letter."}

// itemOf is what stands in a path for the name in its pattern, "" if there is none.
func itemOf(pattern, path string) string {
	if i := slices.Index(strings.Split(pattern, "/"), itemParam); i >= 0 {
		return strings.Split(path, "/")[i]
	}
	return ""
}

// route is a path with its endpoints by method.
type route map[string]*endpoint

func routesOf(endpoints []*endpoint) map[string]route {
	routes := map[string]route{}
	for _, e := range endpoints {
		if routes[e.path] == nil {
			routes[e.path] = route{}
		}
		routes[e.path][e.method] = e
	}
	return routes
}

// patternOf is the path of the table that a path is one of, "" if there is none: itself, or one with a segment in the place of each
// that stands in braces.
func patternOf(routes map[string]route, path string) string {
	if routes[path] != nil {
		return path
	}
	if strings.HasPrefix(path, storePath+"/") { // with any number of segments
		return graphPath
	}
	segments := strings.Split(path, "/")
	for pattern := range routes {
		if parts := strings.Split(pattern, "/"); strings.Contains(pattern, "{") && slices.EqualFunc(parts, segments, fits) {
			return pattern
		}
	}
	return ""
}

// fits reports whether a segment of a path may stand for a part of a pattern.
func fits(part, segment string) bool {
	return part == segment || strings.HasPrefix(part, "{") && segment != ""
}

// find returns the endpoint of a method, nil if there is none. HEAD is GET without the body.
func (r route) find(method string) *endpoint {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return r[method]
}

// allow is the value of the header Allow.
func (r route) allow() string {
	names := []string{http.MethodOptions}
	for name := range r {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func sortedValues[K comparable](m map[K]string) []string { return slices.Sorted(maps.Values(m)) }

func sortedKeys[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }
