package api

import (
	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/node"
)

// statusOf is a status as it goes over the wire.
func statusOf(s graph.Status) client.Status {
	out := client.Status{
		Pipeline: s.Pipeline, Node: s.Node, Incarnation: s.Incarnation, Epoch: s.Epoch, Key: s.Key, Ready: s.Ready,
		NotReady: s.NotReady, Degraded: s.Degraded, Absent: s.Absent, Engine: engineOf(s.Engine), Stats: statsOf(s), Queries: client.QueryStatus(s.Queries),
	}
	for _, m := range s.Members {
		out.Members = append(out.Members, client.MemberStatus(m))
	}
	for _, shard := range s.Shards {
		out.Shards = append(out.Shards, client.ShardStatus{Shard: shard.Shard, Owner: shard.Owner, Standby: shard.Standby,
			State: shard.State, Position: shard.Position, Quads: shard.Size, Letters: shard.Letters, Head: shard.Head, Error: shard.Error})
	}
	return out
}

func engineOf(e node.EngineStatus) client.EngineStatus {
	out := client.EngineStatus{Storage: e.Storage, StorageError: e.StorageError, Troubles: e.Troubles, Damages: e.Damages}
	for _, stream := range e.Streams {
		out.Streams = append(out.Streams, client.StreamStatus(stream))
	}
	return out
}

func statsOf(s graph.Status) client.Stats {
	n := s.Stats
	return client.Stats{
		Submissions: s.Submissions, ChangesIn: s.Changes, Events: n.Events, Adds: n.Adds, Deletes: n.Deletes,
		Duplicates: n.Duplicates, Bad: n.Bad, Records: n.Records, RecordBytes: n.RecordBytes, AppendNanos: n.AppendNanos,
		AppendRefused: n.AppendRefused, AppendUnknown: n.AppendUnknown, Claims: n.Claims, ClaimTries: n.ClaimTries,
		Yields: n.Yields, Halted: n.Halted, ProposedFailed: n.ProposedFailed, OldestMillis: n.OldestMillis,
	}
}

// resultsOf are results as they go over the wire.
func resultsOf(results []graph.Result) []client.Result {
	out := make([]client.Result, len(results))
	for i, r := range results {
		out[i] = client.Result(r)
	}
	return out
}
