package patch_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

func seeds(f *testing.F) {
	for _, doc := range []string{
		"",
		"H id <uuid:2> .\nH previous <uuid:1> .\nTX .\nA <x:s> <x:p> \"o\"@en--ltr <x:g> .\nTC.",
		"TB.TA.TX .\r\nPA 'ex' <x:y> .\rPD \"\" _:g .\r\n# é\nTC .\r",
		"A\n<x:s>\n<x:p>\n<< _:a <x:p> 1.5e3 >>\n.\nD _:b. <x:p> true.",
		"A <_:a> <x:\\u0070> '''a\r\n\\U0001F600\"''' .",
		"A <x:s> <x:p> <<( <x:s> <x:p> <<(<x:s><x:p>.5)>> )>> . A <x:s>",
		"A <x:s> <x:p> \"\"\"\"\"\"^^<x:d> . TC .",
		"A <x:s> <x:p> \"\xff\" .\n",
		"TX . H id\n<x:1>\n.",
		"A <x:s> <x:p> <<( <x:s>\n\n\n\n\n<x:p>\n<x:o>\n)>>\n<x:g>\n.",
	} {
		f.Add([]byte(doc), []byte{3, 0, 7}, uint16(0))
		f.Add([]byte(doc), []byte{}, uint16(10))
	}
	for _, doc := range []string{"A\n", "A\r", "A\r\n", "TX .\r\nTC .\r\n", "TX .\rTC .\r", "TX .\r\r\nTC .\r\r"} {
		for limit := range uint16(6) {
			f.Add([]byte(doc), []byte{1}, limit)
		}
	}
}

// A patch that comes in pieces gives the same rows and the same error, at the same place, as the whole.
func FuzzPieces(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, cuts []byte, limit uint16) {
		var whole, cut, ends recorder
		opts := []patch.Option{patch.MaxRow(int(limit)), patch.MaxDepth(3)}
		want := patch.Parse(doc, &whole, opts...)
		got := patch.NewReader(&readertest.Pieces{Text: doc, Cuts: cuts}, opts...).Run(&cut)
		if fmt.Sprint(got) != fmt.Sprint(want) || !reflect.DeepEqual(cut.rows, whole.rows) {
			t.Errorf("%q\nwhole %v\n      %v\npieces %v\n      %v", doc, whole.rows, want, cut.rows, got)
		}
		got = patch.NewReader(iotest.DataErrReader(bytes.NewReader(doc)), opts...).Run(&ends)
		if fmt.Sprint(got) != fmt.Sprint(want) || !reflect.DeepEqual(ends.rows, whole.rows) {
			t.Errorf("%q\nwhole %v\n      %v\nwith EOF %v\n      %v", doc, whole.rows, want, ends.rows, got)
		}
	})
}

// What was read can be written, and reads the same; writing that again gives the same bytes. Terms that were read are
// terms that the constructors make.
func FuzzWriteRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16) {
		var first recorder
		err := patch.Parse(doc, &first)
		rows := first.rows
		var b bytes.Buffer
		w := patch.NewWriter(&b)
		if err := drive(rows, w); err != nil {
			t.Fatalf("%q was read, but: %v", doc, err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		var second recorder
		again := patch.Parse(b.Bytes(), &second)
		if !reflect.DeepEqual(second.rows, rows) || err == nil && again != nil {
			t.Fatalf("%q\nread    %v\nwritten %q\nread    %v\nerror %v", doc, rows, b.Bytes(), second.rows, again)
		}
		var trusted recorder
		if err := patch.Parse(b.Bytes(), &trusted, patch.Trusted()); !reflect.DeepEqual(trusted.rows, second.rows) ||
			fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("%q\nread    %v, %v\ntrusted %v, %v", b.Bytes(), second.rows, again, trusted.rows, err)
		}
		for _, r := range rows {
			for _, term := range allTerms(r) {
				if made, err := rebuild(term); err != nil || made != term {
					t.Fatalf("%q: read %q, made again %q, error %v", doc, term, made, err)
				}
			}
		}
	})
}

// allTerms are the terms of a row, of which some may be none.
func allTerms(r row) []rdf.Term { return []rdf.Term{r.quad.S, r.quad.P, r.quad.O, r.quad.G, r.value} }

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
		parts, ok := t.Triple()
		if !ok {
			return rdf.Term{}, fmt.Errorf("no parts")
		}
		s, err := rebuild(parts.S)
		if err != nil {
			return s, err
		}
		p, err := rebuild(parts.P)
		if err != nil {
			return p, err
		}
		o, err := rebuild(parts.O)
		if err != nil {
			return o, err
		}
		return rdf.TripleTerm(s, p, o)
	}
	return t, nil
}
