package cli

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// TestLooksLike: the error of standard input that is no patch, though nothing else was said, says what to add.
func TestLooksLike(t *testing.T) {
	var binary bytes.Buffer
	w := patch.NewBinaryWriter(&binary)
	if err := errors.Join(w.Header("id", rdf.Trusted("<urn:a>")), w.Flush()); err != nil {
		t.Fatal(err)
	}
	var begun bytes.Buffer
	w = patch.NewBinaryWriter(&begun)
	if err := errors.Join(w.Begin(), w.Flush()); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		want, patches string
		texts         []string
	}{
		{"add --type application/rdf+xml", "convert --as patch --type application/rdf+xml", []string{
			"<?xml version='1.0'?><a/>", "\uFEFF <!DOCTYPE r [<!ENTITY a 'b'>]>", "<rdf:RDF\n  xmlns:rdf='x'>", "<!-- RDF -->\n<e:C/>", "<a b = 'c'/>"}},
		{"add --type text/turtle (application/trig for TriG)", "", []string{"# data\n\n@prefix a: <urn:> .", "PREFIX a: <urn:>\na:s a a:C .", "base <urn:>", "[] a <urn:C> .", "(1 2) a <urn:C> ."}},
		{"add --type application/n-quads (text/turtle", "", []string{"<urn:a> <urn:p> <urn:o> .", "<a> <b> '=' .", "_:a <urn:p> 1 .", "<a=b>\n<c> <d>"}},
		{"add --type application/ld+json", "", []string{`{"@id": "urn:a"}`, "\n[ {}]", "[]", "{ }"}},
		{"add --type application/sparql-update", "quadrille delta makes a patch", []string{"INSERT DATA {}", "prefix a: <urn:>\nBASE <x:> delete where {}", "CLEAR ALL"}},
		{"add --type application/rdf-patch+thrift", "add --type application/rdf-patch+thrift", []string{binary.String(), begun.String()}},
		{"", "", []string{"", "X", "A <a> <b> <c>", "TX .", "# nothing\n", "é", "PA x <y>", "INSERTED x"}},
	} {
		for _, text := range test.texts {
			checkLooks(t, text, test.want, false)
			checkLooks(t, text, test.patches, true)
		}
	}
}

func checkLooks(t *testing.T, text, want string, onlyPatches bool) {
	t.Helper()
	var packed bytes.Buffer
	z, err := zstd.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, text+strings.Repeat("\n", 2*maxBeginning)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader(text)), &packed} {
		b := beginning{from: r}
		if _, err := io.Copy(io.Discard, &b); err != nil {
			t.Fatal(err)
		}
		wrong := &rdf.SyntaxError{Line: 1, Col: 1, Msg: "wrong"}
		got := b.advised(wrong, onlyPatches)
		if !errors.Is(got, wrong) || !strings.Contains(got.Error(), want) || want == "" && !onlyPatches && got.Error() != wrong.Error() {
			t.Errorf("%q: %v", text, got)
		}
		if other := errors.New("no syntax"); b.advised(other, onlyPatches) != other {
			t.Error("an error of another kind has advice")
		}
	}
}
