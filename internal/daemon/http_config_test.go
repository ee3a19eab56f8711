package daemon_test

import "testing"

// TestPollMistakes: what can't be of a document's settings is told without asking for it.
func TestPollMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: poll, url: 'https://a/doc', "
	clear := "sources:\n  - {name: a, type: poll, url: 'http://a/doc', "
	areMistakes(t, map[string]string{
		source + "every: 5s}":                                     "",
		source + "every: -5s}":                                    "expected more than 0",
		source + "max-body: 0}":                                   "",
		source + "format: text/csv}":                              "expected one of application/rdf-patch",
		source + "format: application/rdf-patch}":                 "",
		source + "what: state, format: application/rdf-patch}":    "expected one of application/n-quads",
		source + "what: state, format: text/turtle}":              "",
		source + "what: state, graph: 'no iri'}":                  "graph: ",
		source + "what: state, graph: 'urn:g', keep: true}":       "",
		source + "graph: 'urn:g'}":                                "are of a state",
		source + "keep: true}":                                    "are of a state",
		source + "blank-nodes: refuse}":                           "are of a state",
		source + "what: data}":                                    `"data" is none of changes, state`,
		source + "mapping: m}":                                    `no mapping "m"`,
		source + "what: state, mapping: m}":                       `no mapping "m"`,
		source + "tls-cert: x}":                                   "tls-cert and tls-key belong together",
		source + "tls-cert: /nowhere/c.pem, tls-key: /nowhere/k}": "no such file",
		source + "tls-ca: /nowhere/ca.pem}":                       "no such file",
		source + "token: t, user: u}":                             "not both",
		clear + "token: t}":                                       "sent in clear",
		clear + "user: u, password: p}":                           "sent in clear",
		clear + "timeout: 10s}":                                   "",
	})
}

// TestSSEMistakes: what can't be of a stream's settings is told without asking for it.
func TestSSEMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: sse, url: 'https://a/stream', "
	areMistakes(t, map[string]string{
		source + "ids: numbers, after: '17'}":                           "",
		source + "ids: numbers, after: x}":                              "expected a number",
		source + "after: x}":                                            "",
		source + "ids: letters}":                                        `"letters" is none of any, numbers`,
		source + "format: text/csv}":                                    "expected one of application/rdf-patch",
		source + "events: [add, delete]}":                               "",
		source + "tls-key: x}":                                          "tls-cert and tls-key belong together",
		source + "token: t, user: u}":                                   "not both",
		source + "mapping: m}":                                          `no mapping "m"`,
		source + "max-event: 16}":                                       "",
		"sources:\n  - {name: a, type: sse, url: 'http://a', token: t}": "sent in clear",
	})
}

// TestWebhookMistakes: what can't be of a webhook's settings is told without posting anything.
func TestWebhookMistakes(t *testing.T) {
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	sink := "sinks:\n  - {name: a, type: webhook, url: 'https://a/hook', secret: " + secret
	areMistakes(t, map[string]string{
		sink + "}":                                               "",
		sink + " " + secret + ", format: json}":                  "",
		sink + " short}":                                         "secret 2: expected whsec_",
		sink + ", request: batch, max-request: 1}":               "",
		sink + ", request: all}":                                 `"all" is none of delta, subject, batch`,
		sink + ", format: xml}":                                  `"xml" is none of text, binary, json`,
		sink + ", tls-cert: x}":                                  "tls-cert and tls-key belong together",
		sink + ", user: u, token: t}":                            "not both",
		"sinks:\n  - {name: a, type: webhook, url: 'https://a'}": `key "sinks[webhook].secret" is missing`,
		"sinks:\n  - {name: a, type: webhook, url: 'http://10.0.0.1', secret: " + secret + "}":        "",
		"sinks:\n  - {name: a, type: webhook, url: 'http://a', token: t, secret: " + secret + "}":     "sent in clear",
		"sinks:\n  - {name: a, type: webhook, url: 'https://user@host/hook', secret: " + secret + "}": "without user",
	})
}

// TestDeltaMistakes: what can't be of a patch log's settings is told without asking for it.
func TestDeltaMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: delta, url: 'https://a:1066/', log: "
	areMistakes(t, map[string]string{
		source + "plant}":                                              "",
		source + "a/b}":                                                "expected letters",
		source + "plant, every: -1s}":                                  "expected more than 0",
		source + "plant, every: 10s}":                                  "",
		source + "plant, max-patch: 1MiB}":                             "",
		source + "plant, tls-cert: x}":                                 "tls-cert and tls-key belong together",
		source + "plant, token: t, password: p}":                       "not both",
		"sources:\n  - {name: a, type: delta, url: 'https://a:1066/'}": `key "sources[delta].log" is missing`,
		"sources:\n  - {name: a, type: delta, url: 'http://a:1066/', log: l, token: t}": "sent in clear",
		"sources:\n  - {name: a, type: delta, url: 'http://a:1066/?x=y', log: l}":       "without a query",
	})
}

// TestPprofIsOnLoopback: an address that others reach is refused, whatever else protects the node.
func TestPprofIsOnLoopback(t *testing.T) {
	const with = "http:\n  token: 0123456789abcdef\n  pprof: "
	areMistakes(t, map[string]string{
		with + "127.0.0.1:6060": "", with + "localhost:0": "", with + "'[::1]:6060'": "", with + "':6060'": "on loopback alone",
		with + "0.0.0.0:6060": "on loopback alone", with + "10.0.0.1:6060": "on loopback alone", with + "node.example:6060": "on loopback alone",
		with + "6060": "expected HOST:PORT", with + "127.0.0.1:x": "expected HOST:PORT",
	})
}
