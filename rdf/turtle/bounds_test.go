package turtle_test

import (
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// bounded is a document at or over a bound.
type bounded struct {
	name, doc string
	opts      []turtle.Option
	line, col int // 0: no error
}

func limit(n int) []turtle.Option    { return []turtle.Option{turtle.MaxLine(n)} }
func depth(n int) []turtle.Option    { return []turtle.Option{turtle.MaxDepth(n)} }
func term(n int) []turtle.Option     { return []turtle.Option{turtle.MaxTerm(n)} }
func prefixes(n int) []turtle.Option { return []turtle.Option{turtle.MaxPrefixes(n)} }
func document(n int) []turtle.Option { return []turtle.Option{turtle.MaxDocument(int64(n))} }

func nested(open, end string, depth int) string {
	return "<x:s> a " + strings.Repeat(open, depth) + "1" + strings.Repeat(end, depth) + " ."
}

func boundedDocuments() []bounded {
	const line, tripleDepth = spo + " .", turtle.DefaultMaxTripleDepth
	return []bounded{
		{"lines that fit", "#\n" + line + "\n" + line + "\n", limit(len(line)), 0, 0},
		{"statement of many lines", "<x:s>\n<x:p>\n" + strings.Repeat("<x:o> ,\n", 100) + "<x:o> .\n" + line, limit(len(line)), 0, 0},
		{"list of many lines", "<x:s>\n<x:p>\n(" + strings.Repeat("<x:o>\n", 100) + ") .\n" + line, limit(len(line)), 0, 0},
		{"line that is divided", line + "\n" + line + " #", limit(len(line)), 0, 0},
		{"objects in a line", "<x:s> <x:p> <x:o>" + strings.Repeat(" , <x:o>", 100) + ".", limit(8), 0, 0},
		{"objects without spaces", "<x:s><x:p><x:o>" + strings.Repeat(",<x:o>", 100) + ".", limit(8), 0, 0},
		{"statements without spaces", strings.Repeat("<x:s><x:p><x:o>.", 100), limit(8), 0, 0},
		{"strings in a line", "<x:s> <x:p> (" + strings.Repeat(`'a;\' #' "<" '''>, "''' `, 100) + ") .", limit(16), 0, 0},
		{"string that can't be divided", "<x:s> <x:p> 1, 'a b c d' .", limit(8), 1, 16},
		{"line too long", line + "\n" + line + " #" + line, limit(len(line)), 2, 21},
		{"line by the bound of a term", line + "\n# " + strings.Repeat("x", 4*10+63), term(10), 2, 1},
		{"long by default", "<x:s> a '" + strings.Repeat("14.118878 48.591250,", 100_000) + "' .", nil, 0, 0},
		{"objects by default", "<x:s> a " + strings.Repeat("<http://example.org/> , ", 120_000) + "1 .", nil, 0, 0},
		{"list by default", "<x:s> a (" + strings.Repeat("<http://example.org/> ", 100_000) + ") .", nil, 0, 0},
		{"boundless", line, slices.Concat(limit(math.MaxInt), term(math.MaxInt), depth(math.MaxInt), prefixes(math.MaxInt)), 0, 0},
		{"lists that fit", nested("(", ")", 3), depth(3), 0, 0},
		{"lists too deep", nested("(", ")", 4), depth(3), 1, 13},
		{"properties that fit", nested("[a ", "]", 3), depth(3), 0, 0},
		{"properties too deep", nested("[a ", "]", 4), depth(3), 1, 19},
		{"triple terms that fit", nested("<<(<x:s>a ", ")>>", 3), depth(3), 0, 0},
		{"triple terms too deep", nested("<<(<x:s>a ", ")>>", 4), depth(3), 1, 39},
		{"default depth of triple terms that fits", nested("<<(<x:s>a ", ")>>", tripleDepth), nil, 0, 0},
		{"default depth of triple terms", nested("<<(<x:s>a ", ")>>", tripleDepth+1), nil, 1, 23 + 13*tripleDepth},
		{"a reifier's too", strings.TrimSuffix(nested("<<(<x:s>a ", ")>>", tripleDepth), " .") + "~ .", nil, 1, 12 + 13*tripleDepth},
		{"depth of triple terms by option", nested("<<(<x:s>a ", ")>>", tripleDepth+1), depth(tripleDepth + 1), 0, 0},
		{"deep properties by default", nested("[a ", "]", 5000), nil, 0, 0},
		{"deep annotations by default", nested("1 {|a ", "|}", 5000), nil, 0, 0},
		{"deep reified triples by default", nested("<<<x:s>a ", ">>", 5000), nil, 0, 0},
		{"annotations too deep", "<x:s> a 1 {| a 2 {| a 3 |} |} .", depth(1), 1, 20},
		{"default depth that fits", nested("(", ")", turtle.DefaultMaxDepth), nil, 0, 0},
		{"default depth", nested("(", ")", turtle.DefaultMaxDepth+1), nil, 1, 10 + turtle.DefaultMaxDepth},
		{"deeper than any stack", strings.Repeat("<<", 100_000), nil, 1, 1 + 2*turtle.DefaultMaxDepth},
		{"terms that fit", "<x:s> <x:p> 'abc' .", term(5), 0, 0},
		{"subject too long", "<x:ss> a 1 .", term(5), 1, 7},
		{"predicate too long", "<x:s> <x:pp> 1 .", term(5), 1, 13},
		{"object too long", "<x:s> <x:p> 'abcd' .", term(5), 1, 19},
		{"long string too long", "<x:s> <x:p> '''a\nbc\nd''' .", term(5), 2, 3},
		{"expanded name too long", "PREFIX a: <x:> a:ss a 1 .", term(5), 1, 20},
		{"prefix too long", "PREFIX a: <x:aa>", term(5), 1, 17},
		{"triple term too long", "<x:s> <x:p> <<( " + spo + " )>> .", term(20), 1, 38},
		{"reified triple too long", "<< " + spo + " >> .", term(20), 1, 22},
		{"open terms too long", "PREFIX a: <x:aaaaaaaaaaaaaaaa>\na:\na:\n[\na:\n[\na:\n[\na:\n[ ]]]] .",
			slices.Concat(term(20), limit(30)), 6, 2},
		{"prefixes that fit", "PREFIX a: <x:> PREFIX b: <x:> PREFIX a: <x:a>", prefixes(7), 0, 0},
		{"prefixes too long", "PREFIX a: <x:> PREFIX b: <x:> PREFIX a: <x:ab>", prefixes(7), 1, 41},
		{"document that fits", line + "\n" + line, document(2*len(line) + 1), 0, 0},
		{"document too long", line + "\n" + line, document(2 * len(line)), 1, 1},
	}
}

func TestBounds(t *testing.T) {
	for _, c := range boundedDocuments() {
		opts := append(c.opts, turtle.TriG())
		for name, rd := range map[string]*turtle.Reader{
			"bytes":             turtle.NewBytes([]byte(c.doc), opts...),
			"reader":            turtle.NewReader(strings.NewReader(c.doc), opts...),
			"EOF with the data": turtle.NewReader(iotest.DataErrReader(strings.NewReader(c.doc)), opts...),
		} {
			err := drain(rd)
			var syntax *turtle.SyntaxError
			switch {
			case c.line == 0:
				if err != nil {
					t.Errorf("%s from %s: %v", c.name, name, err)
				}
			case !errors.As(err, &syntax) || !errors.Is(err, rdf.ErrLimit) || syntax.Line != c.line || syntax.Col != c.col:
				t.Errorf("%s from %s: %v, expected ErrLimit at %d:%d", c.name, name, err, c.line, c.col)
			}
		}
	}
}

// drain reads to the end.
func drain(rd *turtle.Reader) error {
	var q rdf.Quad
	for {
		if err := rd.Next(&q); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// repeated is a source without end that gives the same text with each read.
type repeated struct {
	text string
	read int
}

func (r *repeated) Read(b []byte) (int, error) {
	r.read += len(r.text)
	return copy(b, r.text), nil
}

// What has no end is given up near its bound: the source is not read on, nor held.
func TestEndless(t *testing.T) {
	const most = 300_000
	for name, c := range map[string]struct{ begin, text string }{
		"objects":  {"<x:s> <x:p> 1\n", ", 1\n"},
		"string":   {"<x:s> <x:p> '''\n", "a\n"},
		"line":     {"", "aaaa"},
		"list":     {"<x:s> <x:p> (\n", "[] (1)\n"},
		"comments": {"<x:s>\n# ", "a"},
		"prefixes": {"", "PREFIX a: <x:> " + strings.Repeat("\n", 1000)},
	} {
		source := &repeated{text: c.text}
		rd := turtle.NewReader(io.MultiReader(strings.NewReader(c.begin), source),
			turtle.MaxLine(most), turtle.MaxTerm(most), turtle.MaxDocument(2*most))
		if err := drain(rd); !errors.Is(err, rdf.ErrLimit) || source.read > 2*most+128<<10 {
			t.Errorf("%s: %v after %d bytes", name, err, source.read)
		}
	}
}
