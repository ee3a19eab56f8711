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
	if _, err := changesOf(records, true, patch.RefuseBlanks, 100); !errors.Is(err, connector.ErrGiveUp) {
		t.Errorf("%v", err)
	}
}
