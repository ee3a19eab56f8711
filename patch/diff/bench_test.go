package diff_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/diff"
	"github.com/quadrille-stream/quadrille/rdf"
)

// observations gives the quads of a factory's observations, four each: sensor, label, value, time. Every hundredth
// value is another one in each version. Blank makes the observations blank nodes.
func observations(quads, version int, blank bool) diff.Quads {
	const plant, sosa, xsd = "http://plant.example/", "http://www.w3.org/ns/sosa/", "http://www.w3.org/2001/XMLSchema#"
	return func(fn func(rdf.Quad) error) error {
		b := make([]byte, 0, 512)
		term := func(format string, args ...any) rdf.Term {
			from := len(b)
			b = fmt.Appendf(b, format, args...)
			return rdf.Trusted(string(b[from:]))
		}
		for i := range quads / 4 {
			b = b[:0]
			s := term("<%sobservation/%d>", plant, i)
			if blank {
				s = term("_:v%do%d", version, i)
			}
			g := term("<%sline/%d>", plant, i%17)
			value := i
			if i%25 == 0 {
				value += version
			}
			for _, q := range [...]rdf.Quad{
				{S: s, P: term("<%smadeBySensor>", sosa), O: term("<%ssensor/%d>", plant, i%2003), G: g},
				{S: s, P: term("<http://www.w3.org/2000/01/rdf-schema#label>"), O: term("\"Temperatur %d\"@de", i), G: g},
				{S: s, P: term("<%shasSimpleResult>", sosa), O: term("\"%d.%06d\"^^<%sdecimal>", i%90, value, xsd), G: g},
				{S: s, P: term("<%sresultTime>", sosa), O: term("\"2026-01-01T%02d:%02d:%02dZ\"^^<%sdateTime>", i/3600%24,
					i/60%60,
					i%60, xsd), G: g},
			} {
				if err := fn(q); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

// The memory metric is the highest heap in use, sampled every 10 ms, above what was in use before.
func benchmark(b *testing.B, quads int, blank bool) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	peak := uint64(0)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapInuse-min(now.HeapInuse, before.HeapInuse))
			}
		}
	}()
	for b.Loop() {
		var n patch.Counter
		s, err := diff.Write(&n, observations(quads, 0, blank), observations(quads, 1, blank))
		if want := (quads/4 + 24) / 25; err != nil || s.Adds != want || s.Deletes != want {
			b.Fatal(s, err)
		}
	}
	close(done)
	<-stopped
	b.ReportMetric(float64(peak)/1e6, "MB-peak")
	b.ReportMetric(2*float64(quads)*float64(b.N)/b.Elapsed().Seconds(), "quads/s")
}

func BenchmarkDiff(b *testing.B) { benchmark(b, 1_000_000, false) }

func BenchmarkDiffBlank(b *testing.B) { benchmark(b, 100_000, true) }
