package opcua_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
)

// jsonRow is a row that adds a value of JSON to a node.
func (s *server) jsonRow(name, value string) string {
	return fmt.Sprintf("A <urn:node/%s> <urn:value> \"%s\"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#JSON> <urn:g> .\n",
		url.PathEscape(s.node(name)), strings.ReplaceAll(value, `"`, `\"`))
}

// testArrays: an array, and a structure that only the server knows, is read as JSON, and what was read is what is written.
func testArrays(t *testing.T, s *server) {
	names := map[string]string{"Array": "[1,2,3]"}
	if s.name == "python" {
		names["point"] = `"body":"AQACAQ=="`
	}
	for name, value := range names {
		cfg := s.fast(t)
		cfg.Nodes = []string{s.node(name)}
		r := open(t, source(t, cfg))
		defer r.close()
		d := r.until("the value", func(document) bool { return true })
		if d.JSON != string(d.Value) || !strings.Contains(d.JSON, value) {
			t.Errorf("%s is %s, as a text %q", name, d.Value, d.JSON)
		}
		other := map[string]string{"Array": "[7,8]", "point": strings.Replace(d.JSON, "AQACAQ==", "AgADAQ==", 1)}[name]
		w := openWriter(t, s.sinkTo(t, &shardState{rows: s.jsonRow(name, other)}, false), 0)
		r.until("what was written", func(now document) bool { return now.JSON == other })
		again := []connector.Record{record(1, strings.Replace(s.jsonRow(name, other), "A", "D", 1), s.jsonRow(name, d.JSON))}
		if err := w.Write(conntest.Within(t), again); err != nil {
			t.Error(err)
		}
		r.until("what was read first", func(now document) bool { return now.JSON == d.JSON && now.Type == d.Type })
		_ = w.Close()
	}
	w := openWriter(t, s.sinkTo(t, &shardState{}, false), 0)
	defer w.Close()
	err := w.Write(conntest.Within(t), []connector.Record{record(1, s.rowOf("Array", "1"))})
	if !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "the variable is an array") {
		t.Errorf("a number as an array: %v", err)
	}
}

// testOtherCertificate: a server that has another certificate after its restart is refused, and the error says so.
func testOtherCertificate(t *testing.T, s *server) {
	if s.name != "milo" {
		return // the others keep theirs
	}
	c := s.plain(t)
	c.Policy = "Basic256Sha256"
	trustServer(t, s.reads(t, c))
	if err := s.reads(t, c); err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	err := s.reads(t, c)
	if !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "the server has another one than before") ||
		!strings.Contains(err.Error(), "urn:quadrille:test:milo") {
		t.Errorf("another certificate: %v", err)
	}
	trustServer(t, err)
	if err := s.reads(t, c); err != nil {
		t.Error(err)
	}
}

// testShifted: the name of a namespace leads to its nodes also when it has another index after a restart of the server, of sources
// and of sinks that go on.
func testShifted(t *testing.T, s *server) {
	if s.name == "node" {
		return // its namespace is the first, always
	}
	named := "nsu=urn:quadrille:test;s=set"
	cfg := s.fast(t)
	cfg.Nodes = []string{named}
	from := source(t, cfg)
	row := "A <urn:node/" + url.PathEscape(named) + "> <urn:value> \"41\" <urn:g> .\n"
	to := s.sinkTo(t, &shardState{}, false)
	for _, index := range []int{2, 3} {
		r := open(t, from)
		d := r.until("a value", func(document) bool { return true })
		if want := fmt.Sprintf("ns=%d;s=set", index); d.Node != want || d.Namespace != "urn:quadrille:test" {
			t.Errorf("it is %s of %s, want %s", d.Node, d.Namespace, want)
		}
		w := openWriter(t, to, 0)
		if err := w.Write(conntest.Within(t), []connector.Record{record(1, row)}); err != nil {
			t.Error(err)
		}
		r.until("what was written", func(d document) bool { return d.number() == 41 })
		if index == 2 {
			if err := os.WriteFile(filepath.Join(s.Dir, "shift"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s.Restart(t)
			lost(t, r, "set")
			if err := w.Write(conntest.Within(t), []connector.Record{record(2, row)}); err == nil {
				t.Error("written to a server that was ended")
			}
		} else {
			r.close()
			wrong := w.Write(conntest.Within(t), []connector.Record{record(2, strings.Replace(row, url.PathEscape(named), "ns%3D2%3Bs%3Dset", 1))})
			if wrong == nil || !strings.Contains(wrong.Error(), "has no node ns=2;s=set") || !strings.Contains(wrong.Error(), s.Address(0)) {
				t.Errorf("the old id: %v", wrong)
			}
		}
		_ = w.Close()
	}
}
