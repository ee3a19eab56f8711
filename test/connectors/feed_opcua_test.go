package connectors

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/internal/peer"
)

// opcuaFeed writes to the variables of a server, which forgets their values when it dies.
type opcuaFeed struct {
	server *peer.Peer
	pki    string
	client *opcua.Client
}

const opcuaKeys = 10

func newOPCUAFeed(t *testing.T) *opcuaFeed {
	t.Helper()
	const never = 1 << 30 // milliseconds until they change by themselves
	f := &opcuaFeed{server: peer.Start(t, "opcua-node", 1, strconv.Itoa(opcuaKeys), strconv.Itoa(never)), pki: t.TempDir()}
	f.connect(t)
	t.Cleanup(func() { _ = f.client.Close(context.Background()) }) // the server ends, too
	return f
}

// url is the server's address.
func (f *opcuaFeed) url() string { return "opc.tcp://" + f.server.Address(0) + "/UA/Q" }

func (f *opcuaFeed) sources() (sources, mappings string) {
	return fmt.Sprintf(`  - {name: plant, type: opcua, url: '%s', security-policy: None, pki: '%s', trees: '/Objects/1:Load',
      publishing-interval: 100ms, mapping: variable}
`, f.url(), f.pki), `
  variable: # as long as nothing is known there is no value; a text, since Fuseki writes numbers with a point in a form of its own
    - {when: row.status == "Good", mode: upsert, s: "urn:opcua:$(name)", po: [["urn:value", $(value), xsd:string]]}
    - {when: row.status != "Good", mode: upsert, s: "urn:opcua:$(name)", po: [["urn:value", {cel: "null"}]]}
`
}

func (f *opcuaFeed) connect(t *testing.T) {
	t.Helper()
	c, err := opcua.NewClient(f.url(), opcua.SecurityMode(ua.MessageSecurityModeNone), opcua.AutoReconnect(false),
		opcua.RequestTimeout(settleBound))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.client = c
}

func (f *opcuaFeed) send(ctx context.Context, t *testing.T, round int) {
	t.Helper()
	var values []*ua.WriteValue
	for key := range opcuaKeys {
		values = append(values, &ua.WriteValue{NodeID: ua.NewStringNodeID(1, fmt.Sprintf("v%d", key)), AttributeID: ua.AttributeIDValue,
			Value: &ua.DataValue{EncodingMask: ua.DataValueValue, Value: ua.MustVariant(float64(round) + 0.5)}})
	}
	answer, err := f.client.Write(ctx, &ua.WriteRequest{NodesToWrite: values})
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range answer.Results {
		if code != ua.StatusOK {
			t.Fatal(code)
		}
	}
}

func (f *opcuaFeed) quads(round int) []string {
	return keyed("opcua:v", opcuaKeys, fmt.Sprintf(`"%d.5"`, round))
}

func (f *opcuaFeed) kill(t *testing.T) {
	t.Helper()
	f.server.Kill()
	_ = f.client.Close(context.Background()) // its server is gone
	f.server.Restart(t)
	f.connect(t)
}
