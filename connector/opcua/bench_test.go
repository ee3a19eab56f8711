package opcua

import (
	"testing"
	"time"

	"github.com/gopcua/opcua/ua"
)

// BenchmarkArrived measures what becomes of messages of a server, each with 1,000 values, as documents; decoding is the
// library's.
func BenchmarkArrived(b *testing.B) {
	const values = 1000
	change := &ua.DataChangeNotification{}
	r := newReader(&Source{}, nil)
	for i := range values {
		r.list = append(r.list, &item{node: ua.NewStringNodeID(2, "x"), path: "/Objects/2:x",
			head: []byte(`{"node":"ns=2;s=x","namespace":"urn:plant","path":"/Objects/2:x","name":"x"`)})
		change.MonitoredItems = append(change.MonitoredItems, &ua.MonitoredItemNotification{ClientHandle: uint32(i),
			Value: &ua.DataValue{Value: ua.MustVariant(float64(i) + 0.5), SourceTimestamp: time.Now(), ServerTimestamp: time.Now()}})
	}
	m := &ua.NotificationMessage{NotificationData: []*ua.ExtensionObject{{Value: change}}}
	encoded, err := ua.Encode(change)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := ua.Decode(encoded, &ua.DataChangeNotification{}); err != nil {
			b.Fatal(err)
		}
		m.SequenceNumber = r.order.next
		r.arrived(&ua.PublishResponse{NotificationMessage: m})
		r.acks, r.queue = nil, nil
	}
	b.ReportMetric(values*float64(b.N)/b.Elapsed().Seconds(), "values/s")
}
