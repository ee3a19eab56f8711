package daemon

import (
	"context"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
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
