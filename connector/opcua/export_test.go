package opcua

import (
	"time"

	"github.com/gopcua/opcua/ua"
)

// SetLifetime makes keys that are made anew sooner.
func (c *Connection) SetLifetime(d time.Duration) { c.lifetime = d }

// Rest reads what a server has kept back of a node's references.
var Rest = rest

// MaxHeld bounds the messages that wait for one before them.
const MaxHeld = maxHeld

// Arrived lets messages of a subscription arrive, and returns what has become of it.
func Arrived(messages ...*ua.NotificationMessage) error {
	r := newReader(&Source{}, nil)
	for _, m := range messages {
		r.arrived(&ua.PublishResponse{NotificationMessage: m})
	}
	return r.err
}
