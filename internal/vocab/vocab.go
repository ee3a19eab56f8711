// Package vocab has the terms of RDF's own vocabulary that the syntaxes have short forms for.
package vocab

import "github.com/quadrille-stream/quadrille/rdf"

// RDF is the namespace of RDF.
const RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

// The terms, which nobody changes.
var (
	Type    = rdf.Trusted("<" + RDF + "type>")
	First   = rdf.Trusted("<" + RDF + "first>")
	Rest    = rdf.Trusted("<" + RDF + "rest>")
	Nil     = rdf.Trusted("<" + RDF + "nil>")
	Reifies = rdf.Trusted("<" + RDF + "reifies>")
)
