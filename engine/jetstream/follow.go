package jetstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
)

const (
	// silence is how long a follower hears nothing before it looks whether it has missed something.
	silence = time.Second
	// feedBytes bounds what waits for a follower. What comes beyond is let go, and read later.
	feedBytes = 4 << 20
)

// Follow listens to what the stream republishes, and reads what it has missed.
func (l *log) Follow(ctx context.Context, from uint64, fn func(engine.Entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := l.newReader(from, fn)
	if err != nil {
		return err
	}
	defer r.close()
	f := &feed{heard: make(chan struct{}, 1)}
	sub, err := l.nc.Subscribe(l.feed, f.push)
	if err != nil {
		return fmt.Errorf("follow %s: %w", l.subject, err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err = sub.SetPendingLimits(-1, -1); err == nil { // push bounds what waits
		err = r.follow(ctx, f)
	}
	return r.failure(ctx, "follow", err)
}

// follow returns only with an error.
func (r *reader) follow(ctx context.Context, f *feed) error {
	var wait pause
	for {
		err := r.catchUp(ctx)
		switch {
		case err != nil && r.final(ctx, err):
			return err
		case err != nil || r.last < r.heard: // the replica that answered lags
			err = wait.wait(ctx)
		default:
			wait = pause{}
			err = r.listen(ctx, f)
		}
		if err != nil {
			return err
		}
	}
}

// catchUp reads until a replica has no more.
func (r *reader) catchUp(ctx context.Context) error {
	for {
		n, err := r.batch(ctx)
		if n == 0 || err != nil {
			return err
		}
		if r.gaps > 0 {
			return errGap // comes again after a pause
		}
	}
}

// listen takes what is republished. It returns nil when something was missed, or might have been.
func (r *reader) listen(ctx context.Context, f *feed) error {
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		m, missed := f.pop()
		switch {
		case m != nil:
			if err := r.take(ctx, m); errors.Is(err, errGap) {
				r.heard, _ = positionOf(m)
				return nil
			} else if err != nil {
				return err
			}
			quiet.Reset(silence)
			continue
		case missed:
			return nil
		}
		select {
		case <-f.heard:
		case <-quiet.C:
			return nil
		case <-r.get.lost:
			return nil // what is asked for now is answered when there is a connection again
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// feed is what was republished and not yet taken.
type feed struct {
	heard chan struct{} // has room for one token, which is there when there may be something to pop

	mu     sync.Mutex
	queue  []*nats.Msg
	bytes  int
	missed bool
}

// push is called by the connection, for one message at a time.
func (f *feed) push(m *nats.Msg) {
	f.mu.Lock()
	if f.bytes > 0 && f.bytes+len(m.Data) > feedBytes {
		f.missed = true
	} else {
		f.queue = append(f.queue, m)
		f.bytes += len(m.Data)
	}
	f.mu.Unlock()
	select {
	case f.heard <- struct{}{}:
	default:
	}
}

// pop returns the next message. When there is none it reports whether some were let go since it last said so.
func (f *feed) pop() (m *nats.Msg, missed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.queue) == 0 {
		missed, f.missed, f.queue = f.missed, false, nil
		return nil, missed
	}
	m, f.queue[0] = f.queue[0], nil
	f.queue = f.queue[1:]
	f.bytes -= len(m.Data)
	return m, false
}
