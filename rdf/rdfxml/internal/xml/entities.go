package xml

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

const (
	// freeExpansion is how many bytes entities may stand for in any document; expansionRatio is how many times the document so
	// far they may stand for beyond that. Names of namespaces, which is what they are used for, stay far below it.
	freeExpansion  = 1 << 20
	expansionRatio = 16
	// maxEntityDepth is how deeply entities may name others.
	maxEntityDepth = 16
)

var errEntities = fmt.Errorf("text of entities %w", rdf.ErrLimit)

// entities are those that a document has declared.
type entities struct {
	byName map[string]*entity
	bytes  int   // that they have themselves
	made   int64 // that they were expanded to
}

// entity is one of them.
type entity struct {
	text     string // with references to others
	external bool   // it stands outside of the document
	open     bool   // it is being expanded
	expanded bool   // text has no references any more
}

// declareEntity keeps the first declaration of a name, as XML says.
func (s *Scanner) declareEntity(name string, e entity, at int) bool {
	if predefined([]byte(name)) != 0 {
		return true
	}
	if s.entities.byName == nil {
		s.entities.byName = map[string]*entity{}
	}
	if _, twice := s.entities.byName[name]; twice {
		return true
	}
	if s.entities.bytes += len(name) + len(e.text); s.entities.bytes > s.o.Entities {
		s.failAt(at, errEntities, "expected entities of at most %d bytes, found more", s.o.Entities)
		return false
	}
	s.entities.byName[strings.Clone(name)] = &e
	return true
}

// entity returns the text that a name stands for. at is where the reference to it stands in the document, or to what it is a
// part of.
func (s *Scanner) entity(name string, at, depth int) (string, bool) {
	e := s.entities.byName[name]
	switch {
	case e == nil:
		s.failAt(at, nil, "expected a reference to an entity that is declared in the document, found &%s;; "+
			"what a DTD elsewhere declares is not read", excerpt(name))
		return "", false
	case e.external:
		s.failAt(at, nil, "expected a reference to an entity whose text is in the document, found &%s;, which is elsewhere; "+
			"what is outside of the document is not read", excerpt(name))
		return "", false
	case e.open || depth == maxEntityDepth:
		s.failAt(at, nil, "expected entities that name others %d levels deep at most, and not themselves, found &%s;",
			maxEntityDepth, excerpt(name))
		return "", false
	}
	if !e.expanded && !s.expand(e, at, depth) {
		return "", false
	}
	s.entities.made += int64(len(e.text))
	if s.entities.made > freeExpansion+expansionRatio*s.total() {
		s.failAt(at, errEntities, "expected entities that stand for at most %d times the document and %d bytes more, found more in &%s;",
			expansionRatio, freeExpansion, excerpt(name))
		return "", false
	}
	return e.text, true
}

// expand replaces the references in an entity, once.
func (s *Scanner) expand(e *entity, at, depth int) bool {
	e.open = true
	var out []byte
	for rest := []byte(e.text); len(rest) > 0; {
		i := bytes.IndexAny(rest, "&<")
		if i < 0 {
			out = append(out, rest...)
			break
		}
		if rest[i] == '<' {
			s.failAt(at, nil, "expected entities that stand for text, found one with a tag in it; write the tag where it is meant")
			return false
		}
		out = append(out, rest[:i]...)
		dst, n := s.reference(out, rest[i:], at, depth+1)
		if n == 0 {
			return false
		}
		if out = dst; len(out) > freeExpansion {
			s.failAt(at, errEntities, "expected entities that stand for at most %d bytes each, found more", freeExpansion)
			return false
		}
		rest = rest[i+n:]
	}
	e.text, e.expanded, e.open = string(out), true, false
	return true
}
