package eval

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
	"github.com/quadrille-stream/quadrille/store"
)

// ErrDivision: who asks has divided the query in another way.
var ErrDivision = errors.New("the query is divided in another way here")

// Answerer answers requests for fragments. It may be used concurrently.
type Answerer struct {
	o Options

	mu    sync.Mutex
	known map[decides]*Division
}

// decides is all that decides a division.
type decides struct {
	query, key, base string
	union            bool
}

// mostKnown is the number of divisions that an Answerer remembers, longestKnown the bytes of a query that is remembered.
const (
	mostKnown    = 64
	longestKnown = 16 << 10
)

// NewAnswerer returns an Answerer whose answers are each within the Steps and the Memory of these options, and together within their Pool;
// the others are those of who asks.
func NewAnswerer(o Options) *Answerer { return &Answerer{o: o, known: map[decides]*Division{}} }

// Answer answers a request of [Shards.Ask] by the quads of one shard, and calls send for the parts of the answer, each of which is its
// own. It returns the error of send; [fragment.ErrEncoding] and [ErrDivision] for a request of another version; an error of the
// query's syntax; one of the store, that of the context, a [BudgetError], or an [ErrPool].
func (a *Answerer) Answer(ctx context.Context, r store.Reader, request []byte, send func([]byte) error) error {
	req, err := fragment.Parse(request)
	if err != nil {
		return err
	}
	id := decides{req.Query, req.Key, req.Base, req.Union}
	d := a.find(id)
	if d == nil {
		text := TextCost * int64(len(req.Query))
		if err := a.o.Pool.Take(text); err != nil {
			return err
		}
		defer a.o.Pool.Give(text)
		if d, err = a.divide(req); err != nil {
			return err
		}
	}
	if d.fingerprint != req.Fingerprint {
		return fmt.Errorf("%w; are all nodes of one version?", ErrDivision)
	}
	a.remember(id, d)
	return d.answer(ctx, r, req, send)
}

// answer answers a request about a fragment.
func (d *Division) answer(ctx context.Context, r store.Reader, req *fragment.Request, send func([]byte) error) error {
	x := newExec(ctx, r, &d.q.o, Identity{ID: req.ID, Time: req.Time})
	defer x.end()
	if err := x.dataset(d.q.data, rdf.Term{}); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	p := x.prepare(d.q.algebra)
	if req.Fragment == fragment.Describe {
		return d.estimates(p, send)
	}
	if req.Fragment >= len(d.fragments) {
		return fmt.Errorf("%w: there is no fragment %d of %d", ErrDivision, req.Fragment, len(d.fragments))
	}
	s := &sending{f: d.fragments[req.Fragment], x: x, send: send}
	if len(req.Bound) == 0 {
		return s.all(p)
	}
	return s.join(p, req)
}

// find returns the division that a request is about, nil if it is not remembered.
func (a *Answerer) find(id decides) *Division {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[id]
}

// divide divides the query of a request.
func (a *Answerer) divide(req *fragment.Request) (*Division, error) {
	q, err := sparql.ParseQuery(req.Query, sparql.MaxLength(fragment.MaxQuery)) // which is longer, written out
	if err != nil {
		return nil, err
	}
	o := Options{Steps: a.o.Steps, Memory: a.o.Memory, Pool: a.o.Pool, UnionDefault: req.Union, Base: req.Base}
	return newDivision(q, req.Query, Key(req.Key), o)
}

// remember keeps a division for requests to come.
func (a *Answerer) remember(id decides, d *Division) {
	if len(id.query) > longestKnown {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) >= mostKnown {
		clear(a.known)
	}
	a.known[id] = d
}

// estimates sends what the planner expects of each fragment.
func (d *Division) estimates(p *planner, send func([]byte) error) error {
	all := make([]fragment.Estimate, len(d.fragments))
	for i, f := range d.fragments {
		rows, err := p.estimate(f.Op)
		if err != nil {
			return err
		}
		keys, err := p.keys(f.Op, f.Key)
		if err != nil {
			return err
		}
		all[i] = fragment.Estimate{Rows: rows, Keys: keys}
	}
	return send(fragment.AppendEstimates(nil, all))
}

// keys is about how many different terms solutions have for a variable that is the key of quads.
func (p *planner) keys(op algebra.Op, key algebra.Slot) (float64, error) {
	least, err := p.estimate(op)
	if err != nil || key == algebra.None {
		return least, err
	}
	if pattern, ok := op.(*algebra.Pattern); ok && pattern.S.Slot == key && pattern.P.Slot == algebra.None {
		id, err := p.intern(pattern.P.Term)
		if err != nil {
			return 0, err
		}
		about, err := p.statistics(id)
		return min(least, float64(about.Subjects)), err
	}
	parts := algebra.Parts(op)
	switch op := op.(type) {
	case *algebra.LeftJoin:
		parts = []algebra.Op{op.Left}
	case *algebra.Minus:
		parts = []algebra.Op{op.Left}
	case *algebra.Union:
		parts = nil
	}
	for _, part := range parts {
		n, err := p.keys(part, key)
		if err != nil {
			return 0, err
		}
		least = min(least, n)
	}
	return least, nil
}

// sending sends rows of a fragment in blocks: small ones at first, so that whoever needs only some gets them soon.
type sending struct {
	f     *algebra.Fragment
	x     *exec
	send  func([]byte) error
	block fragment.Block
	ids   []store.ID
	most  int
}

// all sends all rows.
func (s *sending) all(p *planner) error {
	sub, err := p.subplan(s.f.Op, &base{})
	if err != nil {
		return err
	}
	if err := sub.run(func(r row) error { return s.row(0, r) }); err != nil {
		return err
	}
	return s.flush()
}

// join sends the rows that fit the bindings of a request, with their numbers.
func (s *sending) join(p *planner, req *fragment.Request) error {
	bound := make([]algebra.Slot, len(req.Bound))
	for i, slot := range req.Bound {
		if slot >= len(p.names) {
			return fmt.Errorf("%w: there is no variable %d", ErrDivision, slot)
		}
		bound[i] = algebra.Slot(slot)
	}
	rows, err := s.x.bindings(req.Bindings, len(bound))
	if err != nil {
		return err
	}
	s.block.Numbered = true
	set := algebra.NewSet(bound...)
	number := p.hidden()
	root, err := p.plan(s.f.Op, given{certain: set, possible: set, rows: float64(len(rows)), base: &base{}})
	if err != nil {
		return err
	}
	sent := make([]bool, len(rows))
	first, err := root.build(&sink{each: func(r row) error {
		i := r[number] - 1
		if req.Once && sent[i] {
			return nil
		}
		sent[i] = true
		return s.row(uint64(i), r)
	}})
	if err != nil {
		return err
	}
	if err := s.push(first, rows, bound, number); err != nil {
		return err
	}
	return s.flush()
}

// push pushes bindings, each with its number.
func (s *sending) push(first stage, rows [][]store.ID, bound []algebra.Slot, number algebra.Slot) error {
	b := &block{width: s.x.width}
	for i, from := range rows {
		b.ids = append(b.ids, make([]store.ID, b.width)...)
		b.n++
		r := b.row(b.n - 1)
		for k, id := range from {
			r[bound[k]] = id
		}
		r[number] = store.ID(i + 1)
		if b.n == mostRows || i == len(rows)-1 {
			if err := first.push(b); err != nil {
				return err
			}
			b.ids, b.n = b.ids[:0], 0
		}
	}
	return first.flush()
}

// row puts a row into the block.
func (s *sending) row(number uint64, r row) error {
	s.ids = s.ids[:0]
	for _, slot := range s.f.Slots {
		s.ids = append(s.ids, r[slot])
	}
	if err := s.block.Add(number, s.ids, s.x.term); err != nil {
		return err
	}
	if s.most = max(s.most, firstRows); s.block.Rows() < s.most && !s.block.Full() {
		return nil
	}
	s.most = min(s.most*8, fragment.MaxRows)
	return s.flush()
}

func (s *sending) flush() error {
	if s.block.Rows() == 0 {
		return nil
	}
	return s.send(s.block.Take(nil))
}

// bindings reads a block without numbers.
func (x *exec) bindings(block []byte, width int) (rows [][]store.ID, err error) {
	in := &importer{x: x, r: fragment.Reader{Width: width}}
	err = in.read(block, func(_ uint64, ids []store.ID) error {
		rows = append(rows, append([]store.ID(nil), ids...))
		return x.hold(int64(8*len(ids)) + rowCost)
	})
	return rows, err
}

// rowCost is what a row that is kept alone costs besides its ids.
const rowCost = 24
