package sparql

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

func TestConfig(t *testing.T) {
	s, err := NewSink(SinkConfig{Endpoint: Endpoint{Query: "http://127.0.0.1:3030/ds"}, Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if c := s.cfg; c.Update != c.Query || c.Timeout != time.Minute || c.PositionGraph != PositionGraph || c.MaxRequest != 1<<20 || c.Blank == nil {
		t.Errorf("the defaults are %+v", c)
	}
	for want, cfg := range map[string]SinkConfig{
		"address \"\"":               {Name: "n"},
		"address \"ftp://a\"":        {Endpoint: Endpoint{Query: "ftp://a"}, Name: "n"},
		"address \"http://u:p@a\"":   {Endpoint: Endpoint{Query: "http://u:p@a"}, Name: "n"},
		"address \"http:///x\"":      {Endpoint: Endpoint{Query: "http://a", Update: "http:///x"}, Name: "n"},
		"need a name":                {Endpoint: Endpoint{Query: "http://a"}},
		"sent in clear":              {Endpoint: Endpoint{Query: "http://a", Token: "t"}, Name: "n"},
		"would be sent in clear":     {Endpoint: Endpoint{Query: "https://a", Update: "http://10.0.0.1", User: "u"}, Name: "n"},
		"not both":                   {Endpoint: Endpoint{Query: "https://a", Token: "t", User: "u"}, Name: "n"},
		"without a user":             {Endpoint: Endpoint{Query: "https://a", Password: "p"}, Name: "n"},
		"timeout -1s":                {Endpoint: Endpoint{Query: "http://a", Timeout: -time.Second}, Name: "n"},
		"requests of -1 bytes":       {Endpoint: Endpoint{Query: "http://a"}, Name: "n", MaxRequest: -1},
		"graph of the positions":     {Endpoint: Endpoint{Query: "http://a"}, Name: "n", PositionGraph: "no iri"},
		"begins with a scheme and a": {Endpoint: Endpoint{Query: "http://a"}, Name: "n", PositionGraph: "none"},
	} {
		if _, err := NewSink(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", cfg, err, want)
		}
	}
	for _, good := range []Endpoint{{Query: "http://localhost:1", Token: "t"}, {Query: "http://[::1]:1", User: "u"}, {Query: "https://a", Token: "t"}} {
		if _, err := NewSink(SinkConfig{Endpoint: good, Name: "n"}); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}

func TestPosition(t *testing.T) {
	for _, p := range []position{
		{writer: "a"},
		{at: engine.Mark{Position: 17, ID: "ni:///sha-256;x"}, until: 20, writer: "b", n: 3},
	} {
		if got, err := parsePosition(p.String()); err != nil || got != p {
			t.Errorf("%q is %+v, %v", p, got, err)
		}
	}
	for _, text := range []string{"", "17", "1 id 1 w", "x id 1 w 0", "1 id 1  0", "01 id 1 w 0", "1 id 1 w 0 ", "1 id -1 w 0", "1 id 1 w x"} {
		if _, err := parsePosition(text); !errors.Is(err, connector.ErrGiveUp) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestReserved: a delta can't forge a position.
func TestReserved(t *testing.T) {
	records := []connector.Record{{Body: []byte("TX .\nA <urn:s> <urn:quadrille:at> \"1 - 1 w 0\" .\nTC .\n")}}
	m := maker{blank: patch.RefuseBlanks, max: 100}
	if _, err := m.changes(records, true); !errors.Is(err, connector.ErrGiveUp) {
		t.Errorf("%v", err)
	}
}

// TestMaker: what a maker has made, or could not, is not in what it makes next.
func TestMaker(t *testing.T) {
	record := func(at uint64, rows string) connector.Record {
		return connector.Record{Mark: engine.Mark{Position: at}, Body: []byte("TX .\n" + rows + "TC .\n")}
	}
	m := maker{blank: patch.RefuseBlanks, max: 100}
	long := "<urn:" + strings.Repeat("o", 200) + ">"
	for _, step := range []struct {
		records    []connector.Record
		wrong      string
		adds, dels string // of each change
	}{
		{[]connector.Record{record(1, "A <urn:s> <urn:p> <urn:o> .\n"), record(2, "D <urn:s> <urn:p> <urn:x> <urn:g> .\n")}, "",
			"<urn:s> <urn:p> <urn:o> .\n", "GRAPH <urn:g> {\n<urn:s> <urn:p> <urn:x> .\n}\n"},
		{[]connector.Record{record(3, "A <urn:s> <urn:p> <urn:a> .\n"), record(4, "A <urn:s> <urn:p> .\n")}, "4", "", ""},
		{[]connector.Record{record(5, "A <urn:s> <urn:p> <urn:b> .\n"), record(6, "D <urn:s> <urn:p> <urn:b> .\n")}, "", "", ""},
		{[]connector.Record{record(7, "A <urn:s> <urn:p> _:b .\n")}, "_:b", "", ""},
		{[]connector.Record{record(8, "A <urn:s> <urn:p> "+long+" .\n")}, "", "<urn:s> <urn:p> " + long + " .\n", ""},
		{[]connector.Record{record(9, "A <urn:s> <urn:p> <urn:c> .\n")}, "", "<urn:s> <urn:p> <urn:c> .\n", ""},
	} {
		list, err := m.changes(step.records, true)
		if step.wrong != "" {
			if !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), step.wrong) {
				t.Errorf("%v: %v", step.records, err)
			}
			continue
		}
		if err != nil || len(list) != 1 {
			t.Fatalf("%v: %d changes, %v", step.records, len(list), err)
		}
		list[0].deletes.end()
		list[0].adds.end()
		if adds, dels := string(list[0].adds.text), string(list[0].deletes.text); adds != step.adds || dels != step.dels {
			t.Errorf("%q and %q, want %q and %q", adds, dels, step.adds, step.dels)
		}
	}
}
