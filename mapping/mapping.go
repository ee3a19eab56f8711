// Package mapping turns messages - JSON, CSV, rows of Debezium, JSON-LD - into changes of RDF, as a declaration in YAML says,
// whose keys are those of YARRRML. It is pure: it does no I/O, knows no clock, and what comes out depends on the message alone.
//
// A [Declaration] is compiled once, with all its mistakes told by line and column. A [Mapping] may then be used by any number of
// goroutines. What replaces old values can't know them: it says so with the wildcard of package patch, and the owner of the shard
// makes the exact delta. docs/mapping.md has each key.
package mapping

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// MaxQuads bounds what one document of a message may make: additions and deletions together.
const MaxQuads = 100_000

// MaxPatch bounds the text of the changes that [Mapping.AppendPatch] makes of a message, in bytes.
const MaxPatch = 256 << 20

// Message is what is mapped.
type Message struct {
	// Body is the content, in the format of the mapping, UTF-8. Map doesn't keep it.
	Body []byte
	// Vars are what is known of the message besides, by name: $(#topic) is Vars["topic"], and $(#topic/2) its second part between
	// slashes. One that isn't there has no value.
	Vars map[string]string
}

// Set is what a declaration has compiled to.
type Set struct{ byName map[string]*Mapping }

// Names returns the names of the mappings, sorted. A nil set has none.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.byName))
}

// Get returns the mapping of a name; the error names those that there are.
func (s *Set) Get(name string) (*Mapping, error) {
	names := s.Names()
	switch {
	case len(names) == 0:
		return nil, fmt.Errorf("there is no mapping %q: no mapping is declared", name)
	case s.byName[name] == nil:
		return nil, fmt.Errorf("there is no mapping %q; there is %s", name, strings.Join(names, ", "))
	}
	return s.byName[name], nil
}

// Mapping maps the messages of one format. It is immutable, and may be used concurrently.
type Mapping struct {
	name   string
	format format
	csv    csvSettings
	// context is the JSON-LD context of documents that have none.
	context []byte
	rules   []*rule
	// native: an expression reads the document, so it needs numbers that can be computed with.
	native bool
}

// Name is the mapping's.
func (m *Mapping) Name() string { return m.name }

// Format is the name of the format of its messages: json, csv, debezium or jsonld.
func (m *Mapping) Format() string { return string(m.format) }

// MediaTypes returns the media types of messages that the mapping reads.
func (m *Mapping) MediaTypes() []string { return m.format.mediaTypes() }

// Map hands the changes of a message to c: one transaction for each of its documents - a JSON value, a row of CSV - that has
// any; a mapping of updates ([Mapping.MakesUpdates]) has none. In a transaction the deletions come first: whose predicate or object is [patch.Any] are to be evaluated by who knows the
// state (see [patch.Replace]). An error is an *[Error], or c's; what c has got by then is no whole message.
//
// Of each document at most [MaxQuads] changes are made, and its nesting and the cost of expressions are bounded.
func (m *Mapping) Map(msg Message, c patch.Change) error {
	if m.MakesUpdates() {
		return &Error{Mapping: m.name, Err: errors.New("it makes SPARQL Updates, which are no changes before their shards evaluate them")}
	}
	w := worker{m: m, in: input{vars: msg.Vars}, to: c}
	return m.read(msg.Body, w.document)
}

// AppendPatch appends the changes of a message to dst, as the text of an RDF Patch. After an error dst is as it was.
func (m *Mapping) AppendPatch(dst []byte, msg Message) ([]byte, error) {
	return m.appendAtMost(dst, msg, MaxPatch)
}

// appendAtMost is AppendPatch with a bound.
func (m *Mapping) appendAtMost(dst []byte, msg Message, most int) ([]byte, error) {
	w := appender{dst: dst, most: len(dst) + most}
	switch err := m.Map(msg, &w); {
	case errors.Is(err, errPatch):
		return dst, &Error{Mapping: m.name, Document: w.documents, Err: fmt.Errorf("%w than %d bytes; send it in parts", err, most)}
	case err != nil:
		return dst, err
	}
	return w.dst, nil
}

// errPatch: what a message makes is over the bound.
var errPatch = errors.New("the message makes changes of more")

// appender writes rows to memory.
type appender struct {
	patch.Ignore
	dst             []byte
	most, documents int
}

// Begin implements [patch.Change].
func (a *appender) Begin() error { a.dst = patch.AppendBegin(a.dst); return nil }

// Commit implements [patch.Change].
func (a *appender) Commit() error {
	a.documents++
	if a.dst = patch.AppendCommit(a.dst); len(a.dst) > a.most {
		return errPatch
	}
	return nil
}

// Add implements [patch.Change].
func (a *appender) Add(q rdf.Quad) error { a.dst = patch.AppendAdd(a.dst, q); return nil }

// Delete implements [patch.Change].
func (a *appender) Delete(q rdf.Quad) error { a.dst = patch.AppendDelete(a.dst, q); return nil }

// Error says why a message can't be mapped.
type Error struct {
	// Mapping is the mapping's name, Document the number of the document in the message, from 1.
	Mapping  string
	Document int
	// Field is the part of the mapping that fails, such as po[2].o[1]; empty if it is the message as a whole.
	Field string
	// Err is the mistake, with the value that was found.
	Err error
}

// Error names mapping, document and field.
func (e *Error) Error() string {
	place := fmt.Sprintf("mapping %q, document %d: ", e.Mapping, e.Document)
	if e.Field != "" {
		place += e.Field + ": "
	}
	return place + e.Err.Error()
}

// Unwrap returns the mistake.
func (e *Error) Unwrap() error { return e.Err }

// fieldError is a mistake with its place in the mapping.
type fieldError struct {
	field string
	err   error
}

// Error implements error.
func (e *fieldError) Error() string { return e.field + ": " + e.err.Error() }

// Unwrap returns the mistake.
func (e *fieldError) Unwrap() error { return e.err }

// inField gives a mistake its place.
func inField(field string, err error) error {
	if err == nil {
		return nil
	}
	return &fieldError{field, err}
}

// maxShown bounds the part of a value that an error shows, in bytes.
const maxShown = 100

// shorten cuts a text that is shown to people.
func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}
	return strings.ToValidUTF8(text[:maxShown], "") + "…"
}

// wrongValue is a mistake in a value, which it shows.
func wrongValue(value, format string, args ...any) error {
	return fmt.Errorf("%q: "+format, append([]any{shorten(value)}, args...)...)
}
