package opcua

import (
	"time"

	"github.com/gopcua/opcua/ua"
)

// SetRenew has keys made anew sooner. They are good for long: who is late has the old ones.
func (c *Connection) SetRenew(d time.Duration) { c.renew = d }

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
