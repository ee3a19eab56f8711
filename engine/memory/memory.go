// Package memory is an engine in one process, for tests and for trying things out: nothing of it survives the process.
//
// All nodes that share an [Engine] value work together. It keeps the whole contract of package engine, passes the suite
// of package enginetest, and leaves gaps between positions, as a distributed engine does.
package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// MaxRecord is the largest record that a log accepts, in bytes: that of a stock NATS server.
const MaxRecord = 1 << 20

// Engine is an [engine.Engine].
type Engine struct {
	control *log
	shards  []*log
	beats   heartbeats
	blobs   blobs
}

// New returns an empty engine with that many shards.
func New(shards int) *Engine {
	positions := new(atomic.Uint64)
	e := &Engine{control: newLog(positions), blobs: blobs{stored: map[string]blob{}}}
	e.beats.listeners = map[chan engine.Beat]struct{}{}
	for range shards {
		e.shards = append(e.shards, newLog(positions))
	}
	return e
}

// Limits tells the number of shards, and MaxRecord.
func (e *Engine) Limits() engine.Limits {
	return engine.Limits{Shards: len(e.shards), MaxRecord: MaxRecord}
}

// Health says that all is well.
func (e *Engine) Health(context.Context) engine.Health {
	shards := make([]int, len(e.shards))
	for s := range shards {
		shards[s] = s
	}
	replica := engine.ReplicaHealth{Server: "memory", State: engine.Current}
	return engine.Health{Streams: []engine.StreamHealth{
		{Name: "memory", Shards: shards, Leader: replica.Server, Replicas: []engine.ReplicaHealth{replica}, Expected: 1},
	}}
}

// Control is the control log.
func (e *Engine) Control() engine.Log { return e.control }

// Shard is the log of shard s.
func (e *Engine) Shard(s int) engine.ShardLog { return e.shards[s] }

// Ends are the positions at which the logs of these shards end.
func (e *Engine) Ends(ctx context.Context, shards []int) ([]uint64, []error) {
	ends, errs := make([]uint64, len(shards)), make([]error, len(shards))
	for i, s := range shards {
		tail, err := e.shards[s].Tail(ctx)
		ends[i], errs[i] = tail.Seq, err
	}
	return ends, errs
}

// Heartbeats is the heartbeat channel.
func (e *Engine) Heartbeats() engine.Heartbeats { return &e.beats }

// Blobs is the blob store.
func (e *Engine) Blobs() engine.Blobs { return &e.blobs }

// log is an [engine.ShardLog].
type log struct {
	positions *atomic.Uint64 // shared by all logs of the engine

	mu      sync.Mutex
	entries []engine.Entry
	trimmed uint64        // the entries below are gone
	grown   chan struct{} // closed and replaced with each append
}

func newLog(positions *atomic.Uint64) *log {
	return &log{positions: positions, grown: make(chan struct{})}
}

func (l *log) tail() engine.Entry {
	if len(l.entries) == 0 {
		return engine.Entry{}
	}
	return l.entries[len(l.entries)-1]
}

func (l *log) Append(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("%w: %w", engine.ErrUnknown, err)
	}
	if len(payload) > MaxRecord {
		return 0, fmt.Errorf("%w: %d bytes, at most %d", engine.ErrTooLarge, len(payload), MaxRecord)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if tail := l.tail().Seq; tail != expect {
		return 0, fmt.Errorf("%w: expected %d, it is %d", engine.ErrConflict, expect, tail)
	}
	e := engine.Entry{Seq: l.positions.Add(1), Payload: bytes.Clone(payload)}
	l.entries = append(l.entries, e)
	close(l.grown)
	l.grown = make(chan struct{})
	return e.Seq, nil
}

func (l *log) Tail(ctx context.Context) (engine.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail(), ctx.Err()
}

// from returns the entries with Seq >= from as they are now, and a channel that is closed when there are more.
func (l *log) from(from uint64) ([]engine.Entry, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if from < l.trimmed {
		return nil, nil, fmt.Errorf("%w: position %d, it begins after %d", engine.ErrTrimmed, from, l.trimmed-1)
	}
	i, _ := slices.BinarySearchFunc(l.entries, from, func(e engine.Entry, seq uint64) int {
		if e.Seq < seq {
			return -1
		}
		return 1
	})
	return l.entries[i:len(l.entries):len(l.entries)], l.grown, nil
}

func (l *log) Read(ctx context.Context, from uint64, fn func(engine.Entry) error) (uint64, error) {
	l.mu.Lock()
	tail := l.tail().Seq
	l.mu.Unlock()
	entries, _, err := l.from(from)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if e.Seq > tail {
			break
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if err := fn(e); err != nil {
			return 0, err
		}
	}
	return tail, ctx.Err()
}

func (l *log) Follow(ctx context.Context, from uint64, fn func(engine.Entry) error) error {
	for {
		entries, grown, err := l.from(from)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(e); err != nil {
				return err
			}
			from = e.Seq + 1
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (l *log) Trim(ctx context.Context, before uint64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	gone := 0
	for gone < len(l.entries)-1 && l.entries[gone].Seq < before {
		gone++
	}
	if gone > 0 {
		l.trimmed = l.entries[gone-1].Seq + 1
		l.entries = slices.Clone(l.entries[gone:])
	}
	return ctx.Err()
}

// heartbeats is an [engine.Heartbeats].
type heartbeats struct {
	mu        sync.Mutex
	listeners map[chan engine.Beat]struct{}
}

// unheard bounds the beats that wait for a listener; those beyond it are lost.
const unheard = 1024

func (h *heartbeats) Beat(ctx context.Context, b engine.Beat) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		select {
		case l <- b:
		default:
		}
	}
	return ctx.Err()
}

func (h *heartbeats) Listen(ctx context.Context, fn func(engine.Beat)) error {
	l := make(chan engine.Beat, unheard)
	h.mu.Lock()
	h.listeners[l] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.listeners, l)
		h.mu.Unlock()
	}()
	for {
		select {
		case b := <-l:
			fn(b)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// blobs is an [engine.Blobs].
type blobs struct {
	mu     sync.Mutex
	stored map[string]blob
}

type blob struct {
	data []byte
	time time.Time
}

func (b *blobs) Put(ctx context.Context, name string, r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stored[name] = blob{data: data, time: time.Now()}
	return nil
}

func (b *blobs) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	stored, ok := b.stored[name]
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !ok:
		return nil, fmt.Errorf("blob %s: %w", name, engine.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(stored.data)), nil
}

func (b *blobs) List(ctx context.Context, prefix string) ([]engine.BlobInfo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var infos []engine.BlobInfo
	for name, stored := range b.stored {
		if strings.HasPrefix(name, prefix) {
			infos = append(infos, engine.BlobInfo{Name: name, Size: int64(len(stored.data)), Time: stored.time})
		}
	}
	slices.SortFunc(infos, func(a, b engine.BlobInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos, ctx.Err()
}

func (b *blobs) Delete(ctx context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stored, name)
	return ctx.Err()
}
