package kafka_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
)

// testRebalance: a second member comes and goes; between them all is read, nothing with another identity, and each stream in
// order.
func testRebalance(t *testing.T, b *broker) {
	const partitions, rounds = 4, 3
	topic, progress := b.topic(t, partitions), &conntest.Progress{}
	cfg := b.config(topic)
	second := cfg
	second.Member = "second"
	seen := map[string]string{} // by identity
	last := map[string]uint64{} // by member and stream
	take := func(member string, r connector.Reader, done chan<- []connector.Message) {
		for {
			messages, err := r.Read(t.Context())
			if err != nil {
				return
			}
			for i := range messages {
				messages[i].Reason = member // for whom it was
			}
			done <- messages
		}
	}
	came := make(chan []connector.Message, 100)
	a := read(t, cfg, progress)
	go take("a", a, came)
	var z *reading
	sent := 0
	wait := func() {
		for deadline := time.After(patience); len(seen) < sent; {
			select {
			case messages := <-came:
				for _, m := range messages {
					id := fmt.Sprint(m.Stream, " ", m.Offset)
					if before, again := seen[id]; again && before != string(m.Body) {
						t.Errorf("%s is %q and %q", id, before, m.Body)
					}
					at := m.Reason + m.Stream
					if m.Offset < last[at] {
						t.Errorf("%s comes after %d", id, last[at])
					}
					last[at], seen[id] = m.Offset, string(m.Body)
					progress.Commit(m)
				}
			case <-deadline:
				t.Fatalf("%d of %d messages", len(seen), sent)
			}
		}
	}
	for round := range rounds {
		for p := range int32(partitions) {
			b.send(t, topic, p, fmt.Sprint(round, p, 1), fmt.Sprint(round, p, 2))
			sent += 2
		}
		wait()
		if round == 0 {
			z = read(t, second, progress)
			go take("z", z, came)
			b.waitForMembers(t, cfg.Group, 2)
		}
		if round == 1 {
			z.End()
		}
	}
	a.End()
}

// waitForMembers waits until all members of a group have partitions.
func (b *broker) waitForMembers(t *testing.T, group string, n int) {
	t.Helper()
	ctx := conntest.Within(t)
	conntest.Eventually(t, fmt.Sprintf("the group has %d members with partitions", n), func() bool {
		groups, err := b.admin.DescribeConsumerGroups(ctx, group)
		with := 0
		for _, m := range groups[group].Members {
			if len(m.Assignment) > 0 {
				with++
			}
		}
		return err == nil && with == n
	})
}

// testTakenOver: a reader takes the place of one that hasn't left, and is held up, as on a node that was taken for dead: it can't go on.
func testTakenOver(t *testing.T, b *broker) {
	for _, classic := range []bool{false, true} {
		topic := b.topic(t, 1)
		b.send(t, topic, 0, "one")
		cfg := b.config(topic)
		cfg.Classic = classic
		var gate sync.RWMutex
		late := cfg
		late.DialBy(holdUp(&gate))
		before := read(t, late, &conntest.Progress{})
		before.Is("one")
		gate.Lock() // else it may join the group again before the next one is in it
		after := read(t, cfg, &conntest.Progress{})
		after.Is("one")
		gate.Unlock()
		err := before.Fails()
		if !strings.Contains(err.Error(), "another one takes its place") {
			t.Errorf("classic %v: the one before: %v", classic, err)
		}
		before.End()
		b.send(t, topic, 0, "two")
		after.Is("two") // it was not taken out of the group
		after.End()
	}
}

// testTakenOut: a reader that was taken out of the group doesn't join it again, in whatever place the next one is then.
func testTakenOut(t *testing.T, b *broker) {
	for _, classic := range []bool{false, true} {
		topic := b.topic(t, 1)
		b.send(t, topic, 0, "one")
		cfg := b.config(topic)
		cfg.Classic, cfg.Member = classic, "taken"
		r := read(t, cfg, &conntest.Progress{})
		r.Is("one")
		if _, err := b.admin.LeaveGroup(conntest.Within(t), kadm.LeaveGroup(cfg.Group).InstanceIDs(cfg.Member)); err != nil {
			t.Fatal(err)
		}
		if err := r.Fails(); !strings.Contains(err.Error(), "another one takes its place") || errors.Is(err, connector.ErrGiveUp) {
			t.Errorf("classic %v: %v", classic, err)
		}
		r.End()
		r = read(t, cfg, &conntest.Progress{})
		r.Is("one")
		r.End()
	}
}
