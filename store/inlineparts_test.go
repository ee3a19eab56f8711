package store

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/rdf"
)

// partsOf are those of the inline id of a literal.
func partsOf(lexical, datatype string) (inlineLiteral, bool) {
	id, ok := InlineID(rdf.Trusted(`"` + lexical + `"^^<` + xsd + datatype + `>`))
	v, _ := id.inline()
	return v, ok
}

// TestInlineTimes compares with package time.
func TestInlineTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(t, "seconds")
		at := time.Unix(seconds, 0).UTC()
		v, ok := partsOf(at.Format("2006-01-02T15:04:05")+"Z", "dateTime")
		if !ok || v.number != seconds || v.unit != 1 || v.zone != utcZone {
			t.Fatalf("%s: %+v, %v", at, v, ok)
		}
		v, ok = partsOf(at.Format("2006-01-02"), "date")
		if !ok || v.number*86_400 > seconds || (v.number+1)*86_400 <= seconds {
			t.Fatalf("%s: %+v, %v", at, v, ok)
		}
	})
}

// TestInlineDecimal: digits at the end are those of the text.
func TestInlineDecimal(t *testing.T) {
	if v, ok := partsOf("21.50", "decimal"); !ok || v.number != 2150 || v.scale != 2 {
		t.Errorf("%+v, %v", v, ok)
	}
}
