package results_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// result is a whole result, to be compared.
type result struct {
	Vars    []sparql.Var
	Rows    [][]string
	Boolean string
}

func read(in io.Reader, f results.Format, opts ...results.Option) (result, error) {
	r, err := results.NewReader(in, f, opts...)
	if err != nil {
		return result{}, err
	}
	got := result{Vars: r.Vars()}
	if b, ok := r.Boolean(); ok {
		got.Boolean = map[bool]string{true: "true", false: "false"}[b]
	}
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		var texts []string
		for _, t := range row {
			texts = append(texts, t.String())
		}
		got.Rows = append(got.Rows, texts)
	}
}

func write(t testing.TB, got result, f results.Format) string {
	t.Helper()
	var out bytes.Buffer
	w, err := results.NewWriter(&out, f)
	if err != nil {
		t.Fatal(err)
	}
	if got.Boolean != "" {
		err = w.Boolean(got.Boolean == "true")
	} else if err = w.Head(got.Vars); err == nil {
		for _, row := range got.Rows {
			terms := make([]rdf.Term, len(row))
			for i, text := range row {
				terms[i] = rdf.Trusted(text)
			}
			err = errors.Join(err, w.Row(terms))
		}
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestSuites reads all results of the SPARQL suites of the W3C and writes each in all formats that can hold it: what is read of that
// is the same.
func TestSuites(t *testing.T) {
	root := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql")
	read := map[results.Format]int{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if f, ok := results.BySuffix(path); err == nil && ok && !d.IsDir() {
			read[f]++
			roundTrip(t, path, f)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := map[results.Format]int{results.JSON: 53, results.XML: 300, results.CSV: 3, results.TSV: 3}; !enough(read, want) {
		t.Errorf("read %v, want %v at least", read, want)
	}
}

func enough(got, least map[results.Format]int) bool {
	for f, n := range least {
		if got[f] < n {
			return false
		}
	}
	return true
}

func roundTrip(t *testing.T, path string, f results.Format) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got, err := read(file, f, results.File(filepath.Base(path)))
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return
	}
	for _, to := range formsFor(got, f) {
		again, err := read(strings.NewReader(write(t, got, to)), to)
		if diff := cmp.Diff(got, again); err != nil || diff != "" {
			t.Errorf("%s, written as %s: %v\n%s", path, to, err, diff)
		}
	}
}

// formsFor are the formats that hold a result.
func formsFor(got result, f results.Format) []results.Format {
	switch {
	case got.Boolean != "":
		return []results.Format{results.JSON, results.XML}
	case f == results.CSV:
		return []results.Format{results.JSON, results.XML, results.TSV, results.CSV}
	}
	return []results.Format{results.JSON, results.XML, results.TSV}
}

func TestFormats(t *testing.T) {
	for _, f := range []results.Format{results.JSON, results.XML, results.CSV, results.TSV} {
		if back, ok := results.ByMediaType(strings.ToUpper(f.MediaType())); !ok || back != f {
			t.Errorf("%s: by its media type %q, %t", f, back, ok)
		}
	}
	if _, ok := results.ByMediaType("text/html"); ok {
		t.Error("text/html is a format")
	}
	if _, ok := results.BySuffix("a.ttl"); ok {
		t.Error(".ttl is a format")
	}
	if _, err := results.NewReader(strings.NewReader(""), "nope"); err == nil {
		t.Error("a reader of a format that isn't")
	}
	if _, err := results.NewWriter(io.Discard, "nope"); err == nil {
		t.Error("a writer of a format that isn't")
	}
	if got := (results.Format("nope")).MediaType(); got != "" {
		t.Errorf("media type %q", got)
	}
}

// sample has one of each kind of term.
var sample = result{
	Vars: []sparql.Var{"x", "long", "ü"},
	Rows: [][]string{
		{"<http://e/1>", `"a\tb\"c\\d\n\re, &<>'"`, `"x"@en`},
		{"_:b0", `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`, ""},
		{"", "", ""},
		{`<<( _:b0 <http://e/p> <<( <http://e/s> <http://e/p> "o"@ar--rtl )>> )>>`, `"  "`, `"é\u007F"`},
	},
}

func TestWriters(t *testing.T) {
	for f, want := range map[results.Format]string{
		results.JSON: `{"head":{"vars":["x","long","ü"]},"results":{"bindings":[
{"x":{"type":"uri","value":"http://e/1"},"long":{"type":"literal","value":"a\tb\"c\\d\n\re, &<>'"},"ü":{"type":"literal","xml:lang":"en","value":"x"}},
{"x":{"type":"bnode","value":"b0"},"long":{"type":"literal","datatype":"http://www.w3.org/2001/XMLSchema#integer","value":"1"}},
{},
{"x":{"type":"triple","value":{"subject":{"type":"bnode","value":"b0"},"predicate":{"type":"uri","value":"http://e/p"},` +
			`"object":{"type":"triple","value":{"subject":{"type":"uri","value":"http://e/s"},"predicate":{"type":"uri","value":"http://e/p"},` +
			`"object":{"type":"literal","xml:lang":"ar","its:dir":"rtl","value":"o"}}}}},"long":{"type":"literal","value":"  "},` +
			`"ü":{"type":"literal","value":"é\u007f"}}
]}}
`,
		results.XML: `<?xml version="1.0" encoding="UTF-8"?>
<sparql xmlns="http://www.w3.org/2005/sparql-results#" xmlns:its="http://www.w3.org/2005/11/its" its:version="2.0">
<head><variable name="x"/><variable name="long"/><variable name="ü"/></head>
<results>
<result><binding name="x"><uri>http://e/1</uri></binding><binding name="long"><literal>a	b&quot;c\d
&#xD;e, &amp;&lt;&gt;'</literal></binding><binding name="ü"><literal xml:lang="en">x</literal></binding></result>
<result><binding name="x"><bnode>b0</bnode></binding><binding name="long">` +
			`<literal datatype="http://www.w3.org/2001/XMLSchema#integer">1</literal></binding></result>
<result></result>
<result><binding name="x"><triple><subject><bnode>b0</bnode></subject><predicate><uri>http://e/p</uri></predicate><object>` +
			`<triple><subject><uri>http://e/s</uri></subject><predicate><uri>http://e/p</uri></predicate><object>` +
			`<literal xml:lang="ar" its:dir="rtl">o</literal></object></triple></object></triple></binding>` +
			`<binding name="long"><literal>  </literal></binding><binding name="ü"><literal>é` + "\u007f" + `</literal></binding></result>
</results>
</sparql>
`,
		results.TSV: "?x\t?long\t?ü\n" +
			"<http://e/1>\t\"a\\tb\\\"c\\\\d\\n\\re, &<>'\"\t\"x\"@en\n" +
			"_:b0\t\"1\"^^<http://www.w3.org/2001/XMLSchema#integer>\t\n\t\t\n" +
			"<<( _:b0 <http://e/p> <<( <http://e/s> <http://e/p> \"o\"@ar--rtl )>> )>>\t\"  \"\t\"é\\u007F\"\n",
		results.CSV: "x,long,ü\r\nhttp://e/1,\"a\tb\"\"c\\d\n\re, &<>'\",x\r\n_:b0,1,\r\n,,\r\n" +
			"\"<<( _:b0 <http://e/p> <<( <http://e/s> <http://e/p> \"\"o\"\"@ar--rtl )>> )>>\",  ,é\u007f\r\n",
	} {
		got := write(t, sample, f)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", f, diff)
		}
		if f == results.CSV {
			continue
		}
		again, err := read(strings.NewReader(got), f)
		if diff := cmp.Diff(sample, again); err != nil || diff != "" {
			t.Errorf("%s read again: %v\n%s", f, err, diff)
		}
	}
}

// TestNoVariables: solutions without variables are counted all the same.
func TestNoVariables(t *testing.T) {
	want := result{Vars: []sparql.Var{}, Rows: [][]string{nil, nil}}
	for _, f := range []results.Format{results.JSON, results.XML, results.CSV, results.TSV} {
		got, err := read(strings.NewReader(write(t, want, f)), f)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", f, err, diff)
		}
	}
}

func TestWriterErrors(t *testing.T) {
	full := errors.New("disk full")
	for _, f := range []results.Format{results.JSON, results.XML, results.CSV, results.TSV} {
		w, _ := results.NewWriter(failing{full}, f)
		if err := w.Close(); !errors.Is(err, results.ErrOrder) {
			t.Errorf("%s: Close of nothing: %v", f, err)
		}
		if err := w.Row(nil); !errors.Is(err, results.ErrOrder) {
			t.Errorf("%s: Row before Head: %v", f, err)
		}
		if err := w.Head([]sparql.Var{"x"}); err != nil {
			t.Errorf("%s: Head: %v", f, err)
		}
		if err := w.Row(nil); !errors.Is(err, results.ErrOrder) {
			t.Errorf("%s: a short row: %v", f, err)
		}
		if err := w.Boolean(true); !errors.Is(err, results.ErrOrder) {
			t.Errorf("%s: Boolean behind Head: %v", f, err)
		}
		if err := w.Head(nil); !errors.Is(err, results.ErrOrder) {
			t.Errorf("%s: a second Head: %v", f, err)
		}
		if err := w.Close(); !errors.Is(err, full) {
			t.Errorf("%s: Close: %v, want the writer's error", f, err)
		}
		long, _ := rdf.Literal(strings.Repeat("x", 100<<10))
		if err := w.Row([]rdf.Term{long}); !errors.Is(err, results.ErrOrder) && !errors.Is(err, full) {
			t.Errorf("%s: Row behind Close: %v", f, err)
		}
	}
	for _, f := range []results.Format{results.CSV, results.TSV} {
		w, _ := results.NewWriter(io.Discard, f)
		if err := w.Boolean(true); !errors.Is(err, results.ErrBoolean) {
			t.Errorf("%s: Boolean: %v", f, err)
		}
	}
	w, _ := results.NewWriter(io.Discard, results.XML)
	control, _ := rdf.Literal("a\x01b")
	if err := errors.Join(w.Head([]sparql.Var{"x"}), w.Row([]rdf.Term{control})); !errors.Is(err, results.ErrCharacter) ||
		!strings.Contains(err.Error(), "column 1: XML has no form for a character: U+0001") {
		t.Errorf("a control character in XML: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// TestReaderErrors: mistakes have their places.
func TestReaderErrors(t *testing.T) {
	const head = `{"head":{"vars":["x"]},"results":{"bindings":[`
	const xmlHead = `<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head><variable name="x"/></head><results><result>`
	for _, c := range []struct {
		f        results.Format
		in, want string
	}{
		{results.JSON, ``, "d:1:1: expected {, found the end of the document"},
		{results.JSON, `[]`, "d:1:1: expected '{', found '['"},
		{results.JSON, `{}`, `d:1:3: expected "head" and "results", or "boolean"`},
		{results.JSON, `{"boolean":maybe}`, "expected true or false"},
		{results.JSON, `{"head":{"vars":["x","x"]}}`, `variable "x" is named twice`},
		{results.JSON, head + "\n" + `{"x":{"type":"uri","value":"é"}}`, `d:2:33: ?x: invalid RDF term: IRI "é"`},
		{results.JSON, head + `{"y":{"type":"uri","value":"http://e/"}}]}}`, `variable "y" is not in the head`},
		{results.JSON, head + `{"x":{"value":"http://e/"}}]}}`, `?x: a term has no type`},
		{results.JSON, head + `{"x":{"type":"thing","value":"http://e/"}}]}}`, `term type "thing" is none of`},
		{results.JSON, head + `{"x":{"type":"literal","value":"a","its:dir":"ltr"}}]}}`, `base direction and no language tag`},
		{results.JSON, head + `{"x":{"type":"triple","value":{}}}]}}`, `lacks subject, predicate or object`},
		{results.JSON, head + `{"x":{"type":"literal","value":"\ud800"}}]}}`, `half a surrogate pair`},
		{results.JSON, head + `{"x":{"type":"literal","value":"\q"}}]}}`, `there is no escape \q in JSON`},
		{results.JSON, head + "{\"x\":{\"type\":\"literal\",\"value\":\"\n", `a control character in a string`},
		{results.JSON, head + "{\"x\":{\"type\":\"literal\",\"value\":\"\xff\"}}]}}", `not UTF-8`},
		{results.JSON, head + `{}{}]}}`, `expected ',', found '{'`},
		{results.JSON, head + `{}]}} x`, `expected the end of the document, found 'x'`},
		{results.JSON, head + `{}]},"results":{"bindings":[]}}`, `a second "results"`},
		{results.JSON, head + `{}]},"head":{}}`, `a second head`},
		{results.JSON, head + `{}`, `found the end of the document`},
		{results.JSON, strings.Repeat(`{"a":`, 3000), `nested more than 1000 deep`},
		{results.JSON, head + `{"x":` + strings.Repeat(`{"type":"triple","value":{"subject":`, 3000), `nested more than 1000 deep`},
		{results.XML, ``, "d:1:1: the document ends too early"},
		{results.XML, `<sparql/>`, "expected the element sparql of namespace http://www.w3.org/2005/sparql-results#"},
		{results.XML, xmlHead + "\n<binding name='y'/>", `d:2:20: variable "y" is not in the head`},
		{results.XML, xmlHead + "<binding name='x'/>", `expected one of the elements uri, literal, bnode, triple`},
		{results.XML, xmlHead + "<binding name='x'><uri>é</uri></binding>", `?x: invalid RDF term: IRI "é"`},
		{results.XML, xmlHead + "<binding name='x'><uri>http://e/</uri><uri>http://e/</uri></binding>", `expected one term, found two`},
		{results.XML, xmlHead + "<binding name='x'><triple><subject><uri>http://e/</uri></subject></triple></binding>", `expected the element predicate`},
		{results.XML, xmlHead + "</results>", "element <result> closed by </results>"},
		{results.XML, xmlHead + "hello<a/>", `expected an element, found text "hello"`},
		{results.XML, xmlHead + "<binding name='x'><uri>http://e/<b/></uri></binding>", "expected text, found the element b"},
		{results.XML, xmlHead + "</result></results>", "the document ends too early"},
		{results.XML, xmlHead + "<thing/>", "expected the element binding, found thing"},
		{results.XML, xmlHead + "<binding name='x'><uri>http://e/</uri></binding><binding name='x'>", `variable "x" is named twice`},
		{results.XML, xmlHead + "</result><thing/>", "expected the element result, found thing"},
		{results.XML, `<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head/></sparql>`, "expected the element results or boolean"},
		{results.XML, `<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head/><thing/></sparql>`, "expected the element results or boolean"},
		{results.XML, `<sparql xmlns="http://www.w3.org/2005/sparql-results#"><head/><boolean>yes</boolean></sparql>`, `expected true or false, found "yes"`},
		{results.XML, `<sparql xmlns="http://www.w3.org/2005/sparql-results#"><results/></sparql>`, "expected the element head"},
		{results.JSON, head + `{"x":{"type":"bnode","value":"a"},"x":{"type":"bnode","value":"a"}}]}}`, `variable "x" is named twice`},
		{results.XML, xmlHead + "<binding name='x'>" + strings.Repeat("<triple><subject>", 3000), `nested more than 1000 deep`},
		{results.XML, xmlHead + "</result></results></sparql><a/>", "expected the end of the document, found an element"},
		{results.CSV, ``, "expected the line of the variables"},
		{results.CSV, "x,x\n", `variable "x" is named twice`},
		{results.CSV, "x,y\n1\n", "d:3:1: the line before has 1 fields for 2 variables"},
		{results.CSV, "x\n\"1", "expected the quote that ends a field, found the end of the document"},
		{results.CSV, "x\n\"1\"2\n", "expected a comma or the end of the line behind a quoted field"},
		{results.CSV, "x\n1\"2\n", "a quote in a field that doesn't begin with one"},
		{results.CSV, "x\n\xff\n", "not valid UTF-8"},
		{results.TSV, ``, "expected the line of the variables"},
		{results.TSV, "x\n", `"x" is no name of one`},
		{results.TSV, "?x\t?y\n1\n", "d:3:1: the line before has 1 fields for 2 variables"},
		{results.TSV, "?x\t?y\n1\t<a b>\n", "d:2:5: "},
		{results.TSV, "?x\n1 2\n", "d:2:3: expected a tab or the end of the line"},
		{results.TSV, "?x\n<http://e/\xff>\n", "UTF-8"},
	} {
		_, err := read(strings.NewReader(c.in), c.f, results.File("d"))
		var syntax *rdf.SyntaxError
		if !errors.As(err, &syntax) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %.150q:\n got %v\nwant %s", c.f, c.in, err, c.want)
		}
	}
}

// TestLimit: one solution is bounded, and their number is not.
func TestLimit(t *testing.T) {
	small := result{Vars: []sparql.Var{"x"}}
	for range 5000 {
		small.Rows = append(small.Rows, []string{`"0123456789"`})
	}
	large := result{Vars: []sparql.Var{"x"}, Rows: [][]string{{`"` + strings.Repeat("x", 300<<10) + `"`}}}
	for _, f := range []results.Format{results.JSON, results.XML, results.CSV, results.TSV} {
		if got, err := read(strings.NewReader(write(t, small, f)), f, results.Limit(1000)); err != nil || len(got.Rows) != 5000 {
			t.Errorf("%s: %d rows, %v", f, len(got.Rows), err)
		}
		if _, err := read(strings.NewReader(write(t, large, f)), f, results.Limit(1000)); !errors.Is(err, rdf.ErrTermLimit) {
			t.Errorf("%s: a solution over its limit: %v", f, err)
		}
	}
	early := `{"results":{"bindings":[` + strings.Repeat(`{"x":{"type":"uri","value":"http://e/"}},`, 100) + `{}]},"head":{"vars":["x"]}}`
	if _, err := read(strings.NewReader(early), results.JSON, results.Limit(1000)); !errors.Is(err, rdf.ErrTermLimit) {
		t.Errorf("solutions before the head over the limit: %v", err)
	}
	got, err := read(strings.NewReader(early), results.JSON)
	if err != nil || len(got.Rows) != 101 || got.Rows[7][0] != "<http://e/>" {
		t.Errorf("solutions before the head: %d, %v", len(got.Rows), err)
	}
}

// TestReaderAccepts what others write.
func TestReaderAccepts(t *testing.T) {
	for _, c := range []struct {
		f    results.Format
		in   string
		want [][]string
	}{
		{results.JSON, "\xEF\xBB\xBF" + `{"head":{"link":[1,{"a":null}],"vars":["x"]},"results":{"ordered":true,"distinct":false,"bindings":[` +
			`{"x":{"type":"typed-literal","datatype":"http://e/t","value":"\u00e9\ud83d\ude00\/"}}],"more":-1.5e3},"else":[]}`,
			[][]string{{`"é😀/"^^<http://e/t>`}}},
		{results.JSON, `{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"bnode","value":"a:b"}}]}}`, [][]string{{"_:label-613a62"}}},
		{results.XML, `<?xml version="1.0"?><!DOCTYPE sparql><s:sparql xmlns:s="http://www.w3.org/2005/sparql-results#"><s:head><s:variable name="x"/>` +
			`<s:link href="a"/></s:head><!-- c --><s:results ordered="true"><o xmlns="http://o/">text</o><s:result><s:binding name="x">
			<s:literal xml:lang="EN">a<![CDATA[<b>]]>c</s:literal></s:binding></s:result></s:results></s:sparql>`,
			[][]string{{`"a<b>c"@en`}}},
		{results.JSON, `{"head":{"vars":["x"]},"results":{"bindings":[{"x":{"type":"literal","value":"\f\b\u000aA\uAbCd"}}]}}`,
			[][]string{{"\"\\f\\b\\nA\uabcd\""}}},
		{results.XML, `<sparql xmlns="http://www.w3.org/2005/sparql-results#" xmlns:o="http://o/"><head><variable name="x"/></head><results><result>
			<binding o:name="y" name="x"><bnode>a</bnode></binding></result></results></sparql>`, [][]string{{"_:a"}}},
		{results.CSV, "x,y\n\"a,b\",\"c\"\n,d\n", [][]string{{`"a,b"`, `"c"`}, {"", `"d"`}}},
		{results.CSV, "x\n\"a\"\"b\"\nc", [][]string{{`"a\"b"`}, {`"c"`}}},
		{results.CSV, "x\r\"a\rb\"\r", [][]string{{`"a\rb"`}}},
		{results.TSV, "?x\r\n1.5\r\n'a'@en\r\ntrue\r\n", [][]string{
			{`"1.5"^^<http://www.w3.org/2001/XMLSchema#decimal>`}, {`"a"@en`}, {`"true"^^<http://www.w3.org/2001/XMLSchema#boolean>`},
		}},
	} {
		got, err := read(strings.NewReader(c.in), c.f)
		if diff := cmp.Diff(c.want, got.Rows); err != nil || diff != "" {
			t.Errorf("%s %s: %v\n%s", c.f, c.in, err, diff)
		}
	}
}

// TestReaderErrorsStay: an error of the reader below comes as it is, and again.
func TestReaderErrorsStay(t *testing.T) {
	broken := errors.New("connection reset")
	for _, f := range []results.Format{results.JSON, results.XML, results.CSV, results.TSV} {
		in := write(t, sample, f)
		if f == results.CSV {
			in = "x\r\na\r\n"
		}
		r, err := results.NewReader(io.MultiReader(strings.NewReader(in[:len(in)-3]), failingReader{broken}), f)
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", f, err)
		}
		if _, again := r.Next(); again != err {
			t.Errorf("%s: %v, then %v", f, err, again)
		}
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// FuzzReaders: no document makes a reader fail otherwise than with an error, and what is read can be written and read again.
func FuzzReaders(f *testing.F) {
	formats := []results.Format{results.JSON, results.XML, results.CSV, results.TSV}
	for i, format := range formats {
		f.Add(uint8(i), write(f, sample, format))
	}
	f.Add(uint8(0), `{"head":{},"boolean":true}`)
	f.Fuzz(func(t *testing.T, which uint8, in string) {
		format := formats[which%4]
		got, err := read(strings.NewReader(in), format, results.Limit(1<<16))
		if err != nil {
			return
		}
		to := results.JSON
		again, err := read(strings.NewReader(write(t, got, to)), to)
		if diff := cmp.Diff(got, again); err != nil || diff != "" && !slices.Contains(got.Vars, "") {
			t.Errorf("%q: %v\n%s", in, err, diff)
		}
	})
}
