package turtle_test

import (
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// resolved reads <reference> with a base and returns what it means.
func resolved(base, reference string) (string, error) {
	quads, err := readertest.Collect(turtle.NewBytes([]byte("<"+reference+"> a 1 ."), turtle.Base(base)))
	if err != nil || len(quads) != 1 {
		return "", err
	}
	return quads[0].S.Value(), nil
}

// The examples of RFC 3986, sections 5.4.1 and 5.4.2, and the corners that they leave out.
func TestResolve(t *testing.T) {
	const base = "http://a/b/c/d;p?q"
	for _, c := range []struct{ base, reference, want string }{
		{base, "g:h", "g:h"}, {base, "g", "http://a/b/c/g"}, {base, "./g", "http://a/b/c/g"}, {base, "g/", "http://a/b/c/g/"},
		{base, "/g", "http://a/g"}, {base, "//g", "http://g"}, {base, "?y", "http://a/b/c/d;p?y"},
		{base, "g?y", "http://a/b/c/g?y"}, {base, "#s", "http://a/b/c/d;p?q#s"}, {base, "g#s", "http://a/b/c/g#s"},
		{base, "g?y#s", "http://a/b/c/g?y#s"}, {base, ";x", "http://a/b/c/;x"}, {base, "g;x", "http://a/b/c/g;x"},
		{base, "g;x?y#s", "http://a/b/c/g;x?y#s"}, {base, "", "http://a/b/c/d;p?q"}, {base, ".", "http://a/b/c/"},
		{base, "./", "http://a/b/c/"}, {base, "..", "http://a/b/"}, {base, "../", "http://a/b/"}, {base, "../g", "http://a/b/g"},
		{base, "../..", "http://a/"}, {base, "../../", "http://a/"}, {base, "../../g", "http://a/g"},
		{base, "../../../g", "http://a/g"}, {base, "../../../../g", "http://a/g"}, {base, "/./g", "http://a/g"},
		{base, "/../g", "http://a/g"}, {base, "g.", "http://a/b/c/g."}, {base, ".g", "http://a/b/c/.g"},
		{base, "g..", "http://a/b/c/g.."}, {base, "..g", "http://a/b/c/..g"}, {base, "./../g", "http://a/b/g"},
		{base, "./g/.", "http://a/b/c/g/"}, {base, "g/./h", "http://a/b/c/g/h"}, {base, "g/../h", "http://a/b/c/h"},
		{base, "g;x=1/./y", "http://a/b/c/g;x=1/y"}, {base, "g;x=1/../y", "http://a/b/c/y"},
		{base, "g?y/./x", "http://a/b/c/g?y/./x"}, {base, "g?y/../x", "http://a/b/c/g?y/../x"},
		{base, "g#s/./x", "http://a/b/c/g#s/./x"}, {base, "g#s/../x", "http://a/b/c/g#s/../x"}, {base, "http:g", "http:g"},
		{base, "//g/../h?", "http://g/h?"}, {base, "#", "http://a/b/c/d;p?q#"}, {base, "é/../è", "http://a/b/c/è"},
		{base, "http://a/b/../c", "http://a/b/../c"}, {base, "..//g", "http://a/b//g"}, {base, "./a:b", "http://a/b/c/a:b"},
		{"http://a", "g", "http://a/g"}, {"http://a", "", "http://a"}, {"http://a?q", "?r", "http://a?r"},
		{"http://a#f", "g", "http://a/g"}, {"http://a/b#f", "", "http://a/b"}, {"http://a/b/../c/d", "e", "http://a/c/e"},
		{"mailto:a@b", "c", "mailto:c"}, {"urn:a:b", "#f", "urn:a:b#f"}, {"urn:a/b/c", "../d", "urn:a/d"},
		{"x:/a/b", "//c", "x://c"}, {"x:a", "..", "x:"},
		{"x:a", "../b", "x:b"}, {"x:a", "./b", "x:b"}, {"x:a", ".", "x:"}, {"x:a", "/..", "x:/"}, {"x:a", "../../b/.", "x:b/"},
	} {
		if got, err := resolved(c.base, c.reference); err != nil || got != c.want {
			t.Errorf("<%s> in <%s>: <%s>, %v, expected <%s>", c.reference, c.base, got, err, c.want)
		}
	}
}

// What has no meaning, or would have another one than its parts.
func TestDoesNotResolve(t *testing.T) {
	for _, c := range [][2]string{{"", "g"}, {"http://a/", "1:g"}, {"http://a/", ":g"}, {"x:/a/b", "..//c"}, {"x:/a", "/.//c"}} {
		got, err := resolved(c[0], c[1])
		syntax := new(turtle.SyntaxError)
		if !errors.As(err, &syntax) || !errors.Is(err, rdf.ErrInvalid) || syntax.Line != 1 || syntax.Col != 1 {
			t.Errorf("<%s> in <%s>: <%s>, %v", c[1], c[0], got, err)
		}
	}
	for _, base := range []string{"a", "http://a b/", "//a"} {
		if _, err := resolved(base, "g"); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("base %q: %v", base, err)
		}
	}
}
