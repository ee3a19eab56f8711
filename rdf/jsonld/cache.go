package jsonld

import (
	"bytes"
	"sync"
)

// mostCached is the number of bytes of the documents of contexts that a [Cache] keeps, several times as much in memory.
const mostCached = 32 << 20

// Cache keeps what remote contexts were read as, and what was made of them, for the documents that are given it (see
// [Cached]): a context is decoded and processed once for all of them. The [Loader] is asked for each document, so a context
// that has changed is read anew. It keeps contexts of at most 32 MiB; when there are more, it begins anew. A document leads to
// the same quads with and without one; [MaxExpanded] and [MaxCopies] do not count what another document has made. Any number
// of goroutines may use it at once.
type Cache struct {
	mu      sync.Mutex
	bytes   int
	read    map[cachedDocument]*remoteDocument
	made    map[cachedContext]*madeContext
	nothing activeContext // stands for what holds before any context
}

// NewCache returns an empty cache.
func NewCache() *Cache {
	c := &Cache{}
	c.forget()
	return c
}

// forget begins anew. Contexts that are in use stay what they are.
func (c *Cache) forget() {
	c.bytes, c.read, c.made = 0, map[cachedDocument]*remoteDocument{}, map[cachedContext]*madeContext{}
}

// cachedDocument is the document at an IRI, and the bounds that it was read with.
type cachedDocument struct {
	iri         string
	size, depth int
}

// remoteDocument is what is in a document. It is not changed.
type remoteDocument struct {
	text []byte
	root any
}

// cachedContext is the context at an IRI, laid over one that is made of remote contexts alone.
type cachedContext struct {
	over      *activeContext
	iri       string
	version10 bool
}

// madeContext is an active context, and what it was made of.
type madeContext struct {
	context *activeContext
	from    []loaded
	based   bool // the base of the document was looked at
}

// loaded is a document that a context was made of.
type loaded struct {
	iri      string
	document *remoteDocument
}

// decoded returns what the text at an IRI was decoded to, nil if that is not known.
func (c *Cache) decoded(key cachedDocument, text []byte) *remoteDocument {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d := c.read[key]; d != nil && bytes.Equal(d.text, text) {
		return d
	}
	return nil
}

// keepDocument keeps a document, unless that is too large.
func (c *Cache) keepDocument(key cachedDocument, d *remoteDocument) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.room(len(d.text)) {
		c.read[key] = d
	}
}

// room makes room for what was made of so many bytes, and reports false if there can be none.
func (c *Cache) room(bytes int) bool {
	if bytes > mostCached-c.bytes {
		c.forget()
	}
	c.bytes += bytes
	return bytes <= mostCached
}

// context returns what was made of a context, nil if nothing is known of it.
func (c *Cache) context(key cachedContext) *madeContext {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made[key]
}

func (c *Cache) keepContext(key cachedContext, m *madeContext) {
	c.mu.Lock()
	defer c.mu.Unlock()
	bytes := 0
	for _, l := range m.from {
		bytes += len(l.document.text)
	}
	if c.room(bytes) {
		c.made[key] = m
	}
}
