package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

const (
	// sessionExpiry is how long the broker keeps the nodes' session where the demo can't end it.
	sessionExpiry = time.Hour
	// keepAlive is in seconds.
	keepAlive = 30
	// atLeastOnce is the quality of service.
	atLeastOnce = 1
)

// mqtt is a topic for each sender, below one that is named after the run, and the session by which the nodes read them.
type mqtt struct {
	client  *paho.Client
	address string
	name    string // of the topic, and of the session
}

func newMQTT(ctx context.Context, address, run string) (peer, error) {
	m := &mqtt{address: address, name: "quadrille-" + run}
	session, err := m.connect(ctx, m.name, sessionExpiry)
	if err != nil {
		return nil, err
	}
	if err = m.subscribe(ctx, session); err == nil {
		m.client, err = m.connect(ctx, m.name+"-sender", 0)
	}
	if err != nil {
		return nil, errors.Join(err, m.endSession())
	}
	return m, nil
}

// connect connects anew as a client whose session the broker keeps for so long.
func (m *mqtt) connect(ctx context.Context, client string, expiry time.Duration) (*paho.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, closePatience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", m.address)
	if err != nil {
		return nil, err
	}
	c := paho.NewClient(paho.ClientConfig{Conn: conn, PacketTimeout: patience})
	seconds := uint32(expiry / time.Second)
	_, err = c.Connect(ctx, &paho.Connect{ClientID: client, CleanStart: true, KeepAlive: keepAlive,
		Properties: &paho.ConnectProperties{SessionExpiryInterval: &seconds}})
	return c, err
}

// subscribe makes the session one in which the broker keeps what is sent from now on, before any node reads.
func (m *mqtt) subscribe(ctx context.Context, c *paho.Client) error {
	_, err := c.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: m.name + "/+", QoS: atLeastOnce}}})
	return errors.Join(err, c.Disconnect(&paho.Disconnect{}))
}

func (m *mqtt) source() string {
	return fmt.Sprintf("{name: demo, type: mqtt, address: '%s', client-id: %s, topics: %[2]s/+, session-expiry: %v, tls: false}",
		m.address, m.name, sessionExpiry)
}

// send sends to the topic of the sender, and waits for the answer, so that its requests stay in order.
func (m *mqtt) send(ctx context.Context, sender int, body []byte) error {
	_, err := m.client.Publish(ctx, &paho.Publish{Topic: fmt.Sprintf("%s/%d", m.name, sender), QoS: atLeastOnce, Payload: body})
	return err
}

func (m *mqtt) once() bool { return false }

func (m *mqtt) close() error {
	_ = m.client.Disconnect(&paho.Disconnect{}) // its session ends with the connection, however that ends
	return m.endSession()
}

// endSession takes the session of the nodes over, and ends it.
func (m *mqtt) endSession() error {
	c, err := m.connect(context.Background(), m.name, 0)
	if err == nil {
		err = c.Disconnect(&paho.Disconnect{})
	}
	if err != nil {
		return fmt.Errorf("end the session %s: %w", m.name, err)
	}
	return nil
}
