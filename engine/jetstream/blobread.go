package jetstream

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/quadrille-stream/quadrille/engine"
)

// Get opens a blob. Reading ends with ctx.
func (b *blobs) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	d, _, err := b.described(ctx, name)
	if err == nil && (d == nil || d.Deleted) {
		err = engine.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", name, err)
	}
	r := &blobReader{ctx: ctx, d: d, sum: sha256.New()}
	if d.Size == 0 {
		return r, nil
	}
	chunks := b.chunks(d.ID)
	tail, err := chunks.Tail(ctx)
	if err == nil && tail.Seq == 0 {
		err = errGone
	}
	if err == nil {
		r.chunks, err = chunks.newReader(0, r.take)
	}
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", name, err)
	}
	r.chunks.upTo = tail.Seq
	return r, nil
}

// errGone: the chunks are not there any more.
var errGone = fmt.Errorf("%w: its content isn't there: it was replaced or deleted meanwhile, or is lost", engine.ErrDamaged)

// blobReader reads a blob batch by batch. Like every reader it is not for concurrent use.
type blobReader struct {
	ctx    context.Context
	d      *description
	chunks *reader // nil if the blob is empty
	sum    hash.Hash
	size   int64
	ready  [][]byte // chunks not yet read
	err    error    // what every further Read returns
}

func (r *blobReader) take(e engine.Entry) error {
	r.ready = append(r.ready, e.Payload)
	return nil
}

// Read returns io.EOF only when all was read and is what was put.
func (r *blobReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.ready) == 0 {
		if r.err == nil {
			r.err = r.fetch()
		}
		if r.err != nil {
			return 0, r.err
		}
	}
	n := copy(p, r.ready[0])
	r.sum.Write(p[:n])
	r.size += int64(n)
	if r.ready[0] = r.ready[0][n:]; len(r.ready[0]) == 0 {
		r.ready[0] = nil
		r.ready = r.ready[1:]
	}
	return n, nil
}

// fetch gets more chunks.
func (r *blobReader) fetch() error {
	if r.chunks == nil || r.chunks.last >= r.chunks.upTo {
		return r.end()
	}
	var wait pause
	for len(r.ready) == 0 {
		_, err := r.chunks.batch(r.ctx)
		if err != nil && r.chunks.final(r.ctx, err) {
			return r.chunks.failure(r.ctx, "read blob "+r.d.Name+":", err)
		}
		if len(r.ready) > 0 {
			break
		}
		if err := wait.wait(r.ctx); err != nil {
			return err
		}
		if err := r.there(); err != nil {
			return err
		}
	}
	return nil
}

// there returns an error if the chunks are gone.
func (r *blobReader) there() error {
	tail, err := r.chunks.log.Tail(r.ctx)
	if err == nil && tail.Seq != r.chunks.upTo {
		err = errGone
	}
	if err != nil {
		return fmt.Errorf("read blob %s: %w", r.d.Name, err)
	}
	return nil
}

// end checks that all was read and is what was put.
func (r *blobReader) end() error {
	if digest := digestOf(r.sum); r.size != r.d.Size || digest != r.d.Digest {
		return fmt.Errorf("read blob %s: %w: %d bytes with digest %s, it had %d with %s",
			r.d.Name, engine.ErrDamaged, r.size, digest, r.d.Size, r.d.Digest)
	}
	return io.EOF
}

// Close stops reading.
func (r *blobReader) Close() error {
	if r.chunks != nil {
		r.chunks.close()
	}
	if r.err == nil {
		r.err = errors.New("read blob " + r.d.Name + ": closed")
	}
	r.ready = nil
	return nil
}
