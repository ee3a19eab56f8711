package demo

import (
	"strings"

	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// Result is what came of a run.
type Result struct {
	// Accepted, Lost and Duplicated count changes as [factory.Result] does. Moves are shards that have another owner than
	// before the kill. PauseMillis is the longest time after it in which no change at all was accepted.
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
	Quads        int `json:"quads"`
	MissingQuads int `json:"missing_quads"`
	ExtraQuads   int `json:"extra_quads"`
	// Killed is the name of the node that was killed, Retries the number of requests that were tried again. Good says that
	// all was accepted and nothing is wrong with it.
	Nodes   int    `json:"nodes"`
	Shards  int    `json:"shards"`
	Killed  string `json:"killed"`
	Retries int    `json:"retries"`
	Good    bool   `json:"good"`
}

func (d *run) result() Result {
	r, m := d.check.Result(), d.meter.Read()
	return Result{
		Accepted: r.Accepted, Lost: r.Lost, Duplicated: r.Duplicated, Moves: d.moves,
		PauseMillis: m.Pause.Milliseconds(), ChangesPerSecond: int(m.Rate()),
		Unasked: r.Unasked, Inexact: r.Inexact, Quads: r.Quads, MissingQuads: r.Missing, ExtraQuads: r.Extra,
		Nodes: d.cfg.Nodes, Shards: d.cfg.Shards, Killed: d.nodes.Name(d.victim), Retries: m.Retries, Good: d.good(),
	}
}

// good reports whether all was accepted and nothing is wrong with it.
func (d *run) good() bool {
	r := d.faults()
	return r.Good() && r.Accepted == d.model.Changes()
}

// faults is what was found, without the changes that are doubled and may be.
func (d *run) faults() factory.Result {
	r := d.check.Result()
	if !d.once() {
		r.Duplicated = 0
	}
	return r
}

// once reports whether each change must be in the logs once: what comes from some peers twice has its effect twice.
func (d *run) once() bool { return d.peer == nil || d.peer.once() }

// blame says what is wrong.
func (d *run) blame() string {
	r := d.faults()
	var list []string
	for _, f := range []struct {
		n    int
		what string
	}{
		{d.model.Changes() - r.Accepted, "change not accepted"},
		{r.Lost, "change lost"}, {r.Duplicated, "change duplicated"},
		{r.Unasked, "change in the logs that must not be there"}, {r.Inexact, "change in the logs without an effect"},
		{r.Missing, "quad missing"}, {r.Extra, "quad that must not be there"},
	} {
		if f.n != 0 {
			list = append(list, terminal.GroupedCount(f.n, f.what))
		}
	}
	return strings.Join(list, ", ")
}
