package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/quadrille-stream/quadrille/internal/workload"
)

// updates is how many of a kind are carried out in a round.
const updates = 2000

// observations times loading and updates, on the observations of sensors.
func (b *bench) observations() error {
	if !b.wanted("sensors: loading", "sensors: insert", "sensors: replace") {
		return nil
	}
	file := filepath.Join(b.dir, "sensors.nt")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := workload.WriteSensors(f, b.triples, b.seed); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := b.load("sensors", file, b.rounds); err != nil {
		return err
	}
	for _, kind := range []struct {
		name string
		text func(i int) string
	}{{"sensors: insert of one quad", insert}, {"sensors: replace of a value", replace}} {
		if b.wanted(kind.name) {
			if err := b.updates(kind.name, kind.text); err != nil {
				return err
			}
		}
	}
	return nil
}

const prefix = "http://sensors.example/"

func insert(i int) string {
	return fmt.Sprintf(`INSERT DATA { <%sevent/%d> <%svalue> %d.5 }`, prefix, i, prefix, i%1000)
}

func replace(i int) string {
	return fmt.Sprintf(`DELETE { <%[1]sobservation/%[2]d> <%[1]svalue> ?v } INSERT { <%[1]sobservation/%[2]d> <%[1]svalue> %[3]d.25 }
		WHERE { <%[1]sobservation/%[2]d> <%[1]svalue> ?v }`, prefix, i*7%1000, i)
}

// updates times updates that are read one by one, all in transactions of their own.
func (b *bench) updates(name string, text func(i int) string) error {
	best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	for round := range b.rounds {
		texts := make([]string, updates)
		for i := range texts {
			texts[i] = text(round*updates + i)
		}
		for i, s := range b.sides() {
			t, _, err := s.do(request{Task: "update", Texts: texts})
			if err != nil {
				return err
			}
			best[i] = min(best[i], t.CPU)
		}
	}
	b.row(fmt.Sprintf("%s, %d", name, updates), 0, best[0], best[1])
	return nil
}
