// Package nats is a [connector.Source] that reads streams of NATS JetStream, or subjects of core NATS, and a [connector.Sink] that
// writes deltas to them.
//
// With JetStream, a stream is a stream as it was made (NAME/TIME, the time of its creation), an offset is the stream's sequence.
// Where it is read from is what the pipeline has committed of it; the acknowledgements of the durable consumer serve those who look
// at it, and the retention of the stream. The sink writes each delta once: whoever opens a shard writes a claim into the stream, all
// that is published expects that claim to be the newest, and the position is that of the shard's last message.
//
// Core NATS keeps nothing: its messages have no identity and come at most once, and what is published reaches those who listen.
package nats

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/internal/tlserror"
	"github.com/quadrille-stream/quadrille/internal/loopback"
)

// Connection says how servers are reached, and as whom. At most one of user, token, credentials and NKey is given.
type Connection struct {
	// Servers are some of the cluster's, as HOST:PORT or nats://HOST:PORT; the first that answers is taken. Required.
	Servers []string
	// TLS, if not nil, encrypts; the name of a server is checked by its certificate.
	TLS *tls.Config
	// User and Password, or Token, are sent as they are, so they need TLS, but on loopback.
	User, Password, Token string
	// Credentials is a file with a JWT and its seed, NKey a file with a seed alone. They sign what the server asks, and are never
	// sent.
	Credentials, NKey string

	dial func(ctx context.Context, network, address string) (net.Conn, error) // of tests, which spoil connections
}

// check finds what can't be.
func (c *Connection) check() error {
	if len(c.Servers) == 0 {
		return errors.New("nats: no server is named")
	}
	local := true
	for _, server := range c.Servers {
		host, err := hostOf(server)
		if err != nil {
			return err
		}
		local = local && loopback.Is(host)
	}
	if (c.User == "") != (c.Password == "") {
		return errors.New("nats: a user and a password belong together")
	}
	ways := 0
	for _, way := range []string{c.User, c.Token, c.Credentials, c.NKey} {
		if way != "" {
			ways++
		}
	}
	if ways > 1 {
		return errors.New("nats: give one of user, token, credentials and NKey")
	}
	if c.TLS == nil && !local && (c.User != "" || c.Token != "") {
		return errors.New("nats: a password or token is sent as it is: it needs TLS, or servers on loopback")
	}
	return nil
}

// hostOf is the host of a server's address.
func hostOf(server string) (string, error) {
	text := server
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Path != "" || u.User != nil {
		return "", errors.New("nats: a server is given as HOST:PORT or nats://HOST:PORT, without user and password")
	}
	return u.Hostname(), nil
}

// The times within which a server must do something.
const (
	dialTimeout  = 5 * time.Second // to connect to one server
	askTimeout   = 5 * time.Second // to answer
	pingInterval = 5 * time.Second // between two looks whether it is there; the second that is not answered ends the connection
	closeTimeout = 2 * time.Second // to take what was acknowledged, at the end
)

// link is a connection. It is never made again by itself: what was under way when it broke is looked at before anything is sent
// again.
type link struct {
	*nats.Conn
	js   jetstream.JetStream
	log  *slog.Logger
	over <-chan nats.Status // tells that the connection has ended

	mu  sync.Mutex
	err error // the newest that no call has returned, such as a permission that lacks
}

// dialer makes connections that end while they are opened if ctx does.
type dialer struct {
	ctx    context.Context //nolint:containedctx // the client has no other way
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	opened []func() bool
}

// Dial implements [nats.CustomDialer].
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	conn, err := d.dial(d.ctx, network, address)
	if err == nil {
		d.opened = append(d.opened, context.AfterFunc(d.ctx, func() { _ = conn.Close() }))
	}
	return conn, err
}

// connect connects to the first server that answers.
func (c *Connection) connect(ctx context.Context, log *slog.Logger) (*link, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	l := &link{log: log}
	d := &dialer{ctx: ctx, dial: c.dial}
	if d.dial == nil {
		d.dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	opts := []nats.Option{
		nats.Name("quadrille"), nats.NoReconnect(), nats.Timeout(dialTimeout), nats.SetCustomDialer(d),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(1), nats.ErrorHandler(l.failed),
		nats.IgnoreDiscoveredServers(), // they would be shown a password, wherever they are
	}
	who, err := c.identity()
	if err != nil {
		return nil, err
	}
	if c.TLS != nil {
		opts = append(opts, nats.Secure(c.TLS))
	}
	l.Conn, err = nats.Connect(strings.Join(c.Servers, ","), append(opts, who...)...)
	for _, stop := range d.opened {
		stop()
	}
	if errors.Is(err, nats.ErrSecureConnWanted) {
		err = fmt.Errorf("%w (tls: false takes a server without TLS)", err)
	}
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("%s: %w", strings.Join(c.Servers, ", "), err))
	}
	l.over = l.StatusChanged(nats.CLOSED)
	l.js, err = jetstream.New(l.Conn)
	return l, err
}

// identity says who we are.
func (c *Connection) identity() ([]nats.Option, error) {
	switch {
	case c.User != "":
		return []nats.Option{nats.UserInfo(c.User, c.Password)}, nil
	case c.Token != "":
		return []nats.Option{nats.Token(c.Token)}, nil
	case c.Credentials != "":
		return []nats.Option{nats.UserCredentials(c.Credentials)}, nil
	case c.NKey != "":
		key, err := nats.NkeyOptionFromSeed(c.NKey)
		if err != nil {
			return nil, connector.GiveUpf("NKey %s: %w", c.NKey, err)
		}
		return []nats.Option{key}, nil
	}
	return nil, nil
}

// failed takes in what no call returns. What isn't permitted ends the connection: requests would wait in vain for their answers.
func (l *link) failed(conn *nats.Conn, _ *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) { // told by who reads
		return
	}
	l.log.Warn("nats: the server has refused something", "err", err)
	l.mu.Lock()
	l.err = err
	l.mu.Unlock()
	if errors.Is(err, nats.ErrPermissionViolation) {
		conn.Close()
	}
}

// because adds to an error what no call has returned: a request without the permission for it has no answer.
func (l *link) because(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(err, l.err, l.LastError())
}

// ask makes a request within a short time of its own: one that waits as long as its caller may would wait out the time of a server
// that has gone.
func ask[T any](ctx context.Context, fn func(context.Context) (T, error)) (T, error) {
	short, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	return fn(short)
}

// refusals are the errors that no trying again mends.
var refusals = []error{
	fs.ErrNotExist, fs.ErrPermission,
	nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
	nats.ErrSecureConnRequired, nats.ErrSecureConnWanted, nats.ErrNkeysNotSupported, nats.ErrBadSubject, nats.ErrMaxPayload,
	jetstream.ErrStreamNotFound, jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount,
	jetstream.ErrInvalidStreamName, jetstream.ErrInvalidConsumerName, jetstream.ErrOverlappingFilterSubjects,
}

// adviceOf is what is to be done about a refusal.
func adviceOf(err error) string {
	is := func(list ...error) bool {
		return slices.ContainsFunc(list, func(one error) bool { return errors.Is(err, one) })
	}
	switch {
	case tlserror.IsRefusal(err):
		return tlserror.Advice
	case is(fs.ErrNotExist, fs.ErrPermission):
		return "put the name of the file right, or its rights"
	case is(nats.ErrSecureConnRequired, nats.ErrSecureConnWanted):
		return "put tls right"
	case is(jetstream.ErrStreamNotFound, jetstream.ErrInvalidStreamName):
		return "make the stream there, or put its name right"
	case is(jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount):
		return "turn JetStream on there, for the account"
	case is(nats.ErrMaxPayload):
		return "raise max_payload there"
	case is(nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired, nats.ErrPermissionViolation,
		nats.ErrNkeysNotSupported):
		return "put the credentials right, or the rights at the server"
	}
	return "settings and stream must be made to fit"
}

// meaning is an error in the words of the contract.
func meaning(err error) error {
	if err == nil || errors.Is(err, connector.ErrGiveUp) {
		return err
	}
	api, isAPI := errors.AsType[*jetstream.APIError](err)
	refused := slices.ContainsFunc(refusals, func(refusal error) bool { return errors.Is(err, refusal) })
	if refused || tlserror.IsRefusal(err) || isAPI && api.Code == 400 {
		return connector.GiveUpf("%w; %s", err, adviceOf(err))
	}
	return err
}

// ended is the error of ctx if that has ended, else the other one in the words of the contract.
func ended(ctx context.Context, err error) error { return cmp.Or(ctx.Err(), meaning(err)) }
