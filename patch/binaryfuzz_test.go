package patch_test

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"testing/iotest"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/patch"
)

func binarySeeds(f *testing.F) {
	for _, name := range []string{"jena.trp", "jena-api.trp", "jena-segment.trp", "jena-variable.trp",
		"jena-direction.trp"} {
		f.Add(file(f, name), []byte{3, 0, 7}, uint16(0))
	}
	for _, doc := range [][]byte{
		nil, txn(0), append(txn(0), txn(1)...), head("id", "x:1"), value(lit(str(1, "a"), str(1, "EN"), str(3, "ltr"))),
		value(nest(12, num(1, cI64, -150), num(1, cI32, 2))), value(num(10, cI64, 7)),
		value(raw(11, cDouble, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f)), value(nest(9, iri(1, "x:s"), iri(1, "x:p"), iri(1, "x:o"))),
		append(nest(2, iri(1, "x:s"), iri(1, "x:p"), iri(1, "x:o"), iri(1, "x:g"), raw(1, cList, 1<<4|cMap, 0)), 0),
		append(nest(4, str(2, "a"), str(1, "x:y")), 0), append(nest(5, iri(1, "x:g"), str(1, "é")), 0),
	} {
		f.Add(doc, []byte{1}, uint16(0))
		f.Add(doc, []byte{}, uint16(20))
	}
}

// A patch that comes in pieces gives the same rows and the same error, at the same place, as the whole.
func FuzzBinaryPieces(f *testing.F) {
	binarySeeds(f)
	f.Fuzz(func(t *testing.T, doc, cuts []byte, limit uint16) {
		var whole, cut, ends recorder
		opts := []patch.Option{patch.MaxRow(int(limit)), patch.MaxDepth(3)}
		want := patch.ParseBinary(doc, &whole, opts...)
		got := patch.NewBinaryReader(&readertest.Pieces{Text: doc, Cuts: cuts}, opts...).Run(&cut)
		if fmt.Sprint(got) != fmt.Sprint(want) || !reflect.DeepEqual(cut.rows, whole.rows) {
			t.Errorf("%q\nwhole %v\n      %v\npieces %v\n      %v", doc, whole.rows, want, cut.rows, got)
		}
		got = patch.NewBinaryReader(iotest.DataErrReader(bytes.NewReader(doc)), opts...).Run(&ends)
		if fmt.Sprint(got) != fmt.Sprint(want) || !reflect.DeepEqual(ends.rows, whole.rows) {
			t.Errorf("%q\nwhole %v\n      %v\nwith EOF %v\n      %v", doc, whole.rows, want, ends.rows, got)
		}
	})
}

// What was read can be written, in binary form and as text, and reads the same; writing that again gives the same
// bytes. Terms that were read are terms that the constructors make.
func FuzzBinaryWriteRead(f *testing.F) {
	binarySeeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16) {
		var first recorder
		_ = patch.ParseBinary(doc, &first) // the rows before an error count
		sameInBothForms(t, first.rows)
	})
}

// Text in binary form is the same text again.
func FuzzTextBinaryText(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc, _ []byte, _ uint16) {
		var first recorder
		_ = patch.Parse(doc, &first)
		sameInBothForms(t, first.rows)
	})
}

// sameInBothForms writes rows that were read in both forms and reads them again. A transaction that is open at the end,
// which nobody may read, is ended.
func sameInBothForms(t *testing.T, rows []row) {
	open := false
	for _, r := range rows {
		open = r.code == "TX" || open && r.code != "TC" && r.code != "TA"
		for _, term := range allTerms(r) {
			if made, err := rebuild(term); err != nil || made != term {
				t.Fatalf("read %q, made again %q, error %v", term, made, err)
			}
		}
	}
	if open {
		rows = append(rows, row{code: "TA"})
	}
	doc := toBinary(t, rows)
	var again, fromText recorder
	if err := patch.ParseBinary(doc, &again); err != nil || !reflect.DeepEqual(again.rows, rows) {
		t.Fatalf("%q: %v\n got %v\nwant %v", doc, err, again.rows, rows)
	}
	text, err := binaryText(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := patch.Parse([]byte(text), &fromText); err != nil || !reflect.DeepEqual(fromText.rows, rows) {
		t.Fatalf("%q: %v\n got %v\nwant %v", text, err, fromText.rows, rows)
	}
	if again := toBinary(t, fromText.rows); !bytes.Equal(again, doc) {
		t.Fatalf("%q, then %q", doc, again)
	}
}
