package jsonld

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/piprate/json-gold/ld"

	"github.com/quadrille-stream/quadrille/rdf"
)

// ErrContext is in the error of a document that refers to a context which the caller's [Loader] does not give. Test
// with errors.Is.
var ErrContext = errors.New("no such context")

// Loader gives the documents of remote contexts.
type Loader interface {
	// Load returns the JSON document at an absolute IRI, which the caller does not change, or an error; one that wraps
	// [ErrContext] says that the loader doesn't have the document. It is called by several goroutines at once, and bounds
	// its time and the document's size itself.
	Load(iri string) ([]byte, error)
}

// Loaders is loaders one after another: the first that has a document gives it.
type Loaders []Loader

// Load implements [Loader].
func (l Loaders) Load(iri string) ([]byte, error) {
	for _, next := range l {
		document, err := next.Load(iri)
		if err == nil || !errors.Is(err, ErrContext) {
			return document, err
		}
	}
	return nil, notFound(iri)
}

func notFound(iri string) error {
	return fmt.Errorf("%w: %s is neither in a folder of contexts nor allowed to be fetched; keep a copy in a folder with "+
		"an index, or put the IRI on the list of those that may be fetched", ErrContext, iri)
}

// remote is the loader of the library, which compacts. It holds the bounds on what contexts do there.
type remote struct {
	o       *options
	left    int
	strings int                 // of the context
	refers  map[string][]string // contexts, and those that they always load

	terms map[string]int // the longest value of each term in the contexts
	used  map[string]bool
	bases int // bytes of all @vocab and @base
	most  int // of one value

	applied int  // contexts that the document's objects have, or come from those
	scoped  bool // there is a term with a context of its own
}

func newRemote(o *options, strings int) *remote {
	return &remote{o: o, left: o.contexts, strings: strings, refers: map[string][]string{}, terms: map[string]int{},
		used: map[string]bool{}}
}

// LoadDocument implements [ld.DocumentLoader]. The library changes what it gets, so each call decodes anew.
func (r *remote) LoadDocument(iri string) (*ld.RemoteDocument, error) {
	if r.left--; r.left < 0 {
		return nil, &Error{Code: "context overflow", Msg: fmt.Sprintf("more than %d references to remote contexts are %v, "+
			"the last one to %s", r.o.contexts, rdf.ErrLimit, iri), Err: rdf.ErrLimit}
	}
	text, err := fetchText(r.o, iri)
	if err != nil {
		return nil, err
	}
	root, err := decodeRemote(r.o, iri, text)
	if err != nil {
		return nil, err
	}
	if err := r.absolute(iri, root); err != nil {
		return nil, err
	}
	if err := r.look(root); err != nil {
		return nil, err
	}
	return &ld.RemoteDocument{DocumentURL: iri, Document: root}, nil
}

// fetchText returns the document at an IRI.
func fetchText(o *options, iri string) ([]byte, error) {
	if err := rdf.CheckIRI(iri); err != nil {
		return nil, &Error{Msg: err.Error(), Err: err}
	}
	if o.loader == nil {
		return nil, &Error{Msg: fmt.Sprintf("%v: %s is in another document, and none is read here; put the context itself into this one",
			ErrContext, iri), Err: ErrContext}
	}
	text, err := o.loader.Load(iri)
	if err != nil {
		return nil, &Error{Msg: fmt.Sprintf("context %s: %v", iri, err), Err: err}
	}
	return text, nil
}

// decodeRemote decodes the text at an IRI.
func decodeRemote(o *options, iri string, text []byte) (any, error) {
	root, _, err := decodeDocument(text, iri, o)
	if err != nil {
		return nil, &Error{Msg: err.Error(), Err: err}
	}
	return root, nil
}

// absolute resolves the references to other contexts in the document of a context, which the library would resolve with
// the IRI of the document that it works on. It fails if the context would always load itself.
func (r *remote) absolute(iri string, root any) error {
	base, err := url.Parse(iri)
	if err != nil {
		return &Error{Code: string(ld.LoadingRemoteContextFailed), Msg: err.Error(), Err: err}
	}
	document, _ := root.(map[string]any)
	if _, ok := document["@context"]; !ok {
		return nil
	}
	refers := []string{}
	document["@context"] = resolve(base, document["@context"], &refers)
	r.refers[iri] = refers
	if r.reaches(iri, iri, map[string]bool{}) {
		return &Error{Code: string(ld.RecursiveContextInclusion), Msg: iri}
	}
	return nil
}

// resolve returns a context with absolute references, and appends those that don't wait for a term to be used.
func resolve(base *url.URL, context any, refers *[]string) any {
	switch c := context.(type) {
	case string:
		u, err := base.Parse(c)
		if err != nil {
			return c
		}
		*refers = append(*refers, u.String())
		return u.String()
	case []any:
		for i, item := range c {
			c[i] = resolve(base, item, refers)
		}
	case map[string]any:
		if text, ok := c["@import"].(string); ok {
			c["@import"] = resolve(base, text, new([]string)) // what is imported may import nothing: the library sees to that
		}
		for _, definition := range c {
			if d, ok := definition.(map[string]any); ok && d["@context"] != nil {
				d["@context"] = resolve(base, d["@context"], new([]string))
			}
		}
	}
	return context
}

// reaches reports whether a context always loads another one.
func (r *remote) reaches(from, to string, seen map[string]bool) bool {
	for _, next := range r.refers[from] {
		if next == to {
			return true
		}
		if !seen[next] {
			seen[next] = true
			if r.reaches(next, to, seen) {
				return true
			}
		}
	}
	return false
}

// look takes note of the contexts in a document, and fails if with them names could become too long, or the document
// cost too much work.
func (r *remote) look(root any) error {
	r.find(root)
	longest := r.bases + r.most + len(r.o.base)
	for term := range r.used {
		longest += r.terms[term]
	}
	if longest > r.o.expanded/max(r.strings, 1) {
		return &Error{Msg: fmt.Sprintf("%d strings with IRIs of up to %d bytes, as the contexts can make them, are %v of %d "+
			"bytes", r.strings, longest, rdf.ErrLimit, r.o.expanded), Err: rdf.ErrLimit}
	}
	applied := r.applied
	if r.scoped { // then any string may be the type or property that has a context
		applied += r.strings
	}
	if terms := len(r.terms) + 1; applied > r.o.copies/terms {
		return &Error{Msg: fmt.Sprintf("%d contexts applied to %d terms are %v of %d copied terms", applied, terms,
			rdf.ErrLimit, r.o.copies), Err: rdf.ErrLimit}
	}
	return nil
}

func (r *remote) find(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if name == "@context" {
				r.applied += max(len(items(member)), 1)
				r.define("", member)
			} else {
				r.find(member)
			}
		}
	case []any:
		for _, item := range v {
			r.find(item)
		}
	}
}

// define takes note of the definition of a term. Terms in whose values others are prefixes add to the length of IRIs.
func (r *remote) define(term string, v any) {
	switch v := v.(type) {
	case string:
		r.most = max(r.most, len(v))
		if term == "@vocab" || term == "@base" {
			r.bases += len(v)
		}
		r.terms[term] = max(r.terms[term], len(v))
		if prefix, _, ok := strings.Cut(v, ":"); ok {
			r.used[prefix] = true
		}
	case map[string]any:
		for name, member := range v {
			switch name {
			case "@id", "@reverse":
				r.define(term, member)
			default:
				r.scoped = r.scoped || name == "@context"
				r.define(name, member)
				if prefix, _, ok := strings.Cut(name, ":"); ok {
					r.used[prefix] = true
				}
			}
		}
	case []any:
		for _, item := range v {
			r.define(term, item)
		}
	}
}
