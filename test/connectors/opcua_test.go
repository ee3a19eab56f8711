package connectors

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/peer"
)

// TestExampleOPCUA: the values of a server come in, a set-point goes out and comes back as a value; when the server dies its values
// are taken out, and they are there again when it is back.
func TestExampleOPCUA(t *testing.T) {
	p := peer.Start(t, "opcua-node", 1)
	address := func(c *config.OPCUAConnection) {
		c.URL, c.PKI = strings.Replace(c.URL, "127.0.0.1:4840", p.Address(0), 1), t.TempDir()
	}
	node := runExample(t, "opcua", func(d *config.Document) {
		address(&d.Sources[0].Settings.(*config.OPCUASource).OPCUAConnection) //nolint:forcetypeassert // the example's
		address(&d.Sinks[0].Settings.(*config.OPCUASink).OPCUAConnection)     //nolint:forcetypeassert // the example's
	})
	has := func(predicate, value string) bool {
		return strings.Contains(data(t, node), "<http://example.org/node/ns%3D1%3Bs%3Dset> <http://example.org/"+predicate+"> "+value)
	}
	const double = `^^<http://www.w3.org/2001/XMLSchema#double> .`
	eventually(t, "the value", func() bool { return has("lastResult", `"1.0"`+double) && has("status", `"Good"`) })
	post(t, node+"/v1/changes", "application/rdf-patch",
		"TX .\nA <http://example.org/node/ns%3D1%3Bs%3Dset> <http://example.org/setPoint> \"21.5\" .\nTC .\n")
	eventually(t, "the set-point as a value", func() bool { return has("lastResult", `"21.5"`+double) })
	p.Kill()
	eventually(t, "that nothing is known", func() bool { return has("status", `"BadNoCommunication"`) && !has("lastResult", `"`) })
	p.Restart(t)
	eventually(t, "the value once more", func() bool { return has("lastResult", `"`) && has("status", `"Good"`) })
}

// TestOPCUAStructure: how the nodes of a server are made is in its graph, on a node.
func TestOPCUAStructure(t *testing.T) {
	p := peer.Start(t, "opcua-node", 1)
	node := runNode(t, fmt.Sprintf(`
engine: {data: %s}
http: {address: "127.0.0.1:0"}
sources: [{name: types, type: opcua, url: "opc.tcp://%s/UA/Q", security-policy: None, pki: %s, trees: "/Objects/1:Model", structure: true,
  graph: "urn:structure"}]
`, t.TempDir(), p.Address(0), t.TempDir()))
	eventually(t, "the structure", func() bool {
		return strings.Contains(data(t, node.url), "<urn:opcua:node:ns%3D1%3Bs%3Dstart> "+
			"<http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <http://opcfoundation.org/UA/Method> <urn:structure> .")
	})
	node.end()
}
