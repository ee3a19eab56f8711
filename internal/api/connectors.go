package api

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// maxNamed bounds the shards that a sentence names.
const maxNamed = 8

// status is the node's, with its sources and sinks: one of them that fails is not as it should be, and a dead letter isn't.
func (a *API) status() client.Status {
	s := statusOf(a.node.Status())
	for _, of := range a.cfg.Sources {
		s.Sources = append(s.Sources, of())
	}
	for _, of := range a.cfg.Sinks {
		sink := of()
		setLags(&sink, s.Shards)
		s.Sinks = append(s.Sinks, sink)
	}
	slices.SortFunc(s.Sources, func(a, b client.SourceStatus) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Sinks, func(a, b client.SinkStatus) int { return cmp.Compare(a.Name, b.Name) })
	for i := range s.Sources {
		if of := &s.Sources[i]; of.Failing != nil {
			s.Degraded = append(s.Degraded, fmt.Sprintf("source %s of node %s fails (shard %d) since %s", of.Name, s.Node, of.Home,
				sinceWhy(of.Failing)))
		}
	}
	for i := range s.Sinks {
		if failing := failingShards(&s.Sinks[i]); len(failing) > 0 {
			s.Degraded = append(s.Degraded, fmt.Sprintf("sink %s of node %s fails (%s) since %s", s.Sinks[i].Name, s.Node,
				namesOf(numbersOf(failing)), sinceWhy(earliest(failing))))
		}
	}
	if letters := openLetters(&s); letters != "" {
		s.Degraded = append(s.Degraded, letters)
	}
	return s
}

// openLetters is a sentence about the dead letters of the shards that the node owns; "" if none is open.
func openLetters(s *client.Status) string {
	sum := 0
	var shards []int
	for _, shard := range s.Shards {
		if shard.Owner == s.Node && shard.Letters > 0 {
			sum += shard.Letters
			shards = append(shards, shard.Shard)
		}
	}
	if sum == 0 {
		return ""
	}
	what := fmt.Sprintf("%d messages could not be taken in and are dead letters", sum)
	if sum == 1 {
		what = "a message could not be taken in and is a dead letter"
	}
	return fmt.Sprintf("%s (%s, node %s); quadrille dlq shows, retries and drops them", what, namesOf(shards), s.Node)
}

// setLags says how far behind the ends of the logs a sink is: by no more than claims and the like, which aren't written, is not at
// all. The node has the shards' ends, since a sink's shard is written where it is owned.
func setLags(sink *client.SinkStatus, shards []client.ShardStatus) {
	for i := range sink.Shards {
		of := &sink.Shards[i]
		if of.Lag == nil || of.Position == nil || of.Shard >= len(shards) {
			continue
		}
		end := shards[of.Shard]
		if of.Lag.Count = 0; end.Head != of.ID && end.Position > *of.Position {
			of.Lag.Count = end.Position - *of.Position
		}
		if of.Lag.Count == 0 {
			of.Lag.Seconds = nil
		}
	}
}

// failingShards returns the shards that the sink tries again.
func failingShards(s *client.SinkStatus) (list []client.SinkShard) {
	for _, shard := range s.Shards {
		if shard.Failing != nil {
			list = append(list, shard)
		}
	}
	return list
}

// earliest returns the failure that is there for the longest time; of a sink's shards they mostly have one cause.
func earliest(failing []client.SinkShard) *client.Failure {
	return slices.MinFunc(failing, func(a, b client.SinkShard) int { return a.Failing.Since.Compare(b.Failing.Since) }).Failing
}

// sinceWhy says since when something fails, and why.
func sinceWhy(f *client.Failure) string {
	return f.Since.UTC().Format(time.RFC3339) + ": " + strings.ReplaceAll(f.Error, "\n", "; ") // a sentence is a line
}

// numbersOf returns the numbers of shards.
func numbersOf(list []client.SinkShard) (shards []int) {
	for _, of := range list {
		shards = append(shards, of.Shard)
	}
	return shards
}

// namesOf names shards, the first of them if they are many.
func namesOf(shards []int) string {
	var names []string
	for _, shard := range shards[:min(len(shards), maxNamed)] {
		names = append(names, strconv.Itoa(shard))
	}
	text := "shard " + names[0]
	if len(names) > 1 {
		text = "shards " + strings.Join(names, ", ")
	}
	if more := len(shards) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
