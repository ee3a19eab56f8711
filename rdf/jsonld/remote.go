package jsonld

import (
	"bytes"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/rdf"
)

// remoteContext returns what a remote context makes of another one. It is made once.
func (p *processor) remoteContext(c *activeContext, reference string, l local) (*activeContext, error) {
	url, err := p.resolveURL(l.url, reference)
	if err != nil {
		return nil, err
	}
	for _, outer := range l.remote {
		if outer == url {
			if l.unchecked {
				return c, nil
			}
			return nil, wrong("recursive context inclusion", "%s", url)
		}
	}
	key := contextKey{active: c, iri: url, override: l.override, propagate: l.propagate}
	made := p.made[key]
	if made == nil {
		if made, err = p.makeRemote(c, url, l); err != nil {
			return nil, err
		}
		if !l.unchecked {
			p.made[key] = made
		}
	}
	if p.making > 0 {
		p.loaded, p.based = append(p.loaded, made.from...), p.based || made.based
	}
	return made.context, nil
}

// makeRemote makes what a remote context makes of another one, or takes it from the cache.
func (p *processor) makeRemote(c *activeContext, url string, l local) (*madeContext, error) {
	outer, outerBased := p.loaded, p.based
	p.loaded, p.based = nil, false
	p.making++
	defer func() {
		p.loaded, p.based = outer, outerBased
		p.making--
	}()
	key := cachedContext{over: c.cached, iri: url, version10: p.o.version10}
	mayShare := c.cached != nil && c.base == p.initial.base && l.propagate && !l.override && !l.unchecked
	if mayShare {
		if m := p.cached(key); m != nil {
			return m.basedOn(c), nil
		}
	}
	context, err := p.load(url)
	if err != nil {
		return nil, err
	}
	inner := l
	inner.url, inner.remote, inner.propagate = url, append(l.remote[:len(l.remote):len(l.remote)], url), true
	made, err := p.process(c, context, inner)
	m := &madeContext{context: made, from: p.loaded, based: p.based}
	if err != nil || !mayShare || m.based || made.previous != nil {
		return m, err
	}
	p.o.cache.keepContext(key, m)
	return m.basedOn(c), nil
}

// basedOn returns a context of the cache with the base of a document's.
func (m *madeContext) basedOn(c *activeContext) *madeContext {
	next := *m.context
	next.base, next.cached = c.base, m.context
	return &madeContext{context: &next, from: m.from}
}

// cached returns what the cache has, if the documents are still what it was made of.
func (p *processor) cached(key cachedContext) *madeContext {
	m := p.o.cache.context(key)
	if m == nil {
		return nil
	}
	for _, l := range m.from {
		if _, err := p.load(l.iri); err != nil || p.remote[l.iri] != l.document {
			p.loaded = nil
			return nil
		}
	}
	return m
}

// resolveURL returns the IRI of a remote context.
func (p *processor) resolveURL(base, reference string) (string, error) {
	if isAbsolute(reference) {
		return reference, nil
	}
	var b iri.Base
	if base != "" {
		b.Set(base)
	}
	text, ok := b.Resolve(nil, reference)
	if !b.Known() || !ok {
		return "", &Error{Code: "loading remote context failed", Msg: fmt.Sprintf("context %q: expected an absolute IRI", reference), Err: rdf.ErrNoBase}
	}
	return string(text), nil
}

// load returns the context in a remote document, which is read once.
func (p *processor) load(url string) (any, error) {
	d := p.remote[url]
	if d == nil {
		var err error
		if d, err = p.fetch(url); err != nil {
			return nil, err
		}
	}
	if p.making > 0 {
		p.loaded = append(p.loaded, loaded{url, d})
	}
	return d.root.(map[string]any)["@context"], nil
}

// fetch reads a remote document. A panic of the loader is an error.
func (p *processor) fetch(url string) (d *remoteDocument, err error) {
	if len(p.remote) >= p.o.contexts {
		return nil, &Error{Code: "context overflow", Msg: fmt.Sprintf("more than %d remote contexts are %v, the last one %s",
			p.o.contexts, rdf.ErrLimit, url), Err: rdf.ErrLimit}
	}
	err = guard(func() (err error) {
		d, err = readRemote(p.o, url)
		return err
	})
	if e, ok := err.(*Error); ok && e.Code == "" { //nolint:errorlint // made by this package, never wrapped
		e.Code = "loading remote context failed"
	}
	if err != nil {
		return nil, err
	}
	if document, ok := d.root.(map[string]any); !ok || !has(document, "@context") {
		return nil, wrong("invalid remote context", "%s: expected an object with @context", url)
	}
	p.remote[url] = d
	return d, nil
}

// readRemote reads the document at an IRI, unless the cache has what was read of the same text.
func readRemote(o *options, iri string) (*remoteDocument, error) {
	text, err := fetchText(o, iri)
	if err != nil {
		return nil, err
	}
	key := cachedDocument{iri, o.document, o.depth}
	if o.cache != nil {
		if d := o.cache.decoded(key, text); d != nil {
			return d, nil
		}
		text = bytes.Clone(text) // of which strings are parts
	}
	root, err := decodeRemote(o, iri, text)
	if err != nil {
		return nil, err
	}
	d := &remoteDocument{text, root}
	if o.cache != nil {
		o.cache.keepDocument(key, d)
	}
	return d, nil
}
