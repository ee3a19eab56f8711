package patch_test

import (
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
)

// TestSubjects: rows go to their subjects in order, prefixes to none.
func TestSubjects(t *testing.T) {
	body := "TX .\nPA \"x\" \"urn:x:\" .\nD <urn:a> <urn:p> \"1\" .\nA _:b <urn:p> \"1\" <urn:g> .\nA <urn:a> <urn:p> \"2\" .\nTC .\n"
	list, err := patch.Subjects([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, s := range list {
		got += fmt.Sprintf("%s: %s", s.Key, s.Rows)
	}
	want := "urn:a: TX .\nD <urn:a> <urn:p> \"1\" .\nA <urn:a> <urn:p> \"2\" .\nTC .\n_:b: TX .\nA _:b <urn:p> \"1\" <urn:g> .\nTC .\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if _, err := patch.Subjects([]byte("TX .\nA nonsense")); err == nil {
		t.Error("what is no patch is divided")
	}
}
