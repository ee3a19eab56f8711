package nats

import (
	"context"

	"github.com/quadrille-stream/quadrille/connector"
)

var _ connector.Lagger = (*reader)(nil)

// Extents asks where the stream begins, and for the last message of the subjects that are read.
func (r *reader) Extents(ctx context.Context) ([]connector.Extent, error) {
	now, err := r.extent(ctx)
	if err != nil {
		return nil, err
	}
	e := connector.Extent{Stream: r.stream.name, First: now.first, End: now.last + 1}
	if len(r.s.cfg.Subjects) > 0 {
		e.End = now.first
	}
	for _, subject := range r.s.cfg.Subjects {
		last, err := get(ctx, r.link, r.s.cfg.Stream, getRequest{Last: subject})
		if err != nil {
			return nil, err
		}
		if last != nil {
			e.End = max(e.End, last.Sequence+1)
		}
	}
	return []connector.Extent{e}, nil
}
