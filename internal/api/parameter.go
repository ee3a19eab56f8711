package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/rdf"
)

// parameter is one that a request may have in its query.
type parameter struct {
	name, what string
	kind       kind
	// many: it may come again.
	many bool
}

// kind is what the values of a parameter are.
type kind struct {
	schema  schema
	expects string
	// parse returns the value of a text, in a form that the handlers know.
	parse func(text string) (any, error)
}

// The kinds of values.
var (
	kindBool = kind{schema{"type": "boolean"}, "true or false", parseBool}
	kindText = kind{schema{"type": "string"}, "a name", parseText}
	kindInt  = kind{schema{"type": "integer", "minimum": 0}, "a number, 0 or more", parseInt}
	kindFrom = kind{schema{"type": "string"}, "start, now, last:POSITIONS or a cursor", parseFrom}
	kindAt   = kind{schema{"type": "string"}, "SHARD:POSITION or control:POSITION, with commas between them", parsePlaces}
	kindIRI  = kind{schema{"type": "string"}, "an absolute IRI", parseIRI}
	kindNode = kind{schema{"type": "string"}, "an absolute IRI, or _:LABEL", parseNode}
	kindName = kind{schema{"type": "string"}, "default, an absolute IRI, or _:LABEL", parseGraph}
)

func parseBool(text string) (any, error) {
	if text != "true" && text != "false" {
		return nil, fmt.Errorf("it is %q", text)
	}
	return text == "true", nil
}

func parseText(text string) (any, error) {
	if text == "" {
		return nil, fmt.Errorf("it is empty")
	}
	return text, nil
}

func parseInt(text string) (any, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err
}

// from is where a reader begins.
type from struct {
	now    bool
	last   uint64 // positions before the ends; 0: not so
	cursor client.Cursor
}

func parseFrom(text string) (any, error) {
	switch text {
	case "":
		return nil, fmt.Errorf("it is empty")
	case "start":
		return from{}, nil
	case "now":
		return from{now: true}, nil
	}
	if number, ok := strings.CutPrefix(text, "last:"); ok {
		last, err := strconv.ParseUint(number, 10, 63)
		if err != nil || last == 0 {
			return nil, fmt.Errorf("%q: expected 1 position or more", text)
		}
		return from{last: last}, nil
	}
	cursor, err := client.ParseCursor(text)
	return from{cursor: cursor}, err
}

func parsePlaces(text string) (any, error) {
	var places []client.Place
	for item := range strings.SplitSeq(text, ",") {
		shard, position, _ := strings.Cut(item, ":")
		number, err := client.ControlLog, error(nil)
		if shard != "control" {
			var n uint64
			n, err = strconv.ParseUint(shard, 10, 31)
			number = int(n)
		}
		if err != nil {
			return nil, fmt.Errorf("%q in it: %w", item, err)
		}
		at, err := strconv.ParseUint(position, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q in it: %w", item, err)
		}
		if len(places) == client.MaxPlaces {
			return nil, fmt.Errorf("it has more than %d places", client.MaxPlaces)
		}
		places = append(places, client.Place{Shard: number, Position: at})
	}
	return places, nil
}

// parseIRI reads an IRI, which may stand in angle brackets.
func parseIRI(text string) (any, error) {
	if bare, ok := strings.CutPrefix(text, "<"); ok && strings.HasSuffix(bare, ">") {
		text = strings.TrimSuffix(bare, ">")
	}
	return rdf.IRI(text)
}

// parseNode reads what may be a subject.
func parseNode(text string) (any, error) {
	if label, ok := strings.CutPrefix(text, "_:"); ok {
		return rdf.Blank(label)
	}
	return parseIRI(text)
}

// parseGraph reads what may be a graph; the zero term is the default graph.
func parseGraph(text string) (any, error) {
	if text == "default" {
		return rdf.Term{}, nil
	}
	return parseNode(text)
}

// args are the values of a request's parameters, by name, as their kinds have parsed them.
type args map[string][]any

// arg returns the value of a parameter; the zero value if it isn't there.
func arg[T any](a args, name string) (value T, ok bool) {
	if len(a[name]) == 0 {
		return value, false
	}
	value, ok = a[name][0].(T)
	return value, ok
}

// parseQuery reads the parameters of a request. One that the endpoint doesn't know is a mistake, as is a value of another kind.
func (e *endpoint) parseQuery(r *http.Request) (args, *problem) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, newProblem("bad_parameter", "the query %q is malformed: %v", r.URL.RawQuery, err)
	}
	return e.parse(values)
}

// parse reads parameters, wherever they came from.
func (e *endpoint) parse(values url.Values) (args, *problem) {
	parsed := args{}
	for _, name := range sortedKeys(values) {
		texts := values[name]
		i := slices.IndexFunc(e.query, func(p parameter) bool { return p.name == name })
		if i < 0 && e.lenient {
			continue
		}
		if i < 0 {
			p := newProblem("bad_parameter", "%s %s has no parameter %q; it has %s", e.method, e.path, name, e.parameterNames())
			if name == "default" { // as the Graph Store Protocol has it
				p.Detail += "; /data has ?default, /v1/data and /v1/changes have ?graph=default"
			}
			return nil, p
		}
		p := e.query[i]
		if len(texts) > 1 && !p.many {
			return nil, newProblem("bad_parameter", "%s comes %d times, and may come once", name, len(texts))
		}
		for _, text := range texts {
			value, err := p.kind.parse(text)
			if err != nil {
				return nil, newProblem("bad_parameter", "%s: expected %s: %v", name, p.kind.expects, err)
			}
			parsed[name] = append(parsed[name], value)
		}
	}
	return parsed, nil
}

// parameterNames lists the parameters for an error.
func (e *endpoint) parameterNames() string {
	if len(e.query) == 0 {
		return "none"
	}
	names := make([]string, len(e.query))
	for i, p := range e.query {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}
