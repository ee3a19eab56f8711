package connectors

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// BenchmarkOPCUA measures variables of an OPC UA server on their way into the log: how many values come in a second, how many are
// missing, and how long it takes from the server's source time until whoever follows the log has them, while server (Eclipse Milo) and
// node share the machine; and, as the server's own limit in the same run, what a bare client of gopcua gets of the same variables.
// Run it with -benchtime 1x. QUADRILLE_OPCUA is the number of variables, by default 5,000, each of which changes ten times a second.
func BenchmarkOPCUA(b *testing.B) {
	variables, err := strconv.Atoi(os.Getenv("QUADRILLE_OPCUA"))
	if err != nil {
		variables = 5000
	}
	const warm, measured = 10 * time.Second, 20 * time.Second
	for range b.N {
		p := peer.Start(b, "opcua-milo", 1, strconv.Itoa(variables), "100")
		address := "opc.tcp://" + p.Address(0) + "/q"
		limit := bareValues(b, address, variables, warm, measured)
		node := runNode(b, fmt.Sprintf(`
engine: {data: %s}
http: {address: "127.0.0.1:0"}
sources: [{name: load, type: opcua, mapping: m, url: "%s", security-policy: None, pki: %s, trees: "/Objects/2:Load",
  publishing-interval: 100ms, sampling-interval: 0s, queue-size: 20}]
mappings: {m: {mode: upsert, s: "urn:node:$(node)", po: [["urn:value", $(value)], ["urn:at", $(sourceTime), xsd:dateTime]]}}
`, b.TempDir(), address, b.TempDir()))
		values := followValues(b, node.url, warm, measured)
		node.end()
		slices.Sort(values.late)
		at := func(share float64) float64 {
			return float64(values.late[int(share*float64(len(values.late)-1))].Milliseconds())
		}
		b.ReportMetric(float64(len(values.late))/measured.Seconds(), "values/s")
		b.ReportMetric(limit, "bare-values/s")
		b.ReportMetric(float64(len(values.late))/measured.Seconds()/limit, "ratio")
		b.ReportMetric(float64(values.missing()), "missing")
		b.ReportMetric(at(0.5), "ms-p50")
		b.ReportMetric(at(0.99), "ms-p99")
	}
}

// bareValues is how many values a second a client gets that does nothing with them.
func bareValues(b *testing.B, address string, variables int, warm, measured time.Duration) float64 {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	c, err := opcua.NewClient(address, opcua.SecurityMode(ua.MessageSecurityModeNone), opcua.AutoReconnect(false))
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Connect(ctx); err != nil {
		b.Fatal(err)
	}
	defer c.Close(context.Background())
	come := make(chan *opcua.PublishNotificationData, 100)
	sub, err := c.Subscribe(ctx, &opcua.SubscriptionParameters{Interval: 100 * time.Millisecond, MaxNotificationsPerPublish: 1000}, come)
	if err != nil {
		b.Fatal(err)
	}
	var items []*ua.MonitoredItemCreateRequest
	for i := range variables {
		item := opcua.NewMonitoredItemCreateRequestWithDefaults(ua.NewStringNodeID(2, fmt.Sprintf("v%d", i)), ua.AttributeIDValue, uint32(i))
		item.RequestedParameters.SamplingInterval, item.RequestedParameters.QueueSize = 0, 20
		items = append(items, item)
	}
	for some := range slices.Chunk(items, 500) {
		if _, err := sub.Monitor(ctx, ua.TimestampsToReturnBoth, some...); err != nil {
			b.Fatal(err)
		}
	}
	n, begin := 0, time.Now().Add(warm)
	for time.Since(begin) < measured {
		data := <-come
		change, ok := data.Value.(*ua.DataChangeNotification)
		if !ok {
			b.Fatal(data.Error)
		}
		if time.Now().After(begin) {
			n += len(change.MonitoredItems)
		}
	}
	return float64(n) / time.Since(begin).Seconds()
}

// followed is what was found in the log.
type followed struct {
	late   []time.Duration
	values map[string][]float64 // of each variable: the first, the last and the number of values; each is one more than the one before
}

// missing counts the values that were not there between the first and the last.
func (f *followed) missing() (n float64) {
	for _, v := range f.values {
		n += v[1] - v[0] + 1 - v[2]
	}
	return n
}

// followValues follows the log.
func followValues(b *testing.B, node string, warm, measured time.Duration) *followed {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), warm+measured)
	defer cancel()
	f := &followed{values: map[string][]float64{}}
	begin := time.Now().Add(warm)
	c := client.New("")
	defer c.Close()
	err := c.Changes(ctx, node, url.Values{"from": {"start"}}, client.Reader{Change: func(change client.Change, _ client.Cursor) error {
		if now := time.Now(); now.After(begin) {
			for row := range strings.Lines(change.Patch) {
				f.row(b, row, now)
			}
		}
		return nil
	}})
	if ctx.Err() == nil || len(f.late) == 0 {
		b.Fatalf("%d values: %v", len(f.late), err)
	}
	return f
}

// row takes in one that says a value or its time.
func (f *followed) row(b *testing.B, row string, now time.Time) {
	b.Helper()
	words := strings.Fields(row)
	if words[0] != "A" {
		return
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(words[3], `"`), `"`)
	if words[2] == "<urn:at>" {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			b.Fatal(row)
		}
		f.late = append(f.late, now.Sub(at))
		return
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		b.Fatal(row)
	}
	if v := f.values[words[1]]; v == nil {
		f.values[words[1]] = []float64{n, n, 1}
	} else {
		v[1], v[2] = n, v[2]+1
	}
}
