package mqtt

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// errUsed: something has failed, and what has become of it is only known when the shard is opened again.
var errUsed = errors.New("the writer has failed before")

// writer writes one shard over a connection of its own. It is used by one goroutine.
//
// The position is a retained message, written when the broker has confirmed everything before: so what a position says is there,
// and what came after it may be there, too. A writer is never used on after an error.
type writer struct {
	s         *Sink
	c         *client
	shard     int
	positions string // the topic of the position
	at        engine.Mark
	failed    bool
	// echoes are what comes of the topic of the position while the shard is opened. Later ones are left out.
	echoes chan *message
	opened atomic.Bool
}

// maxEchoes are more than come before the claim: the retained position.
const maxEchoes = 16

// connect ends the connection of the one before.
func (w *writer) connect(ctx context.Context) (err error) {
	cfg := &w.s.cfg
	greeting := &hello{client: cfg.ClientID + "." + strconv.Itoa(w.shard), clean: true}
	if w.c, err = dialClient(ctx, &cfg.Connection, greeting, maxPacket, w.receive); err != nil {
		return err
	}
	w.c.start()
	if w.c.can.noRetain {
		return connector.GiveUpf("the broker keeps no retained messages, which positions are: let it, or take another broker")
	}
	if int(w.c.can.maxQoS) < max(1, cfg.QoS) {
		return connector.GiveUpf("the broker has quality of service %d at most: raise it there, or take another broker", w.c.can.maxQoS)
	}
	return nil
}

// open connects, and reads the position: it subscribes to it and sends a claim to the same topic, which comes back behind it.
func (w *writer) open(ctx context.Context) error {
	if err := w.connect(ctx); err != nil {
		return err
	}
	topics := &subscribe{filters: []string{w.positions}, qos: 1}
	asked, err := w.c.subscribe(topics)
	if err != nil {
		return err
	}
	answer, err := w.c.wait(ctx, asked)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := topics.check(answer); err != nil {
		return err
	}
	claim := "opened " + rand.Text()
	if err := w.confirmed(ctx, &message{topic: w.positions, payload: []byte(claim), qos: 1}); err != nil {
		return err
	}
	return w.position(ctx, claim)
}

// receive is told what comes. It never waits.
func (w *writer) receive(m *message) {
	_ = w.c.confirm([]delivery{{qos: m.qos, id: m.id}}) // a connection that is lost is told of elsewhere
	if w.opened.Load() {
		return
	}
	select {
	case w.echoes <- m:
	default:
	}
}

// position takes in what comes of the topic, up to the claim.
func (w *writer) position(ctx context.Context, claim string) (err error) {
	defer w.opened.Store(true)
	late := time.NewTimer(answerTimeout)
	defer late.Stop()
	for {
		select {
		case m := <-w.echoes:
			if string(m.payload) == claim {
				return nil
			}
			if !m.retain {
				continue
			}
			if w.at, err = parseMark(string(m.payload)); err != nil {
				return connector.GiveUpf("topic %s: %w; clear the topic there to have all written again", w.positions, err)
			}
		case <-w.c.ended:
			return w.c.err()
		case <-late.C:
			return fmt.Errorf("topic %s: the claim doesn't come back within %v", w.positions, answerTimeout)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// parseMark reads "POSITION ID".
func parseMark(text string) (engine.Mark, error) {
	number, id, _ := strings.Cut(text, " ")
	position, err := strconv.ParseUint(number, 10, 64)
	if err != nil || id == "" {
		return engine.Mark{}, fmt.Errorf("position %.200q: expected a number and an id", text)
	}
	return engine.Mark{Position: position, ID: id}, nil
}

// Target is the topic, as it is configured.
func (w *writer) Target() string { return w.s.cfg.Topic }

// At is the last record that the broker has confirmed, with the position.
func (w *writer) At() engine.Mark { return w.at }

// Write sends all records, and when the broker has confirmed them the position.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	if w.failed {
		return errUsed
	}
	w.failed = true // until all is confirmed
	var list []*message
	for i := range records {
		made, err := w.messages(&records[i])
		if err != nil {
			return err
		}
		list = append(list, made...)
	}
	if err := w.confirmed(ctx, list...); err != nil {
		return ended(ctx, err)
	}
	last := records[len(records)-1].Mark
	if err := w.keep(ctx, last); err != nil {
		return ended(ctx, err)
	}
	w.at, w.failed = last, false
	return nil
}

// keep has the broker keep a position. The start is none: a message without content takes the retained one away.
func (w *writer) keep(ctx context.Context, at engine.Mark) error {
	position := &message{topic: w.positions, qos: 1, retain: true}
	if at.Position > 0 {
		position.payload = fmt.Appendf(nil, "%d %s", at.Position, at.ID)
	}
	return w.confirmed(ctx, position)
}

// confirmed sends messages, and waits until the broker has confirmed them. Those without quality of service it hasn't to confirm;
// what is sent behind them over the same connection, and confirmed, comes after them.
func (w *writer) confirmed(ctx context.Context, list ...*message) error {
	var open []*pending
	for _, m := range list {
		if err := w.fits(m); err != nil {
			return err
		}
		p, err := w.c.publish(ctx, m)
		if err != nil {
			return err
		}
		if p != nil {
			open = append(open, p)
		}
	}
	for _, p := range open {
		if _, err := w.c.wait(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// fits reports a message that can't be sent.
func (w *writer) fits(m *message) error {
	if len(m.topic) > math.MaxUint16 {
		return connector.GiveUpf("a topic has %d bytes, expected %d at most, from the sink's topic and the subject: %.200s…", len(m.topic), math.MaxUint16, m.topic)
	}
	most := maxPacket
	if w.c.can.maxPacket != 0 {
		most = min(most, int(w.c.can.maxPacket))
	}
	if size := len(m.payload) + len(m.topic) + maxProperties; size > most {
		return connector.GiveUpf("a message has %d bytes, and the broker takes %d: raise its largest packet", size, most)
	}
	return nil
}

// maxProperties is room for the properties of our messages, in bytes.
const maxProperties = 1 << 10

// messages makes of a delta what is sent. One in text form has its headers in the text, too: MQTT 3.1.1 has no properties.
func (w *writer) messages(delta *connector.Record) ([]*message, error) {
	cfg := &w.s.cfg
	if !cfg.PerSubject {
		body := delta.Body
		if !cfg.Binary {
			body = patch.Entry{ID: delta.ID, Prev: delta.Prev, Shard: w.shard, Time: delta.Time, Rows: delta.Body}.Append(nil)
		}
		m, err := w.message(delta, "", body)
		return []*message{m}, err
	}
	subjects, err := patch.BySubject(delta.Body, patch.Trusted())
	if err != nil {
		return nil, err
	}
	list := make([]*message, len(subjects))
	for i, s := range subjects {
		if list[i], err = w.message(delta, s.Subject, s.Rows); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// message makes one of a patch.
func (w *writer) message(delta *connector.Record, subject string, body []byte) (*message, error) {
	cfg := &w.s.cfg
	media := patch.MediaType
	if cfg.Binary {
		media = patch.BinaryMediaType
		var err error
		if body, err = patch.Binary(body, patch.Trusted()); err != nil {
			return nil, err
		}
	}
	return &message{topic: w.s.topic.topic(w.shard, subject), payload: body, qos: byte(cfg.QoS), retain: cfg.Retain, contentType: media,
		user: []property{
			{"shard", strconv.Itoa(w.shard)}, {"position", strconv.FormatUint(delta.Position, 10)}, {"id", delta.ID},
			{"prev", delta.Prev}, {"time", delta.Time.UTC().Format(time.RFC3339Nano)},
		}}, nil
}

// Close disconnects.
func (w *writer) Close() error {
	if w.c != nil {
		w.c.close()
	}
	return nil
}
