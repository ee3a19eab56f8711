package file

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/quadrille-stream/quadrille/connector/conntest"
)

// BenchmarkRead reads a file of 64 MiB as messages, beside the bare reading of its bytes.
func BenchmarkRead(b *testing.B) {
	for name, unit := range map[string]string{
		"x.nt":   row(123456) + "\n",
		"x.rdfp": "H id <urn:1> .\nTX .\nD " + row(1) + "\nA " + row(2) + "\nTC .\n",
	} {
		path := filepath.Join(b.TempDir(), name)
		text := bytes.Repeat([]byte(unit), 64<<20/len(unit))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(name+"/bytes", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				f, err := os.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, f); err != nil {
					b.Fatal(err)
				}
				_ = f.Close()
			}
		})
		b.Run(name+"/messages", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			n := 0
			for b.Loop() {
				n += readAll(b, path)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// readAll reads a file from its start to its end.
func readAll(b *testing.B, path string) (n int) {
	s, err := NewSource(SourceConfig{Paths: []string{path}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.Open(b.Context(), &conntest.Progress{})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for {
		messages, err := r.(*reader).round(b.Context()) //nolint:forcetypeassert // it is this package's
		if err != nil {
			b.Fatal(err)
		}
		if len(messages) == 0 {
			return n
		}
		n += len(messages)
	}
}
