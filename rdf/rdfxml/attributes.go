package rdfxml

import (
	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/vocab"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml/internal/xml"
)

// itsNS is the namespace of the Internationalization Tag Set, which its:dir is of.
const itsNS = "http://www.w3.org/2005/11/its"

// scope is what holds in an element unless one in it says otherwise.
type scope struct {
	base int    // in the bases of the reader
	lang string // as the end of a literal: "", "@tag", or "@tag--dir"
	tag  string // the same without the direction
	dir  rdf.Direction
	new  bool // there is a version beyond 1.1
}

// attributes are those of an element that mean something, nil where there is none.
type attributes struct {
	id, nodeID, about, resource, datatype, parseType, typ *xml.Attr
	annotation, annotationNodeID                          *xml.Attr

	lang, base, dir, version *xml.Attr
	properties               []*xml.Attr
}

// syntax returns where an attribute of the namespace of RDF is kept; nil if it is a property. ok is false if there can't be one.
func (a *attributes) syntax(local string) (at **xml.Attr, ok bool) {
	switch local {
	case "ID":
		at = &a.id
	case "nodeID":
		at = &a.nodeID
	case "about":
		at = &a.about
	case "resource":
		at = &a.resource
	case "datatype":
		at = &a.datatype
	case "parseType":
		at = &a.parseType
	case "type":
		at = &a.typ
	case "annotation":
		at = &a.annotation
	case "annotationNodeID":
		at = &a.annotationNodeID
	case "version":
		at = &a.version
	case "RDF", "Description", "li", "aboutEach", "aboutEachPrefix", "bagID":
		return nil, false
	}
	return at, true
}

// withdrawn says so of a name that RDF/XML had once.
func withdrawn(local string) string {
	switch local {
	case "aboutEach", "aboutEachPrefix", "bagID":
		return ", which was withdrawn in 2004"
	}
	return ""
}

// isUnqualified reports whether an attribute without a namespace means that of RDF, as it did once.
func isUnqualified(local string) bool {
	switch local {
	case "ID", "about", "resource", "parseType", "type", "version":
		return true
	}
	return false
}

// read sorts the attributes of the element that has begun, and lets s say what holds in it. It reports false after an error.
func (rd *Reader) read(s *scope) bool {
	a := &rd.attrs
	*a = attributes{properties: a.properties[:0]}
	attrs := rd.x.Attrs()
	for i := range attrs {
		if !rd.sort(a, &attrs[i]) {
			return false
		}
	}
	return rd.rescope(s, a)
}

func (rd *Reader) sort(a *attributes, at *xml.Attr) bool {
	switch {
	case at.Space == xml.Namespace && at.Local == "lang":
		a.lang = at
	case at.Space == xml.Namespace && at.Local == "base":
		a.base = at
	case xml.IsReserved(at.Prefix), at.Prefix == "" && xml.IsReserved(at.Local):
	case at.Space == itsNS && at.Local == "dir":
		a.dir = at
	case at.Space == itsNS && at.Local == "version":
	case at.Space == vocab.RDF, at.Prefix == "" && isUnqualified(at.Local):
		return rd.sortRDF(a, at)
	case at.Prefix == "":
		rd.x.FailAt(at.At, nil, "expected an attribute in a namespace, found %q; write it with a prefix", excerpt(at.Local))
		return false
	default:
		a.properties = append(a.properties, at)
	}
	return true
}

func (rd *Reader) sortRDF(a *attributes, at *xml.Attr) bool {
	field, ok := a.syntax(at.Local)
	switch {
	case !ok:
		rd.x.FailAt(at.At, nil, "expected an attribute that RDF/XML has, found rdf:%s%s", at.Local, withdrawn(at.Local))
		return false
	case field == nil:
		a.properties = append(a.properties, at)
	case *field != nil:
		rd.x.FailAt(at.At, nil, "expected rdf:%s once, found it with and without a prefix", at.Local)
		return false
	default:
		*field = at
	}
	return true
}

// rescope changes what holds in the element.
func (rd *Reader) rescope(s *scope, a *attributes) bool {
	if a.version != nil {
		s.new = a.version.Value != "1.1"
	}
	if a.base != nil && !rd.rebase(s, a.base) {
		return false
	}
	if a.dir != nil && s.new {
		switch a.dir.Value {
		case "":
			s.dir = rdf.NoDirection
		case "ltr":
			s.dir = rdf.LTR
		case "rtl":
			s.dir = rdf.RTL
		default:
			rd.x.FailAt(a.dir.At, nil, `expected "ltr", "rtl" or nothing in %s, found %q`, written(a.dir), excerpt(a.dir.Value))
			return false
		}
	}
	if a.lang != nil {
		s.tag = ""
		if a.lang.Value != "" {
			var ok bool
			if s.tag, ok = rd.language(a.lang); !ok {
				return false
			}
		}
	}
	if a.lang != nil || a.dir != nil {
		s.lang = s.tag
		if s.tag != "" && s.dir != rdf.NoDirection {
			s.lang += "--" + string(s.dir)
		}
	}
	return true
}

// rebase makes xml:base the base of the element.
func (rd *Reader) rebase(s *scope, a *xml.Attr) bool {
	t := rd.resource(a, s.base)
	if t.IsZero() {
		return false
	}
	rd.bases = append(rd.bases, iri.Base{})
	s.base = len(rd.bases) - 1
	rd.bases[s.base].Set(t.Value())
	return true
}

// only reports whether an element has none of some attributes, and sets the error otherwise.
func (rd *Reader) only(where string, none ...*xml.Attr) bool {
	for _, a := range none {
		if a != nil {
			rd.x.FailAt(a.At, nil, "expected no %s %s", written(a), where)
			return false
		}
	}
	return true
}

// one returns that of two attributes which is there, nil if neither is. It reports false, after setting the error, if both are.
func (rd *Reader) one(a, b *xml.Attr) (*xml.Attr, bool) {
	if a != nil && b != nil {
		rd.x.FailAt(b.At, nil, "expected %s or %s, found both", written(a), written(b))
		return nil, false
	}
	if a == nil {
		return b, true
	}
	return a, true
}
