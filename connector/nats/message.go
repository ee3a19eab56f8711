package nats

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// The headers of a message: where its delta stands in the log of which shard, and who has written it. headerAfter is the position of
// the delta before it, headerPart which of its delta's messages it is, as NUMBER/COUNT. headerClaim is what no delta has; headerSeek
// names the last order to seek: the one that a message is, if it has a claim, too, else the one that it comes behind.
const (
	headerSink     = "sink"
	headerShard    = "shard"
	headerPosition = "position"
	headerID       = "id"
	headerPrev     = "prev"
	headerAfter    = "after"
	headerTime     = "time"
	headerPart     = "part"
	headerClaim    = "claim"
	headerSeek     = "seek"
)

// messages makes messages of the deltas of a shard.
type messages struct {
	cfg   *SinkConfig
	shard int
	seek  string // names the last order to seek, "" if there was none
}

// of makes of a delta what is published.
func (m *messages) of(delta *connector.Record, after uint64) ([]*nats.Msg, error) {
	subjects := []patch.SubjectRows{{Rows: delta.Body}}
	if m.cfg.PerSubject {
		var err error
		if subjects, err = patch.BySubject(delta.Body, patch.Trusted()); err != nil {
			return nil, err
		}
	}
	list := make([]*nats.Msg, len(subjects))
	for i, s := range subjects {
		msg := nats.NewMsg(fill(m.cfg.Subject, m.shard, Word(s.Subject)))
		msg.Data, msg.Header = s.Rows, m.header(delta, after)
		if m.cfg.PerSubject {
			msg.Header[headerPart] = []string{fmt.Sprintf("%d/%d", i+1, len(subjects))}
			msg.Header[nats.MsgIdHdr][0] += fmt.Sprintf(":%d", i+1)
		}
		if m.cfg.Binary {
			var err error
			if msg.Data, err = patch.Binary(s.Rows, patch.Trusted()); err != nil {
				return nil, err
			}
		}
		list[i] = msg
	}
	return list, nil
}

// header has what all messages of a delta say. The message id serves those who copy the stream. A delta that is written again, behind
// an order to seek, has another one: a server leaves out what it has had not long ago.
func (m *messages) header(delta *connector.Record, after uint64) nats.Header {
	media := patch.MediaType
	if m.cfg.Binary {
		media = patch.BinaryMediaType
	}
	h := m.place(delta.Mark)
	h[headerType] = []string{media}
	h[headerPrev] = []string{delta.Prev}
	h[headerAfter] = []string{strconv.FormatUint(after, 10)}
	h[headerTime] = []string{delta.Time.UTC().Format(time.RFC3339Nano)}
	id := fmt.Sprintf("%s/%d:%d:%s", m.cfg.Name, m.shard, delta.Position, delta.ID)
	if m.seek != "" {
		h[headerSeek] = []string{m.seek}
		id += "~" + m.seek
	}
	h[nats.MsgIdHdr] = []string{id}
	return h
}

// place says how far the shard is with a message.
func (m *messages) place(at engine.Mark) nats.Header {
	return nats.Header{headerSink: {m.cfg.Name}, headerShard: {strconv.Itoa(m.shard)},
		headerPosition: {strconv.FormatUint(at.Position, 10)}, headerID: {at.ID}}
}

// order makes what seeks: readers leave it out as they leave out claims, and who opens the shard takes it for its last message.
func (m *messages) order(to engine.Mark) *nats.Msg {
	msg := nats.NewMsg(fill(m.cfg.Subject, m.shard, seekWord))
	msg.Header = m.place(to)
	msg.Header[headerSeek] = []string{nuid.Next()}
	msg.Header[headerClaim] = msg.Header[headerSeek]
	return msg
}

// seekWord stands where a subject of the graph does, in the subject of an order to seek. No IRI is like it.
const seekWord = "_seek"

// reached is how far a shard is by the headers of its last message.
type reached struct {
	at    engine.Mark // the last delta that is there whole
	next  engine.Mark // the one that is there in part
	parts int         // of that, the messages that are there
	seek  string      // the last order to seek
}

// parse reads the headers of a message.
func (m *messages) parse(h nats.Header) (r reached, err error) {
	get := func(name string) string {
		if values := h[name]; len(values) == 1 {
			return values[0]
		}
		return ""
	}
	if get(headerSink) != m.cfg.Name || get(headerShard) != strconv.Itoa(m.shard) {
		return r, fmt.Errorf("it is of sink %q and shard %q, and not of %q and %d", get(headerSink), get(headerShard), m.cfg.Name, m.shard)
	}
	r.seek = get(headerSeek)
	position, err := strconv.ParseUint(get(headerPosition), 10, 64)
	if err == nil && r.seek != "" && get(headerClaim) != "" {
		r.at = engine.Mark{Position: position, ID: get(headerID)}
		return r, nil
	}
	after, wrong := strconv.ParseUint(get(headerAfter), 10, 64)
	if err != nil || wrong != nil || get(headerID) == "" {
		return r, errors.New("its headers don't say which delta it is")
	}
	r.at = engine.Mark{Position: position, ID: get(headerID)}
	if get(headerPart) == "" {
		return r, nil
	}
	number, count, _ := strings.Cut(get(headerPart), "/")
	part, err := strconv.Atoi(number)
	parts, wrong := strconv.Atoi(count)
	if err != nil || wrong != nil || part < 1 || part > parts {
		return r, fmt.Errorf("its header part is %q", get(headerPart))
	}
	if part < parts {
		r.next, r.parts = r.at, part
		r.at = engine.Mark{Position: after, ID: get(headerPrev)}
	}
	return r, nil
}

// fill puts a shard and a word into a template.
func fill(template string, shard int, word string) string {
	return strings.NewReplacer(shardPlace, strconv.Itoa(shard), subjectPlace, word).Replace(template)
}

// maxWord bounds a word of a subject, in bytes; servers bound what a line of their protocol has.
const maxWord = 1024

// Word writes a subject of the graph, an IRI without brackets or _:label, as a word of a subject of NATS: dots, wildcards, white space
// and '%' are percent-encoded. One that has more than 1024 bytes then is "sha-256;" and its hash in base64url.
func Word(subject string) string {
	var b strings.Builder
	for _, c := range []byte(subject) {
		if c <= ' ' || c == 0x7f || strings.IndexByte(".*>%", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	if b.Len() > maxWord {
		sum := sha256.Sum256([]byte(subject))
		return "sha-256;" + base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return b.String()
}
