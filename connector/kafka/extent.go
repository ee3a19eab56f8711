package kafka

import (
	"context"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/connector"
)

var _ connector.Lagger = (*reader)(nil)

// Extents asks the brokers for the first offsets of this reader's partitions, and those behind the last. Some offsets between
// them are no messages: those of the ends of transactions, and of what was compacted.
func (r *reader) Extents(ctx context.Context) ([]connector.Extent, error) {
	r.mu.Lock()
	current := slices.Collect(maps.Values(r.current))
	r.mu.Unlock()
	var topics []string
	for _, st := range current {
		if !slices.Contains(topics, st.topic) {
			topics = append(topics, st.topic)
		}
	}
	if len(topics) == 0 {
		return nil, nil
	}
	there, err := r.extent(ctx, topics)
	if err != nil {
		return nil, err
	}
	var list []connector.Extent
	for _, st := range current {
		if there.details[st.topic].ID != st.id {
			continue // it was made anew
		}
		first, _ := there.first.Lookup(st.topic, st.partition)
		last, _ := there.last.Lookup(st.topic, st.partition)
		list = append(list, connector.Extent{Stream: st.name, First: uint64(first.Offset), End: uint64(last.Offset)})
	}
	return list, nil
}
