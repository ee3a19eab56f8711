package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shard"
)

// Payload is what an event carries: any bytes, with their media type. Nobody changes Data after it is routed.
type Payload struct {
	// MediaType says what Data is, as in HTTP's Content-Type.
	MediaType string
	// Data is the content.
	Data []byte
}

// TypeJSON is the media type of JSON.
const TypeJSON = "application/json"

// JSON returns v as a JSON payload.
func JSON(v any) (Payload, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return Payload{}, fmt.Errorf("payload: %w", err)
	}
	return Payload{MediaType: TypeJSON, Data: data}, nil
}

// Decode reads a JSON payload into v, a pointer. It is an error if the media type is not JSON.
func (p Payload) Decode(v any) error {
	if t, _, err := mime.ParseMediaType(p.MediaType); err != nil || t != TypeJSON {
		return fmt.Errorf("payload of type %q: expected %s", p.MediaType, TypeJSON)
	}
	if err := json.Unmarshal(p.Data, v); err != nil {
		return fmt.Errorf("payload: %w", err)
	}
	return nil
}

// PayloadOf returns the payload of an event, for those who get one.
func PayloadOf(ev *event.Event) Payload { return Payload{MediaType: ev.MediaType, Data: ev.Payload} }

// Target is where a key's events go.
type Target struct {
	// Shard is the shard that the key falls in.
	Shard int
	// Node is the name of its owner.
	Node string
	// Local: the node is this one.
	Local bool
}

// ShardFor returns where the key's events go now, without I/O; [ErrNoNodes] if there is no assignment, with the shard
// set all the same.
func (c *Coordinator) ShardFor(key string) (Target, error) { return c.target(c.current.Load(), key) }

func (c *Coordinator) target(s *State, key string) (Target, error) {
	t := Target{Shard: shard.Of(key, c.cfg.Shards)}
	t.Node = s.Assignment.Node(t.Shard)
	if t.Node == "" {
		return t, ErrNoNodes
	}
	t.Local = t.Node == c.cfg.LocalNode
	return t, nil
}

// Shipper carries events to nodes; package shipper has one.
type Shipper interface {
	// Ship hands over one event of a shard, that nobody acknowledges, to a node. It may be called concurrently.
	Ship(ctx context.Context, node string, shard int, ev event.Event) error
}

var errNoShipper = errors.New("the coordinator was made without a shipper, so it can't route")

// Route ships an event to the owner of its key's shard and returns where that was, once it is handed over: nobody
// acknowledges it. For events that must take effect use a node's Send. Errors: [ErrNoNodes]; those of the [Shipper].
func (c *Coordinator) Route(ctx context.Context, key string, p Payload) (Target, error) {
	s := c.current.Load()
	t, err := c.target(s, key)
	if err != nil {
		return t, err
	}
	if c.ship == nil {
		return t, errNoShipper
	}
	err = c.ship.Ship(ctx, t.Node, t.Shard, event.Event{Epoch: s.Epoch, Key: key, MediaType: p.MediaType, Payload: p.Data})
	if err != nil {
		return t, err
	}
	if t.Local {
		c.counters.local.Add(1)
	} else {
		c.counters.remote.Add(1)
	}
	return t, nil
}
