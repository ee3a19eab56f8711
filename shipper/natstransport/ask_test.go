package natstransport_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/shipper/internal/exchange"
	"github.com/quadrille-stream/quadrille/shipper/natstransport"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/shipper/shippertest"
)

// soon is a silence that a test can wait for.
const soon = 300 * time.Millisecond

func echo(_ context.Context, in []byte, send func([]byte) error) error { return send(in) }

// waiting is a handler that sends one part, says that it was entered, and waits for its context's end, which it says, too.
type waiting struct{ entered, ended chan struct{} }

func newWaiting() waiting { return waiting{make(chan struct{}, 4), make(chan struct{}, 4)} }

func (w waiting) answer(ctx context.Context, in []byte, send func([]byte) error) error {
	err := send(in)
	w.entered <- struct{}{}
	<-ctx.Done()
	w.ended <- struct{}{}
	return err
}

// asks runs a cluster in which "b" answers.
func asks(t *testing.T, handler request.Handler, opts ...natstransport.Option) (c *cluster, a, b *natstransport.Transport) {
	t.Helper()
	c = newCluster(t, opts...)
	a, b = c.node("a"), c.node("b")
	answer(t, b, handler)
	c.Start()
	t.Cleanup(func() { _ = c.Stop() })
	return c, a, b
}

func answer(t *testing.T, tr *natstransport.Transport, handler request.Handler) {
	t.Helper()
	if err := tr.Answer("b", handler, 0); err != nil {
		t.Fatal(err)
	}
}

// asking asks in the background.
func asking(tr *natstransport.Transport, content string) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := shippertest.Collect(context.Background(), tr, "b", content)
		done <- err
	}()
	return done
}

func wantCode(t *testing.T, err error, code request.Code) {
	t.Helper()
	if request.CodeOf(err) != code {
		t.Errorf("error %v, want one of code %q", err, code)
	}
}

func await1(t *testing.T, c <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("not %s", what)
	}
}

// askSubject is where requests to "b" go.
func (c *cluster) askSubject() string {
	return strings.TrimSuffix(natstransport.Subject(c.pipeline, "b"), "in") + "ask"
}

// TestSilentNode: one that listens and says nothing is given up.
func TestSilentNode(t *testing.T) {
	c := newCluster(t, natstransport.WithSilence(soon))
	a := c.node("a")
	c.Start()
	defer c.Stop()
	nc := connect(t, server.ClientURL())
	sub, err := nc.SubscribeSync(c.askSubject())
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	_, err = shippertest.Collect(t.Context(), a, "b", "x")
	wantCode(t, err, request.Lost)
	var last exchange.Frame // it has heard signs of life until then
	for n := 0; last.Kind != exchange.Cancel; n++ {
		msg, err := sub.NextMsg(patience)
		if err != nil {
			t.Fatalf("after %d messages: %v", n, err)
		}
		if last, err = exchange.Decode(msg.Data); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLongComputing: a handler that says nothing for longer than a node may be silent is waited for.
func TestLongComputing(t *testing.T) {
	var b *natstransport.Transport
	began := make(chan struct{})
	_, a, b := asks(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		close(began)
		// The request, and a sign of life of the asker each quarter of the time.
		await(t, b, "it gives signs of life", func(s natstransport.Stats) bool { return s.Received > 6 })
		return send(in)
	}, natstransport.WithSilence(4*soon))
	parts, err := shippertest.Collect(t.Context(), a, "b", "x")
	<-began
	if err != nil || len(parts) != 1 {
		t.Errorf("%q, %v", parts, err)
	}
}

// TestAnswererLosesItsConnection: the asker hears that nobody is there any more, and the handler's context ends.
func TestAnswererLosesItsConnection(t *testing.T) {
	w := newWaiting()
	c, a, _ := asks(t, w.answer, natstransport.WithSilence(soon))
	done := asking(a, "x")
	await1(t, w.entered, "entered")
	c.conns["b"].Close()
	wantCode(t, <-done, request.Lost)
	await1(t, w.ended, "ended")
	_, err := shippertest.Collect(t.Context(), a, "b", "x")
	for end := time.Now().Add(patience); request.CodeOf(err) == request.Lost && time.Now().Before(end); { // the server hears of it a bit later
		_, err = shippertest.Collect(t.Context(), a, "b", "x")
	}
	wantCode(t, err, request.NoRoute)
}

// TestAskerLosesItsConnection: the answerer gives up who gives no signs of life.
func TestAskerLosesItsConnection(t *testing.T) {
	w := newWaiting()
	c, a, _ := asks(t, w.answer, natstransport.WithSilence(soon))
	done := asking(a, "x")
	await1(t, w.entered, "entered")
	c.conns["a"].Close()
	wantCode(t, <-done, request.Lost)
	await1(t, w.ended, "ended")
	_, err := shippertest.Collect(t.Context(), a, "b", "x")
	wantCode(t, err, request.Stopped)
}

// flood answers without end, each part with its number, until it can't, and says when it has begun.
func flood(began chan struct{}) request.Handler {
	var once sync.Once
	return func(_ context.Context, _ []byte, send func([]byte) error) error {
		part := make([]byte, 100_000)
		for i := uint64(0); ; i++ {
			if binary.BigEndian.PutUint64(part, i); i == 50 {
				once.Do(func() { close(began) })
			}
			if err := send(part); err != nil {
				return err
			}
		}
	}
}

// TestServerGoesInTheMiddle: what is lost with a server is an error, before that each part was right, and when the server is back
// requests are carried again.
func TestServerGoesInTheMiddle(t *testing.T) {
	cfg := restartable(t)
	s, err := jetstream.StartServer(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { s.Shutdown() }()
	a, b := pairOver(t, connect(t, s.ClientURL()), connect(t, s.ClientURL()), new(shippertest.Recorder),
		natstransport.WithSilence(4*soon))
	run(t, a)
	began := make(chan struct{})
	answer(t, b, flood(began))
	broken := make(chan error, 1)
	go func() {
		next := uint64(0)
		broken <- a.Ask(context.Background(), "b", nil, func(part []byte) error {
			if n := binary.BigEndian.Uint64(part); n != next {
				return fmt.Errorf("part %d after %d parts", n, next)
			}
			next++
			return nil
		})
	}()
	await1(t, began, "begun")
	s.Shutdown()
	wantCode(t, <-broken, request.Lost)
	_, err = shippertest.Collect(t.Context(), a, "b", "x")
	wantCode(t, err, request.Lost)
	if s, err = jetstream.StartServer(t.Context(), cfg, nil); err != nil {
		t.Fatal(err)
	}
	b.Withdraw("b")
	answer(t, b, echo)
	for deadline := time.Now().Add(patience); ; {
		parts, err := shippertest.Collect(t.Context(), a, "b", "x")
		if err == nil && len(parts) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q, %v", parts, err)
		}
	}
}

// run runs a transport until the test ends.
func run(t *testing.T, tr *natstransport.Transport) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- tr.Run(ctx) }()
	t.Cleanup(func() { stop(); <-done })
}

// TestHostileMessages: what is no frame, or not one that was to come, is counted, and harms nobody.
func TestHostileMessages(t *testing.T) {
	w := newWaiting()
	c, a, b := asks(t, func(ctx context.Context, in []byte, send func([]byte) error) error {
		if string(in) == "wait" {
			return w.answer(ctx, in, send)
		}
		return send(in)
	})
	done := asking(a, "wait")
	await1(t, w.entered, "entered")
	nc := connect(t, server.ClientURL())
	inbox := nc.NewInbox() + ".1"
	answers, err := nc.SubscribeSync(strings.TrimSuffix(inbox, "1") + "a")
	if err != nil {
		t.Fatal(err)
	}
	ask := exchange.Frame{Kind: exchange.Ask, Asker: 1, Request: 1, Bytes: exchange.MinWindow}
	narrow, wide := ask, ask
	narrow.Bytes, wide.Bytes = 1, 1<<60
	none := exchange.Frame{Kind: exchange.Cancel, Asker: 1, Request: 99}
	messages := [][]byte{nil, []byte("garbage"), bytes.Repeat([]byte{'a'}, 100_000), narrow.Append(nil), wide.Append(nil)}
	for _, m := range messages {
		publish(t, nc, c.askSubject(), inbox, m)
	}
	publish(t, nc, c.askSubject(), "", ask.Append(nil)) // nobody to answer to
	publish(t, nc, c.askSubject(), inbox, none.Append(nil))
	await(t, b, "they are counted", func(s natstransport.Stats) bool { return s.Malformed == uint64(len(messages))+1 })
	// Who goes on with a request that is not known hears so.
	for i, answerer := range []uint64{1, 0} { // the first asks another
		unknown := exchange.Frame{Kind: exchange.Credit, Asker: 1, Request: uint64(10 + i), Answerer: answerer}
		publish(t, nc, c.askSubject(), inbox, unknown.Append(nil))
	}
	msg, err := answers.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	if f, err := exchange.Decode(msg.Data); err != nil || f.Kind != exchange.Fail || f.Code != request.Lost || f.Request != 11 {
		t.Errorf("%+v, %v", f, err)
	}
	// One that has begun, and comes twice, is answered once.
	for range 2 {
		publish(t, nc, c.askSubject(), inbox, (&exchange.Frame{Kind: exchange.Ask, Asker: 1, Request: 2, Bytes: exchange.MinWindow,
			Content: []byte("wait")}).Append(nil))
	}
	await1(t, w.entered, "entered")
	if parts, err := shippertest.Collect(t.Context(), a, "b", "x"); err != nil || len(parts) != 1 {
		t.Errorf("%q, %v", parts, err)
	}
	if len(w.entered) > 0 {
		t.Error("one request is answered twice")
	}
	b.Withdraw("b")
	wantCode(t, <-done, request.Lost)
}

func publish(t *testing.T, nc *nats.Conn, subject, reply string, data []byte) {
	t.Helper()
	if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}); err != nil {
		t.Fatal(err)
	}
}

// TestHostileAnswers: an answer that does not fit to its request is an error, and one to nobody nothing.
func TestHostileAnswers(t *testing.T) {
	c := newCluster(t)
	a := c.node("a")
	c.Start()
	defer c.Stop()
	nc := connect(t, server.ClientURL())
	sub, err := nc.Subscribe(c.askSubject(), func(msg *nats.Msg) {
		f, err := exchange.Decode(msg.Data)
		if err != nil || f.Kind != exchange.Ask {
			return
		}
		of := func(g exchange.Frame) {
			g.Asker, g.Request, g.Answerer = f.Asker, f.Request, 9
			_ = nc.Publish(msg.Reply, g.Append(nil))
		}
		_ = nc.Publish(msg.Reply, []byte("garbage"))
		_ = nc.Publish(msg.Reply, (&exchange.Frame{Kind: exchange.End, Asker: f.Asker + 1, Request: f.Request}).Append(nil))
		_ = nc.Publish(msg.Reply, (&exchange.Frame{Kind: exchange.End, Asker: f.Asker, Request: f.Request + 1000}).Append(nil))
		switch string(f.Content) {
		case "short":
			of(exchange.Frame{Kind: exchange.Part, Content: []byte("part")})
			of(exchange.Frame{Kind: exchange.End, Number: 2})
		case "skips":
			of(exchange.Frame{Kind: exchange.Part, Number: 1, Content: []byte("part")})
		case "floods":
			for i := range uint64(20) {
				of(exchange.Frame{Kind: exchange.Part, Number: i, Content: make([]byte, 100_000)})
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, how := range []string{"short", "skips"} {
		_, err := shippertest.Collect(t.Context(), a, "b", how)
		wantCode(t, err, request.Lost)
	}
	err = a.Ask(t.Context(), "b", []byte("floods"), func([]byte) error {
		await(t, a, "all has come", func(s natstransport.Stats) bool { return s.Received >= 2*5+20 })
		return nil
	})
	wantCode(t, err, request.Lost)
	if s := a.Stats(); s.Malformed != 6 {
		t.Errorf("%+v", s)
	}
}

// TestRequestsOverSmallServers: parts get through servers that take little, requests that are larger are refused.
func TestRequestsOverSmallServers(t *testing.T) {
	a, b := pair(t, small(t, 4<<10), new(shippertest.Recorder))
	run(t, a)
	answer(t, b, func(_ context.Context, in []byte, send func([]byte) error) error {
		return errors.Join(send(bytes.Repeat(in, request.MaxPart/len(in))), send(in))
	})
	content := strings.Repeat("0123456789abcdef", 200)
	parts, err := shippertest.Collect(t.Context(), a, "b", content)
	if err != nil || len(parts) != 2 || parts[0] != strings.Repeat(content, request.MaxPart/len(content)) {
		t.Errorf("%d parts, %v", len(parts), err)
	}
	_, err = shippertest.Collect(t.Context(), a, "b", content+content)
	if wantCode(t, err, request.TooLarge); err != nil && !strings.Contains(err.Error(), "max_payload") {
		t.Error(err)
	}
}

// TestPipelinesStayApart: a node of another pipeline is nobody.
func TestPipelinesStayApart(t *testing.T) {
	asks(t, echo)
	other := newCluster(t)
	a := other.node("a")
	other.Start()
	defer other.Stop()
	_, err := shippertest.Collect(t.Context(), a, "b", "x")
	wantCode(t, err, request.NoRoute)
}

// TestTwoProcessesOfOneName: one of them answers, and the other is left soon.
func TestTwoProcessesOfOneName(t *testing.T) {
	c, a, _ := asks(t, flood(make(chan struct{})), natstransport.WithSilence(10*soon))
	second, err := natstransport.New(connect(t, server.ClientURL()), c.pipeline, c.opts...)
	if err != nil {
		t.Fatal(err)
	}
	answer(t, second, flood(make(chan struct{})))
	run(t, second)
	enough, n := errors.New("enough"), uint64(0)
	err = a.Ask(t.Context(), "b", nil, func(part []byte) error {
		if got := binary.BigEndian.Uint64(part); got != n {
			return fmt.Errorf("part %d after %d", got, n)
		}
		if n++; n == 100 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

// TestAskWithoutRun: who asks waits for Run, for a while.
func TestAskWithoutRun(t *testing.T) {
	c := newCluster(t, natstransport.WithSilence(soon))
	_, err := shippertest.Collect(t.Context(), c.node("a"), "b", "x")
	wantCode(t, err, request.Stopped)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := shippertest.Collect(ctx, c.node("a"), "b", "x"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestAsksWhileTakingAnswers: who takes a part of an answer may ask for what it needs to go on, with however many it does that at once.
func TestAsksWhileTakingAnswers(t *testing.T) {
	_, a, b := asks(t, echo)
	b.Withdraw("b")
	if err := b.Answer("b", echo, 1000); err != nil {
		t.Fatal(err)
	}
	const many = 300
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	var taking atomic.Int64
	everybody := make(chan struct{})
	for i := range many {
		all.Go(func() {
			err := a.Ask(ctx, "b", []byte("outer"), func([]byte) error {
				if taking.Add(1) == many {
					close(everybody)
				}
				select {
				case <-everybody:
				case <-ctx.Done():
				}
				content := fmt.Sprint("request ", i)
				parts, err := shippertest.Collect(ctx, a, "b", content)
				if err == nil && (len(parts) != 1 || parts[0] != content) {
					err = fmt.Errorf("%q", parts)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestNoMoreAsks: more than may be under way are refused, and not kept waiting; those that end make room, also those that never began.
func TestNoMoreAsks(t *testing.T) {
	_, a, b := asks(t, echo)
	b.Withdraw("b")
	if err := b.Answer("b", func(ctx context.Context, in []byte, send func([]byte) error) error {
		if string(in) == "x" {
			return send(in)
		}
		<-ctx.Done()
		return ctx.Err()
	}, 2*natstransport.MaxAsks); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for range 8 * natstransport.MaxAsks {
		if _, err := shippertest.Collect(ended, a, "b", "x"); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	busy := make(chan struct{}, 1)
	for range natstransport.MaxAsks + 1 {
		all.Go(func() {
			if _, err := shippertest.Collect(ctx, a, "b", "wait"); request.CodeOf(err) == request.Busy {
				busy <- struct{}{}
			} else if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	await1(t, busy, "refused")
	cancel()
	all.Wait()
	if parts, err := shippertest.Collect(t.Context(), a, "b", "x"); err != nil || len(parts) != 1 {
		t.Errorf("%q, %v", parts, err)
	}
}
