package mapping_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/mapping"
)

var rewrite = flag.Bool("rewrite", false, "write what comes out into the files of testdata")

// declaration reads the keys of a YAML document. Its contexts are files of the folder testdata.
func declaration(t testing.TB, text string) mapping.Declaration {
	t.Helper()
	d, ok := declared(text)
	if !ok {
		t.Fatal("the text is no YAML:\n", text)
	}
	return d
}

// declared does so; ok is false for what is no YAML.
func declared(text string) (d mapping.Declaration, ok bool) {
	var keys struct {
		Base     yaml.Node `yaml:"base"`
		Prefixes yaml.Node `yaml:"prefixes"`
		Mappings yaml.Node `yaml:"mappings"`
	}
	if err := yaml.Unmarshal([]byte(text), &keys); err != nil {
		return d, false
	}
	d = mapping.Declaration{ReadFile: func(name string) ([]byte, error) { return os.ReadFile(filepath.Join("testdata", name)) }}
	for _, key := range []struct {
		node *yaml.Node
		to   **yaml.Node
	}{{&keys.Base, &d.Base}, {&keys.Prefixes, &d.Prefixes}, {&keys.Mappings, &d.Mappings}} {
		if key.node.Kind != 0 {
			*key.to = key.node
		}
	}
	return d, true
}

// compile compiles a document that must be good.
func compile(t testing.TB, text string) *mapping.Set {
	t.Helper()
	set, mistakes := declaration(t, text).Compile()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	return set
}

// TestFiles runs the files of testdata: a declaration, and inputs, each followed by what comes of it. What a declaration has of
// mistakes is in the file "mistakes".
func TestFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) { testFile(t, name) })
	}
}

func testFile(t *testing.T, name string) {
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := string(txtar.Format(archive))
	out := &txtar.Archive{Comment: archive.Comment, Files: slices.Clone(archive.Files[:1])}
	set, mistakes := declaration(t, string(archive.Files[0].Data)).Compile()
	if len(mistakes) > 0 {
		text := ""
		for _, m := range mistakes {
			text += strings.ReplaceAll(m.Error(), "\n", "\n  ") + "\n"
		}
		out.Files = append(out.Files, txtar.File{Name: "mistakes", Data: []byte(text)})
	}
	vars := map[string]string{"topic": "plant/line 1/temperature", "time": "2026-01-31T08:00:00.5Z"}
	for _, file := range archive.Files[1:] {
		kind, of, _ := strings.Cut(file.Name, " ")
		if kind != "in" || set == nil {
			continue
		}
		m, err := set.Get(of)
		if err != nil {
			t.Fatal(err)
		}
		text, err := m.AppendPatch(nil, mapping.Message{Body: file.Data, Vars: vars})
		if err != nil {
			text = fmt.Appendf(nil, "error: %v\n", err)
		}
		out.Files = append(out.Files, file, txtar.File{Name: "out", Data: text})
	}
	got := string(txtar.Format(out))
	if got == want {
		return
	}
	if !*rewrite {
		t.Fatalf("(-want +got):\n%s", cmp.Diff(want, got))
	}
	if err := os.WriteFile(name, []byte(got), 0o600); err != nil {
		t.Fatal(err)
	}
}
