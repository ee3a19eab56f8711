package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestConfig(t *testing.T) {
	s, err := New(Config{Dir: "dir"})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Config{Dir: "dir", MaxBatch: 1 << 20, Logger: slog.Default()}); s.cfg != want {
		t.Errorf("%+v, documented is %+v", s.cfg, want)
	}
}

// TestTornIsLogged: that an end was cut off is told, with how much and where; a file that is good is not.
func TestTornIsLogged(t *testing.T) {
	one, _ := testRecord(10, 1)
	for torn, want := range map[string]string{"": "", "#": fmt.Sprint("bytes=1 at=", len(one))} {
		var log bytes.Buffer
		s, err := New(Config{Dir: "dir", Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		m := newMemory()
		m.content[testPath] = append(bytes.Clone(one), torn...)
		s.disk = m
		if _, err := s.Open(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("log %q, want %q", got, want)
		}
	}
}

// TestEndsBeforeItsTurn: a shard that is given away while others' files are checked is not opened.
func TestEndsBeforeItsTurn(t *testing.T) {
	s, err := New(Config{Dir: "dir"})
	if err != nil {
		t.Fatal(err)
	}
	s.disk = newMemory()
	for range maxOpening {
		s.opening <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Open(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// TestSamples: each name that a sink may give a file is among them.
func TestSamples(t *testing.T) {
	want := "shard-0000.rdfp shard-0000-00000000000000000001.rdfp shard-0000-00000000000000000001.rdfp.gz " +
		"shard-0000-00000000000000000001.rdfp.zst " +
		"shard-0000.nq shard-0000-00000000000000000001.nq shard-0000-00000000000000000001.nq.gz shard-0000-00000000000000000001.nq.zst"
	if got := strings.Join(Samples(), " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
