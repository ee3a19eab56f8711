package demo

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// peer is what the changes go through instead of the nodes' doors. Its methods may be called concurrently.
type peer interface {
	// source is what the nodes read it with: an item of the configuration's sources.
	source() string
	// send hands over a request, and returns when the peer has it for good. The requests of a sender stay in order.
	send(ctx context.Context, sender int, body []byte) error
	// once reports whether what the nodes read again has no second effect. Otherwise it comes again in order, and with it all that
	// came behind it.
	once() bool
	// close takes away what was made there, and disconnects.
	close() error
}

// peers are the kinds of peers; each is made for a run of that name.
var peers = map[string]func(ctx context.Context, address, run string) (peer, error){
	"kafka": newKafka, "mqtt": newMQTT, "nats": newNATS,
}

// Peers lists the kinds of peers that [Config.With] can name.
func Peers() []string { return slices.Sorted(maps.Keys(peers)) }

// CheckPeer reports what is wrong with KIND=ADDRESS; it connects to nothing.
func CheckPeer(with string) error {
	kind, address, _ := strings.Cut(with, "=")
	if peers[kind] == nil || address == "" {
		return fmt.Errorf("%q: expected KIND=ADDRESS, where KIND is %s", with, strings.Join(Peers(), " or "))
	}
	return nil
}

// connect connects to the peer of a run.
func connect(ctx context.Context, with, run string) (peer, error) {
	if err := CheckPeer(with); err != nil {
		return nil, err
	}
	kind, address, _ := strings.Cut(with, "=")
	p, err := peers[kind](ctx, address, run)
	if err != nil {
		return nil, fmt.Errorf("%s at %s: %w", kind, address, err)
	}
	return p, nil
}
