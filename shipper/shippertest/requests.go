package shippertest

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

	"github.com/quadrille-stream/quadrille/shipper/request"
)

// RequestCluster is a set of nodes that can ask each other.
type RequestCluster interface {
	// Requests returns the transport of a node, made on the first call, and not yet running. Nodes may share one.
	Requests(node string) request.Transport
	Runner
}

// Requests runs the suite of [request.Transport]; open returns a new cluster, of which what it needs is ended by t.Cleanup after
// Stop. The large answer has so many bytes, 100 MiB unless that would take too long.
func Requests(t *testing.T, open func(*testing.T) RequestCluster, large int) {
	s := requests{open, large}
	for _, test := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"Parts", s.parts},
		{"Large", s.large},
		{"SlowAsker", s.slow},
		{"AskerCancels", s.cancels},
		{"AskerFails", s.askerFails},
		{"AnswererFails", s.fails},
		{"IgnoredError", s.ignored},
		{"Bounds", s.bounds},
		{"Withdrawn", s.withdrawn},
		{"Concurrent", s.concurrent},
		{"Busy", s.busy},
		{"Oneself", s.oneself},
		{"NoRoute", s.noRoute},
		{"EndedContext", s.endedContext},
		{"Lent", s.lent},
		{"Stopped", s.stopped},
	} {
		t.Run(test.name, test.run)
	}
}

type requests struct {
	open       func(*testing.T) RequestCluster
	largeBytes int
}

// cluster runs two nodes until the test ends, of which "b" answers with handler.
func (s requests) cluster(t *testing.T, handler request.Handler, atOnce int) (a, b request.Transport) {
	t.Helper()
	c := s.open(t)
	a, b = c.Requests("a"), c.Requests("b")
	if err := b.Answer("b", handler, atOnce); err != nil {
		t.Fatal(err)
	}
	start(t, c)
	return a, b
}

// Collect asks, and returns copies of the parts of the answer. It gives up after the suite's time.
func Collect(ctx context.Context, tr request.Transport, node, content string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var parts []string
	err := tr.Ask(ctx, node, []byte(content), func(part []byte) error {
		parts = append(parts, string(part))
		return nil
	})
	return parts, err
}

// wait fails unless c is closed, or has a value, in time.
func wait[T any](t *testing.T, c <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(timeout):
		t.Fatalf("after %v: not %s", timeout, what)
	}
	return v
}

func wantCode(t *testing.T, err error, code request.Code) {
	t.Helper()
	if request.CodeOf(err) != code {
		t.Errorf("error %v, want one of code %q", err, code)
	}
}

// parts come in order and whole, whatever their length.
func (s requests) parts(t *testing.T) {
	a, _ := s.cluster(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		for _, word := range strings.SplitAfter(string(in), " ") {
			if err := send([]byte(word)); err != nil {
				return err
			}
		}
		return nil
	}, 0)
	long := strings.Repeat("0123456789abcdef", request.MaxPart/16-1)
	for _, content := range []string{"", "one", "a b  c ", long + " x " + long} {
		got, err := Collect(t.Context(), a, "b", content)
		want := strings.SplitAfter(content, " ")
		if err != nil || strings.Join(got, "|") != strings.Join(want, "|") || len(got) != len(want) {
			t.Errorf("answer to %d bytes: %d parts, want %d; %v", len(content), len(got), len(want), err)
		}
	}
	if got, err := Collect(t.Context(), a, "b", "none"); err != nil || len(got) != 1 {
		t.Errorf("%q, %v", got, err)
	}
}

// most is how many bytes an answerer may be ahead of its asker: a window, the part that is being sent, and the one that is being put
// together.
const most = 1<<20 + 2*request.MaxPart

// pouring answers with so many bytes, in parts of several lengths, each of which begins with its place, and counts what was sent.
func pouring(total int, sent *atomic.Int64) request.Handler {
	return func(_ context.Context, _ []byte, send func([]byte) error) error {
		buf := make([]byte, request.MaxPart)
		for n, i := 0, 0; n < total; i++ {
			part := buf[:min(request.MaxPart>>(i%5), total-n)]
			binary.BigEndian.PutUint64(part, uint64(n))
			n += len(part)
			sent.Add(int64(len(part)))
			if err := send(part); err != nil {
				return err
			}
		}
		return nil
	}
}

// poured takes the parts of pouring: n is how much has come, and the answerer must not be far ahead of it.
func poured(part []byte, n, sent *atomic.Int64) error {
	before := n.Load()
	if len(part) < 8 || binary.BigEndian.Uint64(part) != uint64(before) {
		return fmt.Errorf("a part of %d bytes after %d is another", len(part), before)
	}
	if ahead := sent.Load() - n.Add(int64(len(part))); ahead > most {
		return fmt.Errorf("%d bytes were sent beyond the %d that have come, at most %d may be", ahead, n.Load(), most)
	}
	return nil
}

// large: much arrives as it was sent, and the answerer is never far ahead.
func (s requests) large(t *testing.T) {
	total := s.largeBytes
	var sent, n atomic.Int64
	a, _ := s.cluster(t, pouring(total, &sent), 0)
	err := a.Ask(t.Context(), "b", nil, func(part []byte) error { return poured(part, &n, &sent) })
	if err != nil || n.Load() != int64(total) {
		t.Errorf("%d bytes of %d; %v", n.Load(), total, err)
	}
}

// slow: who answers waits for an asker that takes nothing.
func (s requests) slow(t *testing.T) {
	const total = 8 << 20
	var sent, n atomic.Int64
	a, _ := s.cluster(t, pouring(total, &sent), 0)
	err := a.Ask(t.Context(), "b", nil, func(part []byte) error {
		if n.Load() == 0 {
			rest(&sent)
		}
		return poured(part, &n, &sent)
	})
	if err != nil || n.Load() != int64(total) {
		t.Errorf("%d bytes of %d; %v", n.Load(), total, err)
	}
}

// rest returns when a count has stayed as it is for ten looks. Who relies on it finds the more, the longer it takes.
func rest(count *atomic.Int64) {
	for last, same := int64(-1), 0; same < 10; same++ {
		<-time.After(5 * time.Millisecond)
		if now := count.Load(); now != last {
			last, same = now, 0
		}
	}
}

// cancels: the handler's context ends with the asker's, whether it computes or sends.
func (s requests) cancels(t *testing.T) {
	entered, ended := make(chan struct{}, 1), make(chan error, 1)
	a, _ := s.cluster(t, func(ctx context.Context, in []byte, send func([]byte) error) (err error) {
		entered <- struct{}{}
		if string(in) == "send" {
			for err == nil {
				err = send(make([]byte, 1000))
			}
		}
		<-ctx.Done()
		ended <- err
		return err
	}, 0)
	for _, how := range []string{"compute", "send"} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-entered
			cancel()
		}()
		err := a.Ask(ctx, "b", []byte(how), func([]byte) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Ask: %v, want that it was canceled", how, err)
		}
		if err := wait(t, ended, "heard by who answers"); how == "send" && err == nil {
			t.Error("send gives no error")
		}
	}
}

// askerFails: an error of the function that takes the parts ends the request, and is returned as it is.
func (s requests) askerFails(t *testing.T) {
	ended := make(chan struct{}, 1)
	a, _ := s.cluster(t, func(ctx context.Context, _ []byte, send func([]byte) error) error {
		for send([]byte("part")) == nil {
		}
		<-ctx.Done()
		ended <- struct{}{}
		return nil
	}, 0)
	enough, calls := errors.New("enough"), 0
	err := a.Ask(t.Context(), "b", nil, func([]byte) error {
		if calls++; calls == 3 {
			return enough
		}
		return nil
	})
	if err != enough || calls != 3 {
		t.Errorf("after %d calls: %v", calls, err)
	}
	wait(t, ended, "heard by who answers")
}

// fails: an error of the handler comes with its text and kind, after the parts before it.
func (s requests) fails(t *testing.T) {
	errs := map[string]error{
		"plain": errors.New("no such thing"),
		"kind":  fmt.Errorf("shard 3: %w", &request.Error{Kind: "version", Text: "another version"}),
		"long":  &request.Error{Kind: strings.Repeat("k", 1000), Text: strings.Repeat("é", request.MaxText)},
		"ctx":   context.Canceled, // of the handler's own
	}
	a, _ := s.cluster(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		for range 2 {
			if err := send(in); err != nil {
				return err
			}
		}
		return errs[string(in)]
	}, 0)
	for name, want := range errs {
		parts, err := Collect(t.Context(), a, "b", name)
		got, ok := errors.AsType[*request.Error](err)
		if !ok || got.Code != request.Failed || got.Node != "b" || len(parts) != 2 {
			t.Errorf("%s: %d parts, %v", name, len(parts), err)
			continue
		}
		if most := request.MaxText; !strings.HasPrefix(want.Error(), got.Text) || len(got.Text) < min(len(want.Error()), most)-1 || len(got.Text) > most {
			t.Errorf("%s: text %.80q", name, got.Text)
		}
		if kind := request.KindOf(want); !strings.HasPrefix(kind, got.Kind) || len(got.Kind) != min(len(kind), request.MaxKind) {
			t.Errorf("%s: kind %q", name, got.Kind)
		}
	}
}

// ignored: an answer of which a part could not be sent is not whole, whatever its handler says.
func (s requests) ignored(t *testing.T) {
	a, _ := s.cluster(t, func(_ context.Context, _ []byte, send func([]byte) error) error {
		if err := send(make([]byte, request.MaxPart+1)); err == nil {
			return errors.New("sent")
		}
		if err := send([]byte("more")); err == nil {
			return errors.New("the error does not stay")
		}
		return nil
	}, 0)
	parts, err := Collect(t.Context(), a, "b", "")
	wantCode(t, err, request.Failed)
	if len(parts) > 0 || err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("%d parts, %v", len(parts), err)
	}
}

// bounds: the largest request and part are carried, and larger requests are refused.
func (s requests) bounds(t *testing.T) {
	a, b := s.cluster(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		return errors.Join(send(in[:request.MaxPart]), send(in[request.MaxPart:]))
	}, 0)
	largest := strings.Repeat("x", request.MaxPart) + strings.Repeat("y", request.MaxRequest-request.MaxPart)
	for name, tr := range map[string]request.Transport{"another": a, "itself": b} {
		parts, err := Collect(t.Context(), tr, "b", largest)
		if err != nil || strings.Join(parts, "") != largest || len(parts) != 2 {
			t.Errorf("%s: %d parts, %v", name, len(parts), err)
		}
		_, err = Collect(t.Context(), tr, "b", largest+"z")
		wantCode(t, err, request.TooLarge)
	}
}

// withdrawn: a node that ends in the middle is an error at once; it has ended when all calls of its handler have.
func (s requests) withdrawn(t *testing.T) {
	began := make(chan struct{}, 2)
	var calls atomic.Int32
	a, b := s.cluster(t, func(ctx context.Context, in []byte, send func([]byte) error) error {
		calls.Add(1)
		defer calls.Add(-1)
		err := send([]byte("part"))
		if string(in) == "flood" {
			for err == nil {
				err = send(make([]byte, 1000))
			}
		}
		<-ctx.Done()
		return nil
	}, 0)
	results := make(chan error, 2)
	for _, how := range []string{"wait", "flood"} {
		go func() {
			var once sync.Once
			results <- a.Ask(context.Background(), "b", []byte(how), func([]byte) error {
				once.Do(func() { began <- struct{}{} })
				return nil
			})
		}()
		wait(t, began, "begun")
	}
	b.Withdraw("b")
	if n := calls.Load(); n != 0 {
		t.Errorf("%d calls after Withdraw", n)
	}
	for range 2 {
		wantCode(t, wait(t, results, "an end"), request.Lost)
	}
	b.Withdraw("b")
	_, err := Collect(t.Context(), a, "b", "")
	wantCode(t, err, request.NoRoute)
	if err := b.Answer("b", echo, 0); err != nil {
		t.Fatal(err)
	}
	if parts, err := Collect(t.Context(), a, "b", "again"); err != nil || len(parts) != 1 {
		t.Errorf("after a new Answer: %q, %v", parts, err)
	}
}

func echo(_ context.Context, in []byte, send func([]byte) error) error { return send(in) }

// concurrent: many requests at once, of several lengths, don't get in each other's way.
func (s requests) concurrent(t *testing.T) {
	a, _ := s.cluster(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		for i := range 20 {
			if err := send(bytes.Repeat(in, 1+i*i*4)); err != nil {
				return err
			}
		}
		return nil
	}, request.DefaultAtOnce)
	var wg sync.WaitGroup
	for i := range request.DefaultAtOnce {
		wg.Go(func() {
			for round := range 3 {
				in := fmt.Sprintf("%3d %d ", i, round)
				parts, err := Collect(t.Context(), a, "b", in)
				if err != nil || len(parts) != 20 {
					t.Errorf("request %q: %d parts, %v", in, len(parts), err)
					return
				}
				for k, part := range parts {
					if part != strings.Repeat(in, 1+k*k*4) {
						t.Errorf("request %q: part %d is another", in, k)
					}
				}
			}
		})
	}
	wg.Wait()
}

// busy: one more than a node answers at a time is refused, and taken when there is room again.
func (s requests) busy(t *testing.T) {
	entered, gate := make(chan struct{}, 2), make(chan struct{})
	a, _ := s.cluster(t, func(ctx context.Context, in []byte, send func([]byte) error) error {
		entered <- struct{}{}
		select {
		case <-gate:
			return send(in)
		case <-ctx.Done():
			return ctx.Err()
		}
	}, 2)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if parts, err := Collect(t.Context(), a, "b", "in time"); err != nil || len(parts) != 1 {
				t.Errorf("%q, %v", parts, err)
			}
		})
		wait(t, entered, "entered")
	}
	_, err := Collect(t.Context(), a, "b", "one more")
	wantCode(t, err, request.Busy)
	close(gate)
	wg.Wait()
	for deadline := time.Now().Add(timeout); ; {
		_, err := Collect(t.Context(), a, "b", "later")
		if err == nil || request.CodeOf(err) != request.Busy || time.Now().After(deadline) {
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

// oneself: a node asks itself as it asks another.
func (s requests) oneself(t *testing.T) {
	_, b := s.cluster(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		return errors.Join(send(in), send(in), &request.Error{Kind: "k", Text: "text"})
	}, 0)
	parts, err := Collect(t.Context(), b, "b", "x")
	wantCode(t, err, request.Failed)
	if len(parts) != 2 || request.KindOf(err) != "k" {
		t.Errorf("%q, %v", parts, err)
	}
}

func (s requests) noRoute(t *testing.T) {
	a, _ := s.cluster(t, echo, 0)
	_, err := Collect(t.Context(), a, "nobody", "x")
	wantCode(t, err, request.NoRoute)
}

func (s requests) endedContext(t *testing.T) {
	_, b := s.cluster(t, echo, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Collect(ctx, b, "b", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Ask with an ended context: %v", err)
	}
}

// lent: who sends a part or a request may use its bytes again.
func (s requests) lent(t *testing.T) {
	a, _ := s.cluster(t, func(_ context.Context, in []byte, send func([]byte) error) error {
		part := bytes.Clone(in)
		for i := range 100 {
			part[0] = byte(i)
			if err := send(part); err != nil {
				return err
			}
		}
		return nil
	}, 0)
	i := 0
	err := a.Ask(t.Context(), "b", []byte("x"), func(part []byte) error {
		if len(part) != 1 || part[0] != byte(i) {
			t.Errorf("part %d is %v", i, part)
		}
		i++
		return nil
	})
	if err != nil || i != 100 {
		t.Errorf("%d parts, %v", i, err)
	}
}

// stopped: a node has one handler; a transport that has ended takes no more, and ends what is under way.
func (s requests) stopped(t *testing.T) {
	c := s.open(t)
	a, b := c.Requests("a"), c.Requests("b")
	entered := make(chan struct{}, 1)
	handler := func(ctx context.Context, _ []byte, _ func([]byte) error) error {
		entered <- struct{}{}
		<-ctx.Done()
		return nil
	}
	if err := b.Answer("b", handler, 0); err != nil {
		t.Fatal(err)
	}
	wantCode(t, b.Answer("b", handler, 0), request.Taken)
	c.Start()
	result := make(chan error, 1)
	go func() {
		_, err := Collect(context.Background(), a, "b", "")
		result <- err
	}()
	wait(t, entered, "entered")
	if err := c.Stop(); err != nil {
		t.Errorf("Run: %v", err)
	}
	wantCode(t, wait(t, result, "an end"), request.Lost)
	for _, tr := range []request.Transport{a, b} {
		_, err := Collect(t.Context(), tr, "b", "")
		wantCode(t, err, request.Stopped)
	}
	wantCode(t, b.Answer("c", handler, 0), request.Stopped)
}
