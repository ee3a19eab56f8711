package filestore

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// Proposal is a message for a stream, as it is in the Raft log of the stream's group.
type Proposal struct {
	// Subject is that of the message, Header its raw headers, Data its payload.
	Subject string
	Header  []byte
	Data    []byte
	// UpTo is the highest sequence that the message can have got in its stream.
	UpTo uint64
}

// ReadProposals gives fn the messages in a Raft group's log, in order. Some may have been stored since, others may never be.
// What is damaged is left out, and another stream has none. What a proposal refers to holds until fn returns, whose error
// ends the reading and is returned as it is.
func (s *Stream) ReadProposals(ctx context.Context, fn func(Proposal) error) error {
	if !s.raft {
		return nil
	}
	return s.Read(ctx, func(m *Message) error {
		return eachEntry(m.Data, func(kind byte, data []byte) error {
			if kind != entryNormal {
				return nil
			}
			p, err := parseProposal(data)
			if err != nil {
				return nil // it is something else that the group agrees on
			}
			return fn(p)
		})
	})
}

// What nats-server 2.15.2 writes (raft.go, appendEntry.encode; jetstream_cluster.go, entryOp and encodeStreamMsg).
const (
	entriesAt   = 8 + 4*8 + 2 // leader, term, commit, previous term and index, number of entries
	entryNormal = 0

	opMessage    = 4
	opCompressed = 14
)

var errProposal = errors.New("it is no proposal of a message")

// eachEntry gives fn the entries of one record of a Raft log, as far as it is well formed.
func eachEntry(buf []byte, fn func(kind byte, data []byte) error) error {
	if len(buf) < entriesAt {
		return nil
	}
	n := binary.LittleEndian.Uint16(buf[entriesAt-2:])
	for buf = buf[entriesAt:]; n > 0 && len(buf) >= 5; n-- {
		length := int64(binary.LittleEndian.Uint32(buf))
		if length < 1 || length > int64(len(buf)-4) {
			return nil
		}
		if err := fn(buf[4], buf[5:4+length]); err != nil {
			return err
		}
		buf = buf[4+length:]
	}
	return nil
}

// parseProposal reads: last sequence (8), time (8), subject, reply and headers (2 each and the bytes), payload (4 and the
// bytes), flags.
func parseProposal(buf []byte) (p Proposal, err error) {
	if len(buf) == 0 || buf[0] != opMessage && buf[0] != opCompressed {
		return p, errProposal
	}
	body := buf[1:]
	if buf[0] == opCompressed {
		if n, err := s2.DecodedLen(body); err != nil || n > maxRecord {
			return p, errProposal
		}
		if body, err = s2.Decode(nil, body); err != nil {
			return p, errProposal
		}
	}
	if len(body) < 16 {
		return p, errProposal
	}
	p.UpTo = binary.LittleEndian.Uint64(body) + 1
	rest := body[16:]
	var fields [3][]byte // subject, reply, headers
	for i := range fields {
		if len(rest) < 2 || len(rest)-2 < int(binary.LittleEndian.Uint16(rest)) {
			return p, errProposal
		}
		n := int(binary.LittleEndian.Uint16(rest))
		fields[i], rest = rest[2:2+n], rest[2+n:]
	}
	if len(rest) < 4 || int64(len(rest)-4) < int64(binary.LittleEndian.Uint32(rest)) {
		return p, errProposal
	}
	p.Subject, p.Header, p.Data = string(fields[0]), fields[2], rest[4:4+binary.LittleEndian.Uint32(rest)]
	return p, nil
}
