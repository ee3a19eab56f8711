package verify

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// nodeCopy is one node's copy of a log.
type nodeCopy struct {
	node *NodeReport
	client.LogReport
}

// question is about a record that a log must have.
type question struct {
	place client.Place
	// want is its id; empty: any.
	want string
	// nodes are those that can answer, the one with the longest copy first.
	nodes []*NodeReport
	// why says what is wrong if the record isn't there, or is another.
	why string
	// found is what was there the last time.
	found string
}

func (q *question) answered() bool { return q.found != "" && (q.want == "" || q.want == q.found) }

// compare holds the reports against each other.
func (v *Nodes) compare(ctx context.Context, cl *client.Client) error {
	copies := v.copies()
	var open []*question
	for _, shard := range slices.Sorted(maps.Keys(copies)) {
		open = append(open, v.compareCopies(copies[shard])...)
	}
	open = append(open, v.marked(copies)...)
	v.missing()
	for round := 0; len(open) > 0; round++ {
		answers, err := askAll(ctx, cl, open, round)
		if err != nil {
			return err
		}
		open = slices.DeleteFunc(open, func(q *question) bool {
			q.found = cmp.Or(answers[q], q.found)
			return q.answered()
		})
		if round == askRounds || len(open) == 0 {
			break
		}
		if err := clock.Sleep(ctx, askPause); err != nil {
			return err
		}
	}
	for _, q := range open {
		v.Damages = append(v.Damages, fmt.Sprintf("%s: %s; there is %s", LogText(q.place.Shard), q.why, cmp.Or(q.found, "none")))
	}
	return nil
}

// copies are those of each log that is not damaged, the longest first. What was read through the engine counts only where no
// replica was read.
func (v *Nodes) copies() map[int][]nodeCopy {
	all := map[int][]nodeCopy{}
	replicas := slices.ContainsFunc(v.Nodes, func(n NodeReport) bool { return n.Report != nil && n.Replica })
	for i := range v.Nodes {
		n := &v.Nodes[i]
		if n.Report == nil || n.Replica != replicas {
			continue
		}
		for _, l := range n.Logs {
			if !l.Damaged {
				all[l.Shard] = append(all[l.Shard], nodeCopy{n, l})
			}
		}
	}
	for _, list := range all {
		slices.SortStableFunc(list, func(a, b nodeCopy) int { return cmp.Compare(b.Last, a.Last) })
	}
	return all
}

// compareCopies compares the ends of the copies of one log with the longest. As records are chained by their hashes, the
// same record at the end means the same records before it.
func (v *Nodes) compareCopies(list []nodeCopy) (open []*question) {
	best := list[0]
	for _, c := range list[1:] {
		log := LogText(c.Shard)
		if c.Last == best.Last {
			if c.Head != best.Head {
				v.Damages = append(v.Damages, fmt.Sprintf("%s: at position %d node %s has record %s, and node %s has %s", log, c.Last,
					c.node.Node, c.Head, best.node.Node, best.Head))
			}
			continue
		}
		v.Behind = append(v.Behind, fmt.Sprintf("%s: node %s is behind node %s by %s: its copy ends at position %d, and not at %d",
			log, c.node.Node, best.node.Node, terminal.Count(best.Records-min(c.Records, best.Records), "record"), c.Last, best.Last))
		open = append(open, &question{place: client.Place{Shard: c.Shard, Position: c.Last}, want: c.Head, nodes: []*NodeReport{best.node},
			why: fmt.Sprintf("at position %d node %s has record %s, which node %s must have, too", c.Last, c.node.Node, c.Head, best.node.Node)})
	}
	return open
}

// marked asks for the records that are known to be in the logs, and those that snapshots are of.
func (v *Nodes) marked(copies map[int][]nodeCopy) (open []*question) {
	type known struct {
		shard int
		engine.Mark
	}
	from := map[known]string{}
	for _, n := range v.Nodes {
		if n.Report == nil {
			continue
		}
		for _, m := range n.Marks {
			from[known{m.Shard, m.Mark}] = m.From
		}
		for _, s := range n.Snapshots {
			if s.Position > 0 {
				from[known{s.Shard, engine.Mark{Position: s.Position}}] = "snapshot " + s.Name + " of node " + n.Node
			}
		}
	}
	for k, who := range from {
		list, ok := copies[k.shard]
		if !ok && v.damaged(k.shard) {
			continue // what is wrong with it is told
		}
		q := &question{place: client.Place{Shard: k.shard, Position: k.Position}, want: k.ID, nodes: v.askable(list),
			why: fmt.Sprintf("a record is known to be at position %d%s, by %s", k.Position, called(k.ID), who)}
		for _, c := range list {
			if c.Last == k.Position {
				q.found = c.Head
			}
		}
		if !q.answered() {
			open = append(open, q)
		}
	}
	slices.SortFunc(open, func(a, b *question) int {
		return cmp.Or(cmp.Compare(a.place.Shard, b.place.Shard), cmp.Compare(a.place.Position, b.place.Position))
	})
	return open
}

// damaged reports whether a copy of the log is.
func (v *Nodes) damaged(shard int) bool {
	return slices.ContainsFunc(v.Nodes, func(n NodeReport) bool {
		return n.Report != nil && slices.ContainsFunc(n.Logs, func(l client.LogReport) bool { return l.Shard == shard && l.Damaged })
	})
}

// askable are the nodes with copies of a log; of one that nobody has yet, all that answered.
func (v *Nodes) askable(list []nodeCopy) (nodes []*NodeReport) {
	for _, c := range list {
		nodes = append(nodes, c.node)
	}
	for i := range v.Nodes {
		if len(list) == 0 && v.Nodes[i].Report != nil {
			nodes = append(nodes, &v.Nodes[i])
		}
	}
	return nodes
}

// missing tells of streams of which there are fewer copies than there should be, if all nodes have answered.
func (v *Nodes) missing() {
	copies, replicas, lacking := map[string]int{}, 0, map[string]string{}
	for _, n := range v.Nodes {
		if n.Report == nil {
			return
		}
		replicas = max(replicas, n.Replicas)
		for _, s := range n.Streams {
			copies[s]++
		}
		for _, s := range n.Missing {
			lacking[s] = n.Node
		}
	}
	for _, s := range slices.Sorted(maps.Keys(lacking)) {
		if copies[s] < replicas {
			v.Damages = append(v.Damages, fmt.Sprintf("stream %s: of %d copies there is %d; node %s has none", s, replicas, copies[s], lacking[s]))
		}
	}
}

// askAll asks the nodes for the records in question, in each round others, and returns what is there. A node that doesn't
// answer now is no error.
func askAll(ctx context.Context, cl *client.Client, open []*question, round int) (map[*question]string, error) {
	of := map[*NodeReport][]*question{}
	for _, q := range open {
		n := q.nodes[round%len(q.nodes)]
		of[n] = append(of[n], q)
	}
	answers := map[*question]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for n, list := range of {
		all.Go(func() {
			for part := range slices.Chunk(list, client.MaxPlaces) {
				places := make([]client.Place, len(part))
				for i, q := range part {
					places[i] = q.place
				}
				got, err := patient(ctx, cl, n.URL, places)
				if err != nil {
					return // it is asked again
				}
				mu.Lock()
				for i, q := range part {
					answers[q] = got.IDs[i]
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers, ctx.Err()
}
