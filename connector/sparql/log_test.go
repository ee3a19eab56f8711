package sparql_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// shardLog makes the records of a shard, each of real changes, and knows what they come to.
type shardLog struct {
	shard   int
	random  *rand.Rand
	has     map[string]bool
	records []connector.Record
}

func newLog(shard int, seed uint64) *shardLog {
	return &shardLog{shard: shard, random: rand.New(rand.NewPCG(seed, uint64(shard))), has: map[string]bool{}}
}

// objects are terms of all kinds, with what the syntaxes of stores trip over.
var objects = []string{`"v"`, `"v"@en-gb`, `"2026-01-02T03:04:05Z"^^<http://www.w3.org/2001/XMLSchema#dateTime>`,
	`"17"^^<http://www.w3.org/2001/XMLSchema#integer>`, `"a \"b\" c \\ d \n\t\r"`, `"\\u0041 \\n"`, `"grüße 😀 \u0007"`, `<urn:o>`, `_:b0`, `""`,
	`"} ; DROP ALL ; INSERT DATA {"`}

// quad is one of a few hundred, so that they come and go.
func (l *shardLog) quad() string {
	subject := fmt.Sprintf("<urn:shard%d:s%d>", l.shard, l.random.IntN(20))
	if l.random.IntN(5) == 0 {
		subject = fmt.Sprintf("_:shard%d.x%d", l.shard, l.random.IntN(3))
	}
	graph := []string{"", " <urn:g1>", " <urn:g2>", " _:g"}[l.random.IntN(4)]
	return fmt.Sprintf("%s <urn:p> %s%s", subject, objects[l.random.IntN(len(objects))], graph)
}

// grow appends records, each with so many changes at most.
func (l *shardLog) grow(n, changes int) []connector.Record {
	for range n {
		var body strings.Builder
		body.WriteString("TX .\n")
		for range 1 + l.random.IntN(changes) {
			quad := l.quad()
			code := "A"
			if l.has[quad] {
				code = "D"
				delete(l.has, quad)
			} else {
				l.has[quad] = true
			}
			fmt.Fprintf(&body, "%s %s .\n", code, quad)
		}
		body.WriteString("TC .\n")
		l.append(body.String())
	}
	return l.records[len(l.records)-n:]
}

func (l *shardLog) append(body string) {
	var before engine.Mark
	if n := len(l.records); n > 0 {
		before = l.records[n-1].Mark
	}
	sum := sha256.Sum256([]byte(before.ID + body))
	mark := engine.Mark{Position: before.Position + 1 + l.random.Uint64N(3), ID: "ni:///sha-256;" + base64.RawURLEncoding.EncodeToString(sum[:])}
	l.records = append(l.records, connector.Record{Mark: mark, Prev: before.ID, Body: []byte(body)})
}

// after are the records behind a mark, as the pipeline hands them over: the log must have the record.
func (l *shardLog) after(t testing.TB, mark engine.Mark) []connector.Record {
	t.Helper()
	if mark == (engine.Mark{}) {
		return l.records
	}
	for i, r := range l.records {
		if r.Mark == mark {
			return l.records[i+1:]
		}
	}
	t.Fatalf("the log of shard %d has no record %v", l.shard, mark)
	return nil
}

// want is what the store is to have of the logs.
func want(logs ...*shardLog) map[string]bool {
	all := map[string]bool{}
	for _, l := range logs {
		for quad := range l.has {
			all[skolem.Replace(quad)] = true
		}
	}
	return all
}

// skolem writes what stands for the blank nodes of a log.
var skolem = strings.NewReplacer("_:b0", "<urn:quadrille:blank:b0>", "_:g", "<urn:quadrille:blank:g>",
	"_:shard0.x0", "<urn:quadrille:blank:shard0.x0>", "_:shard0.x1", "<urn:quadrille:blank:shard0.x1>", "_:shard0.x2", "<urn:quadrille:blank:shard0.x2>",
	"_:shard1.x0", "<urn:quadrille:blank:shard1.x0>", "_:shard1.x1", "<urn:quadrille:blank:shard1.x1>", "_:shard1.x2", "<urn:quadrille:blank:shard1.x2>")
