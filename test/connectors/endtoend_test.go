package connectors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

const (
	// endBound bounds the whole test, and settleBound what follows the last round.
	endBound, settleBound = 5 * time.Minute, 2 * time.Minute
	// endRounds is the number of rounds, in each of which all keys of all feeds get a new value.
	endRounds = 30
	// endShards is the number of shards.
	endShards = 4
)

// feed is a way in, with a peer of its own. In each round its keys get new values in place of the old ones.
type feed interface {
	// sources are its items in the configuration, and mappings those that they name.
	sources() (sources, mappings string)
	// send sends the values of a round; the last one's are those that must be there in the end.
	send(ctx context.Context, t *testing.T, round int)
	// quads are what a round makes, as lines of N-Quads.
	quads(round int) []string
	// kill ends the peer without a goodbye and starts it again, with what it had on disk.
	kill(t *testing.T)
}

// keyed names the quads of a feed whose keys have one value each.
func keyed(kind string, count, round int) (list []string) {
	for key := range count {
		list = append(list, fmt.Sprintf("<urn:%s:%d> <urn:value> \"%d\" .", kind, key, round))
	}
	return list
}

// kafkaFeed sends RDF Patch with deletes through the partitions of a topic.
type kafkaFeed struct{ *kafkaPeer }

const kafkaKeys = 20

func (f kafkaFeed) sources() (sources, mappings string) {
	return fmt.Sprintf("  - {name: changes, type: kafka, brokers: '%s', tls: false, topics: changes}\n", f.Address(0)), ""
}

func (f kafkaFeed) send(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	before := f.quads(round - 1)
	for key, row := range f.quads(round) {
		body := "A " + row + "\n"
		if round > 0 {
			body = "D " + before[key] + "\n" + body
		}
		f.kafkaPeer.send(ctx, t, fmt.Sprint(key), body)
	}
}

func (f kafkaFeed) quads(round int) []string { return keyed("kafka", kafkaKeys, round) }

func (f kafkaFeed) kill(t *testing.T) {
	t.Helper()
	f.Kill()
	f.Restart(t)
}

// TestEndToEnd: changes come in from several peers, through three nodes, and go out to Kafka, Fuseki and files, while each peer and
// one node is killed once. In the end the shards, the store and the files have the quads that must have come of it, and who reads
// from Kafka what is committed has each delta once.
func TestEndToEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), endBound)
	defer cancel()
	k := startKafka(t, "changes", "deltas")
	fuseki := peer.Start(t, "fuseki", 1)
	store := fmt.Sprintf("http://127.0.0.1:%d/ds", fuseki.Ports[0])
	files := filepath.Join(t.TempDir(), "files")
	feeds := []feed{kafkaFeed{k}}
	nodes := startNodes(ctx, t, configuration(feeds, k.Address(0), store, files))
	kills := map[int]func(){
		14: func() { fuseki.Kill(); fuseki.Restart(t) },
		22: func() {
			if err := nodes.Kill(1); err != nil {
				t.Fatal(err)
			}
		},
		26: func() { // the others have its shards by then
			if err := errors.Join(nodes.Settled(ctx), nodes.Restart(1)); err != nil {
				t.Fatal(err)
			}
		},
	}
	var want []string
	for i, f := range feeds {
		kills[6+2*i] = func() { f.kill(t) }
		want = append(want, f.quads(endRounds-1)...)
	}
	slices.Sort(want)
	for round := range endRounds {
		for _, f := range feeds {
			f.send(ctx, t, round)
		}
		if kill := kills[round]; kill != nil {
			kill()
		}
	}
	same := func(what string, get func() []string) {
		t.Helper()
		var got []string
		until := time.Now().Add(settleBound)
		for got = get(); !slices.Equal(got, want); got = get() {
			if time.Now().After(until) {
				t.Fatalf("%s: got\n%s\nwant\n%s\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"), nodes.Logs())
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	http := client.New("")
	defer http.Close()
	same("the shards", func() []string { return quadsOf(ctx, http, nodes) })
	same("the store", func() []string { return triplesOf(t, store) })
	same("the files", func() []string { return filesOf(files) })
	same("what is committed in Kafka", func() []string { return inKafka(ctx, t, k) })
}

// configuration is that of the nodes.
func configuration(feeds []feed, brokers, store, files string) string {
	sources, mappings := "sources:\n", ""
	for _, f := range feeds {
		s, m := f.sources()
		sources, mappings = sources+s, mappings+m
	}
	if mappings != "" {
		mappings = "mappings:\n" + mappings
	}
	return sources + mappings + fmt.Sprintf(`sinks:
  - {name: deltas, type: kafka, brokers: '%s', tls: false, topic: deltas}
  - {name: store, type: sparql, query: '%s'}
  - {name: files, type: file, dir: '%s'}
`, brokers, store, files)
}

// startNodes starts three nodes as processes, which end with the test.
func startNodes(ctx context.Context, t *testing.T, text string) *cluster.Cluster {
	t.Helper()
	nodes, err := cluster.Start(ctx, cluster.Config{Nodes: 3, Shards: endShards, Sweep: []string{"demo", "--sweep"},
		Document: text, StopWithin: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nodes.Stop(); err != nil {
			t.Error(err)
		}
	})
	return nodes
}

// quadsOf is what the shards have, in order; nothing while they don't answer.
func quadsOf(ctx context.Context, http *client.Client, nodes *cluster.Cluster) []string {
	answer, err := http.Data(ctx, nodes.Doors()[0])
	if err != nil {
		return nil
	}
	defer answer.Close()
	text, err := io.ReadAll(answer)
	if err != nil {
		return nil
	}
	return sorted(strings.Split(strings.TrimSpace(string(text)), "\n"))
}

// triplesOf is what the store has beside its positions, in order.
func triplesOf(t *testing.T, store string) []string {
	t.Helper()
	text := post(t, store, "application/x-www-form-urlencoded", url.Values{"query": {"CONSTRUCT WHERE { ?s ?p ?o }"}, "format": {"nt"}}.Encode())
	return sorted(strings.Split(strings.TrimSpace(text), "\n"))
}

// filesOf is what a reader of the files has, in order; nothing while they are wrong.
func filesOf(dir string) []string {
	r := &replica{quads: map[string]bool{}}
	for shard := range endShards {
		text, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("shard-%04d.rdfp", shard)))
		if err != nil {
			return nil
		}
		r.apply(fmt.Sprintf("shard %d", shard), text)
	}
	if r.wrong != nil {
		return []string{r.wrong.Error()}
	}
	return sorted(slices.Collect(maps.Keys(r.quads)))
}

// inKafka is what a reader of the deltas has that takes what is committed by now, in order. Each delta must come once.
func inKafka(ctx context.Context, t *testing.T, k *kafkaPeer) []string {
	t.Helper()
	r, seen := &replica{quads: map[string]bool{}}, map[string]bool{}
	for _, record := range k.committed(ctx, t, "deltas") {
		headers := map[string]string{}
		for _, h := range record.Headers {
			headers[h.Key] = string(h.Value)
		}
		at := headers["shard"] + ":" + headers["position"]
		if seen[at] {
			t.Fatalf("the delta %s is there twice", at)
		}
		seen[at] = true
		r.apply("delta "+at, record.Value)
	}
	if r.wrong != nil {
		t.Fatal(r.wrong)
	}
	return sorted(slices.Collect(maps.Keys(r.quads)))
}
