package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

const (
	// changeSenders send changes at the same time, in requests of about changeBatch.
	changeSenders, changeBatch = 16, 500
	// changesOfAll is the least that the model must make for it to have all of its sensors.
	changesOfAll = 125_000
)

// QueriesConfig says what to ask which cluster. Each number is at least 1, but for Rate.
type QueriesConfig struct {
	// Nodes is the number of nodes, to [cluster.MaxNodes], Shards that of shards.
	Nodes, Shards int
	// Clients ask at the same time, each one query after the other over a connection that it keeps.
	Clients int
	// Rate is how many changes a second are sent meanwhile; 0: none.
	Rate int
	// Time is how long it takes.
	Time time.Duration
	// Args are further arguments of the nodes.
	Args []string
	// Sweep are the arguments that make this program call [cluster.Sweep].
	Sweep []string
	// Screen is told what goes on.
	Screen *terminal.Screen
}

// QueriesResult is what was measured.
type QueriesResult struct {
	// Answers came in so many Seconds. Median, P99 and Max are the times from the query until its answer is read, in milliseconds.
	// Changes were accepted meanwhile.
	Nodes         int     `json:"nodes"`
	Shards        int     `json:"shards"`
	CPUs          int     `json:"cpus"`
	Clients       int     `json:"clients"`
	Answers       int     `json:"answers"`
	Seconds       float64 `json:"seconds"`
	PerSec        int     `json:"answers_per_second"`
	Median        float64 `json:"median_ms"`
	P99           float64 `json:"p99_ms"`
	Max           float64 `json:"max_ms"`
	Changes       int     `json:"changes"`
	ChangesPerSec int     `json:"changes_per_second"`
}

// Queries measures what is known of one subject, asked over HTTP while changes of all subjects come in. Each answer must have all that its
// subject has: each change takes something out and puts something in its place. It returns when nothing is left of the cluster.
func Queries(ctx context.Context, cfg QueriesConfig) (r QueriesResult, err error) {
	cfg.Screen.Say("starting %s", terminal.Count(cfg.Nodes, "node"))
	nodes, err := cluster.Start(ctx, cluster.Config{Sweep: cfg.Sweep, Nodes: cfg.Nodes, Shards: cfg.Shards, Args: cfg.Args})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, nodes.Stop()) }()
	changes := changesOfAll + int(float64(cfg.Rate)*cfg.Time.Seconds())
	q := &queries{cfg: cfg, doors: nodes.Doors(), client: client.New(""), model: factory.New(changes + 2*changeSenders*changeBatch),
		times: make([][]time.Duration, cfg.Clients)}
	defer q.client.Close()
	if r, err = q.run(ctx); err != nil {
		return r, errors.Join(err, nodes.Err())
	}
	return r, nil
}

// queries is one run of the measurement.
type queries struct {
	cfg    QueriesConfig
	doors  []string
	client *client.Client
	model  *factory.Model

	senders []*changes
	times   [][]time.Duration // that the answers to each client took
}

// changes are those of one sender.
type changes struct {
	made     *factory.Sender
	session  *client.Session
	number   int
	accepted int
}

func (q *queries) run(ctx context.Context) (r QueriesResult, err error) {
	for i := range changeSenders {
		session := client.NewSession(q.client, q.doors, i, patience)
		q.senders = append(q.senders, &changes{made: q.model.Sender(i, changeSenders, changeBatch), session: session})
	}
	q.cfg.Screen.Say("setting up %s", terminal.Count(q.model.Sensors(), "subject"))
	if err := together(ctx, changeSenders, q.setUp); err != nil {
		return r, err
	}
	for _, s := range q.senders {
		s.accepted = 0
	}
	q.cfg.Screen.Say("asking for %v", q.cfg.Time)
	begin := time.Now()
	working := changeSenders
	if q.cfg.Rate == 0 {
		working = 0
	}
	err = together(ctx, working+q.cfg.Clients, func(ctx context.Context, i int) error {
		if i < working {
			return q.change(ctx, i, begin)
		}
		return q.ask(ctx, i-working, begin)
	})
	return q.result(time.Since(begin)), err
}

// together calls fn for 0 to n-1 at the same time. The first error ends the context of all, and is returned.
func together(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := fn(ctx, i); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// setUp sends requests until each sensor has had its first. They come to each in turn.
func (q *queries) setUp(ctx context.Context, i int) error {
	sensors := (q.model.Sensors() + changeSenders - 1) / changeSenders
	for q.senders[i].accepted < sensors*factory.Quads {
		if err := q.send(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// send sends the next request of a sender.
func (q *queries) send(ctx context.Context, i int) error {
	s := q.senders[i]
	body, rows := s.made.Next(nil)
	if _, err := s.session.Submit(ctx, client.TypePatch, fmt.Sprintf("bench-%d-%d", i, s.number), body); err != nil {
		return fmt.Errorf("sender %d, request %d: %w", i, s.number, err)
	}
	s.number++
	s.accepted += rows
	return nil
}

// change sends the requests of a sender, each when as many as that are due. One that comes late is sent at once.
func (q *queries) change(ctx context.Context, i int, begin time.Time) error {
	share, before := float64(q.cfg.Rate)/changeSenders, float64(i)/changeSenders*changeBatch
	for s := q.senders[i]; ; {
		due := begin.Add(time.Duration((before + float64(s.accepted)) / share * float64(time.Second)))
		if due.After(begin.Add(q.cfg.Time)) || time.Since(begin) > q.cfg.Time {
			return nil
		}
		if err := clock.Sleep(ctx, time.Until(due)); err != nil {
			return err
		}
		if err := q.send(ctx, i); err != nil {
			return err
		}
	}
}

// ask asks the queries of a client.
func (q *queries) ask(ctx context.Context, i int, begin time.Time) (err error) {
	a, err := newAsker(ctx, q.doors[i%len(q.doors)])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	random := rand.New(rand.NewPCG(uint64(i), 0))
	for now := time.Now(); now.Sub(begin) < q.cfg.Time && ctx.Err() == nil; {
		text := "SELECT ?p ?o { GRAPH ?line { " + q.model.Subject(random.IntN(q.model.Sensors())) + " ?p ?o } }"
		answer, err := a.ask(text, answersJSON)
		if rows := bytes.Count(answer, []byte(`"o":`)); err == nil && rows != factory.Quads {
			err = fmt.Errorf("expected %d rows, got %d: %s", factory.Quads, rows, answer)
		}
		if err != nil {
			return fmt.Errorf("client %d: %s: %w", i, text, err)
		}
		after := time.Now()
		q.times[i] = append(q.times[i], after.Sub(now))
		now = after
	}
	return ctx.Err()
}

func (q *queries) result(took time.Duration) QueriesResult {
	all := slices.Concat(q.times...)
	slices.Sort(all)
	r := QueriesResult{
		Nodes: q.cfg.Nodes, Shards: q.cfg.Shards, CPUs: runtime.NumCPU(), Clients: q.cfg.Clients, Answers: len(all), Seconds: took.Seconds(),
		PerSec: int(float64(len(all)) / took.Seconds()),
	}
	for _, s := range q.senders {
		r.Changes += s.accepted
	}
	r.ChangesPerSec = int(float64(r.Changes) / took.Seconds())
	if len(all) > 0 {
		r.Median, r.P99, r.Max = milliseconds(quantile(all, 50)), milliseconds(quantile(all, 99)), milliseconds(all[len(all)-1])
	}
	return r
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
