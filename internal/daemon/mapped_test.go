package daemon

import (
	"maps"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/mapping"
)

// TestMapped: what a source has received goes through its mapping, which knows where it is from.
func TestMapped(t *testing.T) {
	var declared yaml.Node
	if err := yaml.Unmarshal([]byte(`{m: {mode: replace, s: "http://e/$(#stream)/$(#offset)", po: [["http://e/at", $(#time)], ["http://e/from", $(#source)]]}}`),
		&declared); err != nil {
		t.Fatal(err)
	}
	set, mistakes := mapping.Declaration{Mappings: declared.Content[0]}.Compile()
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	d := &daemon{Document: &config.Document{Mappings: set}}
	if plain, err := d.mapped(config.Source{Name: "s"}, nil); plain != nil || err != nil {
		t.Error("a source without a mapping has one", err)
	}
	if _, err := d.mapped(config.Source{Name: "s", Mapping: "other"}, nil); err == nil || !strings.Contains(err.Error(), `no mapping "other"; there is m`) {
		t.Error(err)
	}
	through, err := d.mapped(config.Source{Name: "s", Mapping: "m"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 31, 9, 0, 0, 5e8, time.FixedZone("", 3600))
	got, err := through(connector.Message{Stream: "p", Offset: 7, Time: at, Body: []byte("{}")})
	if err != nil || got.MediaType != graph.TypeReplace || !strings.Contains(string(got.Body),
		"A <http://e/p/7> <http://e/at> \"2026-01-31T08:00:00.5Z\" .\nA <http://e/p/7> <http://e/from> \"s\" .\n") {
		t.Errorf("%v\n%s", err, got.Body)
	}
	if _, err := through(connector.Message{Body: []byte("{}")}); err == nil {
		t.Error("a message without a stream has an offset")
	}
	said := maps.All(map[string]string{"topic": "t"})
	if vars := varsOf("s", connector.Message{MediaType: "text/csv", Vars: said}); !maps.Equal(vars,
		map[string]string{"source": "s", "stream": "", "media-type": "text/csv", "topic": "t"}) {
		t.Error(vars)
	}
}
