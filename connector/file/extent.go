package file

import (
	"context"

	"github.com/quadrille-stream/quadrille/connector"
)

var _ connector.Lagger = (*reader)(nil)

// Extents tells what is in each file, as it was when it was last looked at, in bytes. What was looked at and is no whole message yet
// is not there.
func (r *reader) Extents(context.Context) ([]connector.Extent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := make([]connector.Extent, len(r.order))
	for i, in := range r.order {
		list[i] = connector.Extent{Stream: in.stream(in.generation), Per: 1 << endShift, Bytes: true,
			End: uint64(in.at.end+in.unread())<<endShift | 1} // so that an empty file is known
	}
	return list, nil
}

// unread is how many bytes of the file are to be read; of one that is compressed, as it is on the disk.
func (in *input) unread() int64 {
	switch {
	case !in.touched:
		return 0
	case in.started:
		return max(in.size-in.base-int64(in.cut), 0)
	case in.whole && in.found && in.at.final: // it was read, unless it turns out to be another document
		return 0
	case in.whole:
		return in.size
	}
	return max(in.size-in.at.end, 0)
}
