package operator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Kind says what a [Record] is for.
type Kind string

// The kinds of record.
const (
	// Delta holds effective changes, and the positions of the producers they came from.
	Delta Kind = "delta"
	// Claim says that a process takes the shard.
	Claim Kind = "claim"
	// DeadLetter holds an event that can't be evaluated, with the reason.
	DeadLetter Kind = "dead-letter"
)

// Writer names the process that wrote a record: the owner, by its claim.
type Writer struct {
	// Epoch is the shard's epoch: that of the control record that gave the shard to Node.
	Epoch uint64
	// Node is the name of the node, and Incarnation the epoch of the control record with which its process entered.
	Node        string
	Incarnation uint64
}

// Supersedes reports whether a claim by w ends the ownership of old. A later epoch does, and at the same epoch a later
// process of the same name.
func (w Writer) Supersedes(old Writer) bool {
	if w.Epoch != old.Epoch {
		return w.Epoch > old.Epoch
	}
	return w.Incarnation > old.Incarnation
}

// ProducerPosition says how far a record brings a producer, and what its last event did.
type ProducerPosition struct {
	// Producer is who it is, Seq the sequence of its last event in the record.
	Producer event.Producer
	Seq      uint64
	// Adds and Deletes count the real changes of that last event.
	Adds, Deletes uint64
}

// Record is one entry of a shard's log. Its text form is header rows of RDF Patch, then Body. The id is a
// Named Information URI (RFC 6920) of the SHA-256 of everything after the id row; the prev row makes a chain of them.
type Record struct {
	// ID is set by Encode and Decode; Prev is the ID of the record before, "" for the log's first.
	ID, Prev string
	// Kind says what the record is for, Shard whose log it is in.
	Kind  Kind
	Shard int
	// Writer is the process that wrote it: the owner, or with a claim who becomes it.
	Writer Writer
	// Time is the writer's clock, in UTC.
	Time time.Time
	// Positions are those of the producers whose events are in the record.
	Positions []ProducerPosition
	// Part is the number of this record in a chain of part records, from 1; 0 if the record is whole. More says that
	// another part follows.
	Part int
	More bool
	// Reason says why the event of a dead letter is one.
	Reason string
	// Body is what the operator's logic wrote (Delta), or the event (DeadLetter). It is a part of the payload given to
	// Decode.
	Body []byte
}

// formatVersion is the newest format of records that this program reads; the ones that it writes say none, which is the first.
//
// A later format may bring headers that must be understood: a record that has one begins, behind the id row, with the header
// "format", and who doesn't know that format stops there with [ErrNewer]. Headers whose name begins with "x-" may be ignored.
// Nobody writes a format before all members know it: the control log's settings say so.
const formatVersion = 1

// ErrNewer: a record was written by a later version of this program, and can't be understood. It is not damage.
var ErrNewer = errors.New("written by a later version")

const (
	idOpen   = "H id <ni:///sha-256;"
	idClose  = "> .\n"
	idScheme = "ni:///sha-256;"
	hashLen  = 43 // base64url of 32 bytes, without padding
	idRow    = len(idOpen) + hashLen + len(idClose)
)

// Encode appends the record's text form to dst, sets r.ID, and returns the extended buffer.
func (r *Record) Encode(dst []byte) []byte {
	start := len(dst)
	dst = append(dst, idOpen...)
	dst = append(dst, strings.Repeat("0", hashLen)...)
	dst = append(dst, idClose...)
	dst = r.appendHeaders(dst)
	dst = append(dst, r.Body...)
	sum := sha256.Sum256(dst[start+idRow:])
	base64.RawURLEncoding.Encode(dst[start+len(idOpen):], sum[:])
	r.ID = string(dst[start+len("H id <") : start+idRow-len(idClose)])
	return dst
}

func (r *Record) appendHeaders(dst []byte) []byte {
	if r.Prev != "" {
		dst = append(append(append(dst, "H prev <"...), r.Prev...), "> .\n"...)
	}
	dst = appendText(dst, "kind", string(r.Kind))
	dst = appendNumber(dst, "shard", uint64(r.Shard))
	dst = appendNumber(dst, "epoch", r.Writer.Epoch)
	dst = appendText(dst, "node", r.Writer.Node)
	dst = appendNumber(dst, "incarnation", r.Writer.Incarnation)
	dst = append(dst, `H time "`...)
	dst = r.Time.UTC().AppendFormat(dst, time.RFC3339Nano)
	dst = append(dst, "\"^^<http://www.w3.org/2001/XMLSchema#dateTime> .\n"...)
	if len(r.Positions) > 0 {
		dst = append(dst, `H positions "`...)
		for i, p := range r.Positions {
			if i > 0 {
				dst = append(dst, ' ')
			}
			dst = appendPosition(dst, p)
		}
		dst = append(dst, "\" .\n"...)
	}
	if r.Part > 0 {
		dst = appendNumber(dst, "part", uint64(r.Part))
		if r.More {
			dst = appendText(dst, "more", "true")
		}
	}
	if r.Reason != "" {
		dst = appendText(dst, "reason", r.Reason)
	}
	return appendNumber(dst, "length", uint64(len(r.Body)))
}

func appendPosition(dst []byte, p ProducerPosition) []byte {
	dst = append(dst, url.QueryEscape(p.Producer.String())...)
	dst = strconv.AppendUint(append(dst, '='), p.Seq, 10)
	dst = strconv.AppendUint(append(dst, ','), p.Adds, 10)
	return strconv.AppendUint(append(dst, ','), p.Deletes, 10)
}

func appendText(dst []byte, name, value string) []byte {
	dst = append(append(append(dst, "H "...), name...), ' ')
	dst = rdf.AppendEscaped(append(dst, '"'), strings.ToValidUTF8(value, "\uFFFD"))
	return append(dst, "\" .\n"...)
}

func appendNumber(dst []byte, name string, value uint64) []byte {
	dst = append(append(append(dst, "H "...), name...), ` "`...)
	return append(strconv.AppendUint(dst, value, 10), "\" .\n"...)
}

// Decode reads the text form that Encode writes, and nothing else: any other byte is damage, but for headers that may be
// ignored; a record of a later format is [ErrNewer]. The record's Body is a part of payload.
func Decode(payload []byte) (*Record, error) {
	if len(payload) < idRow || string(payload[:len(idOpen)]) != idOpen ||
		string(payload[len(idOpen)+hashLen:idRow]) != idClose {
		return nil, fmt.Errorf("%w: no id row", engine.ErrDamaged)
	}
	sum := sha256.Sum256(payload[idRow:])
	var want [hashLen]byte
	base64.RawURLEncoding.Encode(want[:], sum[:])
	if !bytes.Equal(payload[len(idOpen):len(idOpen)+hashLen], want[:]) {
		return nil, fmt.Errorf("%w: the record's hash is %s, its id says %s", engine.ErrDamaged, want,
			payload[len(idOpen):len(idOpen)+hashLen])
	}
	r := &Record{ID: idScheme + string(want[:])}
	rest := payload[idRow:]
	for {
		line, after, ok := bytes.Cut(rest, []byte(" .\n"))
		name, value, ok2 := bytes.Cut(bytes.TrimPrefix(line, []byte("H ")), []byte(" "))
		if !ok || !ok2 || !bytes.HasPrefix(line, []byte("H ")) {
			return nil, fmt.Errorf("%w: no header row at byte %d", engine.ErrDamaged, len(payload)-len(rest))
		}
		rest = after
		if string(name) == "length" {
			return r, r.setBody(value, rest)
		}
		if err := r.setHeader(string(name), rdf.Trusted(string(value))); errors.Is(err, ErrNewer) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: header %s: %w", engine.ErrDamaged, name, err)
		}
	}
}

func (r *Record) setBody(length, rest []byte) error {
	n, err := strconv.ParseUint(strings.Trim(string(length), `"`), 10, 63)
	if err != nil || n != uint64(len(rest)) {
		return fmt.Errorf("%w: length %s, but %d bytes follow", engine.ErrDamaged, length, len(rest))
	}
	r.Body = rest
	return nil
}

func (r *Record) setHeader(name string, term rdf.Term) (err error) {
	value := term.Value()
	switch name {
	case "prev":
		r.Prev = value
	case "kind":
		r.Kind = Kind(value)
	case "shard":
		r.Shard, err = strconv.Atoi(value)
	case "epoch":
		r.Writer.Epoch, err = strconv.ParseUint(value, 10, 64)
	case "node":
		r.Writer.Node = value
	case "incarnation":
		r.Writer.Incarnation, err = strconv.ParseUint(value, 10, 64)
	case "time":
		r.Time, err = time.Parse(time.RFC3339Nano, value)
	case "positions":
		r.Positions, err = parsePositions(value)
	case "part":
		r.Part, err = strconv.Atoi(value)
	case "more":
		r.More = true
	case "reason":
		r.Reason = value
	case "format":
		var needs int
		if needs, err = strconv.Atoi(value); err == nil && needs > formatVersion {
			err = fmt.Errorf("%w: it needs format %d, this program knows %d; upgrade it", ErrNewer, needs, formatVersion)
		}
	default:
		if !strings.HasPrefix(name, ignorable) {
			err = errors.New("unknown")
		}
	}
	return err
}

// ignorable is how the names of headers begin that a reader needs not know.
const ignorable = "x-"

func parsePositions(text string) ([]ProducerPosition, error) {
	var list []ProducerPosition
	for item := range strings.SplitSeq(text, " ") {
		name, numbers, _ := strings.Cut(item, "=")
		producer, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		p := ProducerPosition{Producer: event.ParseProducer(producer)}
		fields := strings.Split(numbers, ",")
		if len(fields) != 3 {
			return nil, fmt.Errorf("position %q: expected producer=seq,adds,deletes", item)
		}
		for i, to := range []*uint64{&p.Seq, &p.Adds, &p.Deletes} {
			if *to, err = strconv.ParseUint(fields[i], 10, 64); err != nil {
				return nil, err
			}
		}
		list = append(list, p)
	}
	return list, nil
}
