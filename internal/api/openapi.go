package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/access"
)

// schema is an object of the OpenAPI document.
type schema map[string]any

// getOpenAPI gives out the description of the API.
func (a *API) getOpenAPI(w http.ResponseWriter, r *http.Request, _ args) {
	media, p := acceptable(r.Header.Values("Accept"), []string{typeJSON, typeOpenAPI}, "/v1/openapi.json")
	if p != nil {
		p.write(w)
		return
	}
	writeAs(w, media, http.StatusOK, openAPI(a.table))
}

// openAPI makes the document (OpenAPI 3.1) of the table.
func openAPI(table []*endpoint) schema {
	paths := schema{}
	for _, e := range table {
		path, ok := paths[e.path].(schema)
		if !ok {
			path = schema{}
			paths[e.path] = path
		}
		path[strings.ToLower(e.method)] = e.operation()
	}
	return schema{
		"openapi": "3.1.0",
		"info": schema{"title": "Quadrille", "version": "1",
			"description": "Changes of a knowledge graph in and out. HEAD goes where GET does, OPTIONS everywhere."},
		"paths": paths,
		"components": schema{
			"schemas": schema{"Problem": problemSchema()},
			"securitySchemes": schema{
				"token": schema{"type": "http", "scheme": "bearer",
					"description": "A token has one or more of the rights read, write and admin; that of admin includes the others."},
				"password": schema{"type": "http", "scheme": "basic", "description": "The token is the password, of any user."},
			},
		},
	}
}

// operation describes an endpoint.
func (e *endpoint) operation() schema {
	parameters := []schema{}
	for _, name := range sortedKeys(e.segments) {
		parameters = append(parameters, schema{"name": name, "in": "path", "required": true, "schema": schema{"type": "string"},
			"description": e.segments[name]})
	}
	for _, p := range e.query {
		s := p.kind.schema
		if p.many {
			s = schema{"type": "array", "items": s}
		}
		parameters = append(parameters, schema{"name": p.name, "in": "query", "schema": s,
			"description": p.what + " It is " + p.kind.expects + "."})
	}
	for _, name := range sortedKeys(e.headers) {
		parameters = append(parameters, schema{"name": name, "in": "header", "schema": schema{"type": "string"},
			"description": e.headers[name]})
	}
	o := schema{"summary": e.what, "parameters": parameters, "responses": e.responses(), "security": e.security()}
	if len(e.takes) > 0 {
		o["requestBody"] = schema{"required": true, "content": contents(e.takes, nil)}
	}
	return o
}

// security describes what the endpoint needs: a token with one of the named rights, of which "admin" is good for all, or, where
// there are no tokens, nothing.
func (e *endpoint) security() []schema {
	if e.needs == public {
		return []schema{}
	}
	all := []schema{}
	for _, right := range (e.needs | access.Admin).Names() {
		all = append(all, schema{"token": []string{right}})
		if e.basic {
			all = append(all, schema{"password": []string{right}})
		}
	}
	return append(all, schema{})
}

// refusals are the codes with which a request without the right token, or from a page that may not ask, is answered.
func (e *endpoint) refusals() (codes []string) {
	if e.method != http.MethodGet && e.method != http.MethodHead {
		codes = append(codes, "cross_site")
	}
	switch e.needs {
	case public:
		return codes
	case anyToken:
		return append(codes, "unauthorized")
	}
	return append(codes, "unauthorized", "forbidden")
}

// responses describes the answers, by status.
func (e *endpoint) responses() schema {
	all := schema{}
	for _, status := range e.statuses {
		answer := schema{"description": http.StatusText(status)}
		if status == http.StatusOK {
			answer["content"] = contents(e.gives, nil)
		}
		all[strconv.Itoa(status)] = answer
	}
	titles := map[string][]string{}
	for _, name := range slices.Concat(commonCodes, e.refusals(), e.codes) {
		if _, page := consoleFile(e.path); name == "starting" && (page || e.path == healthPath) { // it is answered from the first moment
			continue
		}
		c, _ := client.CodeNamed(name)
		status := strconv.Itoa(c.Status)
		if text := name + ": " + c.Title + "."; !slices.Contains(titles[status], text) {
			titles[status] = append(titles[status], text)
		}
	}
	for status, texts := range titles {
		all[status] = schema{"description": strings.Join(texts, " "),
			"content": contents([]string{client.TypeProblem}, schema{"$ref": "#/components/schemas/Problem"})}
	}
	return all
}

func contents(types []string, of schema) schema {
	all := schema{}
	for _, t := range types {
		all[t] = schema{}
		if of != nil {
			all[t] = schema{"schema": of}
		}
	}
	return all
}

// problemSchema describes [client.Problem].
func problemSchema() schema {
	names := []string{}
	for _, c := range client.Codes() {
		names = append(names, c.Name)
	}
	text, number := schema{"type": "string"}, schema{"type": "integer"}
	return schema{"type": "object", "required": []string{"type", "title", "status", "code"}, "properties": schema{
		"type": text, "title": text, "status": number, "detail": text, "code": schema{"type": "string", "enum": names},
		"line": number, "column": number, "head": text, "shard": number, "request_id": text,
		"results": schema{"type": "array", "items": schema{"type": "object"}},
	}}
}
