package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/nearest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// Known reports whether an IRI names a function: they are the casts of XPath. The call of another one is an error of its expression
// (17.3.1), and is bound to nothing.
func Known(name rdf.Term) bool { return value.CanCast(name.Value()) }

// Nearest returns what an IRI that is not [Known] was probably meant to name: the IRI of a cast in angle brackets, or a built-in function
// that has the last part of the IRI as its name, about, such as STRLEN; "" if nothing is like it.
func Nearest(name rdf.Term) string {
	text := name.Value()
	if len(text) > longestIRI {
		return ""
	}
	casts := value.Casts()
	cast := nearest.Of(text, casts)
	if same := slices.IndexFunc(casts, func(c string) bool { return localName(c) == localName(text) }); same >= 0 {
		return "<" + casts[same] + ">" // of another namespace
	}
	if 3*nearest.Distance(text, cast) <= len(localName(cast)) {
		return "<" + cast + ">"
	}
	local := strings.ToUpper(strings.ReplaceAll(localName(text), "-", "_"))
	known := slices.AppendSeq(slices.Clone(aggregateNames), maps.Keys(builtins))
	if near := nearest.Of(local, known); 3*nearest.Distance(local, near) <= len(near) {
		return near
	}
	return ""
}

// longestIRI bounds the IRIs that are compared, which takes time that is proportional to their length.
const longestIRI = 200

var aggregateNames = []string{"COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"}

// localName is what stands behind the last "/", "#" or ":" of an IRI.
func localName(iri string) string { return iri[strings.LastIndexAny(iri, "/#:")+1:] }
