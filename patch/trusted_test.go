package patch_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
)

// TestTrustedReadsAnyRow: a row of another form than ours is read as ever, and so is what is wrong, with its place.
func TestTrustedReadsAnyRow(t *testing.T) {
	const good = "A <x:s> <x:p> \"a\" .\n"
	for _, doc := range []string{
		"", good, good + "# a comment\n\n" + good, "A <x:s> <x:p> \"a\" .\r\n" + good, "A <x:s> <x:p> \"a\" ." + good,
		"A  <x:s>\t<x:p>\n\"a\"\n.\n" + good, "A<x:s><x:p>\"a\".\n" + good, "A <x:s> <x:p> 'a' .\n", "A <x:s> <x:p> 1.5 .\n" + good,
		"A <_:a> <x:p> true .\n", "A <x:s> <x:p> \"\"\"a\n\"\"\" .\n" + good, "A _:a <x:p> <<( <x:s> <x:p> \" >> \" )>> _:g .\n" + good,
		"A <x:s> <x:p> \"a\\\"\" <x:g> .\n", "A <x:s> <x:p> \"\\\\\" .\n" + good, "A <x:s> <x:p> \"\\\\\\\" .\\n\" .\n" + good,
		"A <x:s> <x:p> \"> . \"@en--ltr <x:g> .\n", "A <x:s> <x:p> \"\"^^<x:d> _:g .\n", "D <x:s> <x:p> \"a\" <x:g> . # why\n",
		"TX .\nTX .\n", "TX .\n" + good + "TC .\nTC .\n", "TX .\n" + good, good + "TC .\n", "TX .\n" + good + "TA .\nTX .\nTC .\n",
		"H prev <x:1> .\nTX .\nTC .\nH prev <x:2> .\n", good + "B <x:s> .\n", "A <x:s> <x:p> \"a\n", "A <x:s> <x:p> .\n",
		"A <x:s> <x:p> \"a\" <x:g> <x:h> .\n", "A <x:s> <x:p> \"a\" <x:g>\n", "A <x:s", "A <", "A _", "A \"", "A ", "A", "D <x:s> <x:p> \"",
		"A <x:s> <x:p> \"a\\", "A <x:s> <x:p> \"a\"", "A <x:s> <x:p> \"a\"^^<x:d>", "A <x:s> <x:p> <x:o> .\nTX", "TX .",
	} {
		for _, opts := range [][]patch.Option{
			nil, {patch.RequireTransactions()}, {patch.OnePrev()}, {patch.MaxRows(2)}, {patch.MaxRow(len(good) - 1)}, {patch.BlankPrefix("p")},
			{patch.RequireID()},
		} {
			var want, got recorder
			wantErr := patch.Parse([]byte(doc), &want, opts...)
			err := patch.Parse([]byte(doc), &got, append(opts, patch.Trusted())...)
			if !reflect.DeepEqual(got.rows, want.rows) || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Errorf("%q\ntrusted %v, %v\nelse    %v, %v", doc, got.rows, err, want.rows, wantErr)
			}
		}
	}
}

// TestTrustedLooksInsideNoTerm: that is what makes it fast, and what its caller must know.
func TestTrustedLooksInsideNoTerm(t *testing.T) {
	for _, doc := range []string{"A <no iri> <x:p> <x:o> .\n", "A <x:s> <x:p> \"\xff\" .\n", "A <x:s> _:p \"a\"@_ .\n"} {
		var rows recorder
		if err := patch.Parse([]byte(doc), &rows); err == nil {
			t.Errorf("%q is read without trust", doc)
		}
		if err := patch.Parse([]byte(doc), &rows, patch.Trusted()); err != nil || len(rows.rows) != 1 {
			t.Errorf("%q is not read with trust: %v", doc, err)
		}
	}
}
