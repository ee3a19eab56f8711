package daemon_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/daemon"
)

// TestKafkaMistakes: what can't be of Kafka's settings is told without a broker, with its place.
func TestKafkaMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: kafka, brokers: 'kafka:9093', topics: t, "
	sink := "sinks:\n  - {name: a, type: kafka, brokers: 'kafka:9093', topic: t, "
	areMistakes(t, map[string]string{
		source + "brokers: nowhere}":                                                  `key "sources[kafka].brokers" comes twice`,
		source + "member: x}":                                                         "",
		source + "start: yesterday}":                                                  "expected earliest, latest or a time",
		source + "start: '2026-01-02T15:04:05Z'}":                                     "",
		source + "offsets: [t/x=1]}":                                                  "expected TOPIC/PARTITION=OFFSET",
		source + "offsets: [t/0=1, t/1=0]}":                                           "",
		source + "regex: true}":                                                       "",
		source + "format: text/csv}":                                                  "expected one of application/rdf-patch",
		source + "format: text/turtle}":                                               "",
		source + "max-messages: 0}":                                                   "max-messages: 1 or more",
		source + "max-fetch: 1GiB}":                                                   "max-fetch: expected 1 to",
		source + "on-gap: ignore}":                                                    `"ignore" is none of stop, skip`,
		source + "sasl-mechanism: PLAIN}":                                             "PLAIN needs a user and a password",
		source + "sasl-user: u}":                                                      "need a mechanism",
		source + "sasl-mechanism: OAUTHBEARER}":                                       "belong together",
		source + "sasl-mechanism: GSSAPI}":                                            "is none of PLAIN",
		source + "tls-cert: x}":                                                       "tls-cert and tls-key belong together",
		source + "tls: false, tls-ca: x}":                                             "need tls: true",
		source + "tls-ca: /nowhere/ca.pem}":                                           "no such file",
		sink + "record: triple}":                                                      `"triple" is none of delta, subject, state`,
		sink + "record: state}":                                                       "",
		sink + "record: state, format: trig}":                                         "",
		sink + "record: state, format: text}":                                         "a state is no change",
		sink + "record: state, format: turtle}":                                       `"turtle" is none of text, binary, nquads, trig, jsonld`,
		sink + "format: nquads}":                                                      "nquads has no deletions",
		source + "record: state}":                                                     "",
		source + "record: state, format: application/trig}":                           "",
		source + "record: state, format: text/csv}":                                   "expected one of application/n-quads",
		source + "record: state, format: application/rdf-patch}":                      "expected one of application/n-quads",
		"pipeline: {key: graph}\n" + sink + "record: state}":                          "a subject is in several shards",
		"pipeline: {key: graph}\n" + source + "record: state}":                        "a subject is in several shards",
		"pipeline: {key: dataset}\n" + sink + "record: state}":                        "",
		sink + "positions: t}":                                                        "another one for positions",
		sink + "max-message: 0}":                                                      "max-message: expected 1 to",
		sink + "record: subject, format: binary, positions: p}":                       "",
		source + "tls: false, sasl-mechanism: PLAIN, sasl-user: u, sasl-password: p}": "it needs TLS, or brokers on loopback",
		source + "tls: false, sasl-mechanism: SCRAM-SHA-512, sasl-user: u, sasl-password: p}": "",
		"sources:\n  - {name: a, type: kafka, brokers: nowhere, topics: t}":                   "expected HOST:PORT",
		"sources:\n  - {name: a, type: kafka, brokers: 'a:1', topics: '(', regex: true}":      "missing closing )",
	})
}

// place is that of a mistake in the second or third line.
var place = regexp.MustCompile(`:[23]:[0-9]+: `)

// areMistakes checks files, and what is said of each; nothing: it is good.
func areMistakes(t *testing.T, files map[string]string) {
	t.Helper()
	for text, want := range files {
		path := filepath.Join(t.TempDir(), "q.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := config.Load(path)
		if err == nil {
			var doc *config.Document
			if doc, err = file.Document(); err == nil {
				err = daemon.Check(doc, file.Place)
			}
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || !place.MatchString(err.Error())) {
			t.Errorf("%s\n%v\nwant %q", text, err, want)
		}
	}
}
