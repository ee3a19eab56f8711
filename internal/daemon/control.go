package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
	"github.com/quadrille-stream/quadrille/node"
)

// control is what the HTTP API has changed, in its words.
type control struct{ *pipeline.Control }

var _ api.Control = control{}

// TurnSource implements [api.Control].
func (c control) TurnSource(ctx context.Context, name, by string, paused bool) (client.Switch, error) {
	w, err := c.Turn(ctx, pipeline.SourceKind, name, by, paused)
	return switchOf(w), err
}

// TurnSink implements [api.Control].
func (c control) TurnSink(ctx context.Context, name, by string, paused bool) (client.Switch, error) {
	w, err := c.Turn(ctx, pipeline.SinkKind, name, by, paused)
	return switchOf(w), err
}

// SeekSource implements [api.Control].
func (c control) SeekSource(ctx context.Context, name string, to client.SourceSeek) error {
	place := pipeline.SourcePlace{Stream: to.Stream}
	if to.Offset != nil {
		place.Offset = *to.Offset
	}
	return c.Control.SeekSource(ctx, name, place)
}

// SeekSink implements [api.Control].
func (c control) SeekSink(ctx context.Context, name string, to client.SinkSeek) error {
	shards := []int{}
	if to.Shard != nil {
		shards = append(shards, *to.Shard)
	} else {
		for shard := range c.Switches.Shards() {
			shards = append(shards, shard)
		}
	}
	position := uint64(0)
	if to.Position != nil {
		position = *to.Position
	}
	err := c.Control.SeekSink(ctx, name, position, shards...)
	if errors.Is(err, pipeline.ErrNotSeekable) || errors.Is(err, node.ErrCursor) {
		err = fmt.Errorf("%w: %w", api.ErrCannot, err)
	}
	return err
}

// peers returns what makes a client for the HTTP APIs of the other nodes, which are asked with the token of who asks this one.
func (d *daemon) peers() (func(token string) *client.Client, error) {
	roots, err := rootsOf(d.HTTP.PeersCA)
	if err != nil {
		return nil, err
	}
	return func(token string) *client.Client {
		if roots == nil {
			return client.New(token)
		}
		return client.New(token, client.WithRoots(roots))
	}, nil
}
