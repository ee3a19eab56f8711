package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// How complaints are told.
const (
	// gathering is how long a new cause waits for more shards with the same.
	gathering = time.Second
	// firstRepeat is the pause after which a cause that stays is told again; each time it is twice as long, at most mostRepeat.
	firstRepeat = time.Minute
	mostRepeat  = time.Hour
	// settling is how long nothing may fail until a cause counts as gone. It is longer than any pause before a new try, so that what
	// opens and fails again at once is not told each time.
	settling = 30 * time.Second
	// mostRanges bounds the shards that a line lists; beyond they are only counted.
	mostRanges = 16
)

// complaints are the errors of a sink or a source as its log tells them: one line for each cause, however many shards have it, and
// another only when more shards have it, after a pause that grows, and when it is over. Its methods may be called concurrently.
//
// This is what comes of each input for a cause; sooner is after the gathering, before it is told again:
//
//	input                    unknown  new            told           over
//	an error of a new shard  new      new            told, sooner   told, sooner
//	the same again           -        new            told           told
//	the last shard is well   -        new            over           over
//	the last shard is gone   -        new            over           over
//	it is due                unknown  told: stopped  told: stopped  unknown: goes on
type complaints struct {
	log *slog.Logger
	// stopped and goesOn are what a line says.
	stopped, goesOn string
	// shards: a line says which shards have the error.
	shards bool

	mu      sync.Mutex
	causes  map[string]*complaint
	changed chan struct{} // has an item when the next line may be due sooner than it was
}

// complaint is one cause.
type complaint struct {
	err    error
	shards map[int]bool // that have it now
	had    map[int]bool // that have or had it
	since  time.Time    // of its first error
	last   time.Time    // of its newest one
	due    time.Time    // of the next line
	told   bool
	well   bool // a shard went on, and did not just leave

	gathering, pause time.Duration // before the next line of more shards, and of the same
}

func newComplaints(log *slog.Logger, stopped, goesOn string, shards bool) *complaints {
	return &complaints{log: log, stopped: stopped, goesOn: goesOn, shards: shards, causes: map[string]*complaint{},
		changed: make(chan struct{}, 1)}
}

// numbers are what makes errors of one cause different: shards, positions, ports.
var numbers = regexp.MustCompile(`[0-9]+`)

// failed takes in an error of a shard, which has no other cause now.
func (c *complaints) failed(shard int, err error) { c.failedAt(time.Now(), shard, err) }

func (c *complaints) failedAt(now time.Time, shard int, err error) {
	cause := numbers.ReplaceAllString(err.Error(), "#")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(shard, cause, true)
	of := c.causes[cause]
	if of == nil {
		of = &complaint{shards: map[int]bool{}, had: map[int]bool{}, since: now, pause: firstRepeat}
		if c.shards {
			of.gathering = gathering
		}
		c.causes[cause] = of
	}
	of.shards[shard], of.err, of.last = true, err, now
	if due := now.Add(of.gathering); !of.had[shard] && (of.due.IsZero() || due.Before(of.due)) {
		of.due = due
	}
	of.had[shard] = true
	c.wake()
}

// well takes in that a shard goes on.
func (c *complaints) well(shard int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(shard, "", true)
}

// gone takes in that a shard is not written here any more.
func (c *complaints) gone(shard int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(shard, "", false)
}

// leave takes a shard out of all causes but one.
func (c *complaints) leave(shard int, but string, well bool) {
	for cause, of := range c.causes {
		if cause != but && of.shards[shard] {
			delete(of.shards, shard)
			of.well = of.well || well
			c.wake()
		}
	}
}

func (c *complaints) wake() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// begin begins to tell. The function that it returns ends that, when all that is not told yet is, and waits for it.
func (c *complaints) begin() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var telling sync.WaitGroup
	telling.Go(func() { c.run(ctx) })
	return func() {
		cancel()
		telling.Wait()
	}
}

// run tells until ctx ends, and then what is not told yet.
func (c *complaints) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			c.tell(time.Now(), true)
			return
		case <-c.changed:
		case <-timer.C:
		}
		timer.Stop()
		if next := c.tell(time.Now(), false); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
	}
}

// tell writes the lines that are due, and returns when the next one is; the zero time if none is to come. At the end what was never
// told is due.
func (c *complaints) tell(now time.Time, end bool) (next time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, cause := range slices.Sorted(maps.Keys(c.causes)) {
		of := c.causes[cause]
		over := of.told && len(of.shards) == 0
		due := of.due
		if over {
			due = of.last.Add(settling)
		}
		switch {
		case now.Before(due) && (!end || of.told):
		case over:
			c.tellOver(of)
			delete(c.causes, cause)
			continue
		default:
			c.tellStopped(of, now)
			due = of.due
		}
		if next.IsZero() || due.Before(next) {
			next = due
		}
	}
	return next
}

// tellStopped writes the line of a cause, and sets when it is due again.
func (c *complaints) tellStopped(of *complaint, now time.Time) {
	args := []any{"err", of.err}
	shards := of.shards
	if len(shards) == 0 || !of.told { // a try may be under way
		shards = of.had
	}
	args = append(args, c.counted(shards)...)
	if of.told {
		args = append(args, "for", now.Sub(of.since).Round(time.Second))
	}
	c.log.Error(c.stopped, args...)
	of.told, of.due = true, now.Add(of.pause)
	of.gathering, of.pause = min(2*of.gathering, firstRepeat), min(2*of.pause, mostRepeat)
}

// tellOver writes that a cause is over, if it isn't just that its shards are elsewhere.
func (c *complaints) tellOver(of *complaint) {
	if of.well {
		args := []any{"after", of.last.Sub(of.since).Round(time.Second), "was", of.err}
		c.log.Info(c.goesOn, append(args, c.counted(of.had)...)...)
	}
}

// counted are shards as a line has them.
func (c *complaints) counted(shards map[int]bool) []any {
	if !c.shards {
		return nil
	}
	return []any{"shards", len(shards), "which", ranges(shards)}
}

// ranges lists numbers, such as 0-7,9.
func ranges(set map[int]bool) string {
	var list []string
	sorted := slices.Sorted(maps.Keys(set))
	for i := 0; i < len(sorted); {
		last := i
		for last+1 < len(sorted) && sorted[last+1] == sorted[last]+1 {
			last++
		}
		if len(list) == mostRanges {
			return strings.Join(list, ",") + ",…"
		}
		one := fmt.Sprint(sorted[i])
		if last > i {
			one += fmt.Sprintf("-%d", sorted[last])
		}
		list = append(list, one)
		i = last + 1
	}
	return strings.Join(list, ",")
}
