package api

import "testing"

func TestNegotiate(t *testing.T) {
	offers := []string{"application/n-quads", "application/trig", "text/turtle"}
	for _, test := range []struct {
		accept []string
		want   string // empty: none is accepted
	}{
		{nil, "application/n-quads"},
		{[]string{"*/*"}, "application/n-quads"},
		{[]string{"text/turtle"}, "text/turtle"},
		{[]string{"TEXT/Turtle; charset=utf-8"}, "text/turtle"},
		{[]string{"text/*"}, "text/turtle"},
		{[]string{"text/html, */*;q=0.1"}, "application/n-quads"},
		{[]string{"application/n-quads;q=0.2, application/trig;q=0.9, text/turtle;q=0.5"}, "application/trig"},
		{[]string{"application/n-quads;q=0.2", "text/turtle;q=0.5"}, "text/turtle"},
		{[]string{"text/turtle, application/n-quads"}, "text/turtle"},
		{[]string{"*/*, application/n-quads;q=0"}, "application/trig"},
		{[]string{"application/*;q=0.5, application/trig;q=0.1, text/turtle;q=0.3"}, "application/n-quads"},
		{[]string{"application/n-quads;q=0"}, ""},
		{[]string{"text/html"}, ""},
		{[]string{""}, ""},
		{[]string{"text/turtle;q=2, application/trig;q=0.1"}, "application/trig"},
		{[]string{"text/turtle;q=x"}, ""},
		{[]string{`application/trig;profile="a,b"`}, "application/trig"},
		{[]string{`application/trig;profile="a\",b", text/turtle;q=0.5`}, "application/trig"},
		{[]string{`application/trig;profile="a`, `text/turtle`}, "text/turtle"},
	} {
		if got, ok := negotiate(test.accept, offers); got != test.want || ok != (test.want != "") {
			t.Errorf("%q: %q, %v; want %q", test.accept, got, ok, test.want)
		}
	}
}

func TestETagMatches(t *testing.T) {
	for _, test := range []struct {
		header []string
		want   bool
	}{
		{nil, false}, {[]string{""}, false}, {[]string{`W/"a"`}, true}, {[]string{`"a"`}, true}, {[]string{`"b", W/"a"`}, true},
		{[]string{`"b"`, `"a"`}, true}, {[]string{"*"}, true}, {[]string{`"b"`}, false},
	} {
		if got := etagMatches(test.header, `W/"a"`); got != test.want {
			t.Errorf("%q: %v", test.header, got)
		}
	}
}
