//go:build unix

package faults

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/shard"
)

// TestBitInSealedBlock: one bit turns in a sealed block of a node that stands alone. Its shard is halted, and says so;
// nobody is given less than all; the other shard goes on.
func TestBitInSealedBlock(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*rig)
	}{
		{"killed", (*rig).killAll},
		{"ended", func(r *rig) { r.all(r.nodes.End) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, cluster.Config{Nodes: 1, Shards: 2})
			r.fillBlocks("quadrille_main_0", func() { r.add(0, fmt.Sprintf("fill-%d", r.sent), r.requestFor(0, 2, rows, literal)) })
			r.add(0, "other", r.requestFor(1, 2, 10, literal))
			before, err := r.read(0, "start")
			r.must(err)
			test.end(r)
			r.flip(r.blocks(0, "quadrille_main_0")[0], 0.5)
			r.restartAll()
			r.halts(0, 0)
			r.never()
			r.refuses(0, r.requestFor(0, 2, 1, 100))
			since := r.requestFor(1, 2, 1, 100)
			r.add(0, "since", since)
			r.continues(0, before.cursor, since)
			if r.ready(0) == nil {
				t.Error("a node with a halted shard says that it is ready")
			}
			r.never()
			r.verified(true)
		})
	}
}

// requestFor makes the quads of a request whose subjects fall in one shard.
func (r *rig) requestFor(s, shards, count, length int) (quads []string) {
	r.sent++
	for i := 0; len(quads) < count; i++ {
		if subject := fmt.Sprintf("http://x.example/s%d-%d", r.sent, i); shard.Of(subject, shards) == s {
			quads = append(quads, r.quad(subject, length))
		}
	}
	return quads
}

// halts waits until node i says that the shard is halted, and why.
func (r *rig) halts(i, s int) {
	r.Helper()
	r.until(fmt.Sprintf("shard %d is halted", s), recovery, func() error {
		status, err := r.status(i)
		if err != nil {
			return err
		}
		if sh := status.Shards[s]; sh.State != "halted" || sh.Error == "" {
			return fmt.Errorf("it is %s, at %d, with %d quads, and its error is %q", sh.State, sh.Position, sh.Quads, sh.Error)
		}
		return nil
	})
}

// refuses checks that the quads, for a halted shard, are refused, with an answer that doesn't ask to come back soon.
func (r *rig) refuses(i int, quads []string) {
	r.Helper()
	r.doubt(quads)
	_, err := r.http.Submit(r.ctx, r.nodes.Doors()[i], client.TypePatch, "refused", additions(quads))
	answer, ok := errors.AsType[*client.Error](err)
	if !ok || answer.Status < 500 || answer.RetryAfter == time.Second {
		r.Errorf("a change for a halted shard: %v; want a refusal, without Retry-After: 1", err)
	}
}

func (r *rig) doubt(quads []string) {
	for _, q := range quads {
		r.doubtful[q] = struct{}{}
	}
}

// TestBitInOneReplica: the same with one replica of three. Everything goes on, and the copy is made good from another.
// After a kill the engine reads all blocks at its start; after an end in good order it finds the bit when somebody reads.
func TestBitInOneReplica(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*rig)
	}{
		{"killed", (*rig).killAll},
		{"ended", func(r *rig) { r.all(r.nodes.End) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, oneLog(3))
			r.fillLog()
			before, err := r.read(0, "start")
			r.must(err)
			test.end(r)
			r.flip(r.blocks(0, "quadrille_main_0")[0], 0.5)
			r.restartAll()
			r.balanced()
			r.whole()
			since := r.request(1, 100)
			r.add(0, "since", since)
			for i := range r.nodes.Size() {
				r.continues(i, before.cursor, since)
			}
			// The copy that was bad must now stand in for one of the others.
			r.must(r.nodes.Kill(1))
			r.trickle(3)
			r.until("the first node, whose copy was bad, is ready", recovery, func() error { return r.ready(0) })
			r.whole(0, 2)
			r.must(r.nodes.Restart(1))
			r.balanced()
			r.good()
		})
	}
}

// TestReplicaDamagedInRounds: in each round all nodes end, the blocks of one are damaged, that one and another start,
// and the third follows. Nothing is ever lost, and all are well at the end of each round.
func TestReplicaDamagedInRounds(t *testing.T) {
	random := rand.New(rand.NewPCG(seed(t, 2), 7))
	r := startFor(t, cluster.Config{Nodes: 3, Shards: 2}, time.Duration(rounds(6, 18))*time.Minute)
	r.fill(rounds(6_000_000, 2*bulk))
	r.trickle(100)
	kinds := []string{"flip", "trunc", "del"}
	random.Shuffle(len(kinds), func(i, k int) { kinds[i], kinds[k] = kinds[k], kinds[i] })
	for round := range rounds(3, 9) {
		bad, kind := round%3, kinds[round%3]
		others := slices.DeleteFunc([]int{0, 1, 2}, func(i int) bool { return i == bad })
		if killed := random.IntN(2) == 0; killed {
			r.killAll()
		} else {
			r.all(r.nodes.End)
		}
		r.damage(bad, kind, random)
		first := others[random.IntN(2)]
		last := 3 - bad - first
		t.Logf("round %d: %s of %s; %s starts last", round, kind, r.nodes.Name(bad), r.nodes.Name(last))
		r.must(r.nodes.Restart(bad))
		r.must(r.nodes.Restart(first))
		r.until("one of two says something", recovery, func() error { return errors.Join(r.says(bad), r.says(first)) })
		begin := time.Now() // if the good one of the two lacks the newest records, they wait for the third
		t.Logf("two of three: %d of 2 give all data, after %v", r.never(), time.Since(begin).Round(time.Millisecond))
		r.must(r.nodes.Restart(last))
		r.balanced()
		r.trickle(20)
		r.whole()
		r.mended() // else two of three lack something in the next round
	}
	r.good()
}

// says is nil when the node answers.
func (r *rig) says(i int) error {
	_, err := r.status(i)
	return err
}

// TestNewestBlockDamaged: the end of the newest block of a node that stands alone is cut off or altered. Then all is
// there, or the shard is halted: the end that is missing is missed. What was accepted isn't committed again, and no
// reader skips anything.
func TestNewestBlockDamaged(t *testing.T) {
	for _, test := range []struct {
		name   string
		end    func(*rig)
		damage func(r *rig, file string)
	}{
		{"flip, killed", (*rig).killAll, func(r *rig, file string) { r.flip(file, 0.5) }},
		{"cut, killed", (*rig).killAll, func(r *rig, file string) { r.cut(file, 0.9) }},
		{"flip, ended", func(r *rig) { r.all(r.nodes.End) }, func(r *rig, file string) { r.flip(file, 0.5) }},
		{"cut, ended", func(r *rig) { r.all(r.nodes.End) }, func(r *rig, file string) { r.cut(file, 0.9) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := start(t, oneLog(1))
			r.fillLog()
			r.trickle(100)
			kept := r.request(1, 200)
			first := r.add(0, "kept", kept)
			before, err := r.read(0, "start")
			r.must(err)
			test.end(r)
			files := r.blocks(0, "quadrille_main_0")
			test.damage(r, files[len(files)-1])
			r.restartAll()
			halted := r.decided(0)
			r.never()
			since := r.request(1, 100)
			r.doubt(since)
			if _, err := r.http.Submit(r.ctx, r.nodes.Doors()[0], client.TypePatch, "since", additions(since)); err == nil {
				r.accept(since)
				r.continues(0, before.cursor, since)
			}
			again, err := r.http.Submit(r.ctx, r.nodes.Doors()[0], client.TypePatch, "kept", additions(kept))
			if err == nil && again.Results[0].Position != first.Results[0].Position {
				t.Errorf("an accepted request, at %d, is committed again at %d", first.Results[0].Position, again.Results[0].Position)
			}
			r.never()
			r.verified(halted)
		})
	}
}

// decided waits until node i is ready, or has halted a shard, and reports which.
func (r *rig) decided(i int) (halted bool) {
	r.Helper()
	r.until("the node is ready, or a shard is halted", recovery, func() error {
		status, err := r.status(i)
		for _, sh := range status.Shards {
			if halted = sh.State == "halted" && sh.Error != ""; halted {
				return nil
			}
		}
		return errors.Join(err, r.ready(i))
	})
	return halted
}

// TestSnapshotDamaged: the snapshots of a shard are altered; it starts from the log. Then the log behind the snapshots
// is lost: nothing but a halt is right.
func TestSnapshotDamaged(t *testing.T) {
	r := start(t, oneLog(1))
	r.fill(140_000_000) // one is taken every 64 MB
	r.until("snapshots are there", recovery, func() error {
		if total := r.bytes(0, "OBJ_quadrille_main"); total < 64_000_000 {
			return fmt.Errorf("they have %d bytes", total)
		}
		return nil
	})
	// In good order first: the engine doesn't look at its blocks at the start then, and gives out what is altered.
	for _, end := range []func(){func() { r.all(r.nodes.End) }, r.killAll} {
		end()
		for _, f := range r.blocks(0, "OBJ_quadrille_main") {
			if r.size(f) > 1000 {
				r.flip(f, 0.5)
			}
		}
		r.restartAll()
		r.balanced()
		r.whole()
		r.trickle(3)
	}
	r.killAll()
	files := r.blocks(0, "quadrille_main_0")
	for _, f := range files[1 : len(files)-1] {
		r.cut(f, 0)
	}
	r.must(os.Truncate(files[len(files)-1], 1000))
	r.restartAll()
	r.halts(0, 0)
	r.never()
	r.refuses(0, r.request(1, 100))
	r.verified(true)
}

// rounds is how many of something a test has, by default and in its long form.
func rounds(short, longer int) int {
	if long() {
		return longer
	}
	return short
}
