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
	// endBound bounds what follows the start of the peers, and settleBound the time until something has what it must have.
	endBound, settleBound = 5 * time.Minute, 2 * time.Minute
	// settlePause is the time between two looks.
	settlePause = 100 * time.Millisecond
	// endRounds is the number of rounds, in each of which all keys of all feeds get a new value.
	endRounds = 30
	// endShards is the number of shards.
	endShards = 4
)

// feed is a way in, with a peer of its own. In each round its keys get new values in place of the old ones. Rounds are sent by one
// goroutine.
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

// keyed are the quads of a feed of which each key has one value, given as a term.
func keyed(kind string, count int, value string) (list []string) {
	for key := range count {
		list = append(list, fmt.Sprintf("<urn:%s%d> <urn:value> %s .", kind, key, value))
	}
	return list
}

// typed is a value as a term with a datatype of XML Schema.
func typed(value any, datatype string) string {
	return fmt.Sprintf("\"%v\"^^<http://www.w3.org/2001/XMLSchema#%s>", value, datatype)
}

// TestEndToEnd: changes come in from several peers, through three nodes, and go out to Kafka, Fuseki and files, while each peer and
// one node is killed once. In the end the shards, the store and the files have the quads that must have come of it, and who reads
// from Kafka what is committed has each delta once.
func TestEndToEnd(t *testing.T) {
	k := startKafka(t, "changes", "deltas")
	fuseki := peer.Start(t, "fuseki", 1)
	store := fmt.Sprintf("http://127.0.0.1:%d/ds", fuseki.Ports[0])
	files := filepath.Join(t.TempDir(), "files")
	again := startFeeds(t)
	ctx, cancel := context.WithTimeout(t.Context(), endBound)
	defer cancel()
	feeds := append([]feed{kafkaFeed{k}}, again...)
	e := &endToEnd{T: t, ctx: ctx, feeds: feeds, http: client.New("")}
	defer e.http.Close()
	e.nodes = startNodes(ctx, t, configuration(feeds, k.Address(0), store, files))
	e.run(fuseki)
	shards := func() []string { return quadsOf(ctx, e.http, e.nodes) }
	// Every source reads again once it has brought the last round but one. MQTT and OPC UA have no identity, and nobody keeps what
	// comes while a broker, a server or its reader is gone, so that round is sent until it is there: their promise is that the state
	// converges. The last round is sent once.
	e.same("the shards before the last round", e.want(endRounds-2), func() []string {
		e.send(again, endRounds-2)
		return shards()
	})
	e.send(feeds, endRounds-1)
	want := e.want(endRounds - 1)
	e.same("the shards", want, shards)
	e.same("the store", want, func() []string { return triplesOf(t, store) })
	e.same("the files", want, func() []string { return filesOf(files) })
	e.same("what is committed in Kafka", want, func() []string { return inKafka(ctx, t, k) })
}

// startFeeds starts those whose messages have no identity.
func startFeeds(t *testing.T) []feed {
	t.Helper()
	broker := peer.Start(t, "mosquitto", mqttPorts) //nolint:misspell // its name
	return []feed{newMQTTFeed(t, broker), &sparkplugFeed{broker: broker}, newOPCUAFeed(t)}
}

// endToEnd is the test with what it runs.
type endToEnd struct {
	*testing.T
	ctx   context.Context //nolint:containedctx // the test's
	feeds []feed
	nodes *cluster.Cluster
	http  *client.Client
}

// run sends all rounds but the last, and kills meanwhile what is to be killed.
func (e *endToEnd) run(fuseki *peer.Peer) {
	e.Helper()
	kills := map[int]func(){
		14: func() { fuseki.Kill(); fuseki.Restart(e.T) },
		22: func() {
			if err := e.nodes.Kill(1); err != nil {
				e.Fatal(err)
			}
		},
		26: func() { // the others have its shards by then
			if err := errors.Join(e.nodes.Settled(e.ctx), e.nodes.Restart(1)); err != nil {
				e.Fatal(err)
			}
		},
	}
	for i, f := range e.feeds {
		kills[6+2*i] = func() { f.kill(e.T) }
	}
	for round := range endRounds - 1 {
		e.send(e.feeds, round)
		if kill := kills[round]; kill != nil {
			kill()
		}
	}
}

// send sends a round of some feeds.
func (e *endToEnd) send(feeds []feed, round int) {
	e.Helper()
	for _, f := range feeds {
		f.send(e.ctx, e.T, round)
	}
}

// want are the quads that there must be after a round, in order.
func (e *endToEnd) want(round int) (list []string) {
	for _, f := range e.feeds {
		list = append(list, f.quads(round)...)
	}
	slices.Sort(list)
	return list
}

// same waits until something has the quads that it must have.
func (e *endToEnd) same(what string, want []string, get func() []string) {
	e.Helper()
	until := time.Now().Add(settleBound)
	for got := get(); !slices.Equal(got, want); got = get() {
		if time.Now().After(until) {
			e.Fatalf("%s: got\n%s\nwant\n%s\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"), e.nodes.Logs())
		}
		time.Sleep(settlePause)
	}
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
