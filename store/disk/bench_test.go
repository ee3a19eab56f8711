package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// benchDocument is an environment variable with the path of a document to be loaded; otherwise one is made.
const benchDocument = "QUADRILLE_BENCH_NQUADS"

// processed is the processor time of the process.
func processed() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func document(b *testing.B) []byte {
	if path := os.Getenv(benchDocument); path != "" {
		doc, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		return doc
	}
	var doc bytes.Buffer
	for i := range 200_000 {
		fmt.Fprintln(&doc, observation(i))
	}
	return doc.Bytes()
}

// observation is a quad as sensors give them.
func observation(i int) rdf.Quad {
	n := i / 4
	q := rdf.Quad{S: rdf.Trusted(fmt.Sprintf("<http://example.org/observation/%d>", n))}
	if n%2 == 1 {
		q.G = rdf.Trusted(fmt.Sprintf("<http://example.org/line/%d>", n%50))
	}
	switch i % 4 {
	case 0:
		q.P, q.O = rdf.Trusted("<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"), rdf.Trusted("<http://www.w3.org/ns/sosa/Observation>")
	case 1:
		q.P, q.O = rdf.Trusted("<http://www.w3.org/ns/sosa/madeBySensor>"), rdf.Trusted(fmt.Sprintf("<http://example.org/sensor/%d>", n*7919%5000))
	case 2:
		q.P, q.O = rdf.Trusted("<http://www.w3.org/ns/sosa/hasSimpleResult>"), rdf.Trusted(fmt.Sprintf(`"%d"^^<%s>`, n*31%1000, rdf.XSDInteger))
	case 3:
		q.P, q.O = rdf.Trusted("<http://www.w3.org/2000/01/rdf-schema#label>"), rdf.Trusted(fmt.Sprintf(`"observation %d"@en`, n))
	}
	return q
}

// BenchmarkLoad loads N-Quads: by a Loader, and by transactions of a thousand quads, on a disk and in memory.
func BenchmarkLoad(b *testing.B) {
	doc := document(b)
	b.Run("loader", func(b *testing.B) { benchLoad(b, doc, loadAtOnce) })
	b.Run("transactions", func(b *testing.B) {
		benchLoad(b, doc, func(b *testing.B, doc []byte) (int, int64) {
			dir := b.TempDir()
			s := open(b, disk.Options{Dir: dir})
			n := stream(b, s, doc)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			return n, size(b, dir)
		})
	})
	b.Run("memory", func(b *testing.B) {
		benchLoad(b, doc, func(b *testing.B, doc []byte) (int, int64) {
			m := memory.New()
			succeed(b, m.Index(b.Context()))
			return stream(b, m, doc), 0
		})
	})
	b.Run("parse", func(b *testing.B) {
		benchLoad(b, doc, func(b *testing.B, doc []byte) (n int, _ int64) {
			succeed(b, nquads.Parse(doc, func(rdf.Quad) error { n++; return nil }))
			return n, 0
		})
	})
}

func benchLoad(b *testing.B, doc []byte, load func(*testing.B, []byte) (quads int, bytes int64)) {
	for b.Loop() {
		before, start := processed(), time.Now()
		n, size := load(b, doc)
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), "quads/s")
		b.ReportMetric(float64(n)/(processed()-before).Seconds(), "quads/cpu-s")
		b.ReportMetric(float64(size)/float64(n), "B/quad")
	}
}

func succeed(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func loadAtOnce(b *testing.B, doc []byte) (n int, _ int64) {
	dir := b.TempDir()
	l, err := disk.NewLoader(disk.Options{Dir: dir}, 0)
	succeed(b, err)
	rd := nquads.NewReader(bytes.NewReader(doc))
	for {
		var q rdf.Quad
		err := rd.Next(&q)
		if errors.Is(err, io.EOF) {
			break
		}
		succeed(b, err)
		succeed(b, l.Add(q))
		n++
	}
	s, err := l.Finish(b.Context(), 1, nil)
	succeed(b, err)
	succeed(b, s.Close())
	return n, size(b, dir)
}

// stream adds the quads in transactions of a thousand.
func stream(b *testing.B, s store.Store, doc []byte) (n int) {
	tx := s.Begin()
	succeed(b, nquads.Parse(doc, func(q rdf.Quad) error {
		if n++; n%1000 == 0 {
			succeed(b, tx.Commit(uint64(n), nil))
			tx = s.Begin()
		}
		_, err := tx.Add(q)
		return err
	}))
	succeed(b, tx.Commit(uint64(n), nil))
	return n
}

func size(b *testing.B, dir string) (sum int64) {
	succeed(b, filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, err := d.Info()
			succeed(b, err)
			sum += info.Size()
		}
		return err
	}))
	return sum
}

// BenchmarkMatch asks for what begins an order of keys.
func BenchmarkMatch(b *testing.B) {
	onDisk, inMemory := open(b, disk.Options{Dir: b.TempDir()}), memory.New()
	defer onDisk.Close()
	succeed(b, inMemory.Index(b.Context()))
	doc := document(b)
	for name, s := range map[string]store.Store{"disk": onDisk, "memory": inMemory} {
		stream(b, s, doc)
		v := s.View()
		defer v.Close()
		id := func(text string) store.ID {
			id, known, err := v.Lookup(rdf.Trusted(text))
			if err != nil || !known {
				b.Fatal(text, err)
			}
			return id
		}
		var subjects, sensors []store.ID
		for i := range 500 {
			subjects = append(subjects, id(fmt.Sprintf("<http://example.org/observation/%d>", i*7)))
			sensors = append(sensors, id(fmt.Sprintf("<http://example.org/sensor/%d>", i)))
		}
		by := id("<http://www.w3.org/ns/sosa/madeBySensor>")
		b.Run(name+"/S", func(b *testing.B) {
			probe(b, v, func(i int) store.Pattern { return store.Pattern{S: subjects[i%500]} })
		})
		b.Run(name+"/PO", func(b *testing.B) {
			probe(b, v, func(i int) store.Pattern { return store.Pattern{P: by, O: sensors[i%500]} })
		})
		b.Run(name+"/Term", func(b *testing.B) {
			before := processed()
			for i := 0; b.Loop(); i++ {
				_, err := v.Term(subjects[i%500])
				succeed(b, err)
			}
			b.ReportMetric(float64(processed()-before)/float64(b.N), "cpu-ns/op")
		})
		b.Run(name+"/Scan", func(b *testing.B) {
			before := processed()
			for b.Loop() {
				n := 0
				for _, err := range v.Match(store.Pattern{}) {
					succeed(b, err)
					n++
				}
				b.ReportMetric(float64(n), "quads")
			}
			b.ReportMetric(float64(processed()-before)/float64(b.N), "cpu-ns/op")
		})
	}
}

func probe(b *testing.B, v store.View, pattern func(int) store.Pattern) {
	found, before := 0, processed()
	for i := 0; b.Loop(); i++ {
		for _, err := range v.Match(pattern(i)) {
			succeed(b, err)
			found++
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "quads/op")
	b.ReportMetric(float64(processed()-before)/float64(b.N), "cpu-ns/op")
}
