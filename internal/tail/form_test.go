package tail

import (
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/patch"
)

func TestPatchFormIsAPatch(t *testing.T) {
	text, err := Patch(nil, client.Change{ID: "ni:///sha-256;a", Prev: "ni:///sha-256;b", Patch: "TX .\nA <s:1> <p:1> <o:1> .\nTC .\n"})
	if err != nil {
		t.Fatal(err)
	}
	var c patch.Counter
	if err := patch.Parse(text, &c); err != nil || c != (patch.Counter{Headers: 3, Begins: 1, Commits: 1, Adds: 1}) {
		t.Errorf("%+v, %v\n%s", c, err, text)
	}
}

// TestFilteredPatchIsNoRecord: the ids are those of whole records, so they don't stand before a part.
func TestFilteredPatchIsNoRecord(t *testing.T) {
	text, err := Patch(nil, client.Change{Shard: 1, Position: 7, ID: "ni:///sha-256;a", Prev: "ni:///sha-256;b", Filtered: true, Patch: "TX .\nTC .\n"})
	if want := "# shard 1 position 7\nTX .\nTC .\n"; err != nil || string(text) != want {
		t.Errorf("%v\n%s", err, text)
	}
}
