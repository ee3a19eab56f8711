package daemon_test

import (
	"testing"
)

// TestOPCUAMistakes: what can't be of OPC UA's settings is told without a server, with its place.
func TestOPCUAMistakes(t *testing.T) {
	mappings := "mappings: {m: {s: 'urn:n', po: [['urn:p', $(value)]]}}\n"
	source := mappings + "sources:\n  - {name: a, type: opcua, mapping: m, url: 'opc.tcp://plc:4840/', "
	sink := "\nsinks:\n  - {name: a, type: opcua, url: 'opc.tcp://plc:4840/', writes: [{predicate: 'urn:p', "
	areMistakes(t, map[string]string{
		sink + "subject: 'urn:s', node: 'ns=2;s=x'}]}":                                                                "",
		sink + "subject: 'urn:s/$(node)', graph: 'urn:g'}], on-refused: skip}":                                        "",
		sink + "subject: 'urn:s/$(node)', node: 'ns=2;s=x'}]}":                                                        "either $(node) in it, or a node",
		sink + "subject: 'urn:s'}]}":                                                                                  "either $(node) in it, or a node",
		sink + "subject: 'no iri', node: i=1}]}":                                                                      "subject:",
		sink + "subject: 'urn:s', node: x}]}":                                                                         "expected an id such as",
		source + "nodes: 'ns=2;s=x'}":                                                                                 "",
		source + "nodes: ['nsu=urn:x;s=x', 'i=85', '/Objects/2:Oven&.1'], trees: /Objects}":                           "",
		source + "timeout: 5s}":                                                                                       "no nodes and no trees",
		source + "nodes: Oven}":                                                                                       "expected an id such as",
		source + "nodes: '/Objects//x'}":                                                                              "a name is empty",
		source + "nodes: 'nsu=urn:x'}":                                                                                "expected nsu=NAMESPACE",
		source + "trees: i=85, deadband: x}":                                                                          "expected a number",
		source + "trees: i=85, deadband: 200, deadband-type: percent}":                                                "at most 100 percent",
		source + "trees: i=85, silence: 1s}":                                                                          "three times",
		source + "trees: i=85, sampling-interval: 1us}":                                                               "expected 0, or 10ms or more",
		source + "trees: i=85, max-nodes: 0}":                                                                         "max-nodes",
		source + "trees: i=85, security-policy: Basic256}":                                                            "is none of Basic256Sha256",
		source + "trees: i=85, user: u}":                                                                              "user and password belong together",
		source + "trees: i=85, user-certificate: /nowhere/c.pem, user-key: /nowhere/k.pem}":                           "no such file",
		source + "trees: i=85, structure: true}":                                                                      "expected no mapping",
		"\nsources:\n  - {name: a, type: opcua, url: 'opc.tcp://plc:4840/', trees: i=85}":                             "they need a mapping",
		"\nsources:\n  - {name: a, type: opcua, url: 'opc.tcp://plc', trees: i=85, structure: true}":                  "graph is missing",
		"\nsources:\n  - {name: a, type: opcua, url: 'opc.tcp://plc', trees: i=85, structure: true, graph: 'urn:g'}":  "",
		"\nsources:\n  - {name: a, type: opcua, url: 'opc.tcp://plc', trees: i=85, structure: true, graph: 'no iri'}": "graph:",
		"\nsources:\n  - {name: a, type: opcua, url: 'opc.tcp://plc', trees: i=85, structure: true, graph: 'urn:g', every: 1ms}": "expected 1s or more",
		source + "trees: i=85, graph: 'urn:g'}": "that of a structure",
		"\nsources:\n  - {name: a, type: opcua, url: 'opc.tcp://plc', nodes: i=85, structure: true, graph: 'urn:g'}": "that of trees",
		"\nsources:\n  - {name: a, type: opcua, url: 'http://plc', trees: i=85, structure: true, graph: 'urn:g'}":    "expected opc.tcp://",
	})
}
