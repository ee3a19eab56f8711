package nquads_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

var seedDocuments = []string{
	"",
	"# é\r\n<x:s> <x:p> <x:o> .\n_:a <x:p> \"o\"@EN-gb--ltr <x:g>.\r\r\n",
	"<x:s><x:p><<(_:a.b<x:p>\"o\"^^<x:d>)>>_:g.#c",
	"VERSION \"1.2\"\n<x:\\u0073> <x:p> \"\\U0001F600\\t\x00\\'\" .",
	"<x:s> <x:p> <<( <x:s> <x:p> <<( <x:s> <x:p> <<( <x:s> <x:p> <<( <x:s> <x:p> 1 )>> )>> )>> )>> .",
	"<x:s> <x:p> \"o\n\" .",
	"<x:s> <x:p> \"o\"@en- .\n",
	"<x:s> <x:p> \"\\\\u00\" .\n<x:s> <x:p> \"\xff\" .",
	"<x:é> <x:p> \"1\" ^^ <http://www.w3.org/2001/XMLSchema#string> <x:g> .\n<s> <x:p> <x:o> .",
}

func seeds(f *testing.F) {
	for _, doc := range seedDocuments {
		f.Add([]byte(doc), []byte{3, 0, 7}, uint16(0))
		f.Add([]byte(doc), []byte{}, uint16(24))
	}
}

// comparePieces checks that a document that comes in pieces gives the same quads and the same error, at the same place,
// as the whole, and that the place is one of the document.
func comparePieces(t interface{ Fatalf(string, ...any) }, doc, cuts []byte, limit int) {
	opts := []nquads.Option{nquads.MaxLine(limit), nquads.MaxDepth(3)}
	whole, want := readertest.Collect(nquads.NewBytes(doc, opts...))
	for name, source := range map[string]io.Reader{
		"pieces":            &readertest.Pieces{Text: doc, Cuts: cuts},
		"one read":          bytes.NewReader(doc),
		"EOF with the data": iotest.DataErrReader(bytes.NewReader(doc)),
		"EOF with a byte":   iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(doc))),
	} {
		got, err := readertest.Collect(nquads.NewReader(source, opts...))
		if fmt.Sprint(err) != fmt.Sprint(want) || !reflect.DeepEqual(got, whole) {
			t.Fatalf("%q, limit %d\nwhole %v\n      %v\n%s %v\n      %v", doc, limit, whole, want, name, got, err)
		}
	}
	syntax := new(nquads.SyntaxError)
	if want != nil && (!errors.As(want, &syntax) || !readertest.IsPlace(doc, syntax.Line, syntax.Col)) {
		t.Fatalf("%q: error %v has no place in it", doc, want)
	}
}

func FuzzPieces(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, cuts []byte, limit uint16) { comparePieces(t, doc, cuts, int(limit)) })
}

// compareWritten checks that what was read can be written and reads the same, that writing that again gives the same
// bytes, and that terms that were read are terms that the constructors make.
func compareWritten(t interface{ Fatalf(string, ...any) }, doc []byte) {
	first, err := readertest.Collect(nquads.NewBytes(doc))
	var b bytes.Buffer
	w := nquads.NewWriter(&b)
	for _, q := range first {
		if err := w.Write(q); err != nil {
			t.Fatalf("%q was read, but: %v", doc, err)
		}
		for _, term := range []rdf.Term{q.S, q.P, q.O, q.G} {
			if made, err := rebuild(term); err != nil || made != term {
				t.Fatalf("%q: read %q, made again %q, error %v", doc, term, made, err)
			}
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatalf("%v", err)
	}
	second, again := readertest.Collect(nquads.NewBytes(b.Bytes()))
	if again != nil || !reflect.DeepEqual(second, first) {
		t.Fatalf("%q\nread    %v, %v\nwritten %q\nread    %v, %v", doc, first, err, b.Bytes(), second, again)
	}
	var rewritten []byte
	for _, q := range second {
		rewritten = nquads.AppendQuad(rewritten, q)
	}
	if !bytes.Equal(rewritten, b.Bytes()) {
		t.Fatalf("%q\nwritten       %q\nwritten again %q", doc, b.Bytes(), rewritten)
	}
}

func FuzzWriteRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16) { compareWritten(t, doc) })
}

// rebuild makes a term again from its parts.
func rebuild(t rdf.Term) (rdf.Term, error) {
	switch t.Kind() {
	case rdf.KindIRI:
		return rdf.IRI(t.Value())
	case rdf.KindBlank:
		return rdf.Blank(t.Value())
	case rdf.KindLiteral:
		if t.Lang() != "" {
			return rdf.LangLiteral(t.Value(), t.Lang(), t.Direction())
		}
		return rdf.TypedLiteral(t.Value(), t.Datatype())
	case rdf.KindTriple:
		return rebuildTriple(t)
	}
	return t, nil
}

func rebuildTriple(t rdf.Term) (rdf.Term, error) {
	parts, ok := t.Triple()
	if !ok {
		return rdf.Term{}, errors.New("no parts")
	}
	var made [3]rdf.Term
	for i, part := range []rdf.Term{parts.S, parts.P, parts.O} {
		var err error
		if made[i], err = rebuild(part); err != nil {
			return rdf.Term{}, err
		}
	}
	return rdf.TripleTerm(made[0], made[1], made[2])
}

// compareGrammar checks that the reader accepts exactly what the grammar does.
func compareGrammar(t interface{ Fatalf(string, ...any) }, doc []byte) {
	const depth = 3
	_, err := readertest.Collect(nquads.NewBytes(doc, nquads.MaxDepth(depth)))
	if want := isNQuads(string(doc), depth); want != (err == nil) {
		t.Fatalf("%q: by the grammar good: %v, but the reader says %v", doc, want, err)
	}
}

func FuzzGrammar(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16) { compareGrammar(t, doc) })
}

// fragments are what documents are made of that are nearly good.
var fragments = []string{"<x:s>", "<x:p>", "<x:é>", "<s>", `<x:\u0073>`, `<x:\u0020>`, "<x y>", "_:b", "_:b.c", "_:-",
	"_:é·", `"o"`, `""`, `"\t\u00e9\U0001F600"`, `"\uD800"`, `"\\u12"`, `"'"`, `'o'`, "\"\xff\"", "\"\x01\"", "@en",
	"@EN-us--ltr", "@e--up", "@a-", "@abcdefghi", "^^<x:d>", "^^", "<<(", ")>>", "<<", ".", "..", " ", "\t", "\n", "\r",
	"\r\n", "# c", "VERSION", "1", "\\"}

// documents makes statements by the grammar, then spoils some of them.
var documents = rapid.Custom(func(t *rapid.T) []byte {
	space := rapid.SampledFrom([]string{" ", "", "\t ", "  "})
	resource := rapid.SampledFrom([]string{"<x:s>", "_:b", "_:b.c", "<x:é>", `<x:\u0073>`})
	object := rapid.SampledFrom([]string{"<x:o>", "_:b", `"o"`, `"o"@en`, `"\n\u00e9"@DE--rtl`, `"1"^^<x:d>`,
		`<<(_:a<x:p>"o")>>`, `<<( <x:s> <x:p> <<( _:a <x:p> "é"@en )>> )>>`})
	var tokens []string
	for range rapid.IntRange(0, 4).Draw(t, "statements") {
		tokens = append(tokens, resource.Draw(t, "s"), "<x:p>", object.Draw(t, "o"))
		if rapid.Bool().Draw(t, "in a graph") {
			tokens = append(tokens, resource.Draw(t, "g"))
		}
		tokens = append(tokens, ".", rapid.SampledFrom([]string{"\n", "\r\n", "\r", "# c\n", "\n\n"}).Draw(t, "line end"))
	}
	for range rapid.IntRange(0, 2).Draw(t, "faults") {
		if len(tokens) > 0 {
			at := rapid.IntRange(0, len(tokens)-1).Draw(t, "at")
			tokens[at] = rapid.SampledFrom(append(fragments, "")).Draw(t, "instead")
		}
	}
	var b []byte
	for _, token := range tokens {
		b = append(append(b, token...), space.Draw(t, "space")...)
	}
	return b
})

// The equalities of the fuzz targets, over documents that are good or nearly so.
func TestNearlyGood(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		doc := documents.Draw(t, "document")
		compareGrammar(t, doc)
		compareWritten(t, doc)
		comparePieces(t, doc, rapid.SliceOf(rapid.Byte()).Draw(t, "cuts"), rapid.IntRange(0, 60).Draw(t, "limit"))
	})
}
