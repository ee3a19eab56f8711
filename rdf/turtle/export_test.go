package turtle

import "github.com/quadrille-stream/quadrille/rdf"

// AppendTerm appends a term as a [Writer] with the prefixes writes it.
func AppendTerm(dst []byte, t rdf.Term, prefixes ...Prefix) []byte {
	terms, err := NewTerms(prefixes...)
	if err != nil {
		panic(err)
	}
	return terms.Append(dst, t)
}
