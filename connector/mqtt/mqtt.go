// Package mqtt is a [connector.Source] that reads topics of an MQTT broker, and a [connector.Sink] that writes deltas to topics.
// Both speak MQTT 5 and 3.1.1.
//
// MQTT gives messages no identity, so the source's have none: what the broker delivers again, because an acknowledgement was lost,
// has its effect again. A message is acknowledged when it is committed, over the connection that it has come by, and in the
// order in which messages have come. The sink keeps its position in a retained message of its own, behind what it has written:
// at least once, too.
//
// How packets are on the wire is Eclipse Paho's; a connection, and what is waited for on it, is here. The clients of Paho live
// longer than a connection, and acknowledge after a pause; here nothing of a connection outlives it.
package mqtt

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/tlserror"
	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Version is that of the protocol.
type Version int

// The versions: both have the same settings; what 3.1.1 lacks is said there.
const (
	V5 Version = iota
	V311
)

// Connection says how a broker is reached.
type Connection struct {
	// Address is the broker's, as HOST:PORT. Required.
	Address string
	// Version of the protocol. Default [V5].
	Version Version
	// TLS, if not nil, encrypts; the broker's name is checked by its certificate.
	TLS *tls.Config
	// User and Password, if any. A password needs TLS, but on loopback, since it is sent as it is.
	User, Password string
	// KeepAlive is the time within which each side must hear of the other: the broker is asked twice in it whether it is there. After
	// half as much more the connection is given up, by either side. Whole seconds, 1 s to 18 h. Default 30 s.
	KeepAlive time.Duration

	dial func(ctx context.Context, network, address string) (net.Conn, error) // of tests, which spoil connections
}

// maxKeepAlive is what fits into the protocol.
const maxKeepAlive = math.MaxUint16 * time.Second

// check finds what can't be, and sets what is not set.
func (c *Connection) check() error {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("mqtt: address %q: expected HOST:PORT", c.Address)
	}
	c.KeepAlive = cmp.Or(c.KeepAlive, 30*time.Second)
	if c.KeepAlive < time.Second || c.KeepAlive > maxKeepAlive {
		return fmt.Errorf("mqtt: keep-alive %v: expected %v to %v", c.KeepAlive, time.Second, maxKeepAlive)
	}
	if c.Version != V5 && c.Version != V311 {
		return fmt.Errorf("mqtt: version %d: expected that of MQTT 5 or 3.1.1", c.Version)
	}
	if c.Password != "" && c.User == "" {
		return errors.New("mqtt: a password needs a user")
	}
	if c.Password != "" && c.TLS == nil && !loopback.Is(host) {
		return errors.New("mqtt: a password is sent as it is: it needs TLS, or a broker on loopback")
	}
	return nil
}

// The times within which the other side must do something, and after which what it doesn't do is an error.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = 30 * time.Second
)

// connect makes a connection to the broker, without a word of MQTT.
func (c *Connection) connect(ctx context.Context) (net.Conn, error) {
	dial := c.dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	conn, err := dial(ctx, "tcp", c.Address)
	if err != nil || c.TLS == nil {
		return conn, err
	}
	cfg := c.TLS.Clone()
	if host, _, _ := net.SplitHostPort(c.Address); cfg.ServerName == "" {
		cfg.ServerName = host
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

// ended is the error of ctx if that has ended, else the other one in the words of the contract.
func ended(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if tlserror.IsRefusal(err) && !errors.Is(err, connector.ErrGiveUp) {
		return connector.GiveUpf("%w; %s", err, tlserror.Advice)
	}
	return err
}

// refusals are what a broker says no to, by the reason codes of MQTT 5: what no trying again mends, with the words for it.
var refusals = map[byte]string{
	0x81: "malformed packet", 0x82: "protocol error", 0x84: "it doesn't speak this version of MQTT",
	0x85: "the client id is not valid", 0x86: "bad user name or password", 0x87: "not authorized", 0x8a: "banned",
	0x8c: "bad authentication method", 0x8e: "another client with the same id has taken over the session",
	0x8f: "the topic filter is not valid", 0x90: "the topic is not valid", 0x95: "the packet is too large",
	0x98: "administrative action", 0x99: "the payload's format is not valid", 0x9a: "it has no retained messages",
	0x9b: "it has no such QoS", 0x9c: "use another server", 0x9d: "the server has moved",
	0x9e: "it has no shared subscriptions", 0xa2: "it has no wildcards",
}

// others are the codes after which it may go better later.
var others = map[byte]string{
	0x80: "unspecified error", 0x83: "it is not willing", 0x88: "the server is not available", 0x89: "the server is busy",
	0x8b: "the server is shutting down", 0x8d: "keep-alive timeout", 0x91: "packet identifier in use",
	0x93: "receive maximum exceeded", 0x96: "message rate too high", 0x97: "quota exceeded", 0x9f: "connection rate exceeded",
	0xa0: "maximum connect time",
}

// failed is the first of the codes for failures.
const failed = 0x80

// adviceOf is what is to be done about a refusal.
func adviceOf(code byte) string {
	switch code {
	case 0x86, 0x87, 0x8a, 0x8c:
		return "put user and password right, or the rights at the broker"
	case 0x85, 0x8e:
		return "give the client an id of its own (client-id)"
	case 0x8f, 0x90, 0x9e, 0xa2:
		return "put the topics right, or let them at the broker"
	case 0x9c, 0x9d:
		return "put the address right"
	}
	return "settings and broker must be made to fit"
}

// refused is the error for a reason code, with what the broker says of it; nil for one that is no failure.
func refused(what string, code byte, reason string) error {
	if code < failed {
		return nil
	}
	word, final := refusals[code]
	if !final {
		word = others[code]
	}
	err := fmt.Errorf("%s: the broker refuses: %s (0x%02x)", what, word, code)
	if reason != "" {
		err = fmt.Errorf("%w: %s", err, reason)
	}
	if final {
		err = connector.GiveUpf("%w; %s", err, adviceOf(code))
	}
	return err
}
