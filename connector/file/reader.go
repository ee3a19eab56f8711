package file

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// errClosed: the reader was closed.
var errClosed = errors.New("file: the reader is closed")

// reader goes round: it looks at the files, reads each up to the end that it had then, and looks again. It asks for the state of
// files, and is not told of changes by the system: those are not told for network file systems, and can be lost.
type reader struct {
	s        *Source
	progress connector.Progress
	closed   chan struct{}

	mu     sync.Mutex // held while files are used
	inputs map[string]*input
	order  []*input // in which they are read
	turn   int      // which is read now; behind the last, it is time to look
	open   []*input // those that are held open, and have a path
	// prints are the keys of files that only their first line tells apart, by inode.
	prints map[uint64]string
	err    error // why the reader is of no use any more
}

// Read returns what is new in the files, and looks from time to time.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		messages, err := r.round(ctx)
		if len(messages) > 0 || err != nil {
			return messages, err
		}
		select {
		case <-time.After(r.s.cfg.Poll):
		case <-r.closed:
			return nil, errClosed
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// round reads on until a batch is full, or all was read and nothing is new.
func (r *reader) round(ctx context.Context) ([]connector.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &batch{cfg: &r.s.cfg, ended: func() bool { return ctx.Err() != nil || r.isClosed() }}
	for r.err == nil && !b.full() {
		if r.turn == len(r.order) {
			if len(b.messages) > 0 {
				break
			}
			if r.err = r.look(ctx); r.err != nil || r.idle() {
				break
			}
			r.turn = 0
		}
		in := r.order[r.turn]
		if more, err := in.read(b); err != nil {
			r.err = err
		} else if !more {
			r.turn++
			r.hold(in)
		}
	}
	if len(b.messages) > 0 {
		return b.messages, nil // the error comes with the next call
	}
	err := r.err
	switch {
	case r.isClosed():
		err = errClosed
	case ctx.Err() != nil: // so ended what was asked
		err, r.err = ctx.Err(), nil
	}
	return nil, err
}

// isClosed reports that the reader was closed, or is about to be.
func (r *reader) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// idle reports that there is nothing to read.
func (r *reader) idle() bool { return !slices.ContainsFunc(r.order, (*input).due) }

// look finds what is there, and what has become of what was.
func (r *reader) look(ctx context.Context) error {
	paths, err := r.s.find()
	if err != nil {
		return err
	}
	now := time.Now()
	var fresh []*input
	defer func() {
		for _, in := range fresh { // they are found again
			delete(r.inputs, in.key)
		}
	}()
	inodes := map[uint64]bool{}
	for _, in := range r.inputs {
		in.seen = false
	}
	for _, path := range paths {
		in, isNew, err := r.at(path, now, inodes)
		if errors.Is(err, fs.ErrNotExist) { // it was renamed or deleted meanwhile
			continue
		}
		if err != nil {
			return err
		}
		if !isNew {
			continue
		}
		r.inputs[in.key] = in
		fresh = append(fresh, in)
		if err := in.locate(ctx, r.progress); err != nil {
			return err
		}
	}
	for inode := range r.prints {
		if !inodes[inode] {
			delete(r.prints, inode)
		}
	}
	slices.SortStableFunc(fresh, r.s.compare)
	r.order, fresh = append(r.order, fresh...), nil
	r.leave(now)
	return nil
}

// compare orders files that are found together: those of which something was read already, then by time, if so configured, and
// by name.
func (s *Source) compare(a, b *input) int {
	if a.begun() != b.begun() {
		if a.begun() {
			return -1
		}
		return 1
	}
	if s.cfg.ByTime {
		return cmp.Or(a.changed.Compare(b.changed), cmp.Compare(a.path, b.path))
	}
	return cmp.Compare(a.path, b.path)
}

// at returns the file at a path; nil if it can't be read, or was found under another name already.
func (r *reader) at(path string, now time.Time, inodes map[uint64]bool) (in *input, isNew bool, err error) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, false, err
	}
	id, err := r.s.identify(path, info)
	if err != nil {
		return nil, false, err
	}
	inodes[id.inode] = true
	key, known := r.prints[id.inode], true
	if id.birth != 0 || key == "" {
		key, known, err = id.key(path)
	}
	if err != nil || !known {
		return nil, false, err
	}
	if id.birth == 0 {
		r.prints[id.inode] = key
	}
	in = r.inputs[key]
	if isNew = in == nil; isNew {
		in = newInput(&r.s.cfg, key, path, now)
		in.id, in.identify = id, r.s.identify
	}
	if !in.seen {
		in.saw(path, info, now)
	}
	return in, isNew, nil
}

// leave lets go of what is gone or need not be held open.
func (r *reader) leave(now time.Time) {
	for _, in := range r.order {
		if !in.seen {
			in.missing(now)
		}
	}
	r.order = slices.DeleteFunc(r.order, func(in *input) bool {
		if !in.over {
			return false
		}
		delete(r.inputs, in.key)
		in.close()
		return true
	})
	r.turn = len(r.order)
	r.open = r.open[:0]
	for _, in := range r.order {
		r.hold(in)
	}
}

// hold bounds the files that are held open: that which has not changed for the longest time is closed. One that is gone isn't
// among them, since nobody can open it again.
func (r *reader) hold(in *input) {
	r.open = slices.DeleteFunc(r.open, func(other *input) bool { return other.file == nil || other == in })
	if in.file == nil || !in.seen {
		return
	}
	if r.open = append(r.open, in); len(r.open) > r.s.cfg.MaxOpen {
		slices.MinFunc(r.open, func(a, b *input) int { return a.since.Compare(b.since) }).close()
	}
}

// Ack has nothing to do: how far the files were read stands in the shards.
func (r *reader) Ack(context.Context, []connector.Message) error { return nil }

// Close closes the files, when a reading under way has noticed.
func (r *reader) Close() error {
	close(r.closed)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.inputs {
		in.close()
	}
	return nil
}

// batch is what is handed over at one time.
type batch struct {
	cfg      *SourceConfig
	messages []connector.Message
	bytes    int
	// ended reports that nobody waits for it any more; nil: somebody does.
	ended func() bool
}

func (b *batch) add(m connector.Message) {
	b.messages = append(b.messages, m)
	b.bytes += len(m.Body)
}

// full reports that nothing more is to be read now. What has no message for long asks that, too, so that reading ends.
func (b *batch) full() bool {
	return b.ended != nil && b.ended() || len(b.messages) >= b.cfg.MaxMessages || b.bytes >= b.cfg.MaxBatch
}

// gapError says that a file is not what it was.
func gapError(what string) error {
	return connector.GiveUpf("%s (on-gap: skip goes on with what stands there now)", what)
}
