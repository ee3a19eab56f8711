package file_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// target is a folder.
type target string

func (f target) Sink(t *testing.T) connector.Sink {
	t.Helper()
	s, err := file.New(file.Config{Dir: string(f), MaxBatch: 4 << 10, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (f target) Read(t *testing.T, shard int) (list []conntest.Delivered) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(f), file.Name(shard)))
	if err != nil {
		t.Fatal(err)
	}
	for len(text) > 0 {
		line, rest, _ := strings.Cut(string(text), "\n")
		var of, length int
		var d conntest.Delivered
		if _, err := fmt.Sscanf(line, "# shard %d position %d length %d", &of, &d.Position, &length); err != nil || of != shard || length > len(rest) {
			t.Fatalf("%q: %v", line, err)
		}
		d.Text, text = rest[:length], []byte(rest[length:])
		list = append(list, d)
	}
	return list
}

func TestSink(t *testing.T) {
	conntest.TestSink(t, func(t *testing.T) conntest.Target { return target(t.TempDir()) })
}

func TestNoFolder(t *testing.T) {
	if _, err := file.New(file.Config{}); err == nil {
		t.Error("a sink without a folder was made")
	}
}
