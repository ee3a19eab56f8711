package operator

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdf"
)

const (
	// letterChunk is the number of positions in a chunk of [Letters] at most.
	letterChunk = 1 << 10
	// maxOpen bounds the dead letters of a shard that are open; of more, the oldest are held to be settled, so that a state
	// stays small. They are in the log.
	maxOpen = 1 << 20
)

// Letters are the positions of a shard's dead letters that are open: nobody has settled them. It is a value that doesn't change.
// To make the next one takes a time that doesn't grow with it, but for its chunks.
type Letters struct {
	chunks [][]uint64 // each in order, and none empty
	count  int
}

// Len is how many there are.
func (l Letters) Len() int { return l.count }

// Has reports whether the letter at the position is open.
func (l Letters) Has(position uint64) bool {
	_, _, ok := l.find(position)
	return ok
}

// After returns the positions behind one, in order.
func (l Letters) After(position uint64) iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		begin, _, _ := l.find(position)
		for _, chunk := range l.chunks[min(begin, len(l.chunks)):] {
			for _, at := range chunk {
				if at > position && !yield(at) {
					return
				}
			}
		}
	}
}

// first returns the lowest position, 0 if there is none.
func (l Letters) first() uint64 {
	if len(l.chunks) == 0 {
		return 0
	}
	return l.chunks[0][0]
}

// find returns the chunk in which a position is or would be, and the place in it.
func (l Letters) find(position uint64) (chunk, i int, ok bool) {
	chunk, _ = slices.BinarySearchFunc(l.chunks, position, func(c []uint64, at uint64) int {
		if c[len(c)-1] < at {
			return -1
		}
		return 1
	})
	if chunk == len(l.chunks) {
		return chunk, 0, false
	}
	i, ok = slices.BinarySearch(l.chunks[chunk], position)
	return chunk, i, ok
}

// with returns them with one more, whose position is behind all of them.
func (l Letters) with(position uint64) Letters {
	l.chunks, l.count = slices.Clone(l.chunks), l.count+1
	if n := len(l.chunks); n > 0 && len(l.chunks[n-1]) < letterChunk {
		l.chunks[n-1] = append(slices.Clone(l.chunks[n-1]), position)
	} else {
		l.chunks = append(l.chunks, []uint64{position})
	}
	if l.count > maxOpen {
		return l.without(l.chunks[0][0])
	}
	return l
}

// push adds a position behind all others to letters that nobody else has seen.
func (l *Letters) push(position uint64) {
	n := len(l.chunks)
	if n == 0 || len(l.chunks[n-1]) == letterChunk {
		l.chunks, n = append(l.chunks, nil), n+1
	}
	l.chunks[n-1], l.count = append(l.chunks[n-1], position), l.count+1
}

// without returns them without one.
func (l Letters) without(position uint64) Letters {
	chunk, i, ok := l.find(position)
	if !ok {
		return l
	}
	l.chunks, l.count = slices.Clone(l.chunks), l.count-1
	if len(l.chunks[chunk]) == 1 {
		l.chunks = slices.Delete(l.chunks, chunk, chunk+1)
	} else {
		l.chunks[chunk] = slices.Delete(slices.Clone(l.chunks[chunk]), i, i+1)
	}
	return l
}

// Letters returns the dead letters that are open in the state.
func (o *Operator) Letters() Letters { return o.producers.open }

// Settle makes the event that settles the dead letter at a position of the shard to which it is sent: how and by whom stand in the
// log. It has its effect once, whoever sends it.
func Settle(position uint64, how, by string) event.Event {
	return event.Event{Producer: event.Producer{Kind: event.Settled, Name: fmt.Sprintf("%d/%s/%s", position, how, by)}, Seq: 1}
}

// settles returns the position of the letter that an event of the producer settles; 0 if it is none.
func settles(p event.Producer) uint64 {
	if p.Kind != event.Settled {
		return 0
	}
	text, _, _ := strings.Cut(p.Name, "/")
	position, _ := strconv.ParseUint(text, 10, 64) // 0 is that of no record
	return position
}

// Letter is an event that is a dead letter, as the log has it.
type Letter struct {
	// Producer and Seq are the event's identity, Key its routing key, MediaType what its payload is.
	Producer  event.Producer
	Seq       uint64
	Key       string
	MediaType string
	// Payload is its content.
	Payload []byte
}

// DecodeLetter reads the body of a dead letter.
func DecodeLetter(body []byte) (l Letter, err error) {
	for line := range bytes.Lines(body) {
		name, value, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(string(line), "H "), " .\n"), " ")
		if !ok {
			return l, fmt.Errorf("%w: a dead letter has no header row in %.40q", engine.ErrDamaged, line)
		}
		text := rdf.Trusted(value).Value()
		switch name {
		case "producer":
			l.Producer = event.ParseProducer(text)
		case "seq":
			l.Seq, err = strconv.ParseUint(text, 10, 64)
		case "key":
			l.Key = text
		case "media-type":
			l.MediaType = text
		case "payload":
			l.Payload, err = base64.StdEncoding.DecodeString(text)
		}
		if err != nil {
			return l, fmt.Errorf("%w: %s of a dead letter: %w", engine.ErrDamaged, name, err)
		}
	}
	return l, nil
}
