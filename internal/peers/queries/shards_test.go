package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/internal/workload"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/memory"
)

var template = flag.String("template", "", "the only template that BenchmarkShards evaluates; all if empty")

// BenchmarkShards evaluates the queries of the mixes over one store, and over the same quads in eight shards, all in this process. They
// take turns, query by query. What is shown is the time from the text until the last row, the least of some rounds, for three instances
// of each. An operation is all mixes: run it with -benchtime 1x.
func BenchmarkShards(b *testing.B) {
	for range b.N {
		for _, mix := range workload.Mixes() {
			compareShards(b, mix)
		}
	}
}

// compareShards compares one store with eight by one mix.
func compareShards(b *testing.B, mix workload.Mix) {
	var data bytes.Buffer
	if err := mix.Write(&data, *httpTriples, 1); err != nil {
		b.Fatal(err)
	}
	ways := []way{hold(b, 1, data.Bytes()).alone, hold(b, 8, data.Bytes()).together}
	const instances = 3
	var shown strings.Builder
	table := tabwriter.NewWriter(&shown, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TASK\t1 STORE\t8 SHARDS\tTIMES\tmilliseconds")
	logs, n := 0.0, 0.0
	for some := range slices.Chunk(mix.Queries(*httpTriples, instances, 1), instances) {
		if *template != "" && some[0].Template != *template {
			continue
		}
		var sums [2]float64
		for _, q := range some {
			for i, t := range timeInTurn(b, ways, q.Text) {
				sums[i] += float64(t) / float64(time.Millisecond)
			}
		}
		fmt.Fprintf(table, "%s: %s\t%.3f\t%.3f\t%.2f\n", mix.Name, some[0].Template, sums[0], sums[1], sums[1]/sums[0])
		logs, n = logs+math.Log(sums[1]/sums[0]), n+1
	}
	_ = table.Flush()                                                  // into memory
	fmt.Printf("about %d triples\n%s\n", *httpTriples, shown.String()) // what a benchmark logs is cut short
	b.ReportMetric(math.Exp(logs/n), mix.Name+"-8shards/1store")
}

// timeInTurn returns the least time of each way to evaluate a query, which must give the same.
func timeInTurn(b *testing.B, ways []way, text string) []time.Duration {
	best := make([]time.Duration, len(ways))
	var first []string
	for round := range *httpRounds + 1 {
		for i, evaluate := range ways {
			begin := time.Now()
			rows, err := evaluate(text, round == 0)
			took := time.Since(begin)
			if slices.Sort(rows); i == 0 {
				first = rows
			}
			switch {
			case err != nil || !slices.Equal(rows, first):
				b.Fatalf("%s\n%v\n%q\n%q", text, err, rows, first)
			case round == 1, round > 1 && took < best[i]:
				best[i] = took
			}
		}
	}
	return best
}

// way evaluates a query, and returns what it gives, each row as a text, if that is to be kept.
type way func(text string, keep bool) (rows []string, err error)

// held are shards that this process holds, divided by subjects. They implement [eval.Shards].
type held struct {
	stores   []*memory.Store
	answerer *eval.Answerer
}

// Number implements [eval.Shards].
func (h *held) Number() int { return len(h.stores) }

// Of implements [eval.Shards].
func (h *held) Of(key rdf.Term) int {
	sum := fnv.New64a()
	_, _ = io.WriteString(sum, key.String()) // a hash takes all
	return int(sum.Sum64() % uint64(len(h.stores)))
}

// Ask implements [eval.Shards].
func (h *held) Ask(ctx context.Context, shard int, request []byte, part func([]byte) error) error {
	view := h.stores[shard].View()
	defer view.Close()
	return h.answerer.Answer(ctx, view, request, part)
}

// hold divides triples among so many shards.
func hold(t testing.TB, n int, triples []byte) *held {
	h := &held{answerer: eval.NewAnswerer(options)}
	for range n {
		h.stores = append(h.stores, memory.New())
	}
	of := make([][]rdf.Quad, n)
	err := nquads.Parse(triples, func(q rdf.Quad) error {
		at := h.Of(q.S)
		of[at] = append(of[at], q.Clone())
		return nil
	})
	for i, s := range h.stores {
		tx := s.Begin()
		for _, q := range of[i] {
			_, failed := tx.Add(q)
			err = errors.Join(err, failed)
		}
		err = errors.Join(err, tx.Commit(1, nil), s.Index(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// alone evaluates a query over the first shard.
func (h *held) alone(text string, keep bool) ([]string, error) {
	q, err := prepared(text)
	if err != nil {
		return nil, err
	}
	view := h.stores[0].View()
	defer view.Close()
	k, ctx := kept{keep: keep}, context.Background()
	switch q.Form() {
	case sparql.Select:
		err = q.Select(ctx, view, identity, k.row)
	case sparql.Ask:
		var holds bool
		holds, err = q.Ask(ctx, view, identity)
		k.rows = append(k.rows, fmt.Sprint(holds))
	default:
		err = q.Triples(ctx, view, identity, k.triple)
	}
	return k.rows, err
}

// together evaluates a query over all shards.
func (h *held) together(text string, keep bool) ([]string, error) {
	q, err := prepared(text)
	if err != nil {
		return nil, err
	}
	views := make([]store.Reader, len(h.stores))
	for i, s := range h.stores {
		view := s.View()
		defer view.Close()
		views[i] = view
	}
	k, ctx := kept{keep: keep}, context.Background()
	e, err := q.Plan(ctx, &eval.Held{Shards: h, Views: views, Key: eval.KeySubject}, identity)
	if err != nil {
		return nil, err
	}
	switch q.Form() {
	case sparql.Select:
		err = e.Select(k.row)
	case sparql.Ask:
		var holds bool
		holds, err = e.Ask()
		k.rows = append(k.rows, fmt.Sprint(holds))
	default:
		err = e.Triples(k.triple)
	}
	return k.rows, err
}

func prepared(text string) (*eval.Query, error) {
	tree, err := sparql.ParseQuery(text)
	if err != nil {
		return nil, err
	}
	return eval.Prepare(tree, options)
}

// kept are rows as texts.
type kept struct {
	keep bool
	rows []string
}

func (k *kept) row(terms []rdf.Term) error {
	if k.keep {
		k.rows = append(k.rows, fmt.Sprint(terms))
	}
	return nil
}

func (k *kept) triple(t rdf.Triple) error { return k.row([]rdf.Term{t.S, t.P, t.O}) }
