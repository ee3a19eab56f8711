package connectors

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/quadrille-stream/quadrille/internal/peer"
)

// sparkplugFeed is an edge node of Sparkplug B with one device. It is born whenever it has no connection, and when it is asked to
// be, with the values of the last round; data has aliases instead of names and types. As the standard asks, all but the will goes
// at QoS 0.
type sparkplugFeed struct {
	broker *peer.Peer

	mu     sync.Mutex // a rebirth is asked for at any time
	client *paho.Client
	conn   net.Conn
	births uint64 // connections: bdSeq of the last one is one less
	seq    uint64
	round  int
}

const sparkplugKeys = 10

func (f *sparkplugFeed) sources() (sources, mappings string) {
	return fmt.Sprintf("  - {name: edge, type: mqtt, address: '%s', tls: false, topics: 'spBv1.0/#', format: sparkplug, mapping: metrics}\n",
			f.broker.Address(0)), `
  metrics:
    - over: $.metrics[*]
      when: has(doc.device)
      mode: upsert
      s: urn:sparkplug:$(name)
      po: [["urn:value", $(value)], ["urn:stale", $(stale)]]
`
}

func (f *sparkplugFeed) send(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.round = round
	if f.connected() && f.publish(ctx, "DDATA", "/device", f.metrics(false)...) == nil {
		return
	}
	f.connect(ctx, t)
	if err := f.born(ctx); err != nil {
		t.Fatal(err)
	}
}

func (f *sparkplugFeed) quads(round int) []string {
	list := keyed("sparkplug:", sparkplugKeys, typed(round, "integer"))
	for key := range sparkplugKeys {
		list = append(list, fmt.Sprintf("<urn:sparkplug:%d> <urn:stale> %s .", key, typed(false, "boolean")))
	}
	return list
}

// kill ends the edge node's connection without a goodbye, so that the broker says that it is dead. It is born with the next round.
func (f *sparkplugFeed) kill(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	client := f.client
	_ = f.conn.Close() // it may be gone
	f.mu.Unlock()
	<-client.Done()
}

// connected reports whether there is a connection, as far as is known.
func (f *sparkplugFeed) connected() bool {
	if f.client == nil {
		return false
	}
	select {
	case <-f.client.Done():
		return false
	default:
		return true
	}
}

// connect makes a connection, whose will is the death that belongs to the births which follow.
func (f *sparkplugFeed) connect(ctx context.Context, t *testing.T) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", f.broker.Address(0))
	if err != nil {
		t.Fatal(err)
	}
	f.births++
	f.conn, f.client = conn, paho.NewClient(paho.ClientConfig{Conn: conn, PacketTimeout: settleBound,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(paho.PublishReceived) (bool, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return true, f.born(ctx)
		}}})
	if _, err := f.client.Connect(ctx, &paho.Connect{ClientID: "edge", CleanStart: true, KeepAlive: 30, WillMessage: &paho.WillMessage{
		Topic: sparkplugTopic("NDEATH"), QoS: 1, Payload: protowireBlock(nil, 2, f.bdSeq())}}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.client.Subscribe(ctx, &paho.Subscribe{
		Subscriptions: []paho.SubscribeOptions{{Topic: sparkplugTopic("NCMD"), QoS: 1}}}); err != nil {
		t.Fatal(err)
	}
}

// born says which metrics there are, and what values they have.
func (f *sparkplugFeed) born(ctx context.Context) error {
	f.seq = 0
	if err := f.publish(ctx, "NBIRTH", "", f.bdSeq()); err != nil {
		return err
	}
	return f.publish(ctx, "DBIRTH", "/device", f.metrics(true)...)
}

func sparkplugTopic(kind string) string { return "spBv1.0/plant/" + kind + "/edge" }

// publish sends a message with the next sequence number.
func (f *sparkplugFeed) publish(ctx context.Context, kind, device string, metrics ...[]byte) error {
	payload := protowireNumber(nil, 1, 1769846400500) // its time
	for _, m := range metrics {
		payload = protowireBlock(payload, 2, m)
	}
	payload = protowireNumber(payload, 3, f.seq)
	f.seq = (f.seq + 1) % 256
	_, err := f.client.Publish(ctx, &paho.Publish{Topic: sparkplugTopic(kind) + device, Payload: payload})
	return err
}

// bdSeq is the metric that says which birth and which death belong together.
func (f *sparkplugFeed) bdSeq() []byte {
	const uint64Type = 8
	metric := protowireBlock(nil, 1, []byte("bdSeq"))
	return protowireNumber(protowireNumber(metric, 4, uint64Type), 11, f.births-1)
}

// metrics are those of the device: of a birth with name, alias and type, of data with the alias.
func (f *sparkplugFeed) metrics(birth bool) (list [][]byte) {
	const int32Type = 3
	for key := range sparkplugKeys {
		var metric []byte
		if birth {
			metric = protowireBlock(metric, 1, []byte(strconv.Itoa(key)))
		}
		metric = protowireNumber(metric, 2, uint64(key)+100)
		if birth {
			metric = protowireNumber(metric, 4, int32Type)
		}
		list = append(list, protowireNumber(metric, 10, uint64(f.round)))
	}
	return list
}

// protowireNumber and protowireBlock append a field.
func protowireNumber(b []byte, field protowire.Number, n uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), n)
}

func protowireBlock(b []byte, field protowire.Number, of []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), of)
}
