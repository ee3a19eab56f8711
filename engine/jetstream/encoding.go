package jetstream

import (
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

const (
	// headerEncoding says how the payload of a message is encoded; without it, it is as it was given.
	headerEncoding = "Quadrille-Encoding"
	encodingS2     = "s2"
	// compressFrom is the size from which payloads are compressed, in bytes: of less, little is won.
	compressFrom = 1 << 10
	// compressGain is the least part by which a compressed payload must be smaller: 1 of so many.
	compressGain = 8
)

// encoded are buffers for compressed payloads.
var encoded = sync.Pool{New: func() any { return new([]byte) }}

// compress returns the payload compressed, in buf, or reports false if that is not worth it.
func compress(buf *[]byte, payload []byte) ([]byte, bool) {
	if len(payload) < compressFrom {
		return nil, false
	}
	if need := s2.MaxEncodedLen(len(payload)); cap(*buf) < need {
		*buf = make([]byte, need)
	}
	data := s2.Encode((*buf)[:cap(*buf)], payload)
	return data, len(data) <= len(payload)-len(payload)/compressGain
}

// StoredPayload returns what was given to Append of a message that was read from a file. It may share the message's memory.
// An error wraps engine.ErrDamaged, or says that a newer version is needed.
func StoredPayload(m *filestore.Message) ([]byte, error) {
	return decode(m.HeaderValue(headerEncoding), m.Data)
}

// payloadOf returns what was given to Append.
func payloadOf(header nats.Header, data []byte) ([]byte, error) {
	return decode(header.Get(headerEncoding), data)
}

func decode(encoding string, data []byte) ([]byte, error) {
	switch encoding {
	case "":
		return data, nil
	case encodingS2:
		n, err := s2.DecodedLen(data)
		if err == nil && n > maxDecoded {
			err = fmt.Errorf("it would have %d bytes, at most %d", n, maxDecoded)
		}
		if err == nil {
			data, err = s2.Decode(nil, data)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: a compressed payload: %w", engine.ErrDamaged, err)
		}
		return data, nil
	default:
		return nil, fmt.Errorf("%w: %q: use a newer version", errEncoding, encoding)
	}
}

// errEncoding: a payload is encoded in a way that this version doesn't know.
var errEncoding = errors.New("unknown encoding of a payload")

// maxDecoded bounds a payload: the largest message that a NATS server can be told to take.
const maxDecoded = 64 << 20
