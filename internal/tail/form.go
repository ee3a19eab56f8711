package tail

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// Form appends a record in some form.
type Form func(dst []byte, change client.Change) ([]byte, error)

// JSON is a line with an object.
func JSON(dst []byte, change client.Change) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	e := json.NewEncoder(b) // which ends the line
	e.SetEscapeHTML(false)  // rows are full of '<' and '>'
	err := e.Encode(change)
	return b.Bytes(), err
}

// Patch is a patch of the shard's log, after a comment that gives its place; of a record of which a part was asked for it is the
// rows alone.
func Patch(dst []byte, change client.Change) ([]byte, error) {
	dst = fmt.Appendf(dst, "# shard %d position %d\n", change.Shard, change.Position)
	if change.Filtered {
		return append(dst, change.Patch...), nil
	}
	return patch.Entry{ID: change.ID, Prev: change.Prev, Shard: change.Shard, Time: change.Time, Rows: []byte(change.Patch)}.Append(dst), nil
}

// NQuads are the quads that were added, and as comments those that were deleted.
func NQuads(dst []byte, change client.Change) ([]byte, error) {
	w := rowWriter{
		add:    func(q rdf.Quad) error { dst = nquads.AppendQuad(dst, q); return nil },
		delete: func(q rdf.Quad) error { dst = nquads.AppendQuad(append(dst, "# deleted: "...), q); return nil },
	}
	err := patch.Parse([]byte(change.Patch), &w)
	return dst, err
}

// Update returns the form of SPARQL 1.1 Update: the operations of [patch.UpdateWriter], so that records one after the
// other are one request too.
func Update(blank patch.BlankPolicy) Form {
	return func(dst []byte, change client.Change) ([]byte, error) {
		dst = fmt.Appendf(dst, "# shard %d position %d\n", change.Shard, change.Position)
		w := patch.NewUpdateWriter(func(request []byte) error { dst = append(dst, request...); return nil }, blank)
		err := patch.Parse([]byte(change.Patch), w)
		if err == nil {
			err = w.Flush()
		}
		return dst, err
	}
}

// rowWriter is a [patch.Change] of additions and deletions alone.
type rowWriter struct {
	patch.Counter
	add, delete func(q rdf.Quad) error
}

func (w *rowWriter) Add(q rdf.Quad) error    { return w.add(q) }
func (w *rowWriter) Delete(q rdf.Quad) error { return w.delete(q) }
