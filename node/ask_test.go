package node_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/shipper/request"
)

// ask returns the parts of an answer.
func ask(ctx context.Context, n *node.Node, name, content string) (parts []string, err error) {
	err = n.Ask(ctx, name, []byte(content), func(part []byte) error {
		parts = append(parts, string(part))
		return nil
	})
	return parts, err
}

// TestAsk: any node asks any member, itself too; one that has ended answers no more, and the next process of its name does.
func TestAsk(t *testing.T) {
	c := newCluster(t, 1, calm)
	nodes, stops := map[string]*node.Node{}, map[string]func(){}
	start := func(name string) {
		cfg := c.config(name).Config
		cfg.Logic = node.KeepAll
		cfg.Answer = func(_ context.Context, in []byte, send func([]byte) error) error {
			return errors.Join(send([]byte(name)), send(in))
		}
		n, err := node.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }()
		nodes[name] = n
		stops[name] = sync.OnceFunc(func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
		t.Cleanup(stops[name])
		<-n.Entered()
	}
	names := []string{"a", "b"}
	for _, name := range names {
		start(name)
	}
	from := func(asks, answers string) error {
		parts, err := ask(t.Context(), nodes[asks], answers, "a request")
		if err == nil && (len(parts) != 2 || parts[0] != answers || parts[1] != "a request") {
			err = fmt.Errorf("%q", parts)
		}
		return err
	}
	for _, asks := range names {
		for _, answers := range names {
			if err := from(asks, answers); err != nil {
				t.Errorf("%s asks %s: %v", asks, answers, err)
			}
		}
	}
	if err := from("a", "c"); request.CodeOf(err) != request.NoRoute {
		t.Errorf("asks nobody: %v", err)
	}
	stops["b"]()
	if err := from("a", "b"); request.CodeOf(err) != request.NoRoute {
		t.Errorf("asks one that has ended: %v", err)
	}
	start("b")
	eventually(t, "the next process answers", func() bool { return from("a", "b") == nil })
}

// TestAskWithoutANetwork: a node that is given nothing to carry requests can be asked by itself; one that answers nothing says so.
func TestAskWithoutANetwork(t *testing.T) {
	entered := make(chan struct{})
	for _, answers := range []bool{true, false} {
		transport := shipper.NewInProcess(1)
		cfg := node.Config{Name: "n1", Logic: node.KeepAll, Shards: 1, Engine: memory.New(1), Transport: transport, Logger: discard}
		ended := make(chan error, 1)
		if answers {
			cfg.AnswerAtOnce = 1
			cfg.Answer = func(ctx context.Context, in []byte, send func([]byte) error) error {
				if string(in) != "wait" {
					return send(in)
				}
				close(entered)
				<-ctx.Done()
				ended <- ctx.Err()
				return nil
			}
		}
		n, err := node.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		<-n.Entered()
		parts, err := ask(t.Context(), n, "n1", "x")
		if !answers {
			if request.CodeOf(err) != request.NoRoute {
				t.Errorf("asks a node that answers nothing: %v", err)
			}
		} else if err != nil || len(parts) != 1 {
			t.Errorf("%q, %v", parts, err)
		} else {
			endsWhileAsked(t, n, entered, stop)
			if err := <-ended; err == nil {
				t.Error("the handler's context has not ended")
			}
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// endsWhileAsked stops a node while it is asked for what takes for ever, and expects that the request is lost.
func endsWhileAsked(t *testing.T, n *node.Node, entered <-chan struct{}, stop func()) {
	t.Helper()
	lost := make(chan error, 1)
	go func() {
		_, err := ask(t.Context(), n, "n1", "wait")
		lost <- err
	}()
	<-entered
	if _, err := ask(t.Context(), n, "n1", "one more"); request.CodeOf(err) != request.Busy {
		t.Errorf("one more than it answers at once: %v", err)
	}
	stop()
	if err := <-lost; request.CodeOf(err) != request.Lost {
		t.Errorf("the node ended: %v", err)
	}
}
