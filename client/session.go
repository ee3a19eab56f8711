package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// Session sends requests one after the other through one of several doors; when that one fails, through the next.
// It is used by one goroutine.
type Session struct {
	client  *Client
	doors   []string
	at      int
	patient time.Duration
	// Retried is called, if set, before a request is sent again.
	Retried func(door string, err error)
}

// NewSession returns a session that begins at the door of that number, and tries a request for at most patience.
func NewSession(c *Client, doors []string, begin int, patience time.Duration) *Session {
	return &Session{client: c, doors: doors, at: begin % len(doors), patient: patience}
}

// Door returns the door that the next request goes to.
func (s *Session) Door() string { return s.doors[s.at] }

// Submit posts the document until it is accepted, refused for good, or patience or ctx ends. The key makes it safe to
// send it again, at another door too.
func (s *Session) Submit(ctx context.Context, mediaType, key string, body []byte) (Accepted, error) {
	if key == "" {
		return Accepted{}, errors.New("a session needs an idempotency key for every request")
	}
	begin, pause := time.Now(), firstPause
	for tries := 1; ; tries++ {
		a, err := s.client.Submit(ctx, s.Door(), mediaType, key, body)
		if err == nil || ctx.Err() != nil || !Temporary(err) {
			return a, err
		}
		if time.Since(begin) > s.patient {
			return a, fmt.Errorf("given up after %d tries in %v: %w", tries, time.Since(begin).Round(time.Second), err)
		}
		if s.Retried != nil {
			s.Retried(s.Door(), err)
		}
		s.at = (s.at + 1) % len(s.doors)
		if tries%len(s.doors) != 0 {
			continue // there is a door that was not tried yet
		}
		// Spread, so that many senders don't come back all at once; no sooner than the node asks for.
		if err := sleep(ctx, max(pause/2+rand.N(pause), min(retryAfter(err), lastPause))); err != nil {
			return a, err
		}
		pause = min(2*pause, lastPause)
	}
}

// retryAfter is how long the node asks to wait, if it does.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
