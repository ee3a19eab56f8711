package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
)

// wire is a network inside a bubble, whose time stands still while anybody works.
type wire struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire"} }

func (w *wire) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case w.conns <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs the test with a client whose requests, to whatever host, the function answers.
func inBubble(t *testing.T, answer http.HandlerFunc, test func(*testing.T, *client.Client)) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{conns: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: asAsked(answer)}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(w) }()
		c := client.New("", func(t *http.Transport) { t.DialContext, t.Proxy = w.dial, nil })
		test(t, c)
		c.Close()
		_ = server.Close()
		<-ended
	})
}

// pass waits until that much of the bubble's time has passed, or the request has ended.
func pass(r *http.Request, d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.Context().Done():
	}
}

func flush(w http.ResponseWriter, text string) {
	_, _ = io.WriteString(w, text)
	w.(http.Flusher).Flush()
}

// follow follows the changes and returns how many came, how long it took, and the error.
func follow(ctx context.Context, c *client.Client, fn func() error) (heard int, took time.Duration, err error) {
	begin := time.Now()
	err = c.Changes(ctx, "http://n1", url.Values{}, client.Reader{Change: func(client.Change, client.Cursor) error {
		heard++
		return fn()
	}})
	return heard, time.Since(begin), err
}

func nothing() error { return nil }

func TestSilentStream(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		flush(w, "id: 1:1\ndata: {\"shard\":1}\n\n")
		pass(r, 40*time.Second)
		flush(w, ":\n\n")
		pass(r, time.Hour)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		heard, took, err := follow(t.Context(), c, nothing)
		if heard != 1 || took != 90*time.Second || err == nil ||
			err.Error() != "http://n1: read changes: nothing came for 50s" {
			t.Errorf("%d heard; after %v: %v", heard, took, err)
		}
		if !client.Temporary(err) {
			t.Error("another node may do")
		}
	})
}

// TestSilentAnswer: a node that stops within an answer is taken for gone; one that says now and then that it works is not.
func TestSilentAnswer(t *testing.T) {
	asks := map[string]func(context.Context, *client.Client) error{
		"the status": func(ctx context.Context, c *client.Client) error { _, err := c.Status(ctx, "http://n1"); return err },
		"what it verified": func(ctx context.Context, c *client.Client) error {
			_, err := c.Verify(ctx, "http://n1", nil)
			return err
		},
	}
	for what, ask := range asks {
		answer := func(w http.ResponseWriter, r *http.Request) {
			for range 3 {
				flush(w, " ")
				pass(r, 40*time.Second)
			}
			flush(w, "{")
			pass(r, time.Hour)
		}
		inBubble(t, answer, func(t *testing.T, c *client.Client) {
			begin := time.Now()
			err := ask(t.Context(), c)
			if took := time.Since(begin); took != 170*time.Second || err == nil ||
				err.Error() != "http://n1: read "+what+": nothing came for 50s" || !client.Temporary(err) {
				t.Errorf("after %v: %v", took, err)
			}
		})
	}
}

// TestQuietStream: heartbeats say that the node lives, for however long there are no changes.
func TestQuietStream(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		for range 1000 {
			flush(w, ":\n\n")
			pass(r, 15*time.Second)
		}
		flush(w, "id: 1:1\ndata: {\"shard\":1}\n\n")
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		if heard, took, err := follow(t.Context(), c, nothing); heard != 1 || err != nil || took != 15_000*time.Second {
			t.Errorf("%d heard; after %v: %v", heard, took, err)
		}
	})
}

// TestSlowReader: what the receiver takes its time for is not the node's silence.
func TestSlowReader(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			flush(w, "data: {\"shard\":1}\n\n")
			pass(r, time.Second)
		}
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		slow := func() error { <-time.After(10 * time.Minute); return nil }
		if heard, took, err := follow(t.Context(), c, slow); heard != 3 || err != nil || took < 30*time.Minute {
			t.Errorf("%d heard; after %v: %v", heard, took, err)
		}
	})
}

func TestStreamIsCancelled(t *testing.T) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		flush(w, ":\n\n")
		pass(r, time.Hour)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		why := errors.New("had enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		if _, took, err := follow(ctx, c, nothing); !errors.Is(err, why) || took != time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// TestNoAnswer: a node that takes the request and says nothing is given up, as one that can't be reached.
func TestNoAnswer(t *testing.T) {
	answer := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server doesn't hear that the client has gone
		pass(r, time.Hour)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		begin := time.Now()
		_, err := c.Submit(t.Context(), "http://n1", client.TypePatch, "k", []byte("TX .\nTC .\n"))
		if took := time.Since(begin); err == nil || !client.Temporary(err) || took != 40*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

// asked notes the requests that doors get.
type asked struct {
	mu    sync.Mutex
	doors []string
	keys  map[string]int
	at    []time.Time
}

func (a *asked) note(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	a.doors = append(a.doors, r.Host)
	a.keys[r.Header.Get("Idempotency-Key")+" "+string(body)]++
	a.at = append(a.at, time.Now())
	return len(a.doors)
}

var doors = []string{"http://n1", "http://n2", "http://n3"}

// TestSessionTriesTheNextDoor with the same key and the same document, and stays with the one that has answered.
func TestSessionTriesTheNextDoor(t *testing.T) {
	a := &asked{keys: map[string]int{}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		a.note(r)
		if r.Host == "n1" {
			says(200, nil, `{"adds":1}`)(w, r)
			return
		}
		says(503, nil, "")(w, r)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		s := client.NewSession(c, doors, 4, time.Minute)
		var retried []string
		s.Retried = func(door string, err error) {
			var e *client.Error
			if !errors.As(err, &e) || e.Status != 503 || e.URL != door {
				t.Errorf("%s: %v", door, err)
			}
			retried = append(retried, door)
		}
		if s.Door() != "http://n2" {
			t.Errorf("begins at %s", s.Door())
		}
		begin := time.Now()
		for range 2 {
			if got, err := s.Submit(t.Context(), client.TypePatch, "k", []byte("body")); err != nil || got.Adds != 1 {
				t.Errorf("%+v, %v", got, err)
			}
		}
		if want := []string{"n2", "n3", "n1", "n1"}; !slices.Equal(a.doors, want) || a.keys["k body"] != 4 {
			t.Errorf("doors %v, keys %v", a.doors, a.keys)
		}
		if !slices.Equal(retried, []string{"http://n2", "http://n3"}) || s.Door() != "http://n1" || time.Since(begin) != 0 {
			t.Errorf("retried %v; now at %s; it took %v: no pause while there is a door not tried yet", retried, s.Door(),
				time.Since(begin))
		}
	})
}

// TestSessionGivesUp: it pauses after each round of doors, longer each time and as long as the nodes ask for, and ends
// when its patience does.
func TestSessionGivesUp(t *testing.T) {
	a := &asked{keys: map[string]int{}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		a.note(r)
		says(503, http.Header{"Retry-After": {"1"}}, `{"code":"no_owner","detail":"nobody"}`)(w, r)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		begin := time.Now()
		_, err := client.NewSession(c, doors, 0, 30*time.Second).Submit(t.Context(), client.TypePatch, "k", nil)
		took := time.Since(begin)
		var e *client.Error
		if !errors.As(err, &e) || e.RetryAfter != time.Second ||
			!strings.HasPrefix(err.Error(), fmt.Sprintf("given up after %d tries in ", len(a.doors))) {
			t.Errorf("after %d tries: %v", len(a.doors), err)
		}
		// The pauses are spread from half to one and a half of 50 ms, then twice that and so on, to 2 s; but a second at
		// least, which the nodes ask for.
		if took < 30*time.Second || took > 33*time.Second {
			t.Errorf("given up after %v", took)
		}
		pause := 50 * time.Millisecond
		for i := 3; i < len(a.at); i++ {
			between := a.at[i].Sub(a.at[i-1])
			if i%3 != 0 {
				if between != 0 {
					t.Errorf("%v between doors of one round", between)
				}
				continue
			}
			if between < max(pause/2, time.Second) || between > max(3*pause/2, time.Second) {
				t.Errorf("a pause of %v, about %v is due", between, pause)
			}
			pause = min(2*pause, 2*time.Second)
		}
	})
}

// TestSessionDoesNotRepeatWhatIsWrong: a request that is refused for what it is would be refused everywhere.
func TestSessionDoesNotRepeatWhatIsWrong(t *testing.T) {
	for _, status := range []int{400, 401, 409, 413, 415, 422, 500} {
		a := &asked{keys: map[string]int{}}
		answer := func(w http.ResponseWriter, r *http.Request) {
			a.note(r)
			says(status, nil, "no")(w, r)
		}
		inBubble(t, answer, func(t *testing.T, c *client.Client) {
			_, err := client.NewSession(c, doors, 0, time.Hour).Submit(t.Context(), client.TypePatch, "k", nil)
			var e *client.Error
			if !errors.As(err, &e) || e.Status != status || len(a.doors) != 1 {
				t.Errorf("%d: %d tries, %v", status, len(a.doors), err)
			}
		})
	}
}

// TestSessionDoesNotWaitForAHaltedShard: no other door has an answer, and no time is known after which it would have.
func TestSessionDoesNotWaitForAHaltedShard(t *testing.T) {
	a := &asked{keys: map[string]int{}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		a.note(r)
		says(503, nil, `{"code":"halted","detail":"shard 3"}`)(w, r)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		_, err := client.NewSession(c, doors, 0, time.Hour).Submit(t.Context(), client.TypePatch, "k", nil)
		if !errors.Is(err, event.ErrHalted) || len(a.doors) != 1 {
			t.Errorf("%d tries, %v", len(a.doors), err)
		}
	})
}

// TestSessionOutlivesConnections: a connection that breaks before the answer says nothing about the outcome; the same
// request is sent again.
func TestSessionOutlivesConnections(t *testing.T) {
	a := &asked{keys: map[string]int{}}
	answer := func(w http.ResponseWriter, r *http.Request) {
		if a.note(r) < 5 {
			panic(http.ErrAbortHandler)
		}
		says(200, nil, `{"adds":1}`)(w, r)
	}
	inBubble(t, answer, func(t *testing.T, c *client.Client) {
		got, err := client.NewSession(c, doors, 0, time.Minute).Submit(t.Context(), client.TypePatch, "k", []byte("body"))
		if err != nil || got.Adds != 1 || a.keys["k body"] != 5 {
			t.Errorf("%+v, %v; %v", got, err, a.keys)
		}
	})
}

func TestSessionIsCancelled(t *testing.T) {
	inBubble(t, says(503, nil, ""), func(t *testing.T, c *client.Client) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		_, err := client.NewSession(c, doors, 0, time.Hour).Submit(ctx, client.TypePatch, "k", nil)
		if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took != 10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func TestSessionNeedsAKey(t *testing.T) {
	c := client.New("")
	defer c.Close()
	if _, err := client.NewSession(c, doors, 0, 0).Submit(t.Context(), client.TypePatch, "", nil); err == nil ||
		!strings.Contains(err.Error(), "idempotency key") {
		t.Errorf("%v: without a key it isn't safe to send it again", err)
	}
}
