package connectors

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/internal/peer"
)

// natsPeer is a server, with a client of it.
type natsPeer struct {
	*peer.Peer
	jetstream.JetStream
}

// startNATS starts a server with the streams of the example.
func startNATS(t testing.TB) *natsPeer {
	t.Helper()
	p := &natsPeer{Peer: peer.Start(t, "nats", 1)}
	conn, err := nats.Connect("nats://"+p.Address(0), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	if p.JetStream, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []jetstream.StreamConfig{
		{Name: "CHANGES", Subjects: []string{"changes.>"}}, {Name: "DELTAS", Subjects: []string{"deltas.>"}, MaxMsgsPerSubject: 1000},
	} {
		if _, err := p.CreateStream(t.Context(), stream); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// example is the configuration of examples/nats, with this server and folders of the test.
func (p *natsPeer) example(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/nats/quadrille.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("127.0.0.1:4222", p.Address(0), "quickstart-data", filepath.Join(t.TempDir(), "data")).Replace(string(text)) +
		"node: {name: n1}\nhttp: {address: '127.0.0.1:0'}\nlog: {level: warn}\n"
}

// send sends a message, until the server says that it has it: what it has already it knows by its id.
func (p *natsPeer) send(ctx context.Context, t testing.TB, subject, id, text string) {
	t.Helper()
	for {
		short, cancel := context.WithTimeout(ctx, 5*time.Second)
		_, err := p.Publish(short, subject, []byte(text), jetstream.WithMsgID(id))
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// TestNATS is the quickstart: changes, deletions among them, go in by several subjects, while the node is ended and started again, the
// server is killed, and what is no patch comes between. The stream of deltas has at the end what the node has, each change once.
func TestNATS(t *testing.T) {
	const keys, rounds = 20, 30
	p := startNATS(t)
	text := p.example(t)
	n := runNode(t, text)
	ctx, cancel := context.WithTimeout(t.Context(), kafkaPatience)
	defer cancel()
	var want []string
	for round := range rounds {
		want = nil
		for key := range keys {
			body := ""
			if round > 0 {
				body = fmt.Sprintf("D <urn:k%d> <urn:p> \"%d\" .\n", key, round-1)
			}
			row := fmt.Sprintf("<urn:k%d> <urn:p> \"%d\" .", key, round)
			want = append(want, row)
			p.send(ctx, t, fmt.Sprintf("changes.k%d", key), fmt.Sprintf("%d.%d", key, round), body+"A "+row+"\n")
		}
		switch round {
		case 5:
			n.end()
			n = runNode(t, text)
		case 12:
			p.Kill()
			p.Restart(t)
		case 20:
			p.send(ctx, t, "changes.k7", "poison", "this is no patch")
		}
	}
	r := &replica{quads: map[string]bool{}}
	p.read(ctx, t, func(m jetstream.Msg) bool {
		if len(m.Headers()["claim"]) == 0 {
			r.apply(m.Subject(), m.Data())
		}
		return r.changes < keys*(2*rounds-1)
	})
	if r.wrong != nil {
		t.Error(r.wrong)
	}
	if got := sorted(slices.Collect(maps.Keys(r.quads))); !slices.Equal(got, sorted(want)) {
		t.Errorf("a reader of the deltas has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := n.quads(); !slices.Equal(got, want) {
		t.Errorf("the node has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if logs := n.logs.String(); !strings.Contains(logs, "dead letter") {
		t.Errorf("what is no patch is not told:\n%s", logs)
	}
}

// read hands over what is in the stream of deltas, from its start, until fn has had enough.
func (p *natsPeer) read(ctx context.Context, t testing.TB, fn func(jetstream.Msg) bool) {
	t.Helper()
	consumer, err := p.OrderedConsumer(ctx, "DELTAS", jetstream.OrderedConsumerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	messages, err := consumer.Messages()
	if err != nil {
		t.Fatal(err)
	}
	defer messages.Stop()
	for more := true; more; {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		more = fn(m)
	}
}
