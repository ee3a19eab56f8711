package event

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Kind says what a producer is, and so for how long it is remembered how far it has come.
type Kind uint8

const (
	// Source is a source with offsets of its own, whose name is its own, too. It is never forgotten.
	Source Kind = iota
	// Stream is a stream of an embedder's program. It is never forgotten.
	Stream
	// Once is a producer of one event only, such as an HTTP idempotency key. It is forgotten when nothing was heard of it
	// for the keep time.
	Once
	// Door is a node's door in one process, which sends what comes without an identity. It is forgotten like Once.
	Door
	// Resume marks how far a source has come in all shards: whatever its stream had up to the sequence is committed, in
	// whichever shard. It stands in one shard, and is never forgotten.
	Resume
	// Settled settles a dead letter of the shard, and is not remembered: the letter isn't open any more. Its name has the letter's
	// position, and how and by whom it was settled.
	Settled

	kinds = iota
)

// prefixes begin the texts of producers; the names of sources must not begin with one.
var prefixes = [kinds]string{Stream: "stream/", Once: "once/", Door: "door/", Resume: "resume/", Settled: "settled/"}

// Producer is who sends events: two of different kinds are not the same, though their names are. The zero Producer is
// none.
type Producer struct {
	// Kind is what it is.
	Kind Kind
	// Name is not empty, and UTF-8.
	Name string
}

// IsZero reports whether there is no producer.
func (p Producer) IsZero() bool { return p.Name == "" }

// Passing reports whether the producer is forgotten when nothing was heard of it for the keep time.
func (p Producer) Passing() bool { return p.Kind == Once || p.Kind == Door }

// Check reports a producer that no record could hold: without a name, with one that is no UTF-8, of an unknown kind, or
// a source whose name is the text of another kind.
func (p Producer) Check() error {
	switch {
	case p.Kind >= kinds:
		return fmt.Errorf("producer %q: kind %d is unknown", p.Name, p.Kind)
	case p.Name == "":
		return fmt.Errorf("a producer of kind %d has no name", p.Kind)
	case !utf8.ValidString(p.Name):
		return fmt.Errorf("the producer's name %q is no UTF-8", p.Name)
	case p.Kind == Source && ParseProducer(p.Name) != p:
		return fmt.Errorf("the source's name %q begins like a producer of another kind", p.Name)
	}
	return nil
}

// Prefix is what the text of the producer has before its name; empty for a source.
func (p Producer) Prefix() string {
	if p.Kind >= kinds || p.IsZero() {
		return ""
	}
	return prefixes[p.Kind]
}

// String returns the text of the producer, as records have it: its name, after a word for all kinds but Source.
func (p Producer) String() string { return p.Prefix() + p.Name }

// ParseProducer reads the text of a producer. Each text is one: what has no word for a kind is a source, and an empty
// text none. The producer shares the text's memory.
func ParseProducer(text string) Producer {
	for kind := Stream; kind < kinds; kind++ {
		if name, ok := strings.CutPrefix(text, prefixes[kind]); ok && name != "" {
			return Producer{kind, name}
		}
	}
	return Producer{Name: text}
}
