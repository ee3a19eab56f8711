package opcua

import (
	"context"
	"errors"
	"time"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
)

// SetRenew has keys made anew sooner. They are good for long: who is late has the old ones.
func (c *Connection) SetRenew(d time.Duration) { c.renew = d }

// Watch has a reader be of no use after a shorter silence, from now on.
func Watch(ctx context.Context, r connector.Reader, silence time.Duration) {
	rd := r.(*reader) //nolint:forcetypeassert // it is this package's
	rd.tasks.Go(func() { rd.watch(ctx, silence) })
}

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

// ArrivedLate lets a value arrive, then an error, and then another value, and returns what is read of it one after the other.
func ArrivedLate(err error) (before, said string, after error) {
	r := newReader(&Source{}, nil)
	r.list = []*item{{node: ua.NewStringNodeID(1, "x"), head: []byte(`{"name":"x"`)}}
	arrived := func(n uint32) {
		r.arrived(&ua.PublishResponse{NotificationMessage: &ua.NotificationMessage{SequenceNumber: n, NotificationData: []*ua.ExtensionObject{
			{Value: &ua.DataChangeNotification{MonitoredItems: []*ua.MonitoredItemNotification{
				{Value: &ua.DataValue{Value: ua.MustVariant(int32(n))}}}}}}}})
	}
	next := func() (text string) {
		messages, _, err := r.next()
		for _, m := range messages {
			text += string(m.Body)
		}
		after = err
		return text
	}
	arrived(1)
	before = next()
	r.failed(err)
	said = next()
	arrived(2)
	if text := next(); text != "" {
		after = errors.New(text)
	}
	return before, said, after
}
