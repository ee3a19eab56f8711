package entry

import "testing"

// TestOf: the headers are told and left out, in whichever case and wherever they stand, and all else stays.
func TestOf(t *testing.T) {
	got, err := Of([]byte("H ID <uuid:2> .\nH previous \"1\" .\nH by <urn:me> .\nTX .\nPA p <urn:p:> .\nA <_:b> <urn:p> 1 .\nD <urn:s> <urn:p> _:b <urn:g> .\nTC .\n"))
	want := "TX .\nPA \"p\" <urn:p:> .\nA _:b <urn:p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\nD <urn:s> <urn:p> _:b <urn:g> .\nTC .\n"
	if err != nil || got.ID != "uuid:2" || got.Prev != "1" || string(got.Rows) != want {
		t.Errorf("%+v, %v\n%s\nwant\n%s", got, err, got.Rows, want)
	}
	if got, err := Of([]byte("A <urn:s> .\n")); err == nil {
		t.Errorf("%+v", got)
	}
}

func TestUnguarded(t *testing.T) {
	const guarded = "H prev <uuid:1> .\nA <urn:s> <urn:p> <urn:o> .\n"
	for _, test := range []struct{ media, text, want string }{
		{"application/rdf-patch", guarded, "A <urn:s> <urn:p> <urn:o> .\n"},
		{"application/rdf-patch", "A <urn:s>  <urn:p> <urn:o>.", "A <urn:s>  <urn:p> <urn:o>."},
		{"application/rdf-patch", guarded + "A", guarded + "A"},
		{"text/plain", guarded, guarded},
	} {
		if got := Unguarded(test.media, []byte(test.text)); string(got) != test.want {
			t.Errorf("%s %q: %q", test.media, test.text, got)
		}
	}
}
