package mapping

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestPatchIsBounded: what all documents of a message make together is bounded, and nothing of it is left behind.
func TestPatchIsBounded(t *testing.T) {
	var declared yaml.Node
	if err := yaml.Unmarshal([]byte(`{m: {s: "urn:s", po: [["urn:p", $(v)]]}}`), &declared); err != nil {
		t.Fatal(err)
	}
	set, mistakes := Declaration{Mappings: declared.Content[0]}.Compile()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	const one = "TX .\nA <urn:s> <urn:p> \"x\" .\nTC .\n"
	msg := Message{Body: []byte(strings.Repeat(`{"v": "x"} `, 3))}
	if got, err := set.byName["m"].appendAtMost([]byte("before"), msg, 3*len(one)); err != nil || len(got) != len("before")+3*len(one) {
		t.Errorf("%s, %v", got, err)
	}
	got, err := set.byName["m"].appendAtMost([]byte("before"), msg, 3*len(one)-1)
	if string(got) != "before" || err == nil || err.Error() != `mapping "m", document 3: the message makes changes of more than 101 bytes; send it in parts` {
		t.Errorf("%s, %v", got, err)
	}
}
