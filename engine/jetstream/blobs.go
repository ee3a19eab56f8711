package jetstream

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/quadrille-stream/quadrille/engine"
)

const (
	// chunkBytes is the size of a chunk: large, since each costs an fsync and a round trip.
	chunkBytes = 256 << 10
	// cleanUp bounds the removal of chunks that nobody needs. What it leaves is removed later.
	cleanUp = 5 * time.Second
	// digestType begins the digest in a blob's description.
	digestType = "SHA-256="
)

// blobs is an [engine.Blobs] in a bucket of the standard layout: the chunks of a blob are messages of a subject of its
// own, and a message on the subject of its name describes it. Both are logs, so what package engine promises of logs
// holds of them: chunks are neither lost nor doubled, and a description is replaced by who has seen it only.
//
// A blob that is replaced or deleted while it is being read gives its reader an error.
type blobs struct {
	stream *stream
	bucket string

	mu    sync.Mutex
	swept time.Time // when leftover chunks were last looked for
}

// description is the message of a blob's name, as the object stores of NATS write it.
type description struct {
	Name    string         `json:"name"`
	Options map[string]any `json:"options,omitempty"`
	Bucket  string         `json:"bucket"`
	ID      string         `json:"nuid"`
	Size    int64          `json:"size"`
	Time    time.Time      `json:"mtime"`
	Chunks  uint32         `json:"chunks"`
	Digest  string         `json:"digest,omitempty"`
	Deleted bool           `json:"deleted,omitempty"`
}

func bucketName(cfg Config) string { return "quadrille_" + cfg.Pipeline }

// blobStream is the configuration of the bucket's stream.
func blobStream(cfg Config) natsjs.StreamConfig {
	sc := commonStream(cfg)
	bucket := bucketName(cfg)
	sc.Name = "OBJ_" + bucket
	sc.Description = "Snapshots of Quadrille pipeline " + cfg.Pipeline
	sc.Subjects = []string{"$O." + bucket + ".C.>", "$O." + bucket + ".M.>"}
	return sc
}

func newBlobs(nc *nats.Conn, cfg Config) *blobs {
	b := &blobs{bucket: bucketName(cfg)}
	b.stream = &stream{nc: nc, pipeline: cfg.Pipeline, name: "OBJ_" + b.bucket, room: cfg.room(), server: cfg.Server,
		alarm: cfg.logger().Error}
	b.stream.hasElected()
	if cfg.Replicas > 1 {
		b.stream.barrier = newBarrier(b.stream, b.chunks("barrier").subject)
	}
	return b
}

// chunks is the log of the chunks of a blob.
func (b *blobs) chunks(id string) *log {
	return &log{stream: b.stream, subject: "$O." + b.bucket + ".C." + id, known: &known{}}
}

// descriptions is the log of what a name means; only its tail is there.
func (b *blobs) descriptions(name string) *log {
	return &log{stream: b.stream, subject: b.namesPrefix() + base64.URLEncoding.EncodeToString([]byte(name)), known: &known{}}
}

func (b *blobs) namesPrefix() string { return "$O." + b.bucket + ".M." }

// Put appends the chunks, then the description, which makes the blob visible, then removes what that replaced.
func (b *blobs) Put(ctx context.Context, name string, r io.Reader) error {
	if name == "" {
		return errors.New("put blob: it has no name")
	}
	d := &description{Name: name, Bucket: b.bucket, ID: nuid.Next()}
	chunks := b.chunks(d.ID)
	tail, err := b.upload(ctx, chunks, d, r)
	if err != nil {
		b.discard(chunks)
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	// From here on the description may take even if that fails, so the chunks stay; if nobody ever needs them they are
	// swept.
	if err := b.describe(ctx, d, tail); err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	b.sweepSometimes(ctx)
	return nil
}

// upload appends what r holds, and completes d. It returns the position of the last chunk.
func (b *blobs) upload(ctx context.Context, chunks *log, d *description, r io.Reader) (tail uint64, err error) {
	buf := make([]byte, min(chunkBytes, max(b.stream.nc.MaxPayload()-headroom, 1)))
	d.Options = map[string]any{"max_chunk_size": len(buf)}
	sum := sha256.New()
	for {
		n, rerr := io.ReadFull(r, buf)
		if rerr != nil && rerr != io.EOF && rerr != io.ErrUnexpectedEOF {
			return tail, rerr
		}
		if n > 0 {
			if tail, err = chunks.ensure(ctx, tail, buf[:n]); err != nil {
				return tail, err
			}
			sum.Write(buf[:n])
			d.Size += int64(n)
			d.Chunks++
		}
		if rerr != nil {
			d.Digest = digestOf(sum)
			return tail, ctx.Err()
		}
	}
}

func digestOf(h hash.Hash) string {
	return digestType + base64.URLEncoding.EncodeToString(h.Sum(nil))
}

// ensure appends to a log that nobody else writes to, until that is confirmed or ctx ends.
func (l *log) ensure(ctx context.Context, expect uint64, payload []byte) (uint64, error) {
	var wait pause
	for {
		seq, err := l.Append(ctx, expect, payload)
		if err == nil || errors.Is(err, engine.ErrTooLarge) || errors.Is(err, nats.ErrConnectionClosed) {
			return seq, err
		}
		if ended := wait.wait(ctx); ended != nil {
			return 0, errors.Join(ended, err)
		}
		if !errors.Is(err, engine.ErrConflict) {
			continue
		}
		switch tail, terr := l.Tail(ctx); {
		case terr != nil:
			return 0, terr
		case tail.Seq != expect && bytes.Equal(tail.Payload, payload):
			return tail.Seq, nil // an attempt of unknown outcome took
		case tail.Seq != expect:
			return 0, err
		}
	}
}

// describe makes d what its name means. chunks is the position of its last chunk.
func (b *blobs) describe(ctx context.Context, d *description, chunks uint64) error {
	payload, err := json.Marshal(d)
	if err != nil {
		return err
	}
	names := b.descriptions(d.Name)
	unsure := false // an attempt of ours may have taken
	var wait pause
	for {
		old, at, err := b.described(ctx, d.Name)
		switch {
		case err != nil:
			return err
		case old != nil && old.ID == d.ID:
			return nil
		case unsure && d.Chunks > 0:
			if tail, err := b.chunks(d.ID).Tail(ctx); err != nil || tail.Seq != chunks {
				return err // it took, and was replaced
			}
		}
		_, err = names.append(ctx, at, payload, nats.Header{headerRollup: {"sub"}})
		if err == nil {
			if old != nil {
				b.discard(b.chunks(old.ID))
			}
			return nil
		}
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, engine.ErrTooLarge) {
			return err
		}
		unsure = unsure || errors.Is(err, engine.ErrUnknown)
		if ended := wait.wait(ctx); ended != nil {
			return errors.Join(ended, err)
		}
	}
}

// described returns what a name means, and the position of that; nil if nothing, or nothing any more.
func (b *blobs) described(ctx context.Context, name string) (*description, uint64, error) {
	m, err := b.descriptions(name).tail(ctx)
	if m == nil || err != nil {
		return nil, 0, err
	}
	return descriptionOf(m)
}

func descriptionOf(m *nats.Msg) (*description, uint64, error) {
	at, err := positionOf(m)
	if err != nil {
		return nil, 0, err
	}
	d := new(description)
	if err := json.Unmarshal(m.Data, d); err != nil {
		return nil, 0, fmt.Errorf("%w: description of a blob at %d: %w", engine.ErrDamaged, at, err)
	}
	if d.Time, err = time.Parse(time.RFC3339Nano, m.Header.Get(headerTime)); err != nil {
		return nil, 0, fmt.Errorf("%w: time of a blob at %d: %w", engine.ErrDamaged, at, err)
	}
	return d, at, nil
}

// discard removes the chunks of a log that nobody needs, as far as that is possible now. It does so also when the
// context of who asked for something else has ended.
func (b *blobs) discard(chunks *log) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanUp)
	defer cancel()
	_ = b.stream.purge(ctx, chunks.subject, 0)
}

// Delete removes the description at the position where it was found, then the chunks.
func (b *blobs) Delete(ctx context.Context, name string) error {
	d, at, err := b.described(ctx, name)
	if err == nil && d != nil {
		err = b.stream.purge(ctx, b.descriptions(name).subject, at+1)
	}
	if err != nil {
		return fmt.Errorf("delete blob %s: %w", name, err)
	}
	if d != nil {
		b.discard(b.chunks(d.ID))
	}
	return nil
}

// List finds the names, then reads what they mean.
func (b *blobs) List(ctx context.Context, prefix string) ([]engine.BlobInfo, error) {
	subjects, err := b.names(ctx, prefix)
	var list []*description
	if err == nil {
		list, err = b.describedAll(ctx, subjects)
	}
	if err != nil {
		return nil, fmt.Errorf("list blobs %s*: %w", prefix, err)
	}
	var infos []engine.BlobInfo
	for _, d := range list {
		infos = append(infos, engine.BlobInfo{Name: d.Name, Size: d.Size, Time: d.Time})
	}
	slices.SortFunc(infos, func(a, b engine.BlobInfo) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// names returns the subjects of the descriptions of names with that prefix.
func (b *blobs) names(ctx context.Context, prefix string) (subjects []string, err error) {
	all, err := b.stream.subjects(ctx, b.namesPrefix()+">")
	for subject := range all.subjects {
		name, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(subject, b.namesPrefix()))
		if err == nil && strings.HasPrefix(string(name), prefix) {
			subjects = append(subjects, subject)
		}
	}
	return subjects, err
}

// describedAtOnce bounds the subjects of one request; the server takes 1024.
const describedAtOnce = 512

// describedAll reads descriptions. Those that are gone meanwhile are left out.
func (b *blobs) describedAll(ctx context.Context, subjects []string) (list []*description, err error) {
	for some := range slices.Chunk(subjects, describedAtOnce) {
		found, err := b.stream.last(ctx, 0, some...)
		if err != nil {
			return nil, err
		}
		for _, m := range found.messages {
			d, _, err := descriptionOf(m)
			if err != nil {
				return nil, err
			}
			if !d.Deleted {
				list = append(list, d)
			}
		}
	}
	return list, nil
}
