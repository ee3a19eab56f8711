package mapping_test

import (
	"strings"
	"sync"
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

// TestConcurrently: a mapping may be used by any number of goroutines, each of which gets what one alone does.
func TestConcurrently(t *testing.T) {
	set := compile(t, strings.ReplaceAll(everything, "MODE", "replace"))
	m, err := set.Get("json")
	if err != nil {
		t.Fatal(err)
	}
	msg := mapping.Message{Body: []byte(`{"id": [1, 2], "g": "a", "v": "urn:x", "rows": [{"id": 2, "t": 5, "v": 3}]}`)}
	want, err := m.AppendPatch(nil, msg)
	if err != nil || len(want) == 0 {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				if got, err := m.AppendPatch(nil, msg); err != nil || string(got) != string(want) {
					t.Errorf("%v\n%s", err, got)
				}
			}
		})
	}
	all.Wait()
}
