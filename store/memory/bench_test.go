package memory_test

import (
	"bytes"
	"io"
	"runtime"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

const million = 1_000_000

// heap is the number of live bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first one may leave what was freed during it
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// bytesPerQuad measures what a store takes, all in, that is filled with so many quads.
func bytesPerQuad(t testing.TB, quads int, fill func() *memory.Store) float64 {
	before := heap()
	m := fill()
	bytes := float64(heap()-before) / float64(m.Len())
	if m.Len() < quads {
		t.Fatalf("%d quads", m.Len())
	}
	return bytes
}

func filled() *memory.Store {
	m := memory.New()
	fill(m, million)
	return m
}

// change replaces the values of all sensors, so many times.
func change(m *memory.Store, times int) {
	var u update
	for k := range times {
		tx := m.Begin()
		for sensor := range million / statements {
			for i := range u {
				u[i], _ = statement(nil, sensor, 3+i/2, sensor%3600+k+i%2)
			}
			apply(tx, &u)
			if sensor%(batch/4) == 0 {
				tx.Commit(0, nil)
				tx = m.Begin()
			}
		}
		tx.Commit(0, nil)
	}
}

func BenchmarkMemoryPerQuad(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(bytesPerQuad(b, million, filled), "B/quad")
	}
}

func BenchmarkMemoryPerQuadChanged(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(bytesPerQuad(b, million, func() *memory.Store {
			m := filled()
			change(m, 2)
			return m
		}), "B/quad")
	}
}

// perSecond reports the changes as a rate.
func perSecond(b *testing.B, changes int) {
	b.ReportMetric(float64(changes)/b.Elapsed().Seconds(), "changes/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(changes), "ns/change")
}

// BenchmarkAdd adds a million quads.
func BenchmarkAdd(b *testing.B) {
	list := make([]rdf.Quad, million)
	for i := range list {
		list[i], _ = statement(nil, i/statements, i%statements, i/statements%3600)
	}
	b.Run("plain", func(b *testing.B) { addAll(b, list, memory.New) })
	b.Run("indexed", func(b *testing.B) { addAll(b, list, func() *memory.Store { return indexed(b, memory.New()) }) })
}

func addAll(b *testing.B, list []rdf.Quad, empty func() *memory.Store) {
	changes := 0
	for b.Loop() {
		m := empty()
		tx := m.Begin()
		for i, quad := range list {
			tx.Add(quad)
			if i%batch == batch-1 {
				tx.Commit(uint64(i), nil)
				tx = m.Begin()
			}
		}
		tx.Commit(million, nil)
		changes += m.Len()
	}
	perSecond(b, changes)
}

// replaceValues makes the updates of so many sensors, in transactions, and calls between after each.
func replaceValues(b *testing.B, sensors int, empty func() *memory.Store, between func(m *memory.Store, done int)) {
	const each = 4
	m := empty()
	fill(m, sensors*statements)
	list := updates(sensors, each)
	changes, k := 0, 0
	for b.Loop() {
		tx := m.Begin()
		for range batch / 4 {
			changes += apply(tx, &list[k])
			if k++; k == len(list) { // from here the values are those of the past, and nothing would change
				b.StopTimer()
				tx.Commit(1, nil)
				m = empty()
				fill(m, sensors*statements)
				k, tx = 0, m.Begin()
				b.StartTimer()
			}
		}
		tx.Commit(1, nil)
		between(m, changes)
	}
	perSecond(b, changes)
}

func BenchmarkReplaceValue(b *testing.B) {
	nothing := func(*memory.Store, int) {}
	b.Run("sensors=5000", func(b *testing.B) { replaceValues(b, 5000, memory.New, nothing) })
	b.Run("sensors=200000", func(b *testing.B) { replaceValues(b, million/statements, memory.New, nothing) })
	b.Run("sensors=200000,indexed", func(b *testing.B) {
		replaceValues(b, million/statements, func() *memory.Store { return indexed(b, memory.New()) }, nothing)
	})
}

// BenchmarkIndex makes the index of a store that is there.
func BenchmarkIndex(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		m := filled()
		b.StartTimer()
		indexed(b, m)
	}
	perSecond(b, b.N*million)
}

// BenchmarkApplyWithView always has a view open, and opens another every so many changes.
func BenchmarkApplyWithView(b *testing.B) {
	for _, c := range []struct {
		name  string
		every int
	}{{"every=1000000", million}, {"every=10000", 10_000}, {"every=256", batch}} {
		b.Run(c.name, func(b *testing.B) {
			var v store.View
			opened := 0
			replaceValues(b, million/statements, memory.New, func(m *memory.Store, done int) {
				if v == nil || done >= opened+c.every {
					if v != nil {
						v.Close()
					}
					v, opened = m.View(), done
				}
			})
			v.Close()
		})
	}
}

func BenchmarkSnapshotWrite(b *testing.B) {
	v := filled().View()
	defer v.Close()
	var size counter
	if err := store.WriteSnapshot(&size, v, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := store.WriteSnapshot(io.Discard, v, nil); err != nil {
			b.Fatal(err)
		}
	}
	snapshotRate(b, int(size))
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// snapshotRate reports the rate in quads and in the bytes that they have as N-Quads, and what the file has of a quad.
func snapshotRate(b *testing.B, size int) {
	text := 0
	for i := range statements {
		quad, _ := statement(nil, million/statements/2, i, 1000)
		text += len(quad.String()) + 1
	}
	b.SetBytes(int64(text) * million / statements)
	b.ReportMetric(float64(b.N)*million/b.Elapsed().Seconds(), "quads/s")
	b.ReportMetric(float64(size)/million, "file-B/quad")
}

func BenchmarkSnapshotRead(b *testing.B) {
	v := filled().View()
	var file bytes.Buffer
	if err := store.WriteSnapshot(&file, v, nil); err != nil {
		b.Fatal(err)
	}
	v.Close()
	for b.Loop() {
		if _, err := memory.ReadSnapshot(bytes.NewReader(file.Bytes()), nil); err != nil {
			b.Fatal(err)
		}
	}
	snapshotRate(b, file.Len())
}
