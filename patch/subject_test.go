package patch_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
)

// TestBySubject: each subject has its rows, in their order, as a patch of its own.
func TestBySubject(t *testing.T) {
	body := "TX .\nD <urn:a> <urn:p> \"1\" .\nA _:x <urn:p> <urn:a> .\nA <urn:a> <urn:p> \"2\" <urn:g> .\nTC .\n"
	got, err := patch.BySubject([]byte(body))
	if err != nil || len(got) != 2 || got[0].Subject != "urn:a" || got[1].Subject != "_:x" ||
		string(got[0].Rows) != "TX .\nD <urn:a> <urn:p> \"1\" .\nA <urn:a> <urn:p> \"2\" <urn:g> .\nTC .\n" ||
		string(got[1].Rows) != "TX .\nA _:x <urn:p> <urn:a> .\nTC .\n" {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := patch.BySubject([]byte("TX .\nTC .\n")); len(got) != 0 || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := patch.BySubject([]byte("A <urn:a> .\n")); err == nil {
		t.Error("what is no patch is divided")
	}
}

// TestBinary: the binary form is read as the text was.
func TestBinary(t *testing.T) {
	body := []byte("TX .\nD <urn:a> <urn:p> \"1\" .\nA _:x <urn:p> <urn:a> .\nTC .\n")
	binary, err := patch.Binary(body)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w := patch.NewWriter(&text)
	if err := errors.Join(patch.ParseBinary(binary, w), w.Flush()); err != nil || !slices.Equal(text.Bytes(), body) {
		t.Errorf("%s, %v", text.Bytes(), err)
	}
	if _, err := patch.Binary([]byte("A <urn:a> .\n")); err == nil {
		t.Error("what is no patch has a binary form")
	}
}
