// Command queries times queries, updates and loading against Oxigraph, whose Python package test/differential/peers/install installs.
// "make bench-peers" runs it.
//
// Both sides hold the data in memory, each in one process that does nothing else, and do the same: read the text of the query, evaluate it,
// and write the result as JSON, or as N-Triples. They take turns, query by query, and every answer is compared. What is shown is the
// processor's time, the least of some rounds: it is what a machine that is busy otherwise disturbs least. Short queries are repeated for
// about 20 ms a round.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/internal/workload"
)

func main() {
	b := bench{enough: 20 * time.Millisecond}
	flag.IntVar(&b.triples, "triples", 100_000, "size of the data, about")
	flag.IntVar(&b.rounds, "rounds", 3, "rounds of each query, of which the least is shown")
	flag.IntVar(&b.instances, "instances", 3, "instances of each query, whose times are added")
	flag.Uint64Var(&b.seed, "seed", 1, "what data and parameters are drawn from")
	flag.StringVar(&b.only, "query", "", "a part of the names of the queries that are wanted, such as \"shop\"; all by default")
	flag.StringVar(&b.profile, "profile", "", "file for a profile of our side, which then runs alone")
	flag.Parse()
	if b.triples < 1 || b.rounds < 1 || b.instances < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := b.run(); err != nil {
		fmt.Fprintln(os.Stderr, "queries:", err)
		os.Exit(1)
	}
}

// bench is what is asked for.
type bench struct {
	triples, rounds, instances int
	seed                       uint64
	only, profile              string
	enough                     time.Duration // for how long a query is repeated

	dir   string
	mine  ours
	peer  *peer
	table *tabwriter.Writer
	logs  float64 // sum of the logarithms of all ratios
	n     int
}

// side is one of the two that are compared.
type side interface {
	do(request) (took, []byte, error)
}

func (b *bench) run() error {
	dir, err := os.MkdirTemp("", "quadrille-queries-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if b.profile != "" {
		return b.profiled(dir)
	}
	if b.peer, err = startPeer(dir); err != nil {
		fmt.Println("left out:", err)
		return nil
	}
	return errors.Join(b.all(os.Stdout, dir), b.peer.close())
}

// profiled runs our side alone.
func (b *bench) profiled(dir string) error {
	f, err := os.Create(b.profile)
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return errors.Join(err, f.Close())
	}
	err = b.all(os.Stdout, dir)
	pprof.StopCPUProfile()
	return errors.Join(err, f.Close())
}

// all times everything that is wanted, with files in dir.
func (b *bench) all(to io.Writer, dir string) error {
	b.dir = dir
	b.table = tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(to, "about %d triples, %d instances of each query, processor's milliseconds, the least of %d rounds\n\n",
		b.triples, b.instances, b.rounds)
	fmt.Fprintln(b.table, "TASK\tROWS\tQUADRILLE\tOXIGRAPH\tOXIGRAPH/QUADRILLE")
	for _, mix := range workload.Mixes() {
		if err := b.mix(mix); err != nil {
			return fmt.Errorf("%s: %w", mix.Name, err)
		}
	}
	if err := b.observations(); err != nil {
		return err
	}
	return b.table.Flush()
}

// wanted reports whether one of the names of a mix, or one alone, is asked for.
func (b *bench) wanted(names ...string) bool {
	for _, name := range names {
		if strings.Contains(name, b.only) {
			return true
		}
	}
	return false
}

func (b *bench) mix(mix workload.Mix) error {
	var wanted []workload.Query
	for _, q := range mix.Queries(b.triples, b.instances, b.seed) {
		if q.Template = mix.Name + ": " + q.Template; b.wanted(q.Template) {
			wanted = append(wanted, q)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	file := filepath.Join(b.dir, mix.Name+".nt")
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := mix.Write(f, b.triples, b.seed); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := b.load(mix.Name, file, 1); err != nil {
		return err
	}
	b.logs, b.n = 0, 0
	for i := 0; i < len(wanted); i += b.instances {
		if err := b.template(wanted[i : i+b.instances]); err != nil {
			return err
		}
	}
	fmt.Fprintf(b.table, "%s: geometric mean of %d\t\t\t\t%.2f\n", mix.Name, b.n, math.Exp(b.logs/float64(b.n)))
	return nil
}

// load loads a file on both sides, so many times.
func (b *bench) load(name, file string, times int) error {
	best := [2]took{{CPU: math.MaxInt64, Wall: math.MaxInt64}, {CPU: math.MaxInt64, Wall: math.MaxInt64}}
	for range times {
		for i, s := range b.sides() {
			t, _, err := s.do(request{Task: "load", File: file})
			if err != nil {
				return err
			}
			best[i] = took{min(best[i].CPU, t.CPU), min(best[i].Wall, t.Wall), 0, t.Quads}
		}
	}
	if b.peer != nil && best[0].Quads != best[1].Quads {
		return fmt.Errorf("%d quads are loaded here, %d there", best[0].Quads, best[1].Quads)
	}
	for i, kind := range []string{"", ", real time"} {
		mine, others := [2]time.Duration{best[0].CPU, best[0].Wall}[i], [2]time.Duration{best[1].CPU, best[1].Wall}[i]
		b.row(name+": loading"+kind, best[0].Quads, mine, others)
	}
	return nil
}

func (b *bench) sides() []side {
	if b.peer == nil {
		return []side{&b.mine}
	}
	return []side{&b.mine, b.peer}
}

// template times the instances of a template.
func (b *bench) template(instances []workload.Query) error {
	var sums [2]time.Duration
	rows := 0
	for _, q := range instances {
		n, times, err := b.instance(q)
		if err != nil {
			return fmt.Errorf("%s\n%s\n%w", q.Template, q.Text, err)
		}
		rows += n
		sums[0] += times[0]
		sums[1] += times[1]
	}
	b.row(instances[0].Template, rows, sums[0], sums[1])
	b.logs += math.Log(float64(sums[1]) / float64(sums[0]))
	b.n++
	return nil
}

// instance returns the number of rows, and the times of both sides.
func (b *bench) instance(q workload.Query) (rows int, best [2]time.Duration, err error) {
	sides := b.sides()
	var times [2]int
	var answers [2][]byte
	for i, s := range sides {
		var t took
		if t, answers[i], err = s.do(request{Task: "query", Text: q.Text, Times: 1}); err != nil {
			return 0, best, err
		}
		times[i] = int(min(b.enough/max(t.Wall, 1), 1000)) + 1
		best[i] = math.MaxInt64
	}
	if b.peer != nil {
		if rows, err = same(answers[0], answers[1]); err != nil {
			return 0, best, err
		}
	}
	for range b.rounds {
		for i, s := range sides {
			t, _, err := s.do(request{Task: "query", Text: q.Text, Times: times[i]})
			if err != nil {
				return 0, best, err
			}
			best[i] = min(best[i], t.CPU/time.Duration(times[i]))
		}
	}
	return rows, best, nil
}

func (b *bench) row(name string, rows int, mine, others time.Duration) {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	if b.peer == nil {
		fmt.Fprintf(b.table, "%s\t%d\t%.3f\n", name, rows, ms(mine))
		return
	}
	fmt.Fprintf(b.table, "%s\t%d\t%.3f\t%.3f\t%.2f\n", name, rows, ms(mine), ms(others), float64(others)/float64(mine))
}
