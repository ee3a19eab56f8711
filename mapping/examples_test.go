package mapping_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/mapping"
)

// TestExamples holds each folder of examples that has a message to what it says comes out.
func TestExamples(t *testing.T) {
	folders, err := filepath.Glob("../examples/*/message.json")
	if err != nil || len(folders) < 4 {
		t.Fatal(folders, err)
	}
	for _, name := range folders {
		folder := filepath.Dir(name)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			text := map[string][]byte{}
			for _, file := range []string{"quadrille.yaml", "message.json", "expected.rdfp"} {
				if text[file], err = os.ReadFile(filepath.Join(folder, file)); err != nil {
					t.Fatal(err)
				}
			}
			set := compile(t, string(text["quadrille.yaml"]))
			m, err := set.Get(set.Names()[0])
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.AppendPatch(nil, mapping.Message{Body: text["message.json"]})
			if err != nil || string(got) != string(text["expected.rdfp"]) {
				t.Errorf("%v (-want +got):\n%s", err, cmp.Diff(string(text["expected.rdfp"]), string(got)))
			}
		})
	}
}
