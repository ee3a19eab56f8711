// Package channel is the client's end of a secure channel of OPC UA over TCP (part 6, 6.7 and 7): it sends requests and returns what
// answers them. What comes in is read by this package and by package binary, and by nobody else, so that no peer ends the process.
//
// One goroutine reads, and never waits for anybody: it hands the body of a message to who asked, who decodes it. Another one has the
// keys made anew before they expire. Both end with the channel.
package channel

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gopcua/opcua/ua"
	"github.com/gopcua/opcua/uapolicy"

	"github.com/quadrille-stream/quadrille/connector/opcua/internal/binary"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/contain"
)

// Config says how a channel is opened.
type Config struct {
	// URL is the server's address, opc.tcp://HOST:PORT/PATH.
	URL string
	// Policy is the URI of the security policy, Mode what is done with messages.
	Policy string
	Mode   ua.MessageSecurityMode
	// Certificate and Key are ours, RemoteCertificate is the server's, in DER. There are none where the mode is None.
	Certificate, RemoteCertificate []byte
	Key                            *rsa.PrivateKey
	// Lifetime is that of the keys. The server may make it shorter. They are made anew before it is over.
	Lifetime time.Duration
	// Renew, unless it is 0, has them made anew after that time already.
	Renew time.Duration
	// Timeout bounds the opening, and the making of new keys.
	Timeout time.Duration
}

// ErrOther says that another server has answered than the one whose certificate was given.
var ErrOther = errors.New("another server has answered than the one that is trusted")

// leniency is what an answer may take longer than the server was told.
const leniency = 250 * time.Millisecond

// Channel is one. It may be used concurrently.
type Channel struct {
	cfg    Config
	conn   net.Conn
	limits limits
	issuer *uapolicy.EncryptionAlgorithm // of the messages by which keys are made

	writing  sync.Mutex
	sequence uint32 // of the last chunk that was sent; guarded by writing
	sending  atomic.Pointer[keys]

	mu      sync.Mutex
	waiting map[uint32]chan outcome // by the number of the request
	last    uint32                  // of these numbers
	nonce   []byte                  // of the keys that were asked for; nil: none were
	err     error                   // why the channel has ended

	assembly // of the goroutine that reads
	dead     chan struct{}
	stop     context.CancelFunc
	tasks    sync.WaitGroup
}

// outcome is what has come of a request.
type outcome struct {
	body []byte
	err  error
}

// keys are those of a time, with the ids by which the server knows them.
type keys struct {
	channel, token uint32
	algorithm      *uapolicy.EncryptionAlgorithm
	lifetime       time.Duration
}

// Dial connects and opens a channel. Close it.
func Dial(ctx context.Context, cfg Config) (*Channel, error) {
	ctx, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	address, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	c := &Channel{cfg: cfg, waiting: map[uint32]chan outcome{}, dead: make(chan struct{}), stop: func() {}}
	c.parts, c.count = map[uint32][]byte{}, map[uint32]int{}
	if err := c.secure(); err != nil {
		return nil, err
	}
	port := address.Port()
	if port == "" {
		port = "4840"
	}
	if c.conn, err = new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(address.Hostname(), port)); err != nil {
		return nil, err
	}
	if err := c.hello(ctx); err != nil {
		return nil, errors.Join(err, c.conn.Close())
	}
	c.tasks.Go(func() { contain.Task(c.receive, c.fail) })
	if err := c.issue(ctx, ua.SecurityTokenRequestTypeIssue); err != nil {
		c.Close()
		return nil, err
	}
	var running context.Context
	running, c.stop = context.WithCancel(context.Background())
	c.tasks.Go(func() { contain.Task(func() { c.renew(running) }, c.fail) })
	return c, nil
}

// secure makes what the messages by which keys are made are protected with.
func (c *Channel) secure() error {
	var key *rsa.PrivateKey
	var remote *rsa.PublicKey
	if c.cfg.Mode != ua.MessageSecurityModeNone {
		var err error
		if key = c.cfg.Key; key == nil {
			return errors.New("a key is missing")
		}
		if remote, err = publicKey(c.cfg.RemoteCertificate); err != nil {
			return err
		}
	} else if c.cfg.Policy != ua.SecurityPolicyURINone {
		return fmt.Errorf("security policy %s with mode None", c.cfg.Policy)
	}
	var err error
	c.issuer, err = uapolicy.Asymmetric(c.cfg.Policy, key, remote)
	return err
}

// issue has keys made, and waits until they are used.
func (c *Channel) issue(ctx context.Context, kind ua.SecurityTokenRequestType) error {
	nonce, err := c.issuer.MakeNonce()
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.nonce = append([]byte{}, nonce...)
	c.mu.Unlock()
	request := &ua.OpenSecureChannelRequest{RequestType: kind, SecurityMode: c.cfg.Mode, ClientNonce: nonce,
		RequestedLifetime: uint32(c.cfg.Lifetime / time.Millisecond)}
	_, err = c.exchange(ctx, typeOpen, request, nil, c.cfg.Timeout)
	return err
}

// opened takes in the keys that the server has made, before what is protected with them is read. They are used from now on.
func (c *Channel) opened(body []byte) error {
	c.mu.Lock()
	nonce := c.nonce
	c.nonce = nil
	c.mu.Unlock()
	if nonce == nil {
		return errors.New("the server has made keys that nobody has asked for")
	}
	answer := new(ua.OpenSecureChannelResponse)
	if err := binary.Answer(body, answer); err != nil {
		return err
	}
	if len(answer.ServerNonce) < len(nonce) {
		return fmt.Errorf("the server's part of the keys has %d bytes: expected %d", len(answer.ServerNonce), len(nonce))
	}
	algorithm, err := uapolicy.Symmetric(c.cfg.Policy, nonce, append([]byte{}, answer.ServerNonce...))
	if err != nil {
		return err
	}
	lifetime := min(c.cfg.Lifetime, time.Duration(answer.SecurityToken.RevisedLifetime)*time.Millisecond)
	made := &keys{channel: answer.SecurityToken.ChannelID, token: answer.SecurityToken.TokenID, algorithm: algorithm,
		lifetime: max(lifetime, minLifetime)}
	c.previous, c.current = c.current, made
	c.sending.Store(made)
	return nil
}

// minLifetime bounds how often keys are made, whatever the server says.
const minLifetime = time.Second

// renew has new keys made when three quarters of their life are over (part 4, 5.5.2), if not before.
func (c *Channel) renew(ctx context.Context) {
	for clock.Sleep(ctx, min(cmp.Or(c.cfg.Renew, math.MaxInt64), c.sending.Load().lifetime*3/4)) == nil {
		if err := c.issue(ctx, ua.SecurityTokenRequestTypeRenew); err != nil {
			c.fail(fmt.Errorf("new keys: %w", err))
			return
		}
	}
}

// Ask sends a request, as the session of the token unless that is nil, and reads the answer, within the timeout. An error of the
// server's is a [ua.StatusCode]; [io.EOF] is the end of the connection.
func (c *Channel) Ask(ctx context.Context, request ua.Request, answer ua.Response, token *ua.NodeID, timeout time.Duration) error {
	body, err := c.exchange(ctx, typeMessage, request, token, timeout)
	if err != nil {
		return err
	}
	return binary.Answer(body, answer)
}

// exchange sends a request and returns the body of the message that answers it.
func (c *Channel) exchange(ctx context.Context, kind string, request ua.Request, token *ua.NodeID, timeout time.Duration) ([]byte, error) {
	number, come, err := c.expect()
	if err != nil {
		return nil, err
	}
	defer c.forget(number)
	body, err := encode(request, number, token, timeout)
	if err != nil {
		return nil, err
	}
	if err := c.send(kind, number, body, timeout); err != nil {
		return nil, err
	}
	timer := time.NewTimer(timeout + leniency)
	defer timer.Stop()
	select {
	case got := <-come:
		return got.body, got.err
	case <-c.dead:
		select {
		case got := <-come: // before the end, which says less: a server may refuse, and end the connection at once
			return got.body, got.err
		default:
			return nil, c.reason()
		}
	case <-timer.C:
		return nil, ua.StatusBadTimeout
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// encode makes the body of a message.
func encode(request ua.Request, number uint32, token *ua.NodeID, timeout time.Duration) ([]byte, error) {
	if token == nil {
		token = ua.NewTwoByteNodeID(0)
	}
	request.SetHeader(&ua.RequestHeader{AuthenticationToken: token, Timestamp: time.Now(), RequestHandle: number,
		TimeoutHint: uint32(timeout / time.Millisecond)})
	kind, err := ua.NewFourByteExpandedNodeID(0, ua.ServiceTypeID(request)).Encode()
	if err != nil {
		return nil, err
	}
	body, err := ua.Encode(request)
	return append(kind, body...), err
}

// expect makes the number of a request, whose answer is waited for.
func (c *Channel) expect() (uint32, <-chan outcome, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	for c.last++; c.last == 0 || c.waiting[c.last] != nil; {
		c.last++
	}
	come := make(chan outcome, 1)
	c.waiting[c.last] = come
	return c.last, come, nil
}

// expected reports whether somebody waits for an answer.
func (c *Channel) expected(number uint32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[number] != nil
}

// forget ends the waiting for an answer.
func (c *Channel) forget(number uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, number)
}

// deliver hands an outcome to who waits for it; the first one alone.
func (c *Channel) deliver(number uint32, o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if come := c.waiting[number]; come != nil {
		delete(c.waiting, number)
		come <- o
	}
}

// torn ends the channel after a write that has failed, of which a part may be out. Where it is the server that has ended the
// connection, it may have said why: whoever reads comes to the end, too, and takes that in before.
func (c *Channel) torn(err error) {
	if err = ended(err); errors.Is(err, io.EOF) {
		<-c.dead
		return
	}
	c.fail(err)
}

// Fail ends the channel for a reason of who uses it, which all who ask are told. It may be called concurrently.
func (c *Channel) Fail(err error) { c.fail(err) }

// fail ends the channel.
func (c *Channel) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
		close(c.dead)
		_ = c.conn.Close() // it is of no more use
	}
}

// reason is why the channel has ended.
func (c *Channel) reason() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Hurry lets who is stuck in sending wait no longer than this.
func (c *Channel) Hurry(patience time.Duration) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
}

// Close tells the server that the channel ends, ends it, and returns when its goroutines have ended.
func (c *Channel) Close() {
	c.stop()
	if c.sending.Load() != nil && c.reason() == nil {
		c.Hurry(closePatience)
		if body, err := encode(&ua.CloseSecureChannelRequest{}, 0, nil, closePatience); err == nil {
			_ = c.send(typeClose, 0, body, closePatience) // it ends anyway
		}
	}
	c.fail(net.ErrClosed)
	c.tasks.Wait()
}

// closePatience bounds what is told to the server at the end.
const closePatience = 2 * time.Second

// same reports why a message by which keys are made is not one of the server that is trusted, for us.
func (c *Channel) same(policy string, certificate []byte) error {
	secured := c.cfg.Mode != ua.MessageSecurityModeNone
	if policy != c.cfg.Policy || secured && !bytes.Equal(certificate, c.cfg.RemoteCertificate) {
		return ErrOther
	}
	return nil
}

// ends are the errors of a connection that the server has ended: in the middle of a message, or before it has read all of ours.
var ends = []error{io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE}

// ended is an error of the connection; its end, if the server has ended it, in whichever way that shows.
func ended(err error) error {
	if slices.ContainsFunc(ends, func(end error) bool { return errors.Is(err, end) }) {
		return io.EOF
	}
	return err
}
