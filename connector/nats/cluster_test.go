package nats_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/nats"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/peer"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// members is how many servers a cluster has.
const members = 3

// cluster is of real servers, with a client of any of them.
type cluster struct {
	server
	peers     []*peer.Peer
	addresses []string
}

// startCluster starts one, and ends it with the test.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	routes, err := ports.Free(members)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{}
	for i := range members {
		args := []string{"cluster", strconv.Itoa(i + 1)}
		for _, route := range routes {
			args = append(args, strconv.Itoa(route))
		}
		p := peer.Start(t, "nats", 1, args...)
		c.peers, c.addresses = append(c.peers, p), append(c.addresses, p.Address(0))
	}
	servers := "nats://user:secret@" + strings.Join(c.addresses, ",nats://user:secret@")
	c.Conn, err = natsgo.Connect(servers, natsgo.MaxReconnects(-1), natsgo.ReconnectWait(50*time.Millisecond))
	if err == nil {
		c.js, err = jetstream.New(c.Conn)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// led returns the server that leads a stream, and the stream's last sequence; -1 and 0 if none does. What was asked while the leader
// changes may never be answered.
func (c *cluster) led(t *testing.T, stream string) (leader int, last uint64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	made, err := c.js.Stream(ctx, stream)
	if err != nil || made.CachedInfo().Cluster == nil {
		return -1, 0
	}
	info := made.CachedInfo()
	n, err := strconv.Atoi(strings.TrimPrefix(info.Cluster.Leader, "s"))
	if err != nil {
		return -1, 0
	}
	return n - 1, info.State.LastSeq
}

// leader waits until a server leads a stream, and returns it and the stream's last sequence.
func (c *cluster) leader(t *testing.T, stream string) (leader int, last uint64) {
	t.Helper()
	conntest.Eventually(t, "a server leads "+stream, func() bool { leader, last = c.led(t, stream); return leader >= 0 })
	return leader, last
}

// replicated makes a stream as soon as the servers take one, and a connection to any of them.
func (c *cluster) replicated(t *testing.T, name string, replicas int) (stream jetstream.Stream, connection nats.Connection) {
	t.Helper()
	cfg := jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}, Replicas: replicas}
	conntest.Eventually(t, "the servers take a stream", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var err error
		stream, err = c.js.CreateOrUpdateStream(ctx, cfg)
		return err == nil
	})
	return stream, nats.Connection{Servers: c.addresses, User: "user", Password: "secret"}
}

// TestServerWiped: the only server of a stream comes back without its data. The others make the stream anew, with its name and time,
// and its sequences are used again: what was not read of them is not taken for read.
func TestServerWiped(t *testing.T) {
	c := startCluster(t)
	name := unique("single")
	stream, connection := c.replicated(t, name, 1)
	cfg := nats.SourceConfig{Connection: connection, Stream: name, Consumer: unique("consumer")}
	progress := &conntest.Progress{}
	c.send(t, name+".a", "1", "2", "3")
	r := read(t, cfg, progress)
	r.commit(progress, r.Is("1", "2", "3"))
	r.End()
	r = read(t, cfg, progress) // there is nothing to be told
	r.End()
	leader, _ := c.leader(t, name)
	c.peers[leader].Kill()
	if err := os.RemoveAll(filepath.Join(c.peers[leader].Dir, "js")); err != nil {
		t.Fatal(err)
	}
	c.peers[leader].Restart(t)
	for i, last := 1, uint64(0); last < 5; i++ {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if ack, err := c.js.Publish(ctx, name+".a", []byte("new "+strconv.Itoa(i))); err == nil {
			last = ack.Sequence
		}
		cancel()
	}
	now, err := c.js.Stream(conntest.Within(t), name)
	if err != nil || !now.CachedInfo().Created.Equal(stream.CachedInfo().Created) {
		t.Fatalf("the stream is another one: %v", err)
	}
	conntest.Eventually(t, "it is told", func() bool { // the consumer may not be led yet, and be asked in vain
		_, err = source(t, cfg).Open(conntest.Within(t), progress)
		return err == nil || errors.Is(err, connector.ErrGiveUp)
	})
	conntest.GivesUp(t, err, "at sequence 3, and has one of ")
}

// TestLeaderKilled: the server that leads a stream of three replicas is killed in the middle of writing, again and again. Each
// delta is there once and in order, and is read so meanwhile.
func TestLeaderKilled(t *testing.T) {
	c := startCluster(t)
	name := unique("replicated")
	stream, connection := c.replicated(t, name, members)
	to := &target{s: &c.server, stream: stream,
		cfg: nats.SinkConfig{Connection: connection, Stream: name, Subject: name + ".{shard}", Name: "main-" + name}}
	records := conntest.Records(0, 2000, 100, engine.Mark{})
	reads := nats.SourceConfig{Connection: connection, Stream: name, Subjects: []string{name + ".0"}, Consumer: unique("consumer")}
	var all sync.WaitGroup
	var bodies []string
	again := make(chan struct{}) // so that not all is written before the second round
	all.Go(func() {
		conntest.WriteAll(t, to.Sink(t), 0, records[:len(records)/2])
		<-again
		conntest.WriteAll(t, to.Sink(t), 0, records)
	})
	all.Go(func() { bodies, _ = conntest.ReadAll(t, source(t, reads), len(records)) })
	for round := range 2 {
		_, before := c.leader(t, name)
		if round == 1 {
			close(again)
		}
		leader, at := -1, uint64(0)
		conntest.Eventually(t, "some are there", func() bool { leader, at = c.led(t, name); return at > before+300 })
		c.peers[leader].Kill()
		conntest.Eventually(t, "another one leads", func() bool { now, _ := c.led(t, name); return now >= 0 && now != leader })
		c.peers[leader].Restart(t)
		t.Logf("round %d: server %d was killed at %d", round, leader+1, at)
	}
	all.Wait()
	conntest.Once(t, to.Read(t, 0), records)
	for i, body := range bodies {
		if body != string(records[i].Body) {
			t.Fatalf("message %d that was read is %q, want %q", i, body, records[i].Body)
		}
	}
}
