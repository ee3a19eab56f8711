package daemon_test

import (
	"testing"
)

// TestNATSMistakes: what can't be of the settings of NATS is told without a server, with its place.
func TestNATSMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: nats, servers: 'nats:4222', "
	sink := "sinks:\n  - {name: a, type: nats, servers: 'nats:4222', "
	areMistakes(t, map[string]string{
		source + "stream: S}": "",
		source + "stream: S, consumer: c, subjects: [a.*, 'b.>']}":        "",
		source + "stream: S, start: '2026-01-02T15:04:05Z'}":              "",
		source + "stream: S, start: yesterday}":                           "expected first, latest",
		source + "stream: S, consumer: c.d}":                              "without dots",
		source + "stream: S, subjects: [a, a]}":                           "is in",
		source + "stream: S, queue: q}":                                   "core NATS",
		source + "stream: S, mode: core}":                                 "a stream is of jetstream",
		source + "subjects: a}":                                           "which needs one",
		source + "mode: core, subjects: a, queue: q}":                     "",
		source + "mode: core}":                                            "needs subjects",
		source + "mode: mqtt, subjects: a}":                               `"mqtt" is none of jetstream, core`,
		source + "stream: S, format: text/csv}":                           "expected one of application/rdf-patch",
		source + "stream: S, format: text/turtle}":                        "",
		source + "stream: S, max-messages: 0}":                            "max-messages: 1 to",
		source + "stream: S, max-fetch: 1GiB}":                            "max-fetch: expected 1 to",
		source + "stream: S, on-gap: ignore}":                             `"ignore" is none of stop, skip`,
		source + "stream: S, user: u}":                                    "belong together",
		source + "stream: S, user: u, password: p}":                       "",
		source + "stream: S, user: u, password: p, tls: false}":           "needs TLS, or servers on loopback",
		source + "stream: S, token: t, credentials: nats_config_test.go}": "give one of",
		source + "stream: S, credentials: /nowhere/a}":                    "no such file",
		source + "stream: S, nkey: /nowhere/a}":                           "no such file",
		source + "stream: S, tls-cert: x}":                                "tls-cert and tls-key belong together",
		source + "stream: S, tls: false, tls-ca: x}":                      "need tls: true",
		source + "stream: S, tls-ca: /nowhere/ca.pem}":                    "no such file",
		sink + "stream: S}":                                               "",
		sink + "stream: S, subject: 'd.{shard}.{subject}', record: subject, format: binary, claims: 'c.{shard}'}": "",
		sink + "mode: core, subject: d}":                    "",
		sink + "mode: core, stream: S}":                     "a stream is of jetstream",
		sink + "subject: 'd.{shard}'}":                      "which needs one",
		sink + "stream: S, subject: d}":                     "it needs {shard}",
		sink + "stream: S, subject: 'd.{shard}.{subject}'}": "one message per subject",
		sink + "stream: S, record: triple}":                 `"triple" is none of delta, subject`,
		sink + "stream: S, format: turtle}":                 `"turtle" is none of text, binary`,
		sink + "stream: S, token: t, tls: false}":           "needs TLS, or servers on loopback",
	})
}
