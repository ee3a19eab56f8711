package cli

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// skolemPrefix is what blank nodes are named by when they must have a name.
const skolemPrefix = "urn:quadrille:blank:"

// errBlank says what to do about [patch.ErrBlankNode].
var errBlank = errors.New("--skolemise writes IRIs instead of blank nodes")

// asUpdate returns the form of SPARQL 1.1 Update: the operations of [patch.UpdateWriter], so that records one after the
// other are one request too.
func asUpdate(blank patch.BlankPolicy) form {
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

// refuseBlank is [patch.RefuseBlanks] with a hint.
func refuseBlank(t rdf.Term) (rdf.Term, error) {
	_, err := patch.RefuseBlanks(t)
	return t, fmt.Errorf("%w; %w", err, errBlank)
}

// skolem names a blank node by its label.
var skolem = patch.Skolemise(skolemPrefix)
