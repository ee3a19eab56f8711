package pipeline_test

import (
	"context"
	"io"
	"sync"

	"github.com/quadrille-stream/quadrille/connector"
)

// broker keeps messages in streams, and gives them out from where progress says.
type broker struct {
	mu       sync.Mutex
	messages []connector.Message
	grown    chan struct{}
	ended    bool
	acked    int
	opened   int
	open     int
	most     int
	batch    int     // messages in a read; 0: all
	fail     []error // of the next reads
}

func newBroker(messages ...connector.Message) *broker {
	return &broker{messages: messages, grown: make(chan struct{})}
}

func (b *broker) send(messages ...connector.Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, messages...)
	close(b.grown)
	b.grown = make(chan struct{})
}

func (b *broker) end() {
	b.mu.Lock()
	b.ended = true // before those are woken who wait
	b.mu.Unlock()
	b.send()
}

func (b *broker) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	r := &brokerReader{b: b, from: map[string]uint64{}}
	b.mu.Lock()
	messages := b.messages
	b.opened++
	b.open++
	b.most = max(b.most, b.open)
	b.mu.Unlock()
	for _, m := range messages {
		if _, known := r.from[m.Stream]; known || m.Stream == "" {
			continue
		}
		next, _, err := progress.Next(ctx, m.Stream)
		if err != nil {
			_ = r.Close()
			return nil, err
		}
		r.from[m.Stream] = next
	}
	return r, nil
}

type brokerReader struct {
	b    *broker
	from map[string]uint64
	next int
}

func (r *brokerReader) Read(ctx context.Context) (list []connector.Message, err error) {
	for {
		r.b.mu.Lock()
		grown, ended := r.b.grown, r.b.ended
		if len(r.b.fail) > 0 {
			err, r.b.fail = r.b.fail[0], r.b.fail[1:]
			r.b.mu.Unlock()
			return nil, err
		}
		for ; r.next < len(r.b.messages) && (r.b.batch == 0 || len(list) < r.b.batch); r.next++ {
			if m := r.b.messages[r.next]; m.Stream == "" || m.Offset >= r.from[m.Stream] {
				list = append(list, m)
			}
		}
		r.b.mu.Unlock()
		if len(list) > 0 {
			return list, nil
		}
		if ended {
			return nil, io.EOF
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *brokerReader) Ack(_ context.Context, committed []connector.Message) error {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	r.b.acked += len(committed)
	return nil
}

func (r *brokerReader) Close() error {
	r.b.mu.Lock()
	defer r.b.mu.Unlock()
	r.b.open--
	return nil
}
