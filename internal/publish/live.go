package publish

import (
	"io"
	"time"
)

// sendAfter is how long a change waits for others to be sent with.
const sendAfter = 200 * time.Millisecond

// live reads what may come bit by bit, as from a program at the other end of a pipe. While it waits for more it has the divider
// hand on what is whole and has waited long enough. The divider is used by whoever reads, and nobody else.
type live struct {
	from io.Reader
	to   *divider
}

// Read implements [io.Reader].
func (l *live) Read(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := l.from.Read(b)
		done <- result{n, err}
	}()
	for {
		var due <-chan time.Time
		if _, changes := l.to.whole(); changes > 0 {
			due = time.After(time.Until(l.to.since.Add(sendAfter)))
		}
		select {
		case r := <-done:
			return r.n, r.err
		case <-due:
			if err := l.to.flush(); err != nil {
				return 0, err
			}
		}
	}
}
