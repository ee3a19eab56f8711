package factory

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"sync"
)

// Check compares what was accepted with what is in the logs and in the data. It may be used concurrently.
type Check struct {
	seeds [2]maphash.Seed

	mu      sync.Mutex
	rows    map[hash]count
	open    int               // accepted rows that are in no log yet
	present map[hash]struct{} // the quads, by replay of the logs
	result  Result
}

// hash identifies a row or a quad; two of 64 bits, so that a loss does not hide behind a collision.
type hash [2]uint64

// count says how often a row was accepted and how often it is in the logs.
type count struct{ accepted, logged uint8 }

// Result is what a [Check] has found.
type Result struct {
	// Accepted is the number of changes that were answered as committed.
	Accepted int
	// Lost are those that are in no log, Duplicated those that are there again, once for each time too many.
	Lost, Duplicated int
	// Unasked are changes in the logs that nobody sent or that were not accepted.
	Unasked int
	// Inexact are changes in the logs that changed nothing: additions of what was there, deletions of what was not.
	Inexact int
	// Quads is the number of quads that were compared; Missing and Extra are those by which the data depart from the
	// expectation.
	Quads, Missing, Extra int
}

// Good reports whether everything is as it must be.
func (r Result) Good() bool {
	return r.Lost == 0 && r.Duplicated == 0 && r.Unasked == 0 && r.Inexact == 0 && r.Missing == 0 && r.Extra == 0
}

// NewCheck returns an empty check.
func NewCheck() *Check {
	return &Check{
		seeds:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		rows:    map[hash]count{},
		present: map[hash]struct{}{},
	}
}

func (c *Check) hash(text []byte) hash {
	return hash{maphash.Bytes(c.seeds[0], text), maphash.Bytes(c.seeds[1], text)}
}

// changeRows yields the A and D rows of a patch that has one row a line.
func changeRows(patch []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for line := range bytes.Lines(patch) {
			line = bytes.TrimRight(line, "\r\n")
			if (bytes.HasPrefix(line, []byte("A ")) || bytes.HasPrefix(line, []byte("D "))) && !yield(line) {
				return
			}
		}
	}
}

// Accepted notes the rows of a request that was answered as committed. It doesn't keep the body.
func (c *Check) Accepted(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for row := range changeRows(body) {
		h := c.hash(row)
		n := c.rows[h]
		if n == (count{}) {
			c.open++
		}
		n.accepted = increment(n.accepted)
		c.rows[h] = n
		c.result.Accepted++
	}
}

// Logged notes the rows of a record. The records of a shard come in order.
func (c *Check) Logged(body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for row := range changeRows(body) {
		h := c.hash(row)
		n := c.rows[h]
		if n.accepted > 0 && n.logged == 0 {
			c.open--
		}
		n.logged = increment(n.logged)
		c.rows[h] = n
		quad := c.hash(row[2:])
		_, there := c.present[quad]
		if adds := row[0] == 'A'; adds == there {
			c.result.Inexact++
		} else if adds {
			c.present[quad] = struct{}{}
		} else {
			delete(c.present, quad)
		}
	}
}

// Open is the number of changes that were accepted and are in no log yet.
func (c *Check) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// increment counts up to where it no longer matters.
func increment(n uint8) uint8 { return min(n, 254) + 1 }

// Data compares N-Quads with the lines that are expected. What the last call finds counts.
func (c *Check) Data(data io.Reader, expected iter.Seq[string]) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	want := map[string]struct{}{}
	for line := range expected {
		want[line] = struct{}{}
	}
	c.result.Quads, c.result.Extra = len(want), 0
	lines := bufio.NewScanner(data)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if _, ok := want[lines.Text()]; !ok {
			c.result.Extra++
		}
		delete(want, lines.Text())
	}
	c.result.Missing = len(want)
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read data: %w", err)
	}
	return nil
}

// Result counts what was found so far.
func (c *Check) Result() Result {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.result
	for _, n := range c.rows {
		switch {
		case n.accepted == 0:
			r.Unasked++
		case n.logged == 0:
			r.Lost++
		}
		if n.logged > 1 {
			r.Duplicated += int(n.logged) - 1
		}
	}
	return r
}
