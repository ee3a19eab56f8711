package expr_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

func TestNearest(t *testing.T) {
	const xsd = "http://www.w3.org/2001/XMLSchema#"
	for name, want := range map[string]string{
		xsd + "dubble":  "<" + xsd + "double>",
		xsd + "Integer": "<" + xsd + "integer>",
		"http://www.w3.org/2001/XMLSchemadateTime": "<" + xsd + "dateTime>",
		"https://www.w3.org/2001/XMLSchema#date":   "<" + xsd + "date>",
		"http://example/decimal":                   "<" + xsd + "decimal>",
		"http://example/strlen":                    "STRLEN",
		"http://example/f#encode-for-uri":          "ENCODE_FOR_URI",
		"urn:cuont":                                "",
		"urn:count":                                "COUNT",
		xsd + "hexBinary":                          "",
		"http://example/":                          "",
		strings.Repeat("x:", 200) + "strlen":       "",
	} {
		if expr.Known(rdf.Trusted("<" + name + ">")) {
			t.Errorf("%s is known", name)
		}
		if got := expr.Nearest(rdf.Trusted("<" + name + ">")); got != want {
			t.Errorf("%s: %q, expected %q", name, got, want)
		}
	}
	for _, cast := range value.Casts() {
		if !expr.Known(rdf.Trusted("<" + cast + ">")) {
			t.Errorf("%s is not known", cast)
		}
	}
}
