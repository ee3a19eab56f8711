package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// starBatch is the number of measurements that a request adds.
const starBatch = 100

// StarConfig says what to ask of how many quads. Each number but Seed is at least 1.
type StarConfig struct {
	// Queries are the names of those that are asked: few, groups, top or many.
	Queries []string
	// Nodes is the number of nodes, to [cluster.MaxNodes], that are compared with one. Both have so many Shards.
	Nodes, Shards int
	// Quads is about the number of quads, 50,000 to [StarMost], which come of Seed.
	Quads int
	Seed  uint64
	// Rounds is how often each query is asked on both sides, by so many Clients at the same time.
	Rounds, Clients int
	// Args are further arguments of the nodes.
	Args []string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on.
	Screen *terminal.Screen
}

// StarResult is what was measured.
type StarResult struct {
	// OneLoaded and NodesLoaded are the changes a second with which the quads came in, over HTTP.
	Nodes       int           `json:"nodes"`
	Shards      int           `json:"shards"`
	CPUs        int           `json:"cpus"`
	Quads       int           `json:"quads"`
	Clients     int           `json:"clients"`
	Rounds      int           `json:"rounds"`
	OneLoaded   int           `json:"one_changes_per_second"`
	NodesLoaded int           `json:"nodes_changes_per_second"`
	Queries     []StarMeasure `json:"queries"`
}

// StarMeasure is what was measured of a query.
type StarMeasure struct {
	// Rows are those of the answer. One and Nodes are the medians of the times until all clients have read it, in milliseconds; Ratio is the
	// median of the nodes' time divided by the one's in the same round.
	Query string  `json:"query"`
	Rows  int     `json:"rows"`
	One   float64 `json:"one_ms"`
	Nodes float64 `json:"nodes_ms"`
	Ratio float64 `json:"ratio"`
}

// Check returns what a run can't be made with.
func (c *StarConfig) Check() error {
	if c.Quads < starLeast || c.Quads > StarMost {
		return fmt.Errorf("%d quads: expected %d to %d", c.Quads, starLeast, StarMost)
	}
	return nil
}

// Star measures star queries, all of whose patterns have one subject, at nodes among which the quads are divided, and at one that has all
// of them. Both run at the same time, and one query is asked of one of them at a time. Every answer must be the same. It returns when
// nothing is left of either.
func Star(ctx context.Context, cfg StarConfig) (r StarResult, err error) {
	if err := cfg.Check(); err != nil {
		return r, err
	}
	s := &star{cfg: cfg, data: newStarData(cfg.Quads, cfg.Seed), seed: maphash.MakeSeed()}
	for _, nodes := range []int{1, cfg.Nodes} {
		cfg.Screen.Say("starting %s", terminal.Count(nodes, "node"))
		c, err := cluster.Start(ctx, cluster.Config{Sweep: cfg.Sweep, Nodes: nodes, Shards: cfg.Shards, Args: append([]string{"--index=now"}, cfg.Args...)})
		if err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, c.Stop()) }()
		s.sides = append(s.sides, &starSide{Cluster: c})
	}
	if r, err = s.run(ctx); err != nil {
		return r, errors.Join(err, s.sides[0].Err(), s.sides[1].Err())
	}
	return r, nil
}

// star is one run of the measurement.
type star struct {
	cfg   StarConfig
	data  *starData
	seed  maphash.Seed
	sides []*starSide // the one node, and the others
}

// starSide is one of the two that are compared.
type starSide struct {
	*cluster.Cluster
	loaded float64    // changes a second
	askers [][]*asker // of each client, one for each node
}

func (s *star) run(ctx context.Context) (r StarResult, err error) {
	for _, side := range s.sides {
		if err := s.load(ctx, side); err != nil {
			return r, err
		}
	}
	for _, side := range s.sides {
		defer func() { err = errors.Join(err, side.hangUp()) }()
		if err := side.dial(ctx, s.cfg.Clients); err != nil {
			return r, err
		}
	}
	r = StarResult{
		Nodes: s.cfg.Nodes, Shards: s.cfg.Shards, CPUs: runtime.NumCPU(), Quads: s.data.quads(), Clients: s.cfg.Clients, Rounds: s.cfg.Rounds,
		OneLoaded: int(s.sides[0].loaded), NodesLoaded: int(s.sides[1].loaded),
	}
	for _, q := range s.data.queries() {
		if !slices.Contains(s.cfg.Queries, q.name) {
			continue
		}
		m, err := s.measure(ctx, q)
		if err != nil {
			return r, fmt.Errorf("%s: %w", q.name, err)
		}
		r.Queries = append(r.Queries, m)
	}
	return r, nil
}

// load sends the quads to a side, through all of its nodes.
func (s *star) load(ctx context.Context, side *starSide) error {
	c := client.New("")
	defer c.Close()
	s.cfg.Screen.Say("sending %s to %s", terminal.GroupedCount(s.data.quads(), "quad"), terminal.Count(side.Size(), "node"))
	meter := factory.NewMeter(s.data.quads())
	meter.Start(time.Now())
	var taken atomic.Int64
	err := together(ctx, changeSenders, func(ctx context.Context, i int) error {
		session := client.NewSession(c, side.Doors(), i, patience)
		var body []byte
		for {
			from := int(taken.Add(starBatch)) - starBatch
			if from >= s.data.measurements {
				return nil
			}
			end := min(from+starBatch, s.data.measurements)
			body = s.data.appendPatch(body[:0], from, end)
			if _, err := session.Submit(ctx, client.TypePatch, fmt.Sprintf("bench-star-%d", from), body); err != nil {
				return fmt.Errorf("measurements %d to %d: %w", from, end-1, err)
			}
			meter.Accept(time.Now(), (end-from)*starQuads)
		}
	})
	side.loaded = meter.Read().Rate()
	return err
}

// dial opens the connections of clients.
func (s *starSide) dial(ctx context.Context, clients int) error {
	for range clients {
		var all []*asker
		for _, door := range s.Doors() {
			a, err := newAsker(ctx, door)
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		s.askers = append(s.askers, all)
	}
	return nil
}

func (s *starSide) hangUp() (err error) {
	for _, a := range slices.Concat(s.askers...) {
		err = errors.Join(err, a.close())
	}
	return err
}

// measure asks a query of both sides. Each side begins every second round.
func (s *star) measure(ctx context.Context, q starQuery) (m StarMeasure, err error) {
	s.cfg.Screen.Say("asking for %s", q.name)
	want, err := s.agree(ctx, q)
	if err != nil {
		return m, err
	}
	var times [2][]time.Duration
	var ratios []float64
	for round := range s.cfg.Rounds {
		for k := range s.sides {
			i := (k + round) % len(s.sides)
			took, got, err := s.ask(ctx, s.sides[i], round, q)
			if err == nil && got != want {
				err = fmt.Errorf("%s answered otherwise than before", terminal.Count(s.sides[i].Size(), "node"))
			}
			if err != nil {
				return m, fmt.Errorf("round %d: %w", round, err)
			}
			times[i] = append(times[i], took)
		}
		ratios = append(ratios, float64(times[1][round])/float64(times[0][round]))
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	slices.Sort(ratios)
	return StarMeasure{Query: q.name, Rows: q.rows, One: milliseconds(quantile(times[0], 50)), Nodes: milliseconds(quantile(times[1], 50)),
		Ratio: ratios[(len(ratios)-1)/2]}, nil
}

// agree asks every node, before the clock starts, and returns what stands for the answer, which all of them give.
func (s *star) agree(ctx context.Context, q starQuery) (want uint64, err error) {
	for _, side := range s.sides {
		for node := range side.Size() {
			_, got, err := s.ask(ctx, side, node, q)
			switch {
			case err != nil:
				return 0, fmt.Errorf("%s of %s: %w", side.Name(node), terminal.Count(side.Size(), "node"), err)
			case want == 0:
				want = got
			case got != want:
				return 0, fmt.Errorf("%s of %s answers otherwise than one that has all", side.Name(node), terminal.Count(side.Size(), "node"))
			}
		}
	}
	return want, nil
}

// ask has all clients ask a query, each of the node that comes next, and returns how long that took, and what stands for the answer, which
// all got.
func (s *star) ask(ctx context.Context, side *starSide, turn int, q starQuery) (took time.Duration, answer uint64, err error) {
	answers := make([][]byte, len(side.askers))
	begin := time.Now()
	err = together(ctx, len(side.askers), func(_ context.Context, i int) (err error) {
		answers[i], err = side.askers[i][(turn+i)%side.Size()].ask(q.text, answersTSV)
		return err
	})
	took = time.Since(begin)
	for i, text := range answers {
		if err != nil {
			break
		}
		var sum uint64
		if sum, err = s.sum(text, q); i > 0 && sum != answer && err == nil {
			err = fmt.Errorf("clients %d and %d got different answers", i-1, i)
		}
		answer = sum
	}
	return took, answer, err
}

// sum stands for the rows of an answer, in whatever order they come unless they have one. It is never 0.
func (s *star) sum(answer []byte, q starQuery) (sum uint64, err error) {
	if rows := bytes.Count(answer, []byte("\n")) - 1; rows != q.rows { // the first line has the columns
		return 0, fmt.Errorf("expected %d rows, got %d: %.1000s", q.rows, rows, answer)
	}
	for line := range bytes.Lines(answer) {
		if q.ordered {
			sum *= 31
		}
		sum += maphash.Bytes(s.seed, line)
	}
	return max(sum, 1), nil
}
