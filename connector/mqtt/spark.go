package mqtt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/mqtt/sparkplug"
)

// spark is what a reader of Sparkplug B does besides reading: it asks for rebirths, and says that the host is there.
type spark struct {
	s     *Source
	began time.Time // of the connection: birth and will have its time

	mu   sync.Mutex // a reader is closed while it is read
	host *sparkplug.Host
}

func newSpark(s *Source) *spark {
	return &spark{s: s, host: sparkplug.New(sparkplug.Config{Pause: s.cfg.Rebirth}), began: time.Now()}
}

// stateTopic is where the host says whether it is online.
func (k *spark) stateTopic() string { return "spBv1.0/STATE/" + k.s.cfg.HostID }

// state is what it says; nil for a host that is not primary.
func (k *spark) state(online bool, at time.Time) *message {
	if k.s.cfg.HostID == "" {
		return nil
	}
	return &message{topic: k.stateTopic(), qos: 1, retain: true,
		payload: fmt.Appendf(nil, `{"online":%v,"timestamp":%d}`, online, at.UnixMilli())}
}

// begin says that the host is online, once it is subscribed, and asks the edge nodes that were heard of before for a rebirth.
func (k *spark) begin(ctx context.Context, c *client) error {
	if err := k.online(ctx, c); err != nil {
		return err
	}
	k.s.mu.Lock()
	heard := k.s.heard
	k.s.mu.Unlock()
	for _, topic := range heard {
		if err := k.ask(c, topic); err != nil {
			return err
		}
	}
	return nil
}

func (k *spark) online(ctx context.Context, c *client) error {
	if k.s.cfg.HostID == "" {
		return nil
	}
	_, err := c.publish(ctx, k.state(true, k.began)) // its PUBACK is not waited for
	return err
}

// ask asks an edge node for a rebirth.
func (k *spark) ask(c *client, topic string) error {
	k.s.cfg.Logger.Info("sparkplug: a rebirth is asked for", "topic", topic)
	return c.send(&message{topic: topic, payload: sparkplug.Rebirth(time.Now())})
}

// take makes a message of what has come; nil if there is nothing to say.
func (k *spark) take(ctx context.Context, c *client, m *message) *connector.Message {
	if k.s.cfg.HostID != "" && m.topic == k.stateTopic() {
		k.contradict(ctx, c, m.payload)
		return nil
	}
	out := &connector.Message{MediaType: jsonType, Body: m.payload, Vars: m.vars()}
	if tooLarge(out, m, k.s.cfg.MaxMessage) {
		return out
	}
	k.mu.Lock()
	result, err := k.host.Take(m.topic, m.payload, time.Now())
	k.mu.Unlock()
	if result.Ask != "" {
		_ = k.ask(c, result.Ask) // a connection that is lost is told of by the next Read
	}
	switch {
	case errors.Is(err, sparkplug.ErrUnborn) && k.s.cfg.SkipUnborn:
		k.s.cfg.Logger.Debug("sparkplug: a message is left out", "topic", m.topic, "err", err)
		return nil
	case err != nil:
		out.Reason = err.Error()
	case len(result.Documents) == 0:
		return nil
	default:
		out.Body = result.Documents
	}
	return out
}

// jsonType is the media type of the documents.
const jsonType = "application/json"

// contradict says again that the host is online when somebody, such as the will of the connection before, says that it isn't.
func (k *spark) contradict(ctx context.Context, c *client, payload []byte) {
	var state struct {
		Online *bool `json:"online"`
	}
	if json.Unmarshal(payload, &state) == nil && state.Online != nil && !*state.Online {
		_ = k.online(ctx, c) // a connection that is lost is told of by the next Read
	}
}

// end says that the host is offline, and notes the edge nodes that were heard of.
func (k *spark) end(c *client) {
	k.mu.Lock()
	heard := k.host.Nodes()
	k.mu.Unlock()
	k.s.mu.Lock()
	k.s.heard = heard
	k.s.mu.Unlock()
	if k.s.cfg.HostID == "" || c.err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	if p, err := c.publish(ctx, k.state(false, time.Now())); err == nil {
		_, _ = c.wait(ctx, p) // else the will says so
	}
}
