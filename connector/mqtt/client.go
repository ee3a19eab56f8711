package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/internal/contain"
)

// client is one connection to a broker. Two goroutines run for it: one reads what comes, one asks whether the broker is there.
// Whatever is wrong with the connection ends it for good; nothing of it is used over another one. Its methods may be used
// concurrently.
//
// This is what comes of each answer of the broker to a message that we have sent:
//
//	answer              QoS 1           QoS 2, sent         QoS 2, released
//	PUBACK              done            -                   -
//	PUBREC              -               PUBREL is sent      PUBREL is sent
//	PUBREC, a failure   -               done, with error    done, with error
//	PUBCOMP             -               done                done
//
// And of what it sends us with QoS 2 and an id (a message with QoS 1 has no state here: who has committed it sends PUBACK):
//
//	input      not known                  not committed  committed
//	PUBLISH    it is handed over          nothing        PUBREC is sent
//	committed  PUBREC is sent             PUBREC is sent PUBREC is sent
//	PUBREL     PUBCOMP (unknown) is sent  PUBCOMP        PUBCOMP; the id is not known
type client struct {
	cfg     *Connection
	wire    protocol
	conn    *patient
	in      *bufio.Reader
	limit   int // bytes of a packet that comes
	can     welcome
	receive func(*message) // what comes; it may wait, and must not after the connection has ended

	writing sync.Mutex // held while packets are written
	out     bytes.Buffer

	mu      sync.Mutex
	waiting map[uint16]*pending // what was sent and is not answered
	lastID  uint16
	room    chan struct{}   // one for each message that the broker takes at a time
	exactly map[uint16]bool // messages with QoS 2 that have come, by id: whether they are committed
	failure error

	ended  chan struct{} // closed when failure is set
	tasks  sync.WaitGroup
	cancel context.CancelFunc
}

// pending is a packet that the broker is to answer.
type pending struct {
	answer  chan any // gets one thing: nil, an error, or *subscribed
	message bool     // it takes room
}

// most are messages under way at a time, whatever the broker takes.
const most = 1000

// dialClient connects and says hello. Once start is called what comes is handed to receive by one goroutine.
func dialClient(ctx context.Context, cfg *Connection, greeting *hello, limit int, receive func(*message)) (*client, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := cfg.connect(ctx)
	if err != nil {
		return nil, err
	}
	reading := &patient{Conn: conn}
	c := &client{cfg: cfg, wire: v5{}, conn: reading, in: bufio.NewReaderSize(reading, 64<<10), limit: limit, receive: receive,
		waiting: map[uint16]*pending{}, exactly: map[uint16]bool{}, ended: make(chan struct{})}
	if cfg.Version == V311 {
		c.wire = v311{}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) }) // it ends what is under way
	err = c.greet(greeting)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

// greet says hello, and takes in the answer.
func (c *client) greet(greeting *hello) error {
	greeting.user, greeting.password = c.cfg.User, c.cfg.Password
	greeting.keepAlive = uint16(c.cfg.KeepAlive / time.Second)
	sent := c.write(answerTimeout, greeting) // where the broker has hung up it may have said why
	packet, err := c.read()
	if err != nil {
		return fmt.Errorf("the broker doesn't answer: %w", errors.Join(sent, err))
	}
	answer, ok := packet.(*welcome)
	if !ok {
		return fmt.Errorf("the broker answers with %T", packet)
	}
	c.can = *answer
	if c.can.keepAlive == 0 {
		c.can.keepAlive = greeting.keepAlive
	}
	c.room = make(chan struct{}, max(1, min(c.can.receiveMaximum, most)))
	return refused("connect to "+c.cfg.Address, c.can.code, c.can.reason)
}

// start takes in what comes; close must be called then.
func (c *client) start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	_ = c.conn.SetDeadline(time.Time{})
	c.conn.silence = time.Duration(c.can.keepAlive) * time.Second * 3 / 2
	c.tasks.Go(func() { c.fail(contain.Do(c.run)) })
	c.tasks.Go(func() { contain.Task(func() { c.ping(ctx) }, c.fail) })
}

// patient reads from a connection until nothing has come for a while. The time runs while it is waited for: a receiver that takes
// nothing makes the broker wait, and doesn't take it for gone.
type patient struct {
	net.Conn
	silence time.Duration // 0: the connection has a deadline of its own
}

// Read implements [io.Reader].
func (p *patient) Read(b []byte) (int, error) {
	if p.silence > 0 {
		if err := p.SetReadDeadline(time.Now().Add(p.silence)); err != nil {
			return 0, err
		}
	}
	return p.Conn.Read(b)
}

// run takes in what comes, until the connection ends.
func (c *client) run() error {
	for {
		packet, err := c.read()
		if err != nil {
			return err
		}
		if err := c.take(packet); err != nil {
			return err
		}
	}
}

// read reads a packet.
func (c *client) read() (any, error) {
	frame, cut, err := readFrame(c.in, c.limit)
	if err != nil {
		return nil, err
	}
	packet, err := c.wire.decode(frame)
	if m, ok := packet.(*message); ok {
		m.cut = cut
	}
	return packet, err
}

// take takes in a packet.
func (c *client) take(packet any) error {
	switch p := packet.(type) {
	case *message:
		return c.arrived(p)
	case *subscribed:
		c.answered(p.id, p)
		return nil
	case *signal:
		return c.signalled(p)
	}
	return fmt.Errorf("the broker sends %T", packet)
}

// arrived hands a message over, unless it is one with QoS 2 that was before.
func (c *client) arrived(m *message) error {
	if m.qos > 2 || m.topic == "" {
		return fmt.Errorf("a message of topic %q with quality of service %d", m.topic, m.qos)
	}
	if m.qos == 2 {
		c.mu.Lock()
		committed, known := c.exactly[m.id]
		if !known {
			c.exactly[m.id] = false
		}
		c.mu.Unlock()
		if committed {
			return c.send(&signal{kind: kindPubrec, id: m.id})
		}
		if known {
			return nil
		}
	}
	c.receive(m)
	return nil
}

// signalled takes in a packet that is hardly more than its kind.
func (c *client) signalled(p *signal) error {
	switch p.kind {
	case kindPong:
	case kindPuback, kindPubcomp:
		if p.code == unknownID { // it was done before
			p.code = 0
		}
		c.answered(p.id, refused("publish", p.code, p.reason))
	case kindPubrec:
		if err := refused("publish", p.code, p.reason); err != nil {
			c.answered(p.id, err)
			return nil
		}
		return c.send(&signal{kind: kindPubrel, id: p.id})
	case kindPubrel:
		done := &signal{kind: kindPubcomp, id: p.id}
		c.mu.Lock()
		if _, known := c.exactly[p.id]; !known {
			done.code = unknownID
		}
		delete(c.exactly, p.id)
		c.mu.Unlock()
		return c.send(done)
	case kindDisconnect:
		if err := refused("the connection has ended", p.code, p.reason); err != nil {
			return err
		}
		return errors.New("the broker has ended the connection")
	default:
		return fmt.Errorf("the broker sends a packet of kind %d", p.kind)
	}
	return nil
}

// ping asks from time to time whether the broker is there: twice as often as it must, since one packet that is held up on a busy machine
// would else leave no more than half of the time after which the broker, or we, hang up.
func (c *client) ping(ctx context.Context) {
	every := time.NewTicker(time.Duration(c.can.keepAlive) * time.Second / 2)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			if c.send(&signal{kind: kindPing}) != nil {
				return
			}
		}
	}
}

// send writes packets in one piece. After an error the connection is of no use any more.
func (c *client) send(list ...any) error {
	err := c.write(answerTimeout, list...)
	if err != nil {
		_ = c.conn.Close() // what reads ends, and says so
	}
	return err
}

func (c *client) write(patience time.Duration, list ...any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.out.Reset()
	for _, packet := range list {
		if err := c.wire.encode(&c.out, packet); err != nil {
			return err
		}
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience)) // Write says what is wrong
	_, err := c.conn.Write(c.out.Bytes())
	if c.out.Cap() > 1<<20 {
		c.out = bytes.Buffer{}
	}
	return err
}

// confirm says that messages are committed, in the order in which they have come.
func (c *client) confirm(list []delivery) error {
	packets := make([]any, 0, len(list))
	c.mu.Lock()
	for i := range list {
		switch list[i].qos {
		case 1:
			packets = append(packets, &signal{kind: kindPuback, id: list[i].id})
		case 2:
			c.exactly[list[i].id] = true
			packets = append(packets, &signal{kind: kindPubrec, id: list[i].id})
		}
	}
	err := c.failure
	c.mu.Unlock()
	if len(packets) == 0 || err != nil {
		return err
	}
	return c.send(packets...)
}

// register gives a packet that is to be answered an id; what is returned is told the answer.
func (c *client) register(isMessage bool) (uint16, *pending, error) {
	p := &pending{answer: make(chan any, 1), message: isMessage}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return 0, nil, c.failure
	}
	for { // there are at most a few more than most
		if c.lastID++; c.lastID == 0 {
			continue
		}
		if _, used := c.waiting[c.lastID]; !used {
			c.waiting[c.lastID] = p
			return c.lastID, p, nil
		}
	}
}

// answered hands an answer to who waits for it.
func (c *client) answered(id uint16, answer any) {
	c.mu.Lock()
	p := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if p == nil {
		return
	}
	if p.message {
		<-c.room
	}
	p.answer <- answer
}

// wait returns the answer to what was registered.
func (c *client) wait(ctx context.Context, p *pending) (any, error) {
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	select {
	case answer := <-p.answer:
		err, _ := answer.(error)
		return answer, err
	case <-c.ended:
		return nil, c.err()
	case <-late.C:
		return nil, fmt.Errorf("no answer for %v", answerTimeout)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// subscribe asks for topics; check looks at the answer, of which what is returned is told.
func (c *client) subscribe(s *subscribe) (*pending, error) {
	id, p, err := c.register(false)
	if err != nil {
		return nil, err
	}
	s.id = id
	return p, c.send(s)
}

// check is the error for the first topic that is refused.
func (s *subscribe) check(answer any) error {
	got, ok := answer.(*subscribed)
	if !ok || len(got.codes) != len(s.filters) {
		return fmt.Errorf("subscribe: the broker answers with %v", answer)
	}
	for i, code := range got.codes {
		if err := refused(fmt.Sprintf("subscribe to %q", s.filters[i]), code, got.reason); err != nil {
			if !errors.Is(err, connector.ErrGiveUp) { // who may subscribe doesn't change by itself
				err = connector.GiveUpf("%w; put the topics right, or let them at the broker", err)
			}
			return err
		}
	}
	return nil
}

// publish sends a message as soon as the broker has room for it, and returns what is told the answer; nil if there is none.
func (c *client) publish(ctx context.Context, m *message) (*pending, error) {
	if m.qos == 0 {
		return nil, c.send(m)
	}
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	select {
	case c.room <- struct{}{}:
	case <-c.ended:
		return nil, c.err()
	case <-late.C:
		return nil, fmt.Errorf("no answer for %v", answerTimeout)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	id, p, err := c.register(true)
	if err != nil {
		return nil, err
	}
	m.id = id
	return p, c.send(m)
}

// fail ends the connection with the reason for it.
func (c *client) fail(err error) {
	c.mu.Lock()
	if c.failure == nil {
		c.failure = fmt.Errorf("the connection is lost: %w", err)
		close(c.ended)
	}
	c.mu.Unlock()
	_ = c.conn.Close()
}

// err is why the connection has ended.
func (c *client) err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failure
}

// closePatience is how long the broker is told that we go.
const closePatience = 5 * time.Second

// errClosed: we have ended it.
var errClosed = errors.New("it was closed")

// close says goodbye and returns when all has ended. It waits until the broker hangs up: what was acknowledged before is known then,
// and is not sent to who comes next. It is called once.
func (c *client) close() {
	if c.err() == nil {
		_ = c.conn.SetWriteDeadline(time.Now().Add(closePatience)) // of a writer that hangs
		if c.write(closePatience, &signal{kind: kindDisconnect}) == nil {
			select {
			case <-c.ended:
			case <-time.After(closePatience):
			}
		}
	}
	c.fail(errClosed)
	c.cancel()
	c.tasks.Wait()
}
