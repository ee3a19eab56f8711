package cli

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// skolemPrefix is what blank nodes are named by when they must have a name.
const skolemPrefix = "urn:quadrille:blank:"

// errBlank says what to do about [patch.ErrBlankNode].
var errBlank = errors.New("--skolemise writes IRIs instead of blank nodes")

// refuseBlank is [patch.RefuseBlanks] with a hint.
func refuseBlank(t rdf.Term) (rdf.Term, error) {
	_, err := patch.RefuseBlanks(t)
	return t, fmt.Errorf("%w; %w", err, errBlank)
}

// skolem names a blank node by its label.
var skolem = patch.Skolemise(skolemPrefix)
