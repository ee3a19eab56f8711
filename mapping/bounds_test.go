package mapping_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/mapping"
)

// TestBounds: what makes too much is an error, be it by combinations, by rows, or by all documents together; nesting is bounded, too.
func TestBounds(t *testing.T) {
	set := compile(t, `
mappings:
  combined: {s: "urn:s", po: [["urn:p", "$(a)$(b)"]]}
  rows: {over: "$.l[*]", s: "urn:$(@)", po: [["urn:p", "$($.l)"]]}
  deep: {when: "has(row.x)", s: "urn:s", po: [["urn:p", $(..x)]]}
`)
	numbers := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	for _, test := range []struct{ name, body, says string }{
		{"combined", `{"a": ` + numbers(400) + `, "b": ` + numbers(400) + `}`, "more than 100000 combinations"},
		{"combined", `{"a": ` + numbers(100_001) + `, "b": 1}`, "more than 100000 combinations"},
		{"rows", `{"l": ` + numbers(400) + `}`, "more than 100000 changes; send it in parts"},
		{"deep", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "exceeded max depth"},
	} {
		m, err := set.Get(test.name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.AppendPatch(nil, mapping.Message{Body: []byte(test.body)}); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, expected %s", test.name, err, test.says)
		}
	}
}
