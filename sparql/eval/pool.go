package eval

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// ErrPool: evaluations hold all the memory that there is for them together. One of them that is tried again may have room.
var ErrPool = errors.New("other queries hold the memory")

// Pool is memory that evaluations hold together; each counts what [Options.Memory] counts. It may be used concurrently. One without room
// has no evaluation wait, which may hold what others wait for: it fails.
type Pool struct {
	most int64
	held atomic.Int64
}

// NewPool returns a pool of so many bytes.
func NewPool(most int64) *Pool { return &Pool{most: most} }

// Held is how many bytes are held now.
func (p *Pool) Held() int64 { return p.held.Load() }

// Take takes bytes, which the caller gives back by Give. The error is an [ErrPool]. Nil has room for all.
func (p *Pool) Take(bytes int64) error {
	if p == nil {
		return nil
	}
	if held := p.held.Add(bytes); held > p.most {
		p.held.Add(-bytes)
		return fmt.Errorf("%w: %d bytes of the %d that there are for all; try again, or ask for less at once", ErrPool, held-bytes, p.most)
	}
	return nil
}

// Give gives bytes back.
func (p *Pool) Give(bytes int64) {
	if p != nil {
		p.held.Add(-bytes)
	}
}

// leased is the number of bytes that an evaluation takes from the pool at a time, unless it needs more: most hold less, or nothing.
const leased = 64 << 10

// lease takes from the pool what is held and not yet taken.
func (x *exec) lease() error {
	more := max(x.held-x.taken, leased)
	err := x.o.Pool.Take(more)
	if err == nil {
		x.taken += more
	}
	return err
}

// unlease gives back most of what was taken and isn't held any more.
func (x *exec) unlease() {
	if more := x.taken - max(x.held, 0) - leased; more > leased {
		x.taken -= more
		x.o.Pool.Give(more)
	}
}

// end gives back what the evaluation has taken. It is of no more use.
func (x *exec) end() {
	x.o.Pool.Give(x.taken)
	x.taken = 0
}

// TextCost is what the tree of a text, and what is made of it, takes in memory for each byte of the text, at most about.
const TextCost = 64
