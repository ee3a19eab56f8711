package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// seekOn seeks on a machine's disk, as a process of its own.
func seekOn(m *machine, cfg Config, to engine.Mark) error {
	s, err := New(cfg)
	if err != nil {
		return err
	}
	s.disk = m
	return s.Seek(context.Background(), 3, to)
}

// asides returns what is set aside, decompressed, in the order of the names.
func (m *machine) asides(t *testing.T) (text string) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(m.names)) {
		if filepath.Dir(name) != filepath.Join("dir", asideName) {
			continue
		}
		r, err := rdfio.Decompress(name, bytes.NewReader(m.names[name].content))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var b bytes.Buffer
		if _, err := b.ReadFrom(r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text += b.String()
	}
	return text
}

// everywhere are the places of a series: its start, each record, one before and one behind what is there.
func everywhere(records []connector.Record) []engine.Mark {
	places := []engine.Mark{{}, {Position: 5, ID: "ni:///sha-256;before"}, {Position: 55, ID: "ni:///sha-256;between"},
		{Position: 999, ID: "ni:///sha-256;ahead"}}
	for _, r := range records {
		places = append(places, r.Mark)
	}
	return places
}

// sinksOf are sinks of each kind.
var sinksOf = map[string]Config{
	"one file":   {},
	"pieces":     {RotateSize: 700},
	"compressed": {RotateSize: 700, Compress: "zstd"},
	"by time":    {RotateEvery: 40 * time.Second, Compress: "gzip"},
}

// TestSeekAtEveryStep: a seek to each place, in which the process dies at each call of the disk, with and without the loss of what was
// not fsynced, and which is done again: the files end with the place, nothing behind it is among them, what is written then is there once,
// and each record that was taken out is set aside.
func TestSeekAtEveryStep(t *testing.T) {
	records, want := series(9)
	for name, cfg := range sinksOf {
		cfg.Dir, cfg.MaxBatch, cfg.Logger = "dir", 1, slog.New(slog.DiscardHandler)
		for _, to := range everywhere(records) {
			for last := 0; ; last++ {
				died := false
				for _, power := range []bool{false, true} {
					m := newMachine()
					if _, err := pour(m, cfg, records); err != nil {
						t.Fatal(err)
					}
					m.left = last
					err := seekOn(m, cfg, to)
					if m.open != 0 {
						t.Fatalf("%s, to %d, call %d: %d files are open", name, to.Position, last, m.open)
					}
					if died = err != nil; died && !errors.Is(err, errDead) {
						t.Fatalf("%s, to %d, call %d: %v", name, to.Position, last, err)
					}
					if m.left = -1; power {
						m.powerLoss()
					}
					soughtWell(t, fmt.Sprintf("%s, to %d, call %d, power %v", name, to.Position, last, power), m, cfg, to, records, want)
				}
				if !died {
					break
				}
			}
		}
	}
}

// soughtWell seeks again, as is done when it isn't known that it was done, and looks at what is there.
func soughtWell(t *testing.T, what string, m *machine, cfg Config, to engine.Mark, records []connector.Record, all string) {
	t.Helper()
	if err := seekOn(m, cfg, to); err != nil {
		t.Fatalf("%s: again: %v", what, err)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.disk = m
	w, err := s.Open(t.Context(), 3)
	if err != nil || w.At() != to {
		t.Fatalf("%s: it is at %+v, %v", what, w, err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	there := m.all(t)
	kept := strings.TrimSuffix(all, suffixBehind(all, records, to))
	known := to.Position == 0 || slices.ContainsFunc(records, func(r connector.Record) bool { return r.Mark == to })
	if !known {
		kept = fmt.Sprintf("# shard 3 position %d ", to.Position)
		there = there[:len(kept)]
	}
	if there != kept {
		t.Fatalf("%s: there is\n%s\nwant\n%s", what, there, kept)
	}
	there = m.all(t)
	aside := m.asides(t)
	for _, r := range records {
		if text := fmt.Sprintf("H id <%s>", r.ID); !strings.Contains(there, text) && !strings.Contains(aside, text) {
			t.Fatalf("%s: position %d is nowhere", what, r.Position)
		}
	}
	next := slices.DeleteFunc(slices.Clone(records), func(r connector.Record) bool { return r.Position <= to.Position })
	if len(next) == 0 || next[0].Prev != to.ID {
		return // the log has no such record
	}
	if at, err := pour(m, cfg, records); err != nil || at != records[len(records)-1].Mark {
		t.Fatalf("%s: it goes on to %v, %v", what, at, err)
	}
	if got := m.all(t); got != all {
		t.Fatalf("%s: there is\n%s\nwant\n%s", what, got, all)
	}
}

// suffixBehind is what the records behind a place are in the files.
func suffixBehind(all string, records []connector.Record, to engine.Mark) string {
	for _, r := range records {
		if r.Position > to.Position {
			return all[strings.Index(all, fmt.Sprintf("# shard 3 position %d ", r.Position)):]
		}
	}
	return ""
}
