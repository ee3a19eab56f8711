//go:build unix

package turtle_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
)

// BenchmarkAgainstSerdi reads a Turtle file of 1.6 million statements and writes N-Triples to /dev/null, once with this
// package and once with serdi, which is looked up in the path.
func BenchmarkAgainstSerdi(b *testing.B) {
	const count = 100_000
	doc := observations(count)
	file := filepath.Join(b.TempDir(), "observations.ttl")
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		b.Fatal(err)
	}
	b.Run("quadrille", func(b *testing.B) {
		before := processorTime(b)
		for b.Loop() {
			convert(b, file)
		}
		statements(b, doc, count*perObservation, processorTime(b)-before)
	})
	b.Run("serdi", func(b *testing.B) {
		serdi, err := exec.LookPath("serdi")
		if err != nil {
			b.Skip("nothing to compare with: ", err)
		}
		var cpu time.Duration
		for b.Loop() {
			cmd := exec.Command(serdi, "-i", "turtle", "-o", "ntriples", file)
			if err := cmd.Run(); err != nil { // its output goes to the null device
				b.Fatal(err)
			}
			cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		}
		statements(b, doc, count*perObservation, cpu)
	})
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// convert reads a Turtle file and writes N-Triples to the null device.
func convert(b *testing.B, file string) {
	in, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	rd, w := turtle.NewReader(in), nquads.NewWriter(out)
	var q rdf.Quad
	for {
		err := rd.Next(&q)
		if err == io.EOF {
			break
		}
		if err == nil {
			err = w.Write(q)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
}
