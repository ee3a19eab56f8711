package http

import (
	"context"

	"github.com/quadrille-stream/quadrille/connector"
)

var _ connector.Lagger = (*reader)(nil)

// knowing are the states of a shard on the node that is followed in which it knows the log's end.
var knowing = map[string]bool{"owning": true, "following": true}

// Extents asks the node that is followed where its logs end. It knows that of the shards that it owns or follows; that of a log of
// which nothing has come yet can't be told, since claims may stand behind the last delta.
func (r *reader) Extents(ctx context.Context) ([]connector.Extent, error) {
	status, err := r.client.Status(ctx, r.base)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]connector.Extent, len(status.Shards))
	for i, shard := range status.Shards {
		list[i] = connector.Extent{Stream: streamOf(status.Pipeline, shard.Shard), First: 1}
		switch last := r.last[shard.Shard]; {
		case !knowing[shard.State]:
		case shard.Head == "":
			list[i].End = list[i].First
		case last.ID == shard.Head:
			list[i].End = last.Position + 1
		case last.ID != "":
			list[i].End = max(shard.Position, last.Position) + 1
		}
	}
	return list, nil
}
