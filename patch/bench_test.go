package patch_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/patch/invert"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// document makes the rows of a factory's observations (SOSA), in transactions of six: each value and time deleted and
// added anew, with the line as the graph; about 170 bytes a row.
func document(rows int) []byte {
	const (
		plant = "http://plant.example/"
		sosa  = "http://www.w3.org/ns/sosa/"
		xsd   = "http://www.w3.org/2001/XMLSchema#"
	)
	var b []byte
	for i := range rows / 6 {
		s := fmt.Sprintf("<%sobservation/%d>", plant, i%2003)
		g := fmt.Sprintf("<%sline/%d> .\n", plant, i%17)
		b = append(b, "TX .\n"...)
		b = fmt.Appendf(b, "A %s <%smadeBySensor> <%ssensor/%d> %s", s, sosa, plant, i%2003, g)
		b = fmt.Appendf(b, "A %s <http://www.w3.org/2000/01/rdf-schema#label> \"Temperatur %d\"@de %s", s, i%2003, g)
		for _, code := range []string{"D", "A"} {
			b = fmt.Appendf(b, "%s %s <%shasSimpleResult> \"%d.%06d\"^^<%sdecimal> %s", code, s, sosa, i%90, i, xsd, g)
			b = fmt.Appendf(b, "%s %s <%sresultTime> \"2026-01-01T%02d:%02d:00Z\"^^<%sdateTime> %s", code, s, sosa, i%24, i%60,
				xsd, g)
		}
		b = append(b, "TC .\n"...)
	}
	return b
}

// benchRows are the A and D rows of the benchmarks' patch.
const benchRows = 12_000

// perRow reports what a row costs; rows are A and D rows, those of transactions come on top.
func perRow(b *testing.B, bytesPerOp int) {
	b.SetBytes(int64(bytesPerOp))
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(bytesPerOp)/benchRows, "B/row")
}

func BenchmarkParse(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.Parse(doc, &n, patch.RequireTransactions()); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

// BenchmarkParseNotCanonical is a patch with characters beyond ASCII, escapes, and terms that must be copied.
func BenchmarkParseNotCanonical(b *testing.B) {
	var doc []byte
	for i := range benchRows {
		doc = fmt.Appendf(doc, "A <http://plant.example/prüfstand/%d> <http://www.w3.org/2000/01/rdf-schema#label> "+
			"'Prüfstand\\t\\u00fc %d'@DE <http://plant.example/line/%d> .\n", i%2003, i, i%17)
	}
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.Parse(doc, &n); err != nil || n.Adds != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkReader(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.NewReader(bytes.NewReader(doc)).Run(&n); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

// BenchmarkReadWrite is a patch that is read and written again.
func BenchmarkReadWrite(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		w := patch.NewWriter(io.Discard)
		if err := patch.NewReader(bytes.NewReader(doc)).Run(w); err != nil {
			b.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(doc))
}

// BenchmarkBinary reads the patch in binary form, writes it, and does both; bytes are those of the binary form.
func BenchmarkBinary(b *testing.B) {
	rows := read(b, document(benchRows))
	doc := toBinary(b, rows)
	for name, run := range map[string]func() error{
		"Parse": func() error { return patch.ParseBinary(doc, &patch.Counter{}, patch.RequireTransactions()) },
		"Read":  func() error { return patch.NewBinaryReader(bytes.NewReader(doc)).Run(&patch.Counter{}) },
		"Write": func() error {
			w := patch.NewBinaryWriter(io.Discard)
			return errors.Join(drive(rows, w), w.Flush())
		},
		"ReadWrite": func() error {
			w := patch.NewBinaryWriter(io.Discard)
			return errors.Join(patch.NewBinaryReader(bytes.NewReader(doc)).Run(w), w.Flush())
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := run(); err != nil {
					b.Fatal(err)
				}
			}
			perRow(b, len(doc))
		})
	}
}

// BenchmarkNet is the net effect of transactions of six rows each, most of whose quads come once.
func BenchmarkNet(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		var net patch.Net
		var n patch.Counter
		if err := errors.Join(patch.Parse(doc, &net), net.Emit(&n)); err != nil || n.Commits != 1 {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

// BenchmarkUpdate writes the patch as SPARQL Update.
func BenchmarkUpdate(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		w := patch.NewUpdateWriter(func([]byte) error { return nil }, patch.RefuseBlanks)
		if err := errors.Join(patch.Parse(doc, w), w.Flush()); err != nil {
			b.Fatal(err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkInvert(b *testing.B) {
	doc := bytes.ReplaceAll(bytes.ReplaceAll(document(benchRows), []byte("TX .\n"), nil), []byte("TC .\n"), nil)
	doc = append(append([]byte("TX .\n"), doc...), "TC .\n"...)
	b.ReportAllocs()
	for b.Loop() {
		var v invert.Inverter
		var n patch.Counter
		if err := patch.Parse(doc, &v); err != nil {
			b.Fatal(err)
		}
		inverse, err := v.Reader()
		if err == nil {
			err = patch.NewReader(inverse).Run(&n)
		}
		if err = errors.Join(err, v.Close()); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}

func BenchmarkAppend(b *testing.B) {
	doc := document(benchRows)
	var quads []rdf.Quad
	for _, r := range read(b, doc) {
		if r.code == "A" || r.code == "D" {
			quads = append(quads, r.quad)
		}
	}
	for _, c := range []struct {
		name string
		fn   func([]byte, rdf.Quad) []byte
	}{{"Add", patch.AppendAdd}, {"Delete", patch.AppendDelete}, {"Quad", nquads.AppendQuad}} {
		b.Run(c.name, func(b *testing.B) {
			buf := make([]byte, 0, 2*len(doc))
			b.ReportAllocs()
			for b.Loop() {
				buf = buf[:0]
				for _, q := range quads {
					buf = c.fn(buf, q)
				}
			}
			perRow(b, len(buf))
		})
	}
}

// BenchmarkTrusted reads the document of BenchmarkParse as one that the Append functions have written.
func BenchmarkTrusted(b *testing.B) {
	doc := document(benchRows)
	b.ReportAllocs()
	for b.Loop() {
		var n patch.Counter
		if err := patch.Parse(doc, &n, patch.Trusted()); err != nil || n.Adds+n.Deletes != benchRows {
			b.Fatal(n, err)
		}
	}
	perRow(b, len(doc))
}
