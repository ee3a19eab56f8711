package api

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// maxNamed bounds the shards that a sentence names.
const maxNamed = 8

// status is the node's, with its sources and sinks: one of them that fails, or has brought what can't be taken in, is not as it
// should be.
func (a *API) status() client.Status {
	s := statusOf(a.node.Status())
	for _, of := range a.cfg.Sources {
		s.Sources = append(s.Sources, of())
	}
	for _, of := range a.cfg.Sinks {
		s.Sinks = append(s.Sinks, of())
	}
	slices.SortFunc(s.Sources, func(a, b client.SourceStatus) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Sinks, func(a, b client.SinkStatus) int { return cmp.Compare(a.Name, b.Name) })
	for i := range s.Sources {
		if of := &s.Sources[i]; of.Failing != nil {
			s.Degraded = append(s.Degraded, fmt.Sprintf("source %s of node %s fails (shard %d) since %s", of.Name, s.Node, of.Home,
				sinceWhy(of.Failing)))
		}
		if of := &s.Sources[i]; of.Rejected > 0 {
			s.Degraded = append(s.Degraded, fmt.Sprintf("source %s: since node %s began, %d of its %d messages could not be taken in and "+
				"are dead letters; the node's log says why", of.Name, s.Node, of.Rejected, of.Messages))
		}
	}
	for i := range s.Sinks {
		if failing := failingShards(&s.Sinks[i]); len(failing) > 0 {
			s.Degraded = append(s.Degraded, fmt.Sprintf("sink %s of node %s fails (%s) since %s", s.Sinks[i].Name, s.Node,
				namesOf(failing), sinceWhy(earliest(failing))))
		}
	}
	return s
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

// namesOf names shards, the first of them if they are many.
func namesOf(list []client.SinkShard) string {
	var names []string
	for _, shard := range list[:min(len(list), maxNamed)] {
		names = append(names, fmt.Sprint(shard.Shard))
	}
	text := "shard " + names[0]
	if len(names) > 1 {
		text = "shards " + strings.Join(names, ", ")
	}
	if more := len(list) - len(names); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
