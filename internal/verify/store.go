package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/difference"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
)

// StoreCheck says what is compared with what.
type StoreCheck struct {
	// Client asks Nodes, one after the other until one answers, for the quads of the shards.
	Client *client.Client
	Nodes  []string
	// Store is the SPARQL store, Graphs those that are compared; nil: all. The zero term is the default graph.
	Store  *sparql.Store
	Graphs []rdf.Term
	// Blank says what stands in the store for the blank nodes of the shards.
	Blank patch.BlankPolicy
	// Mend makes the store what the shards are.
	Mend bool
	// Pause is the time between two looks. Default 1 s.
	Pause time.Duration
}

// StoreReport says what a store doesn't have in common with the shards, as N-Quads.
type StoreReport struct {
	// Missing are quads that the store doesn't have, Surplus those that it has beside the shards; at most 10,000 each.
	Missing []string `json:"missing,omitempty"`
	Surplus []string `json:"surplus,omitempty"`
	// More counts what isn't named.
	More int `json:"more,omitempty"`
	// Mended counts what was changed in the store.
	Mended int `json:"mended,omitempty"`
}

// ErrStoreDiffers: store and shards are not the same.
var ErrStoreDiffers = errors.New("the store and the shards differ")

// Err is [ErrStoreDiffers] if they do.
func (r *StoreReport) Err() error {
	if len(r.Missing)+len(r.Surplus)+r.More > 0 {
		return ErrStoreDiffers
	}
	return nil
}

// StoreError is an error on the way to the store, and not to the nodes.
type StoreError struct {
	// Update says that the store was to be changed, at its address for updates; otherwise it was read.
	Update bool
	Err    error
}

// Error implements error.
func (e *StoreError) Error() string { return e.Err.Error() }

// Unwrap returns what was met on the way.
func (e *StoreError) Unwrap() error { return e.Err }

const (
	// maxNamed bounds the quads that are named, of each kind.
	maxNamed = 10_000
	// storeLooks is the number of looks in a row in which a quad must differ: a sink may be on its way.
	storeLooks = 3
	// changedLooks bounds the looks in a row that come to nothing since the store was changed meanwhile.
	changedLooks = 10
)

// CheckStore compares a store with the shards, while both are written to: what differs in three looks in a row is told. If it is to,
// it mends that, and looks again, until nothing differs, or the same as before.
func CheckStore(ctx context.Context, c StoreCheck) (*StoreReport, error) {
	if c.Pause <= 0 {
		c.Pause = time.Second
	}
	mended := 0
	for before := (differing{}); ; {
		found, err := c.settled(ctx)
		if err != nil {
			return nil, err
		}
		if !c.Mend || found.empty() || found.same(before) {
			return found.report(mended), nil
		}
		if err := c.Store.Change(ctx, keys(found.surplus), keys(found.missing)); err != nil {
			return nil, &StoreError{Update: true, Err: fmt.Errorf("mend the store: %w", err)}
		}
		mended += len(found.surplus) + len(found.missing)
		before = found
	}
}

// differing is what a look has found.
type differing struct {
	missing, surplus map[rdf.Quad]bool
	more             int
}

func (d differing) empty() bool { return len(d.missing)+len(d.surplus)+d.more == 0 }

func (d differing) same(as differing) bool {
	return maps.Equal(d.missing, as.missing) && maps.Equal(d.surplus, as.surplus)
}

func (d differing) report(mended int) *StoreReport {
	return &StoreReport{Missing: lines(d.missing), Surplus: lines(d.surplus), More: d.more, Mended: mended}
}

func keys(set map[rdf.Quad]bool) []rdf.Quad { return slices.Collect(maps.Keys(set)) }

func lines(set map[rdf.Quad]bool) (list []string) {
	for q := range set {
		list = append(list, string(nquads.AppendQuad(nil, q)))
	}
	slices.Sort(list)
	return list
}

// settled returns what differs in each of some looks.
func (c *StoreCheck) settled(ctx context.Context) (found differing, err error) {
	changed := 0
	for look := 0; look < storeLooks; {
		if look+changed > 0 {
			if err := clock.Sleep(ctx, c.Pause); err != nil {
				return found, err
			}
		}
		now, err := c.look(ctx)
		if errors.Is(err, sparql.ErrChanged) && changed < changedLooks {
			changed++
			continue
		}
		if err != nil {
			return found, err
		}
		if look++; look == 1 {
			found = now
		} else {
			found = found.and(now)
		}
		if found.empty() {
			break
		}
	}
	return found, nil
}

// and leaves what differs in both looks. Beyond the bound it isn't known which quads they were.
func (d differing) and(other differing) differing {
	if d.more == 0 && other.more == 0 {
		gone := func(of map[rdf.Quad]bool) func(rdf.Quad, bool) bool {
			return func(q rdf.Quad, _ bool) bool { return !of[q] }
		}
		maps.DeleteFunc(d.missing, gone(other.missing))
		maps.DeleteFunc(d.surplus, gone(other.surplus))
		return d
	}
	return other
}

// look compares once.
func (c *StoreCheck) look(ctx context.Context) (found differing, err error) {
	graphs := c.Graphs
	if graphs == nil {
		if graphs, err = c.Store.Graphs(ctx); err != nil {
			return found, &StoreError{Err: err}
		}
	}
	found = differing{missing: map[rdf.Quad]bool{}, surplus: map[rdf.Quad]bool{}}
	name := func(in map[rdf.Quad]bool) func(rdf.Quad) error {
		return func(q rdf.Quad) error {
			if len(in) < maxNamed {
				in[rdf.Quad{S: q.S.Clone(), P: q.P.Clone(), O: q.O.Clone(), G: q.G.Clone()}] = true
			} else {
				found.more++
			}
			return nil
		}
	}
	store := func(ctx context.Context, fn func(rdf.Quad) error) error {
		if err := c.Store.Quads(ctx, graphs, fn); err != nil {
			return &StoreError{Err: err}
		}
		return nil
	}
	err = difference.Of(ctx, store, c.shards, 0, name(found.surplus), name(found.missing))
	return found, err
}

// shards hands over the quads of the shards that are compared, as the store has them.
func (c *StoreCheck) shards(ctx context.Context, fn func(rdf.Quad) error) error {
	body, err := c.data(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	quads := nquads.NewReader(body)
	var q rdf.Quad
	for {
		if err := quads.Next(&q); err != nil {
			if err == io.EOF { //nolint:errorlint // around another error it is that of a connection
				return nil
			}
			return fmt.Errorf("quads of the shards: %w", err)
		}
		named, err := c.Blank.Name(q)
		if err != nil {
			return err
		}
		if c.Graphs != nil && !slices.Contains(c.Graphs, named.G) {
			continue
		}
		if err := fn(named); err != nil {
			return err
		}
	}
}

// data asks the nodes until one answers.
func (c *StoreCheck) data(ctx context.Context) (body io.ReadCloser, err error) {
	for _, node := range c.Nodes {
		if body, err = c.Client.Data(ctx, node); err == nil {
			return body, nil
		}
	}
	return nil, err
}
