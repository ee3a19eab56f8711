package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// patchLog shows a shard as a log of RDF Delta: the version of a delta is its number in the shard's log, from 1. Positions have
// gaps, and those of claims and dead letters among them, and a client takes a version that it doesn't find for the end. So
// deltas are counted, from the start of the log when the first client asks, and from where the counting was then on.
type patchLog struct {
	shard    int
	name, id string

	// turn holds a value while somebody reads the log. It guards what follows.
	turn   chan struct{}
	count  uint64
	last   engine.Mark   // that of the newest delta that was counted
	newest string        // its id
	marks  []engine.Mark // of each version that is a multiple of stride, from 0
	// recent are the marks of versions that were read lately, so that who reads one after the other needs no counting.
	recent map[uint64]engine.Mark
}

const (
	// stride is the number of versions between two marks that are kept: so a million deltas take 100 KB.
	stride = 256
	// maxRecent bounds the marks of versions that were read lately.
	maxRecent = 64
)

// patchLogs are those of a pipeline's shards. One shard has the pipeline's name, several have their number behind it.
func patchLogs(pipeline string, shards int) []*patchLog {
	logs := make([]*patchLog, shards)
	for s := range logs {
		name := pipeline
		if shards > 1 {
			name = fmt.Sprintf("%s-%d", pipeline, s)
		}
		logs[s] = &patchLog{shard: s, name: name, id: uuidOf(fmt.Sprintf("quadrille:%s/%d", pipeline, s), 0),
			turn: make(chan struct{}, 1), marks: []engine.Mark{{}}, recent: map[uint64]engine.Mark{}}
	}
	return logs
}

// uuidOf is the UUID (RFC 9562, version 8) of a delta, by id and version: RDF Delta knows patches by nothing else. 60 bits are
// of the id's hash, 62 are the version.
func uuidOf(id string, version uint64) string {
	sum := sha256.Sum256([]byte(id))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	binary.BigEndian.PutUint64(u[8:], version&(1<<62-1)|1<<63)
	text := hex.EncodeToString(u)
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// versionOf is the version of a UUID of a delta.
func versionOf(uuid string) (uint64, bool) {
	u, err := hex.DecodeString(strings.ReplaceAll(uuid, "-", ""))
	if err != nil || len(u) != 16 {
		return 0, false
	}
	return binary.BigEndian.Uint64(u[8:]) & (1<<62 - 1), true
}

// take waits for one's turn, which ends when the returned function is called.
func (l *patchLog) take(ctx context.Context) (release func(), _ error) {
	select {
	case l.turn <- struct{}{}:
		return func() { <-l.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// state counts what is new, and returns how many versions there are, and the id of the newest, "" if there is none.
func (l *patchLog) state(ctx context.Context, from Reader) (versions uint64, newest string, err error) {
	release, err := l.take(ctx)
	if err != nil {
		return 0, "", err
	}
	defer release()
	err = l.countOn(ctx, from)
	return l.count, l.newest, err
}

// countOn counts the deltas behind those that were. What it has done stays when ctx ends.
func (l *patchLog) countOn(ctx context.Context, from Reader) error {
	return l.follow(ctx, from, l.last, func(r node.Record) error {
		l.count++
		l.last, l.newest = engine.Mark{Position: r.Position, ID: r.ID}, uuidOf(r.ID, l.count)
		if l.count%stride == 0 {
			l.marks = append(l.marks, l.last)
		}
		return nil
	})
}

func (l *patchLog) follow(ctx context.Context, from Reader, after engine.Mark, fn func(node.Record) error) error {
	cursor := engine.Cursor{}
	if after.Position > 0 {
		cursor[l.shard] = after
	}
	return from.Follow(ctx, node.FollowOptions{From: cursor, Shards: []int{l.shard}}, fn)
}

// errFound ends a reading.
var errFound = errors.New("found")

// fetch returns the patch of a version, and its id; nil if there is none.
func (l *patchLog) fetch(ctx context.Context, from Reader, version uint64) (text []byte, id string, err error) {
	release, err := l.take(ctx)
	if err != nil {
		return nil, "", err
	}
	defer release()
	if version > l.count {
		err = l.countOn(ctx, from)
	}
	if err != nil || version == 0 || version > l.count {
		return nil, "", err
	}
	after, known := l.recent[version-1]
	skip := uint64(0)
	if !known {
		after, skip = l.marks[(version-1)/stride], (version-1)%stride
	}
	var found node.Record
	err = l.follow(ctx, from, after, func(r node.Record) error {
		if found = r; skip > 0 {
			skip--
			return nil
		}
		return errFound
	})
	if err == nil {
		err = fmt.Errorf("the log of shard %d has less than was counted", l.shard)
	}
	if !errors.Is(err, errFound) {
		return nil, "", err
	}
	if len(l.recent) == maxRecent {
		clear(l.recent)
	}
	l.recent[version] = engine.Mark{Position: found.Position, ID: found.ID}
	text, err = deltaPatch(found, version)
	return text, uuidOf(found.ID, version), err
}

// deltaPatch is a delta as RDF Delta's clients read it.
func deltaPatch(r node.Record, version uint64) ([]byte, error) {
	text := patch.AppendHeader(nil, patch.HeaderID, rdf.Trusted("<uuid:"+uuidOf(r.ID, version)+">"))
	if version > 1 {
		text = patch.AppendHeader(text, patch.HeaderPrev, rdf.Trusted("<uuid:"+uuidOf(r.Prev, version-1)+">"))
	}
	w := newLabels(text)
	if err := patch.Parse(patch.OneTransaction(r.Body), w, patch.Trusted()); err != nil { // an owner has written it
		return nil, err
	}
	return w.bytes()
}
