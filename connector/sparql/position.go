package sparql

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// position is how far a shard is in the store, as it stands there: a literal that no two updates make alike, so that an update
// which builds on it has an effect once, and only while nobody else has come in between.
//
//	at  until  what the store has
//	P   P      what the log says up to P
//	P   Q      that, and some of the rows behind P up to Q
type position struct {
	// at is the record up to which the store has all for certain.
	at engine.Mark
	// until is the position up to which rows may be there, at.Position if there are no more: up to there a row that another
	// one undoes must be written, too.
	until uint64
	// writer is a random name of the writer, and n counts its updates.
	writer string
	n      uint64
}

// newWriter returns a name that nobody else has.
func newWriter() string {
	var name [8]byte
	_, _ = rand.Read(name[:]) // never fails
	return hex.EncodeToString(name[:])
}

// whole reports whether the store has what the log says up to its position, and nothing of what comes behind.
func (p position) whole() bool { return p.until <= p.at.Position }

// noID stands for the id of the record before the first one.
const noID = "-"

// String is the literal: position and id of the record, until, writer, n.
func (p position) String() string {
	return fmt.Sprintf("%d %s %d %s %d", p.at.Position, cmp.Or(p.at.ID, noID), p.until, p.writer, p.n)
}

// parsePosition reads a literal.
func parsePosition(text string) (position, error) {
	var p position
	fields := strings.Split(text, " ")
	if len(fields) == 5 {
		var numbers [3]uint64
		for i, field := range [...]int{0, 2, 4} {
			numbers[i], _ = strconv.ParseUint(fields[field], 10, 64) // what is none isn't written so again
		}
		p = position{at: markOf(numbers[0], fields[1]), until: numbers[1], writer: fields[3], n: numbers[2]}
	}
	if p.String() != text || p.writer == "" {
		return p, connector.GiveUpf("the position in the store, %q, was not written by this sink: delete it there to have all written again, or give the sink another position-graph", text)
	}
	return p, nil
}

func markOf(at uint64, id string) engine.Mark {
	if id == noID {
		id = ""
	}
	return engine.Mark{Position: at, ID: id}
}

// claim returns the position with which a writer begins where these are found. There is more than one where an update of a writer
// that was deposed meanwhile has run beside those of its successor, as stores do that isolate transactions by snapshots and
// don't look whether what was read has changed: then the rows behind the first of them may be anyhow, and are written again.
func claim(found []position, writer string) position {
	next := position{writer: writer}
	for i, p := range found {
		if i == 0 || p.at.Position < next.at.Position {
			next.at = p.at
		}
		next.until = max(next.until, p.until)
	}
	return next
}

// at is the predicate of positions.
const at = "<urn:quadrille:at>"

// place says where the position of a shard stands in the store.
type place struct {
	graph   string // an IRI in angle brackets; empty: the default graph
	subject string // an IRI in angle brackets
}

func placeOf(graph, name string, shard int) place {
	p := place{subject: fmt.Sprintf("<urn:quadrille:position:%s:%d>", url.PathEscape(name), shard)}
	if graph != "" {
		p.graph = "<" + graph + ">"
	}
	return p
}

// row is the pattern or the quad data of a position, whose literal or variable is given.
func (p place) row(object string) string {
	row := p.subject + " " + at + " " + object + " ."
	if p.graph != "" {
		row = "GRAPH " + p.graph + " { " + row + " }"
	}
	return row
}

// rows are those of several literals.
func (p place) rows(literals []string) string {
	var b strings.Builder
	for _, text := range literals {
		b.WriteString("  " + p.row(strconv.Quote(text)) + "\n")
	}
	return b.String()
}

// query asks for the literals.
func (p place) query() string { return "SELECT ?at { " + p.row("?at") + " }" }

// guard is the pattern that holds while the literals are those.
func (p place) guard(literals []string) string {
	if len(literals) == 0 {
		return "  FILTER NOT EXISTS { " + p.row("?at") + " }\n"
	}
	return p.rows(literals)
}

// sameLiterals reports whether two lists have the same literals.
func sameLiterals(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}
