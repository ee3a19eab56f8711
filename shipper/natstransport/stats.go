package natstransport

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats is a snapshot of a transport's counters since it was made. The counters are read one after the other.
type Stats struct {
	// Sent and SentBytes count the batches published, of one message or more, and their encoded bytes.
	Sent, SentBytes uint64
	// Received and ReceivedBytes count the messages taken from subscriptions, and their bytes.
	Received, ReceivedBytes uint64
	// Dropped counts the messages lost because the receiver was too slow, or gone.
	Dropped uint64
	// Malformed counts the messages that are no batches, Refused the batches that the receiver did not take.
	Malformed, Refused uint64
	// Incomplete counts the batches of several messages that were lost in part, or found no room.
	Incomplete uint64
	// Failed counts the failures to receive, such as a subscription that the server does not permit.
	Failed uint64
}

// Stats returns the counters.
func (t *Transport) Stats() Stats {
	return Stats{
		Sent:          t.stats.sent.Load(),
		SentBytes:     t.stats.sentBytes.Load(),
		Received:      t.stats.received.Load(),
		ReceivedBytes: t.stats.receivedBytes.Load(),
		Dropped:       t.stats.dropped.Load(),
		Malformed:     t.stats.malformed.Load(),
		Refused:       t.stats.refused.Load(),
		Incomplete:    t.stats.incomplete.Load(),
		Failed:        t.stats.failed.Load(),
	}
}

// counters keeps what senders count apart from what receivers count; 128 bytes are two cache lines, which processors
// fetch in pairs.
type counters struct {
	_                                   [128]byte
	sent, sentBytes                     atomic.Uint64
	_                                   [112]byte
	received, receivedBytes             atomic.Uint64
	dropped, malformed, refused, failed atomic.Uint64
	incomplete                          atomic.Uint64
	warned                              warned
}

// warned holds when each kind of warning was last given.
type warned struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// warnEvery is the least time between two warnings of one kind: under load, losses come by the thousand.
const warnEvery = time.Second

// lost counts n losses, and warns.
func (t *Transport) lost(counter *atomic.Uint64, n uint64, what string, args ...any) {
	total := counter.Add(n)
	t.warn(what, append(args, "total", total)...)
}

func (t *Transport) warn(what string, args ...any) {
	w := &t.stats.warned
	now := time.Now()
	w.mu.Lock()
	last, before := w.last[what]
	due := !before || now.Sub(last) >= warnEvery
	if due {
		if w.last == nil {
			w.last = make(map[string]time.Time)
		}
		w.last[what] = now
	}
	w.mu.Unlock()
	if due {
		t.log.Warn("NATS transport: "+what, args...)
	}
}
