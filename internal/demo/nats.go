package demo

import (
	"context"
	"fmt"
	"strings"

	natsclient "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// nats is a JetStream stream that is made for the demo, with one subject.
type nats struct {
	conn    *natsclient.Conn
	js      jetstream.JetStream
	servers []string
	stream  string
}

func newNATS(ctx context.Context, address, run string) (peer, error) {
	n := &nats{servers: strings.Split(address, ","), stream: "quadrille-" + run}
	var err error
	if n.conn, err = natsclient.Connect(address, natsclient.MaxReconnects(-1)); err != nil {
		return nil, err
	}
	if n.js, err = jetstream.New(n.conn); err == nil {
		_, err = n.js.CreateStream(ctx, jetstream.StreamConfig{Name: n.stream, Subjects: []string{n.stream}})
	}
	if err != nil {
		n.conn.Close()
		return nil, fmt.Errorf("make the stream %s: %w", n.stream, err)
	}
	return n, nil
}

func (n *nats) source() string {
	return fmt.Sprintf("{name: demo, type: nats, servers: ['%s'], stream: %s, tls: false}", strings.Join(n.servers, "', '"), n.stream)
}

// send waits for the answer, so that the requests of a sender stay in order.
func (n *nats) send(ctx context.Context, _ int, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := n.js.Publish(ctx, n.stream, body)
	return err
}

func (n *nats) once() bool { return true }

// close deletes the stream, and with it the consumer of the nodes.
func (n *nats) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	defer n.conn.Close()
	if err := n.js.DeleteStream(ctx, n.stream); err != nil {
		return fmt.Errorf("delete the stream %s: %w", n.stream, err)
	}
	return nil
}
