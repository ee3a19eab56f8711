package suite

import (
	"encoding/json"
	"os"
	"testing"
)

// Entries reads the tests of a manifest in JSON-LD as plain JSON: the array that its member has, each entry into a T.
// It fails the test if there are fewer than least.
func Entries[T any](t testing.TB, file, member string, least int) []T {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var manifest map[string]json.RawMessage
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var entries []T
	if err := json.Unmarshal(manifest[member], &entries); err != nil {
		t.Fatalf("%s: %s: %v", file, member, err)
	}
	if len(entries) < least {
		t.Fatalf("%s lists %d tests, expected at least %d", file, len(entries), least)
	}
	return entries
}
