package patch_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

var (
	node    = rdf.Trusted("<x:s>")
	literal = rdf.Trusted(`"o"@en`)
	quad    = rdf.Quad{S: node, P: rdf.Trusted("<x:p>"), O: literal, G: rdf.Trusted("_:g")}
)

// Each method writes the row that its Append function makes.
func TestWriterRows(t *testing.T) {
	none := rdf.Term{}
	for _, c := range []struct {
		want   string
		method func(patch.Change) error
		append func([]byte) []byte
	}{
		{"H id <x:s> .\n", func(c patch.Change) error { return c.Header("id", node) },
			func(b []byte) []byte { return patch.AppendHeader(b, "id", node) }},
		{"H Made-By_2 \"o\"@en .\n", func(c patch.Change) error { return c.Header("Made-By_2", literal) },
			func(b []byte) []byte { return patch.AppendHeader(b, "Made-By_2", literal) }},
		{"H \"2 \\\"words\\\"\\n\" <x:s> .\n", func(c patch.Change) error { return c.Header("2 \"words\"\n", node) },
			func(b []byte) []byte { return patch.AppendHeader(b, "2 \"words\"\n", node) }},
		{"H \"\" <x:s> .\n", func(c patch.Change) error { return c.Header("", node) },
			func(b []byte) []byte { return patch.AppendHeader(b, "", node) }},
		{"H \"é\" <x:s> .\n", func(c patch.Change) error { return c.Header("é", node) },
			func(b []byte) []byte { return patch.AppendHeader(b, "é", node) }},
		{"TX .\n", patch.Change.Begin, patch.AppendBegin},
		{"TC .\n", patch.Change.Commit, patch.AppendCommit},
		{"TA .\n", patch.Change.Abort, patch.AppendAbort},
		{"PA \"ex\" <x:y> .\n", func(c patch.Change) error { return c.AddPrefix(none, "ex", "x:y") },
			func(b []byte) []byte { return patch.AppendAddPrefix(b, none, "ex", "x:y") }},
		{"PA \"\" <x:y> _:g .\n", func(c patch.Change) error { return c.AddPrefix(quad.G, "", "x:y") },
			func(b []byte) []byte { return patch.AppendAddPrefix(b, quad.G, "", "x:y") }},
		{"PD \"é.x\" <x:s> .\n", func(c patch.Change) error { return c.DeletePrefix(node, "é.x") },
			func(b []byte) []byte { return patch.AppendDeletePrefix(b, node, "é.x") }},
		{"A <x:s> <x:p> \"o\"@en _:g .\n", func(c patch.Change) error { return c.Add(quad) },
			func(b []byte) []byte { return patch.AppendAdd(b, quad) }},
		{"D <x:s> <x:p> \"o\"@en _:g .\n", func(c patch.Change) error { return c.Delete(quad) },
			func(b []byte) []byte { return patch.AppendDelete(b, quad) }},
	} {
		var b bytes.Buffer
		w := patch.NewWriter(&b)
		if err := c.method(w); err != nil || b.Len() > 0 {
			t.Errorf("%q: %v, and %q before Flush", c.want, err, b.Bytes())
		}
		if err := w.Flush(); err != nil || b.String() != c.want {
			t.Errorf("%q: got %q, %v", c.want, b.Bytes(), err)
		}
		if err := errors.Join(w.Flush(), c.method(w), w.Flush()); err != nil || b.String() != c.want+c.want {
			t.Errorf("%q again: got %q, %v", c.want, b.Bytes(), err)
		}
		if got := string(c.append([]byte("# "))); got != "# "+c.want {
			t.Errorf("%q: appended %q", c.want, got)
		}
	}
}

// A header's name is written bare only where it reads the same.
func TestHeaderNames(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "aB-2_": "aB-2_", "2a": `"2a"`, "-a": `"-a"`, "_a": `"_a"`, "a.b": `"a.b"`, "a:b": `"a:b"`, "aé": `"aé"`,
		"a ": `"a "`, "<": `"<"`,
	} {
		doc := patch.AppendHeader(nil, name, node)
		if got := string(doc); got != "H "+want+" <x:s> .\n" {
			t.Errorf("%q is written %q", name, got)
		}
		if rows := read(t, doc); len(rows) != 1 || rows[0].name != name {
			t.Errorf("%q reads %v", doc, rows)
		}
	}
}

// What can't be read again is refused, and leaves no trace.
func TestWriterRefuses(t *testing.T) {
	for name, row := range map[string]func(patch.Change) error{
		"header without value":  func(c patch.Change) error { return c.Header("id", rdf.Term{}) },
		"header name not UTF-8": func(c patch.Change) error { return c.Header("a\xff", node) },
		"relative prefix IRI":   func(c patch.Change) error { return c.AddPrefix(rdf.Term{}, "ex", "y") },
		"prefix with colon":     func(c patch.Change) error { return c.AddPrefix(rdf.Term{}, "ex:", "x:y") },
		"literal as the graph":  func(c patch.Change) error { return c.AddPrefix(literal, "ex", "x:y") },
		"deletion with colon":   func(c patch.Change) error { return c.DeletePrefix(rdf.Term{}, "ex:") },
		"graph of a deletion":   func(c patch.Change) error { return c.DeletePrefix(literal, "ex") },
		"no quad":               func(c patch.Change) error { return c.Add(rdf.Quad{}) },
		"literal as subject":    func(c patch.Change) error { return c.Delete(rdf.Quad{S: literal, P: node, O: node}) },
	} {
		var b bytes.Buffer
		for form, w := range writers(&b) {
			if err := row(w); !errors.Is(err, rdf.ErrInvalid) {
				t.Errorf("%s, %s: %v", name, form, err)
			}
			if err := w.Flush(); err != nil || b.Len() > 0 {
				t.Errorf("%s, %s: %q was written, %v", name, form, b.Bytes(), err)
			}
		}
	}
}

// flusher is a [patch.Change] that writes.
type flusher interface {
	patch.Change
	Flush() error
}

// writers are the writers of both forms.
func writers(w io.Writer) map[string]flusher {
	return map[string]flusher{"text": patch.NewWriter(w), "binary": patch.NewBinaryWriter(w)}
}

// limited takes so many bytes, then fails, or takes part without saying so.
type limited struct {
	left int
	err  error
}

func (l *limited) Write(b []byte) (int, error) {
	if l.left < len(b) {
		return l.left, l.err
	}
	l.left -= len(b)
	return len(b), nil
}

// The error of the underlying writer comes back from every row, and stays.
func TestWriterErrors(t *testing.T) {
	full := errors.New("disk full")
	large := quad
	large.O = rdf.Trusted(`"` + strings.Repeat("o", 10_000) + `"`)
	for given, want := range map[error]error{full: full, nil: io.ErrShortWrite} {
		for _, form := range []string{"text", "binary"} {
			w := writers(&limited{left: 100_000, err: given})[form]
			n := 0
			var err error
			for ; err == nil && n < 1000; n++ {
				err = w.Add(large)
			}
			if err != want || n > 20 {
				t.Errorf("%s: %v after %d rows, expected %v", form, err, n, want)
			}
			for _, r := range []row{{code: "TX"}, {code: "TC"}, {code: "TA"}, {code: "H", name: "x", value: node},
				{code: "PA", prefixTarget: "x:y"}, {code: "PD"}, {code: "A", quad: quad}, {code: "D", quad: quad}} {
				if err := drive([]row{r}, w); err != want {
					t.Errorf("%s, then %s: %v, expected %v", form, r.code, err, want)
				}
			}
			if err := w.Flush(); err != want {
				t.Errorf("%s, then %v, expected %v", form, err, want)
			}
		}
	}
}

// A row that is read is handed over without allocating, whether or not its terms are canonical, and so is one that is
// written: memory for a patch does not grow with its rows.
func TestAllocationsDoNotGrow(t *testing.T) {
	odd := "D<x:\\u0073> <x:p> <<_:a<x:p>'''\\u00e9'''@DE>> <_:g> . A <x:s> <x:p> 1.5 . D _:a <x:p> true .\n"
	for name, rows := range map[string]string{"canonical": string(document(12)), "not canonical": strings.Repeat(odd, 4)} {
		allocs := func(times int) float64 {
			text := strings.Repeat(rows, times)
			doc, source := []byte(text), strings.NewReader(text)
			return testing.AllocsPerRun(1, func() {
				var n patch.Counter
				source.Reset(text)
				err := patch.NewReader(source).Run(patch.Tee(&n, patch.NewWriter(io.Discard)))
				if err := errors.Join(err, patch.Parse(doc, &n)); err != nil || n.Adds+n.Deletes == 0 {
					t.Error(n, err)
				}
			})
		}
		// The buffers grow to their size in the first 1,000 rows. The runtime's own allocations are counted too.
		const runtimes = 20
		if few, many := allocs(100), allocs(500); many > few+runtimes {
			t.Errorf("%s: %v allocations for 1,200 rows, %v for 6,000", name, few, many)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 1000)
	if allocs := testing.AllocsPerRun(100, func() {
		buf = patch.AppendHeader(buf[:0], "two words", node)
		buf = patch.AppendCommit(patch.AppendDelete(patch.AppendAdd(patch.AppendBegin(buf), quad), quad))
		buf = patch.AppendAbort(patch.AppendDeletePrefix(patch.AppendAddPrefix(buf, node, "ex", "x:y"), node, "ex"))
	}); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
