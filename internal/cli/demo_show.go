package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// demoResult is what --json prints. The first six are those that the table shows.
type demoResult struct {
	Accepted         int   `json:"accepted"`
	Lost             int   `json:"lost"`
	Duplicated       int   `json:"duplicated"`
	Moves            int   `json:"moves"`
	PauseMillis      int64 `json:"pause_ms"`
	ChangesPerSecond int   `json:"changes_per_second"`
	// Unasked changes are in the logs though they were not accepted; Inexact ones changed nothing.
	Unasked int `json:"unasked"`
	Inexact int `json:"inexact"`
	// Quads is the number of quads expected, MissingQuads and ExtraQuads how the data depart from them.
	Quads        int    `json:"quads"`
	MissingQuads int    `json:"missing_quads"`
	ExtraQuads   int    `json:"extra_quads"`
	Nodes        int    `json:"nodes"`
	Shards       int    `json:"shards"`
	Killed       string `json:"killed"`
	Retries      int    `json:"retries"`
	Good         bool   `json:"good"`
}

func (d *demo) result() demoResult {
	r, m := d.check.Result(), d.meter.read()
	return demoResult{
		Accepted: r.Accepted, Lost: r.Lost, Duplicated: r.Duplicated, Moves: d.moves,
		PauseMillis: m.pause.Milliseconds(), ChangesPerSecond: int(m.rate()),
		Unasked: r.Unasked, Inexact: r.Inexact, Quads: r.Quads, MissingQuads: r.Missing, ExtraQuads: r.Extra,
		Nodes: d.Nodes, Shards: d.Shards, Killed: d.nodes.Name(d.victim), Retries: m.retries, Good: d.good(),
	}
}

// good reports whether all was accepted and nothing is wrong with it.
func (d *demo) good() bool {
	r := d.check.Result()
	return r.Good() && r.Accepted == d.model.Changes()
}

// blame says what is wrong.
func (d *demo) blame() string {
	r := d.check.Result()
	var list []string
	for _, f := range []struct {
		n    int
		what string
	}{
		{d.model.Changes() - r.Accepted, "changes not accepted"},
		{r.Lost, "changes lost"}, {r.Duplicated, "changes duplicated"},
		{r.Unasked, "changes in the logs that were not accepted"}, {r.Inexact, "changes in the logs that changed nothing"},
		{r.Missing, "quads missing"}, {r.Extra, "quads that must not be there"},
	} {
		if f.n != 0 {
			list = append(list, terminal.Grouped(f.n)+" "+f.what)
		}
	}
	return strings.Join(list, ", ")
}

// show prints the result.
func (d *demo) show() error {
	r := d.result()
	if d.JSON {
		return json.NewEncoder(d.io.out).Encode(r)
	}
	compared := "as expected"
	if r.MissingQuads+r.ExtraQuads > 0 {
		compared = fmt.Sprintf("%s missing, %s too many", terminal.Grouped(r.MissingQuads), terminal.Grouped(r.ExtraQuads))
	}
	return terminal.WriteTable(d.io.out, [][2]string{
		{"accepted", terminal.Grouped(r.Accepted)},
		{"lost", terminal.Grouped(r.Lost)},
		{"duplicated", terminal.Grouped(r.Duplicated)},
		{"moves", terminal.Grouped(r.Moves)},
		{"pause", terminal.Grouped(int(r.PauseMillis)) + " ms"},
		{"changes a second", terminal.Grouped(r.ChangesPerSecond)},
		{"quads compared", terminal.Grouped(r.Quads) + ", " + compared},
	})
}

// figures is the text of the live line; width bounds its bar.
func (d *demo) figures(width int) string {
	m := d.meter.read()
	done := float64(m.accepted) / float64(d.Changes)
	state := fmt.Sprintf("%d nodes", len(d.nodes.Alive()))
	if m.killed {
		state += ", " + d.nodes.Name(d.victim) + " was killed"
	}
	text := fmt.Sprintf(" %3.0f %%  %s of %s changes  %s/s  %s", math.Floor(100*done), terminal.Grouped(m.accepted),
		terminal.Grouped(d.Changes), terminal.Grouped(int(m.rate())), state)
	return terminal.Gauge(done, min(width-len(text)-1, 40)) + text
}
