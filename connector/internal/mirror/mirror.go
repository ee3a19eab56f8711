// Package mirror is a [connector.Reader] that makes graphs of a pipeline what they are elsewhere. It reads both, and what
// differs is its messages; when these are committed it reads both again, until nothing differs. So it needs no memory of what
// it has sent before: whatever was lost, or came twice, shows in the next reading.
package mirror

import (
	"cmp"
	"context"
	"io"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/internal/contain"
	"github.com/quadrille-stream/quadrille/internal/difference"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Config configures a reader.
type Config struct {
	// Have hands over the quads that the pipeline has of the graphs, There those that the graphs are to have. Both are required.
	Have, There difference.Stream
	// Look is asked after each pause whether There may hand over others than before. Default: it may.
	Look func(ctx context.Context) (changed bool, err error)
	// Every is the pause between two readings. 0: the graphs are copied once.
	Every time.Duration
	// Wake, unless it is nil, ends a pause when something can be received from it.
	Wake <-chan struct{}
	// Keep leaves in the pipeline what There doesn't hand over.
	Keep bool
	// MaxHeld bounds the quads of the pipeline that are held at one time. Default [difference.DefaultHeld].
	MaxHeld int
	// Close, unless it is nil, is called when the reader is closed.
	Close func()
}

// copied is the stream of the message that says that all was copied.
const copied = "copied"

// Open begins to read, unless the graphs were to be copied once, and are.
func Open(ctx context.Context, progress connector.Progress, cfg Config) (connector.Reader, error) {
	_, done, err := progress.Next(ctx, copied)
	if err != nil {
		return nil, err
	}
	reading, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	r := &reader{cfg: cfg, cancel: cancel, out: make(chan connector.Message), ended: make(chan struct{}),
		acked: make(chan struct{}, 1)}
	go func() {
		defer close(r.ended)
		if cfg.Every > 0 || !done {
			r.err = contain.Do(func() error { return r.run(reading) })
		}
		r.err = cmp.Or(r.err, io.EOF)
	}()
	return r, nil
}

// reader copies the graphs.
type reader struct {
	cfg    Config
	cancel context.CancelCauseFunc
	out    chan connector.Message
	ended  chan struct{} // closed when nothing more comes
	err    error         // why, once it is closed
	acked  chan struct{} // holds a value when open has become less

	mu       sync.Mutex
	open     int    // messages that are not acked
	sent     uint64 // of what differs
	compared bool   // both were read whole
}

var _ connector.Lagger = (*reader)(nil)

// Extents tells how many messages there are of what has been found to differ, once both sides were read whole.
func (r *reader) Extents(context.Context) ([]connector.Extent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.compared {
		return nil, nil
	}
	return []connector.Extent{{First: 1, End: r.sent + 1}}, nil
}

// stubborn is the pause before what differs again and again is sent once more, where none is configured.
const stubborn = 10 * time.Second

// run reads until nothing differs, or again and again.
func (r *reader) run(ctx context.Context) error {
	for tries := 0; ; {
		sent, err := r.pass(ctx)
		if err != nil {
			return err
		}
		if sent == 0 && r.cfg.Every == 0 {
			return r.finish(ctx)
		}
		// What was sent is looked for at once. What differs then, and once more, may be refused by its shard.
		if tries++; sent == 0 || tries > 2 {
			if err := r.pause(ctx, sent == 0); err != nil {
				return err
			}
		}
		if sent == 0 {
			tries = 0
		}
	}
}

// pause waits until it is time to read again. While nothing has changed there is none, if all is the same.
func (r *reader) pause(ctx context.Context, same bool) error {
	for {
		if err := r.sleep(ctx, cmp.Or(r.cfg.Every, stubborn)); err != nil {
			return err
		}
		if r.cfg.Look == nil {
			return nil
		}
		if changed, err := r.cfg.Look(ctx); err != nil || changed || !same {
			return err
		}
	}
}

// sleep waits for a time, or until it is woken.
func (r *reader) sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.cfg.Wake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// finish notes that all was copied.
func (r *reader) finish(ctx context.Context) error {
	done := connector.Message{Stream: copied, MediaType: patch.MediaType, Body: patch.OneTransaction(nil)}
	if err := r.send(ctx, done); err != nil {
		return err
	}
	return r.settled(ctx)
}

// maxMessage bounds the rows of a message in bytes, unless one is larger.
const maxMessage = 256 << 10

// pass sends what differs, waits until it is committed, and returns how many messages that were.
func (r *reader) pass(ctx context.Context) (sent int, err error) {
	var body []byte
	flush := func() error {
		m := connector.Message{MediaType: patch.MediaType, Body: patch.AppendCommit(append(patch.AppendBegin(nil), body...))}
		body = body[:0]
		sent++
		r.found(1, false)
		return r.send(ctx, m)
	}
	row := func(add func([]byte, rdf.Quad) []byte) func(rdf.Quad) error {
		return func(q rdf.Quad) error {
			if body = add(body, q); len(body) < maxMessage {
				return nil
			}
			return flush()
		}
	}
	only := row(patch.AppendDelete)
	if r.cfg.Keep {
		only = func(rdf.Quad) error { return nil }
	}
	err = difference.Of(ctx, r.cfg.Have, r.cfg.There, r.cfg.MaxHeld, only, row(patch.AppendAdd))
	if err == nil && len(body) > 0 {
		err = flush()
	}
	if err != nil {
		return sent, err
	}
	r.found(0, true)
	return sent, r.settled(ctx)
}

// found takes in messages of what differs, and that all was compared.
func (r *reader) found(messages uint64, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent, r.compared = r.sent+messages, r.compared || all
}

// send hands a message to who reads.
func (r *reader) send(ctx context.Context, m connector.Message) error {
	r.count(1)
	select {
	case r.out <- m:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *reader) count(by int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open += by
	return r.open
}

// settled waits until all that was sent is committed.
func (r *reader) settled(ctx context.Context) error {
	for r.count(0) > 0 {
		select {
		case <-r.acked:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Read returns the next message.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	select {
	case m := <-r.out:
		return []connector.Message{m}, nil
	case <-r.ended:
		return nil, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Ack lets the next reading begin, when all is committed.
func (r *reader) Ack(_ context.Context, committed []connector.Message) error {
	r.count(-len(committed))
	select {
	case r.acked <- struct{}{}:
	default:
	}
	return nil
}

// Close ends the reading.
func (r *reader) Close() error {
	r.cancel(ending.ErrClosed)
	<-r.ended
	if r.cfg.Close != nil {
		r.cfg.Close()
	}
	return nil
}
