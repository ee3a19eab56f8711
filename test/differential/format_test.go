package differential

import (
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// format is one of the formats whose readers are compared.
type format string

const (
	formatTurtle   format = "turtle"
	formatTriG     format = "trig"
	formatNTriples format = "ntriples"
	formatNQuads   format = "nquads"
	formatJSONLD   format = "jsonld"
	formatRDFXML   format = "rdfxml"
	// What is asked of stores: quads, and a query or an update over them.
	formatQuery  format = "query"
	formatUpdate format = "update"
)

// formats are those of the documents that readers are compared with.
var formats = []format{formatTurtle, formatTriG, formatNTriples, formatNQuads, formatJSONLD, formatRDFXML}

// code is the byte that tells a peer the format.
func (f format) code() byte {
	return map[format]byte{formatTurtle: 't', formatTriG: 'g', formatNTriples: 'n', formatNQuads: 'q', formatJSONLD: 'j', formatRDFXML: 'x',
		formatQuery: 'Q', formatUpdate: 'U'}[f]
}

// suffix ends the names of the format's files.
func (f format) suffix() string {
	return map[format]string{formatTurtle: ".ttl", formatTriG: ".trig", formatNTriples: ".nt", formatNQuads: ".nq",
		formatJSONLD: ".jsonld", formatRDFXML: ".rdf"}[f]
}

// ours is the answer of this module's reader.
func (f format) ours(document []byte) answer {
	quads, err := collect(func(fn func(rdf.Quad) error) error {
		switch f {
		case formatTurtle:
			return turtle.Parse(document, fn, turtle.Base(base))
		case formatTriG:
			return turtle.Parse(document, fn, turtle.Base(base), turtle.TriG())
		case formatRDFXML:
			return rdfxml.Parse(document, fn, rdfxml.Base(base))
		case formatNTriples:
			return nquads.Parse(document, fn, nquads.Triples())
		case formatNQuads:
			return nquads.Parse(document, fn)
		default:
			return jsonld.Parse(document, fn, jsonld.Base(base))
		}
	})
	if err != nil {
		return answer{reason: err.Error()}
	}
	return answer{quads: quads}
}
