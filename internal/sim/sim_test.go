package sim

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/operator/dataset"
)

var (
	oneSeed   = flag.Uint64("sim.seed", 0, "run the schedule of this seed only, and print its whole trace")
	firstSeed = flag.Uint64("sim.first", 1, "the first seed")
	schedules = flag.Uint64("sim.schedules", defaultSchedules, "the number of schedules")
)

// random is the configuration of the schedule of a seed.
func random(seed uint64) Config {
	cfg := Config{Seed: seed, Nodes: 1 + int(seed%5), Shards: 1 + int(seed/5%4),
		Faults: time.Duration(5+seed%16) * time.Second, Documents: 6 + int(seed%7)}
	if seed%6 == 0 {
		cfg.Key = dataset.Dataset
	}
	return cfg
}

// rerun says how to see the schedule of a seed again.
func rerun(seed uint64) string {
	return fmt.Sprintf("seed %d; see all of it with: go test ./internal/sim -run TestSchedules -sim.seed %d", seed, seed)
}

// TestSchedules runs random schedules. What a failing one prints ends with its last steps.
func TestSchedules(t *testing.T) {
	if *oneSeed > 0 {
		cfg := random(*oneSeed)
		cfg.Trace = func(line string) { fmt.Fprintln(os.Stderr, line) }
		if _, err := Run(cfg); err != nil {
			t.Fatal(err)
		}
		return
	}
	const parts = 8
	var ran, steps, faults, records, accepted atomic.Int64
	t.Run("all", func(t *testing.T) {
		for part := range uint64(parts) {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				for seed := *firstSeed + part; seed < *firstSeed+*schedules; seed += parts {
					r, err := Run(random(seed))
					if err != nil {
						t.Fatalf("%s\n%v", rerun(seed), err)
					}
					ran.Add(1)
					steps.Add(int64(r.Steps))
					faults.Add(int64(r.Faults))
					records.Add(int64(r.Records))
					accepted.Add(int64(r.Accepted))
				}
			})
		}
	})
	t.Logf("%d schedules, %d steps, %d faults besides lost, late and repeated messages; %d records, %d acks", ran.Load(),
		steps.Load(), faults.Load(), records.Load(), accepted.Load())
	if !t.Failed() && (ran.Load() != int64(*schedules) || faults.Load() < ran.Load() || accepted.Load() < 10*ran.Load()) {
		t.Error("the schedules do next to nothing")
	}
}

// TestReproducible runs schedules twice.
func TestReproducible(t *testing.T) {
	digests := map[uint64]bool{}
	for seed := uint64(1); seed <= 12; seed++ {
		first, err := Run(random(seed))
		second, err2 := Run(random(seed))
		if err != nil || err2 != nil || first != second {
			t.Errorf("seed %d: %+v, %v and then %+v, %v", seed, first, err, second, err2)
		}
		digests[first.Digest] = true
	}
	if len(digests) != 12 {
		t.Errorf("12 seeds gave %d different runs", len(digests))
	}
}

// find runs schedules with a bug built in until one shows it.
func find(t *testing.T, want error, change func(*Config)) {
	t.Helper()
	const within = 60
	for seed := uint64(1); seed <= within; seed++ {
		cfg := random(seed)
		change(&cfg)
		_, err := Run(cfg)
		var v *Violation
		switch {
		case err == nil:
		case errors.Is(err, want) && errors.As(err, &v) && len(v.Trace) > 0:
			t.Logf("seed %d: %v", seed, v.Err)
			return
		default:
			t.Fatalf("seed %d: want %v, not: %v", seed, want, err)
		}
	}
	t.Errorf("not found within %d schedules", within)
}

// TestFencingRemoved shows that the simulation finds what fencing prevents: the engine takes appends whatever the tail
// is, or owners write on behind a claim that is not theirs.
func TestFencingRemoved(t *testing.T) {
	t.Run("no compare", func(t *testing.T) {
		t.Parallel()
		find(t, ErrOwner, func(c *Config) { c.Unfenced = true })
	})
	t.Run("claims ignored", func(t *testing.T) {
		t.Parallel()
		find(t, ErrOwner, func(c *Config) { c.IgnoreClaims = true })
	})
}

// TestMemoryRemoved shows that the simulation finds it when shards forget the identities of what they have seen.
func TestMemoryRemoved(t *testing.T) {
	find(t, ErrTwice, func(c *Config) { c.Keep = 24 * time.Millisecond })
}

// TestLostTails: after a schedule a log loses its end while no process runs. Its shard halts, whoever owns it, and nobody
// writes on; the others go on. Without marks that is found to be missing.
func TestLostTails(t *testing.T) {
	lost := 0
	for seed := uint64(1); seed <= lostTails; seed++ {
		cfg := random(seed)
		cfg.LoseTail = true
		if *oneSeed > 0 {
			cfg = random(*oneSeed)
			cfg.LoseTail, cfg.Trace = true, func(line string) { fmt.Fprintln(os.Stderr, line) }
		}
		r, err := Run(cfg)
		if err != nil {
			t.Fatalf("%s\n%v", rerun(cfg.Seed), err)
		}
		lost += r.Lost
	}
	if lost < lostTails/2 {
		t.Errorf("of %d schedules, %d have lost a record", lostTails, lost)
	}
	find(t, ErrDurable, func(c *Config) { c.LoseTail, c.Forgetful = true, true })
}
