package eval_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// BenchmarkUpdate reads and carries out updates one by one, each in a transaction, on a store with its index.
func BenchmarkUpdate(b *testing.B) {
	for name, text := range map[string]func(i int) string{
		"insert": func(i int) string { return fmt.Sprintf(`INSERT DATA { <urn:event/%d> <urn:value> %d.5 }`, i, i%1000) },
		"replace": func(i int) string {
			return fmt.Sprintf(`DELETE { <urn:o/%[1]d> <urn:value> ?v } INSERT { <urn:o/%[1]d> <urn:value> %[2]d.25 }
				WHERE { <urn:o/%[1]d> <urn:value> ?v }`, i*7%1000, i)
		},
	} {
		b.Run(name, func(b *testing.B) {
			m := memory.New()
			if err := m.Index(context.Background()); err != nil {
				b.Fatal(err)
			}
			for i := range 50_000 {
				carryOut(b, m, fmt.Sprintf(`INSERT DATA { <urn:o/%d> <urn:value> %d.5 }`, i, i%1000))
			}
			texts := make([]string, b.N)
			for i := range texts {
				texts[i] = text(i)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for _, text := range texts {
				carryOut(b, m, text)
			}
		})
	}
}

func carryOut(b *testing.B, m *memory.Store, text string) {
	tree, err := sparql.ParseUpdate(text)
	if err != nil {
		b.Fatal(err)
	}
	u, err := eval.PrepareUpdate(tree, eval.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tx := m.Begin()
	if err := u.Run(context.Background(), tx, eval.Identity{ID: "bench"}, &patch.Counter{}); err != nil {
		b.Fatal(err)
	}
	if err := tx.Commit(m.Position()+1, nil); err != nil {
		b.Fatal(err)
	}
}
