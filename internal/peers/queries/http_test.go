package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	peers "github.com/quadrille-stream/quadrille/internal/peer"
	"github.com/quadrille-stream/quadrille/internal/workload"
)

var (
	httpTriples = flag.Int("http-triples", 100_000, "size of the data of BenchmarkHTTP, about")
	httpRounds  = flag.Int("http-rounds", 5, "rounds of each query of BenchmarkHTTP, of which the least counts")
)

// server is one that is asked over HTTP.
type server struct {
	name  string
	query string                                    // URL that takes queries
	load  func(t testing.TB, triples *bytes.Reader) // of N-Triples
}

// BenchmarkHTTP asks a node with one shard, one with eight, the Oxigraph server, and Fuseki, the last two with their data in memory, the
// queries of the mixes over HTTP. They take turns, query by query, and each answer is compared with Oxigraph's. What is shown is the time
// from the query until its answer is read, the least of some rounds, for three instances of each, and how much of it the peers take in
// times a node's. An operation is all mixes: run it with -benchtime 1x.
func BenchmarkHTTP(b *testing.B) {
	quadrille := filepath.Join(b.TempDir(), "quadrille")
	if out, err := exec.Command("go", "build", "-o", quadrille, "../../../cmd/quadrille").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	for range b.N {
		for _, mix := range workload.Mixes() {
			compareHTTP(b, quadrille, mix)
		}
	}
}

// compareHTTP compares the servers by one mix.
func compareHTTP(b *testing.B, quadrille string, mix workload.Mix) {
	var data bytes.Buffer
	if err := mix.Write(&data, *httpTriples, 1); err != nil {
		b.Fatal(err)
	}
	servers := []server{oxigraphServer(b), nodeServer(b, quadrille, 1), nodeServer(b, quadrille, 8), fusekiServer(b)}
	for _, s := range servers {
		s.load(b, bytes.NewReader(data.Bytes()))
	}
	const instances = 3
	var shown strings.Builder
	table := tabwriter.NewWriter(&shown, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TASK\tOXIGRAPH\t1 SHARD\t8 SHARDS\tFUSEKI\tmilliseconds")
	logs := make([]float64, len(servers)) // sums of the logarithms of times
	queries := mix.Queries(*httpTriples, instances, 1)
	for some := range slices.Chunk(queries, instances) {
		sums := make([]float64, len(servers))
		for _, q := range some {
			for i, t := range askInTurn(b, servers, q) {
				sums[i] += float64(t) / float64(time.Millisecond)
			}
		}
		fmt.Fprintf(table, "%s: %s", mix.Name, some[0].Template)
		for i, sum := range sums {
			logs[i] += math.Log(sum)
			fmt.Fprintf(table, "\t%.2f", sum)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush()                                                  // into memory
	fmt.Printf("about %d triples\n%s\n", *httpTriples, shown.String()) // what a benchmark logs is cut short
	n := float64(len(queries) / instances)
	for i, ours := range map[int]string{1: "1shard", 2: "8shards"} {
		b.ReportMetric(math.Exp((logs[0]-logs[i])/n), mix.Name+"-oxigraph/"+ours)
		b.ReportMetric(math.Exp((logs[3]-logs[i])/n), mix.Name+"-fuseki/"+ours)
	}
}

// askInTurn returns the least time of each server.
func askInTurn(b *testing.B, servers []server, q workload.Query) []time.Duration {
	best := make([]time.Duration, len(servers))
	var first []byte
	for round := range *httpRounds + 1 {
		for i, s := range servers {
			begin := time.Now()
			answer, err := s.ask(q.Text)
			took := time.Since(begin)
			if err == nil && round == 0 {
				if i == 0 {
					first = answer
				}
				_, err = same(first, answer)
			}
			switch {
			case err != nil:
				b.Fatalf("%s: %s\n%s\n%v", s.name, q.Template, q.Text, err)
			case round == 1, round > 1 && took < best[i]:
				best[i] = took
			}
		}
	}
	return best
}

// ask has a query answered, in JSON or N-Triples.
func (s server) ask(text string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodPost, s.query, strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/sparql-query")
	request.Header.Set("Accept", "application/sparql-results+json, application/n-triples")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	err = errors.Join(err, answer.Body.Close())
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return body, err
}

func oxigraphServer(t testing.TB) server {
	base := "http://" + peers.Start(t, "oxigraph", 1, "memory").Address(0)
	return server{"Oxigraph", base + "/query", postTo(base + "/store?default")}
}

func fusekiServer(t testing.TB) server {
	base := "http://" + peers.Start(t, "fuseki", 1, "memory").Address(0)
	return server{"Fuseki", base + "/ds", postTo(base + "/ds?default")}
}

// postTo loads by the Graph Store Protocol.
func postTo(url string) func(testing.TB, *bytes.Reader) {
	return func(t testing.TB, triples *bytes.Reader) {
		answer, err := http.Post(url, "application/n-triples", triples)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode/100 != 2 {
			t.Fatalf("%s: %s", url, answer.Status)
		}
	}
}

// nodeServer is a node of ours.
func nodeServer(t testing.TB, executable string, shards int) server {
	nodes, err := cluster.Start(t.Context(), cluster.Config{Executable: executable, Sweep: []string{"demo", "--sweep"}, Nodes: 1, Shards: shards})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nodes.Stop(); err != nil {
			t.Error(err)
		}
	})
	door := nodes.Doors()[0]
	return server{fmt.Sprintf("Quadrille, %d shards", shards), door + "/sparql", func(t testing.TB, triples *bytes.Reader) {
		loadNode(t, door, triples)
	}}
}

// perRequest is how many triples go to a node at once.
const perRequest = 5000

// loadNode sends triples as changes.
func loadNode(t testing.TB, door string, triples io.Reader) {
	c := client.New("")
	defer c.Close()
	lines, body, count := bufio.NewScanner(triples), []byte("TX .\n"), 0
	send := func() {
		if _, err := c.Submit(t.Context(), door, client.TypePatch, "", append(body, "TC .\n"...)); err != nil {
			t.Fatal(err)
		}
		body = []byte("TX .\n")
	}
	for lines.Scan() {
		body = append(append(append(body, "A "...), lines.Bytes()...), '\n')
		if count++; count%perRequest == 0 {
			send()
		}
	}
	if send(); lines.Err() != nil {
		t.Fatal(lines.Err())
	}
}
