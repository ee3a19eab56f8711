package turtle_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// readAll reads on after each mistake, and returns the quads, a line each, and the places of the mistakes.
func readAll(rd *turtle.Reader) (quads []string, mistakes []string) {
	var q rdf.Quad
	for {
		switch err := rd.Next(&q); {
		case err == io.EOF:
			return quads, mistakes
		case err != nil:
			place, _, _ := strings.Cut(err.Error(), ": ")
			mistakes = append(mistakes, strings.NewReplacer("line ", "", ", column ", ":").Replace(place))
			if !rd.Recover() {
				return quads, mistakes
			}
			continue
		}
		quads = append(quads, strings.TrimSpace(fmt.Sprint(q.S, " ", q.P, " ", q.O, " ", q.G)))
	}
}

// TestRecover: reading goes on behind the statement with the mistake, wherever that is.
func TestRecover(t *testing.T) {
	const good, quad = "\n<x:s> <x:p> 'good' .", `<x:s> <x:p> "good"`
	for mistake, place := range map[string]string{
		"<x:a> <x:b> .":                               "1:13",
		"<x:a> x:b 'a. b' .":                          "1:7",
		"<x:a> <x:b> 'a\\q. b' .":                     "1:15",
		"<x:a> <x:b> 'not closed\n .":                 "1:24",
		"<x:a> <x:b> '''a. \n\\q b. '' \n''' . ":      "2:1",
		"<x:a> <x:b> '''a\\''' . \n\\x ''' . ":        "2:1",
		"<x:a> <x:b> <x y. z> .":                      "1:15",
		"<x:a> <x:b> <relative.> .":                   "1:13",
		"<x:a> <x:b> # a comment. with dots .\n ] .":  "2:2",
		"<x:a> <x:b> 1.5.5, 'x'@ , 1 .":               "1:17",
		"<x:a> <x:b> _:a.b ; <x:c.d> ; .a .":          "1:29",
		"@prefix a <x:> .":                            "1:9",
		"PREFIX a <x:> <x:s> <x:p> 1 .":               "1:8",
		"<x:a> <x:b> \"\xff. \" .":                    "1:14",
		"<x:a> <x:b> ( [ <x:c> 1 . ":                  "1:25",
		"<x:a> <x:b> 1 {| <x:c> . ":                   "1:24",
		"<x:a> <x:b> ]<x:c>.":                         "1:13",
		"}.":                                          "1:1",
		"<x:g> { <x:a> <x:b> ] . <x:s> <x:p> 'in' } ": "1:21",
		"<x:g> { <x:a> <x:b> ] {| ' } ' |} } ":        "1:21",
		"<x:g> { <x:a> <x:b> } ":                      "1:21",
		"GRAPH <x:g> ] . ":                            "1:13",
	} {
		for _, before := range []string{"", good[1:] + " "} {
			document := before + mistake + good + mistake + good
			var all []string
			for name, rd := range map[string]*turtle.Reader{
				"bytes":  turtle.NewBytes([]byte(document), turtle.TriG()),
				"reader": turtle.NewReader(iotest.OneByteReader(strings.NewReader(document)), turtle.TriG()),
				"parts":  turtle.NewReader(strings.NewReader(document), turtle.TriG(), turtle.MaxLine(60)),
			} {
				quads, mistakes := readAll(rd)
				kept := len(quads) - strings.Count(strings.Join(quads, "\n"), `"in" <x:g>`)
				least := 2 + strings.Count(before, "good")
				if len(mistakes) != 2 || before == "" && mistakes[0] != place || kept < least || quads[len(quads)-1] != quad {
					t.Errorf("%s, %q: mistakes %q, expected one at %s; %q", name, document, mistakes, place, quads)
				}
				if got := append(quads, mistakes...); all == nil {
					all = got
				} else if fmt.Sprint(got) != fmt.Sprint(all) {
					t.Errorf("%s, %q: %q, others %q", name, document, got, all)
				}
			}
		}
	}
}

// TestRecoverAtEscapedLineEnd: a string in simple quotes ends with its line, also where a backslash stands before its end.
func TestRecoverAtEscapedLineEnd(t *testing.T) {
	for _, end := range []string{"\r", "\n"} {
		document := "\"b\\\"\\" + end + "'''c\n. <x:s> "
		_, whole := readAll(turtle.NewBytes([]byte(document), turtle.TriG()))
		_, pieces := readAll(turtle.NewReader(iotest.OneByteReader(strings.NewReader(document)), turtle.TriG()))
		if fmt.Sprint(whole) != fmt.Sprint(pieces) {
			t.Errorf("%q: mistakes at %q, in pieces %q", document, whole, pieces)
		}
	}
}

// TestRecoverAlwaysEnds: whatever comes, the same mistakes are found however the document comes, and each of them once.
func TestRecoverAlwaysEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SampledFrom([]string{"<x:s> ", "<x:p> ", "'a.'", "\"b\\\"", "'''c\n. ", "''' ", ". ", ".\n", "} ", "{ ", "<x:g> {", "\\", "#.\n",
			"[", "] ", "( ", ") ", "1.5 ", "x:", "@prefix ", "PREFIX ", "|} ", "{| ", "; ", ", ", "\r", "<", ">", "\xff", "<x:s> <x:p> 1 . "})
		document := strings.Join(rapid.SliceOf(token).Draw(t, "document"), "")
		quads, mistakes := readAll(turtle.NewBytes([]byte(document), turtle.TriG()))
		again, mistakesAgain := readAll(turtle.NewReader(iotest.OneByteReader(strings.NewReader(document)), turtle.TriG()))
		if fmt.Sprint(quads, mistakes) != fmt.Sprint(again, mistakesAgain) {
			t.Fatalf("%q\n%q %q\n%q %q", document, quads, mistakes, again, mistakesAgain)
		}
		for i := 1; i < len(mistakes); i++ {
			if mistakes[i] == mistakes[i-1] {
				t.Fatalf("%q: %q twice", document, mistakes[i])
			}
		}
	})
}

// TestNoRecovery: after a bound, after the end and after an error of the source nothing is read on.
func TestNoRecovery(t *testing.T) {
	for document, opts := range map[string][]turtle.Option{
		"":                                       nil,
		"<x:s> <x:p> ] ":                         nil,
		"<x:s> <x:p> '''a . \n . ":               nil,
		"<x:s> <x:p> 'abcdef' . <x:s> <x:p> 1 .": {turtle.MaxTerm(5)},
	} {
		rd := turtle.NewReader(strings.NewReader(document), opts...)
		err := drain(rd)
		if rd.Recover() || fmt.Sprint(drain(rd)) != fmt.Sprint(err) {
			t.Errorf("%q: read on after %v", document, err)
		}
	}
	rd := turtle.NewReader(io.MultiReader(strings.NewReader("<x:s> <x:p> ] \n"), iotest.ErrReader(io.ErrClosedPipe)))
	if _, mistakes := readAll(rd); len(mistakes) != 2 || !strings.HasPrefix(io.ErrClosedPipe.Error(), mistakes[1]) {
		t.Errorf("%q, expected the mistake and the error of the source", mistakes)
	}
}

// endlessly gives a text again and again, up to a number of bytes.
type endlessly struct {
	text string
	left int
}

func (e *endlessly) Read(b []byte) (int, error) {
	if e.left < len(e.text) {
		return 0, io.EOF
	}
	n := 0
	for n+len(e.text) <= len(b) && e.left >= len(e.text) {
		n += copy(b[n:], e.text)
		e.left -= len(e.text)
	}
	return n, nil
}

// TestLongLineIsNotHeld: one line of any length, of statements, objects or items, is read in little memory.
func TestLongLineIsNotHeld(t *testing.T) {
	const size = 4 << 20
	for name, c := range map[string]struct{ begin, text, end string }{
		"statements":         {"", "<http://x.example/s> <x:p> 'a, b; c' . ", ""},
		"without spaces":     {"", "<http://x.example/s><x:p><x:o>.", ""},
		"objects":            {"<x:s> <x:p> 0", ", 'some text', 1.5", " ."},
		"list":               {"<x:s> <x:p> (", "<x:o> 1 [] ", ") ."},
		"list without white": {"<x:s> <x:p> (", "<x:o>", ") ."},
		"long strings":       {"<x:s> <x:p> 0", ", '''a''b, # . '''", " ."},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := drain(turtle.NewReader(io.MultiReader(strings.NewReader(c.begin), &endlessly{c.text, size}, strings.NewReader(c.end))))
		if runtime.ReadMemStats(&after); err != nil || after.TotalAlloc-before.TotalAlloc > 2<<20 {
			t.Errorf("%s: %d bytes allocated, %v", name, after.TotalAlloc-before.TotalAlloc, err)
		}
	}
}
