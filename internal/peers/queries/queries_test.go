package main

import (
	"os"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/workload"
)

// TestAnswers compares all answers, and both kinds of updates, on small data. Without the peer it is skipped, and fails where CI=true.
func TestAnswers(t *testing.T) {
	b := bench{triples: 3000, rounds: 1, instances: 1, seed: 1, enough: 1}
	peer, err := startPeer(t.TempDir())
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the peer is missing, and CI=true: %v", err)
		}
		t.Skipf("QUERIES NOT COMPARED: the peer is missing: %v", err)
	}
	b.peer = peer
	defer func() {
		if err := b.peer.close(); err != nil {
			t.Error(err)
		}
	}()
	var out strings.Builder
	if err := b.all(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	for _, mix := range workload.Mixes() {
		if !strings.Contains(out.String(), mix.Name+": geometric mean") {
			t.Errorf("nothing of %s in\n%s", mix.Name, &out)
		}
	}
	if !strings.Contains(out.String(), "replace of a value") {
		t.Errorf("no updates in\n%s", &out)
	}
}

// TestAlone: our side answers all without a peer.
func TestAlone(t *testing.T) {
	b := bench{triples: 1000, rounds: 1, instances: 1, seed: 2, enough: 1}
	var out strings.Builder
	if err := b.all(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "replace of a value") {
		t.Errorf("no updates in\n%s", &out)
	}
}

func TestSame(t *testing.T) {
	json := func(rows ...string) []byte {
		return []byte(`{"head":{"vars":["a","b"]},"results":{"bindings":[` + strings.Join(rows, ",") + `]}}`)
	}
	one := `{"a":{"type":"literal","value":"1"},"b":{"type":"uri","value":"x:y"}}`
	turned := `{"b":{"type":"uri","value":"x:y"},"a":{"type":"literal","value":"1"}}`
	other := `{"a":{"type":"literal","value":"2"}}`
	decimal := func(v string) string {
		return `{"a":{"type":"literal","value":"` + v + `","datatype":"http://www.w3.org/2001/XMLSchema#decimal"}}`
	}
	for _, test := range []struct {
		name        string
		mine, their []byte
		rows        int
		same        bool
	}{
		{"another order", json(one, other), json(other, turned), 2, true},
		{"another row", json(one), json(other), 0, false},
		{"a row more", json(one), json(one, one), 0, false},
		{"equal decimals", json(decimal("1.50")), json(decimal("1.5")), 1, true},
		{"other decimals", json(decimal("1.50")), json(decimal("1.51")), 0, false},
		{"booleans", []byte(`{"head":{},"boolean":true}`), []byte(`{"head":{},"boolean":true}`), 1, true},
		{"other booleans", []byte(`{"head":{},"boolean":true}`), []byte(`{"head":{},"boolean":false}`), 0, false},
		{"triples", []byte("<x:a> <x:b> <x:c> .\n<x:a> <x:b> <x:d> .\n"), []byte("<x:a> <x:b> <x:d> .\n<x:a> <x:b> <x:c> .\n"), 2, true},
		{"what is no result", []byte("no result"), nil, 0, false},
		{"a triple less", []byte("<x:a> <x:b> <x:c> .\n"), nil, 0, false},
	} {
		rows, err := same(test.mine, test.their)
		if (err == nil) != test.same || rows != test.rows {
			t.Errorf("%s: %d rows, %v", test.name, rows, err)
		}
	}
}

func TestNoPeer(t *testing.T) {
	t.Setenv("QUADRILLE_READER_PEERS", t.TempDir())
	if _, err := startPeer(t.TempDir()); err == nil || !strings.Contains(err.Error(), "test/differential/peers/install") {
		t.Errorf("%v doesn't say what to do", err)
	}
}
