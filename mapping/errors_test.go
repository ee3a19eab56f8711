package mapping_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/mapping"
)

// TestUnknownMapping: the error names those that there are.
func TestUnknownMapping(t *testing.T) {
	for text, want := range map[string]string{
		"": "no mapping is declared",
		"mappings:\n  b: {s: urn:s, po: [[urn:p, x]]}\n  a: {s: urn:s, po: [[urn:p, x]]}": `there is no mapping "c"; there is a, b`,
	} {
		d, ok := declared(text)
		if !ok {
			t.Fatal(text)
		}
		set, mistakes := d.Compile()
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		if m, err := set.Get("c"); m != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v, want %s", text, m, err, want)
		}
	}
}

// TestErrorUnwraps: what is wrong can be asked for.
func TestErrorUnwraps(t *testing.T) {
	err := error(&mapping.Error{Mapping: "m", Document: 1, Err: io.ErrUnexpectedEOF})
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}
