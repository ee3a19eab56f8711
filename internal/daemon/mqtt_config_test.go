package daemon_test

import "testing"

// TestMQTTMistakes: what can't be of MQTT's settings is told without a broker, with its place.
func TestMQTTMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: mqtt, address: 'broker:8883', topics: plant/#, "
	sink := "sinks:\n  - {name: a, type: mqtt, address: 'broker:8883', topic: 'out/{shard}', "
	areMistakes(t, map[string]string{
		source + "qos: 2}":                           "",
		source + "qos: 3}":                           "expected 0, 1 or 2",
		source + "topics: x}":                        `key "sources[mqtt].topics" comes twice`,
		source + "protocol: 4}":                      `"4" is none of 5, 3.1.1`,
		source + "protocol: 3.1.1}":                  "",
		source + "format: text/csv}":                 "expected one of sparkplug, application/rdf-patch",
		source + "retained: drop}":                   `"drop" is none of take, ignore`,
		source + "max-message: 0}":                   "expected more than 0",
		source + "max-message: 10}":                  "a message of 10 bytes",
		source + "session-expiry: 0s}":               "expected more than 0",
		source + "receive-maximum: 100000}":          "expected 1 to 65535",
		source + "keep-alive: 1ms}":                  "keep-alive",
		source + "tls-cert: x}":                      "tls-cert and tls-key belong together",
		source + "tls: false, tls-ca: x}":            "need tls: true",
		source + "tls: false, user: u, password: p}": "it needs TLS, or a broker on loopback",
		source + "user: u, password: p}":             "",
		source + "password: p}":                      "a password needs a user",
		source + "format: sparkplug}":                "it needs a mapping",
		source + "host-id: h}":                       "with Sparkplug",
		source + "rebirth: 0s}":                      "expected more than 0",
		source + "format: sparkplug, mapping: m, host-id: 'a/b'}\nmappings: {m: {s: 'urn:x', po: [[a, 'urn:y']]}}":           "without /",
		source + "format: sparkplug, mapping: m, host-id: h, unborn: skip}\nmappings: {m: {s: 'urn:x', po: [[a, 'urn:y']]}}": "",
		sink + "qos: 2, retain: true, format: binary}":                                                                       "",
		sink + "record: triple}":                   `"triple" is none of delta, subject`,
		sink + "positions: 'a/#'}":                 "expected a text without + and #",
		sink + "positions: ''}":                    "expected a topic",
		sink + "qos: 7}":                           "expected 0, 1 or 2",
		sink + "tls: false, user: u, password: p}": "it needs TLS, or a broker on loopback",
		"sinks:\n  - {name: a, type: mqtt, address: 'b:1', topic: 'a/{name}'}":                  "needs a message for each subject",
		"sinks:\n  - {name: a, type: mqtt, address: 'b:1', topic: 'a/{name}', record: subject}": "",
		"sinks:\n  - {name: a, type: mqtt, address: 'b:1', topic: 'a/{what}', record: subject}": "expected {shard}, {subject} or {name}",
		"sources:\n  - {name: a, type: mqtt, address: nowhere, topics: t}":                      "expected HOST:PORT",
		"sources:\n  - {name: a, type: mqtt, address: 'b:1', topics: 'a/#/b'}":                  "expected a filter",
		"sources:\n  - {name: a, type: mqtt, address: 'b:1', topics: '$share/g'}":               "expected a filter",
	})
}
