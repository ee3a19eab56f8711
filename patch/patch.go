// Package patch reads and writes RDF Patch, the change format of Apache Jena, in text form.
//
// A patch is a sequence of rows. Readers drive a [Change]; writers, counters and stores implement it, so that changes
// of any length stream through without a document in memory.
package patch

import "github.com/quadrille-stream/quadrille/rdf"

// Change receives the rows of a patch in their order. A non-nil error stops the reader, which returns it.
// Terms may share memory with the reader's buffer: they are valid until the method returns; keep a clone
// ([rdf.Term.Clone]). A Change is used by one goroutine at a time.
type Change interface {
	// Header is an H row: a name (as written, without quotes) and a term. Names don't depend on case; those of the patch
	// log, in any case and with the old spelling "previous", come as "id" and "prev".
	Header(name string, value rdf.Term) error
	// Begin is TX (or TB).
	Begin() error
	// Commit is TC.
	Commit() error
	// Abort is TA: the rows since Begin have no effect.
	Abort() error
	// AddPrefix is PA. Prefixes are data of a graph and never expand anything.
	AddPrefix(graph rdf.Term, prefix, iri string) error
	// DeletePrefix is PD.
	DeletePrefix(graph rdf.Term, prefix string) error
	// Add is A: the quad is in the dataset after this row.
	Add(q rdf.Quad) error
	// Delete is D: the quad is not in the dataset after this row.
	Delete(q rdf.Quad) error
}

// Names of the headers that link a patch log.
const (
	HeaderID   = "id"
	HeaderPrev = "prev"
	// HeaderShard says which log a patch is of, where those of several stand in one stream. It is Quadrille's own.
	HeaderShard = "shard"
)
