package file

import (
	"bytes"
	"fmt"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// kind says what the files of a sink are, and when they become pieces.
type kind struct {
	nquads   bool
	size     int64
	every    time.Duration
	compress string // the ending of a compressed piece
	keep     int
}

// endings are those of compressed pieces, by the name of the compression.
var endings = map[string]string{"": "", "zstd": ".zst", "gzip": ".gz"}

func (cfg *Config) kind() kind {
	return kind{nquads: cfg.NQuads, size: cfg.RotateSize, every: cfg.RotateEvery, compress: endings[cfg.Compress], keep: cfg.Keep}
}

// ending is that of a file that is written.
func (k kind) ending() string {
	if k.nquads {
		return ".nq"
	}
	return ".rdfp"
}

// piece is the name of a shard's piece whose first patch is at that position, before it is compressed.
func (k kind) piece(shard int, first uint64) string {
	return fmt.Sprintf("%s-%0*d%s", stem(shard), positionDigits, first, k.ending())
}

// span is the beginning of the span of time that a record is in.
func (k kind) span(t time.Time) time.Time { return t.Truncate(k.every) }

// commentSign begins a comment.
const commentSign = "# "

// asComments makes a comment of each line.
func asComments(lines []byte) []byte {
	return append([]byte(commentSign), bytes.ReplaceAll(lines[:len(lines)-1], []byte("\n"), []byte("\n"+commentSign))...)
}

// texts makes records whose bodies are what is written. N-Quads are those before the first that deletes, which the error names.
func (k kind) texts(records []connector.Record) ([]connector.Record, error) {
	if !k.nquads {
		return records, nil
	}
	made := make([]connector.Record, 0, len(records))
	for _, r := range records {
		body := []byte("\n") // ends the headers
		for row, err := range patch.Rows(r.Body, patch.Trusted()) {
			if err == nil && row.Deleted {
				err = connector.GiveUpf("it deletes quads, which N-Quads can't tell; RDF Patch can (format: patch)")
			}
			if err != nil {
				return made, fmt.Errorf("position %d: %w", r.Position, err)
			}
			body = nquads.AppendQuad(body, row.Quad)
		}
		r.Body = body
		made = append(made, r)
	}
	return made, nil
}
