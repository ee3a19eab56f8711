package store_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

func typed(lexical, datatype string) rdf.Term {
	return rdf.Trusted(`"` + lexical + `"^^<http://www.w3.org/2001/XMLSchema#` + datatype + `>`)
}

// checkInline fails unless the term is made of its id again, if it has one.
func checkInline(t interface{ Fatalf(string, ...any) }, term rdf.Term) bool {
	id, ok := store.InlineID(term)
	if !ok {
		return false
	}
	if back, ok := store.InlineTerm(id); !ok || back != term || !id.IsInline() || id >= store.DefaultGraph {
		t.Fatalf("%s has the inline id %x, which is that of %s, %v", term, id, back, ok)
	}
	return true
}

func TestInline(t *testing.T) {
	for datatype, lexicals := range map[string]string{
		"boolean":         "true false",
		"integer":         "0 1 -1 42 -42 36028797018963967 -36028797018963968",
		"unsignedByte":    "255",
		"negativeInteger": "-7",
		"decimal":         "0 0.0 1.5 1.50 -0.5 -0.001 25.10000131 2251799813685247 0.123456789012345 -2251799813685248",
		"double":          "21.5 21 0.0 1.0E0 2.15E1 -2.15E-12 0.0E0 1.5E511 1.5E-512 2.19902325555E3",
		"float":           "21.5 1.0E0",
		"dateTime": "2026-11-27T18:53:23Z 2026-11-27T18:53:23 2026-11-27T18:53:23.123Z 2026-11-27T18:53:23.000001 0001-01-01T00:00:00Z " +
			"9999-12-31T23:59:59Z 1969-12-31T23:59:59.999Z 2026-11-27T18:53:23+01:00 2026-11-27T18:53:23.123-14:00 2024-02-29T00:00:00+00:00",
		"date": "2026-11-27 1600-02-29Z 0001-01-01 9999-12-31+14:00",
	} {
		for lexical := range strings.FieldsSeq(lexicals) {
			if !checkInline(t, typed(lexical, datatype)) {
				t.Errorf("%s %q is not inline", datatype, lexical)
			}
		}
	}
}

// TestNotInline has literals whose texts could be made of no id, or that would be taken for others.
func TestNotInline(t *testing.T) {
	for datatype, lexicals := range map[string]string{
		"boolean": "1 0 TRUE",
		"integer": "+1 -0 01 00 1.0 36028797018963968 99999999999999999999999999 x -",
		"decimal": "+1.5 01.5 .5 1. -0.0 -0 1.0E0 2251799813685248 0.1234567890123456 1.5x",
		"double":  "INF NaN -INF 1E0 10.0E0 1.0e0 1.0E+0 1.0E00 1.5E512 -0.0E0 1.0E 2.199023255552E3",
		"dateTime": "2026-11-27 2026-11-27T24:00:00Z 2026-02-30T00:00:00Z 2026-11-27T18:53:23.1Z 2026-11-27T18:53:60Z 2026-11-27T18:53:23-00:00 " +
			"2026-11-27T18:53:23+15:00 -0001-01-01T00:00:00Z 12026-11-27T18:53:23Z 2026-11-27T18:53:23z 2026-11-27T18:53:23.123456789Z",
		"date":   "2026-13-01 2026-11-31 0000-01-01 2026-11-27z 2026-11-27+01",
		"string": "1",
		"token":  "1",
	} {
		for lexical := range strings.FieldsSeq(lexicals) {
			if id, ok := store.InlineID(typed(lexical, datatype)); ok {
				t.Errorf("%s %q is inline: %x", datatype, lexical, id)
			}
		}
	}
	for _, text := range []string{"", "<http://example.org/>", "_:b", `"1"`, `"1"@en`, `""^^<http://www.w3.org/2001/XMLSchema#integer>`,
		`"1"^^<http://www.w3.org/2001/XMLSchemaXinteger>`, `"a\"1"^^<http://www.w3.org/2001/XMLSchema#integer>`} {
		if id, ok := store.InlineID(rdf.Trusted(text)); ok {
			t.Errorf("%s is inline: %x", text, id)
		}
	}
}

// TestInlineRoundTrip draws texts of about the right form: those that are inline are made of their ids again, and no two have one.
func TestInlineRoundTrip(t *testing.T) {
	datatypes := rapid.SampledFrom([]string{"integer", "int", "decimal", "double", "float", "date", "dateTime", "boolean"})
	texts := rapid.OneOf(
		rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{1,4})?(E-?[0-9]{1,3})?`),
		rapid.StringMatching(`-?[0-9]{14,19}(\.[0-9]{1,4})?`),
		rapid.StringMatching(`-?[0-9]\.[0-9]{1,16}(E-?[0-9]{1,3})?`),
		rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{3}|\.[0-9]{6})?)?(Z|[+-][01][0-9]:[0-5][0-9])?`),
	)
	rapid.Check(t, func(t *rapid.T) {
		ids := map[store.ID]rdf.Term{}
		for range 20 {
			term := typed(texts.Draw(t, "text"), datatypes.Draw(t, "datatype"))
			if !checkInline(t, term) {
				continue
			}
			id, _ := store.InlineID(term)
			if other, there := ids[id]; there && other != term {
				t.Fatalf("%s and %s have one id", term, other)
			}
			ids[id] = term
		}
	})
}

// TestInlineUnknown has ids that no literal has.
func TestInlineUnknown(t *testing.T) {
	for _, id := range []store.ID{0, 1, 1<<62 - 1, 1 << 62, 1<<62 | 63<<56, 1<<62 | 1<<56 | 2, store.DefaultGraph, store.DefaultGraph | 1<<62} {
		if term, ok := store.InlineTerm(id); ok {
			t.Errorf("%x is %s", id, term)
		}
	}
}

func ExampleInlineID() {
	id, inline := store.InlineID(rdf.Trusted(`"21.50"^^<http://www.w3.org/2001/XMLSchema#decimal>`))
	term, _ := store.InlineTerm(id)
	fmt.Println(inline, term)
	// Output: true "21.50"^^<http://www.w3.org/2001/XMLSchema#decimal>
}

func BenchmarkInlineID(b *testing.B) {
	for _, term := range []rdf.Term{typed("42", "integer"), typed("25.10000131", "decimal"), typed("2026-11-27T18:53:23Z", "dateTime")} {
		b.Run(term.Value(), func(b *testing.B) {
			for b.Loop() {
				store.InlineID(term)
			}
		})
	}
}
