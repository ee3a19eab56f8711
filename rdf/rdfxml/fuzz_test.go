package rdfxml_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

var seedDocuments = []string{
	"",
	in(`<e:C rdf:ID="a" e:p="1" xml:lang="EN"><e:p rdf:ID="b">t&lt;&#10;<![CDATA[]]x]]></e:p></e:C>`),
	in("\r\n<rdf:Description>\r<rdf:li rdf:parseType='Collection'><e:C rdf:nodeID='anon0'/><e:C/></rdf:li><rdf:li rdf:nodeID='a.'/></rdf:Description>"),
	in(`<rdf:Description rdf:about="?q" xml:base="../c"><e:p rdf:parseType="Literal">a<b xmlns="d:" e:c='"'><?p q?><!--c--></b></e:p></rdf:Description>`),
	in(`<rdf:Description rdf:about="" rdf:version="1.2" xmlns:its="http://www.w3.org/2005/11/its" its:dir="rtl" xml:lang="ar">` +
		`<e:p rdf:annotation="r"><e:C/></e:p><e:p rdf:parseType="Triple"><e:C rdf:about="b"/></e:p></rdf:Description>`),
	"<?xml version='1.0' encoding='ISO-8859-1'?><!DOCTYPE r [<!ENTITY e 'e&f;'><!ENTITY f \"\xe9\"><!-- ] -->]><e:C e:p='&e;' xmlns:e='e:'>" +
		"<e:p e:q='\xe9' rdf:type='x' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'/></e:C>",
	utf16(in("<e:C e:p='\U0001D11E'/>"), false, true),
	in("<e:C>&nbsp;"), in("\x00"), in("<e:C e:p='\xc3'/>"), in("<e:C e:p='<'/>"), "<", "<!", "<!D", "<?xml", "\xff\xfe<", "<a xmlns:",
}

func seeds(f *testing.F) {
	for _, doc := range seedDocuments {
		f.Add([]byte(doc), []byte{3, 0, 7}, uint16(300))
		f.Add([]byte(doc), []byte{}, uint16(24))
	}
}

// comparePieces checks that a document that comes in pieces gives the same quads and the same error, at the same place,
// as the whole, and that the place is one of the document.
func comparePieces(t failer, doc, cuts []byte, limit int) {
	opts := []rdfxml.Option{rdfxml.Base("http://base.example/a/b?q"), rdfxml.MaxTerm(limit), rdfxml.MaxDepth(8), rdfxml.BlankPrefix("d-")}
	whole, want := readertest.Collect(rdfxml.NewBytes(doc, opts...))
	for name, source := range map[string]io.Reader{
		"pieces":            &readertest.Pieces{Text: doc, Cuts: cuts},
		"one read":          bytes.NewReader(doc),
		"EOF with the data": iotest.DataErrReader(bytes.NewReader(doc)),
		"EOF with a byte":   iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(doc))),
	} {
		got, err := readertest.Collect(rdfxml.NewReader(source, opts...))
		if fmt.Sprint(err) != fmt.Sprint(want) || !slices.Equal(got, whole) {
			t.Fatalf("%q, limit %d\nwhole %v\n      %v\n%s %v\n      %v", doc, limit, whole, want, name, got, err)
		}
	}
	if want == nil {
		return
	}
	syntax, ok := errors.AsType[*rdfxml.SyntaxError](want)
	if !ok || utf8.Valid(doc) && !readertest.IsPlace(doc, syntax.Line, syntax.Col) {
		t.Fatalf("%q: error %v has no place in it", doc, want)
	}
}

func FuzzPieces(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, cuts []byte, limit uint16) { comparePieces(t, doc, cuts, int(limit)) })
}

// FuzzWriteRead: what was read is terms that N-Triples has, and reads the same, also when it was written as RDF/XML.
func FuzzWriteRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16) {
		quads, _ := readertest.Collect(rdfxml.NewBytes(doc, rdfxml.Base("http://base.example/a/b?q")))
		var text []byte
		for _, q := range quads {
			text = nquads.AppendQuad(text, q)
		}
		if again := quadsOf(t, string(text)); !slices.Equal(again, quads) {
			t.Fatalf("%q\nread       %v\nas N-Quads %v", doc, quads, again)
		}
		// rdf:li is only a name that a namespace and a name can make together, as any other of the few that are syntax.
		compareWritten(t, slices.DeleteFunc(quads, func(q rdf.Quad) bool {
			return errors.Is(rdfxml.NewWriter(io.Discard).Write(q), rdfxml.ErrForm)
		}))
	})
}
