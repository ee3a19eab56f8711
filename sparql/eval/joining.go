package eval

import (
	"fmt"
	"math"
	"strings"

	"github.com/quadrille-stream/quadrille/sparql/algebra"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
	"github.com/quadrille-stream/quadrille/store"
)

// fragment plans a fragment: its rows for those that are given, or all of them.
func (p *planner) fragment(f *algebra.Fragment, g given) (*node, error) {
	return p.joining(f, g, false)
}

// joining plans a fragment; once: it is enough to know for which rows it has any.
func (p *planner) joining(f *algebra.Fragment, g given, once bool) (*node, error) {
	bound := g.certain.Intersect(algebra.NewSet(f.Slots...))
	if bound.Empty() && !g.fresh {
		return p.hashJoin(f, g)
	}
	growth, err := p.growth(f, g)
	if err != nil {
		return nil, err
	}
	n := &node{
		name: "Fragment", detail: p.where(f, bound), parts: []*node{p.sketch(f.Op)}, estimate: math.Max(g.rows, 1) * growth,
	}
	x := p.exec
	n.build = func(next stage) (stage, error) {
		s := &joiningFragment{x: x, f: f, bound: bound.Slots(), once: once, out: x.output(n, next)}
		s.begin()
		x.stages = append(x.stages, s)
		return s, nil
	}
	return n, nil
}

// where says which shards a fragment is for.
func (p *planner) where(f *algebra.Fragment, bound algebra.Set) string {
	text := fmt.Sprintf("%d in ", f.Number)
	switch {
	case len(f.Keys) == 1:
		text += "the shard of " + p.show(algebra.Node{Slot: algebra.None, Term: f.Keys[0]})
	case f.Keys != nil:
		text += fmt.Sprintf("the shards of %d keys", len(f.Keys))
	case bound.Has(f.Key):
		text += "the shard of each " + p.name(f.Key)
	default:
		text += "all shards"
	}
	if !bound.Empty() {
		text += " for " + p.list(bound.Slots())
	}
	return text
}

// sketch is what shards evaluate, for those who look at a plan: they have plans of their own.
func (p *planner) sketch(op algebra.Op) *node {
	n := &node{name: strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", op), "*"), "algebra."), remote: true}
	if pattern, ok := op.(*algebra.Pattern); ok {
		n.detail = p.show(pattern.S) + " " + p.show(pattern.P) + " " + p.show(pattern.O) + p.showGraph(pattern.G)
	}
	for _, part := range algebra.Parts(op) {
		n.parts = append(n.parts, p.sketch(part))
	}
	return n
}

// readsWhole reports whether all rows of a fragment cost less than those for the rows that are given.
func (p *planner) readsWhole(f *algebra.Fragment, g given) (bool, error) {
	growth, err := p.growth(f, g)
	if err != nil {
		return false, err
	}
	fan := 1.0
	if !g.certain.Has(f.Key) {
		fan = p.asking.fan(f)
	}
	return p.asking.estimate(f).Rows < g.rows*(fan+growth), nil
}

// fragmentGrowth is about how many rows a fragment has for a row of what is given.
func (p *planner) fragmentGrowth(f *algebra.Fragment, n float64, g given) float64 {
	switch {
	case g.certain.Has(f.Key):
		return n / math.Max(1, p.asking.estimate(f).Keys)
	case algebra.NewSet(f.Slots...).Meets(g.certain):
		return math.Sqrt(n)
	}
	return n
}

// The rows that are gathered before their bindings are sent: few at first, so that whoever needs only some gets them soon.
const (
	firstJoined = 64
	mostJoined  = fragment.MaxRows
)

// joiningFragment joins rows with those of a fragment: their bindings are sent, each once, to the shards that may have rows for them.
type joiningFragment struct {
	x     *exec
	f     *algebra.Fragment
	bound []algebra.Slot
	once  bool // all that matters is whether there are rows
	out   *output

	most     int
	bindings *table // different ones
	waiting  *table // rows, behind the number of their binding
	line     row    // one of waiting
	seen     *table // rows of a merged fragment, behind the number of their binding
}

func (s *joiningFragment) begin() {
	s.bindings = s.x.table(len(s.bound), len(s.bound))
	s.seen = s.x.table(1+len(s.f.Slots), 1+len(s.f.Slots))
	s.most = firstJoined
}

func (s *joiningFragment) push(b *block) error {
	if s.waiting == nil {
		s.waiting = s.x.table(1+s.x.width, 1)
		s.line = make(row, 1+s.x.width)
	}
	key := make([]store.ID, len(s.bound))
	for i := range b.n {
		r := b.row(i)
		for k, slot := range s.bound {
			key[k] = r[slot]
		}
		at, _, err := s.bindings.insert(key)
		if err != nil {
			return err
		}
		s.line[0] = store.ID(at)
		copy(s.line[1:], r)
		if _, err := s.waiting.add(s.line); err != nil {
			return err
		}
		if s.waiting.n < s.most {
			continue
		}
		if err := s.ask(); err != nil {
			return err
		}
		s.most = min(8*s.most, mostJoined)
	}
	return nil
}

// ask sends the bindings, and hands on what comes for them.
func (s *joiningFragment) ask() error {
	if s.waiting == nil || s.waiting.n == 0 {
		return nil
	}
	requests, numbers, err := s.requests()
	if err != nil {
		return err
	}
	in := &importer{x: s.x, r: fragment.Reader{Width: len(s.f.Slots), Numbered: len(s.bound) > 0}}
	err = s.x.gather(requests, func(i int, part []byte) error {
		in.r.Numbers = uint64(len(numbers[i]))
		return in.read(part, func(number uint64, ids []store.ID) error {
			binding := int32(0)
			if in.r.Numbered {
				binding = numbers[i][number]
			}
			return s.found(binding, ids)
		})
	})
	if err != nil {
		return err
	}
	s.forget()
	return nil
}

// requests are those for the bindings, with the numbers that each of them has of it.
func (s *joiningFragment) requests() (requests []asked, numbers [][]int32, err error) {
	a := s.x.asking
	if len(s.bound) == 0 {
		for _, shard := range a.targets(s.f) {
			requests = append(requests, asked{shard, a.request(s.f.Number).Append(nil)})
			numbers = append(numbers, nil)
		}
		return requests, numbers, nil
	}
	of, err := s.byShard()
	if err != nil {
		return nil, nil, err
	}
	for shard, bindings := range of {
		if len(bindings) == 0 {
			continue
		}
		var b fragment.Block
		for _, at := range bindings {
			if err := b.Add(0, s.bindings.row(at), s.x.term); err != nil {
				return nil, nil, err
			}
		}
		r := a.request(s.f.Number)
		r.Once, r.Bindings = s.once, b.Take(nil)
		for _, slot := range s.bound {
			r.Bound = append(r.Bound, int(slot))
		}
		requests = append(requests, asked{shard, r.Append(nil)})
		numbers = append(numbers, bindings)
	}
	return requests, numbers, nil
}

// byShard divides the bindings among shards.
func (s *joiningFragment) byShard() ([][]int32, error) {
	a := s.x.asking
	of := make([][]int32, a.shards.Number())
	targets := make([]bool, len(of))
	for _, shard := range a.targets(s.f) {
		targets[shard] = true
	}
	at := -1
	for k, slot := range s.bound {
		if slot == s.f.Key {
			at = k
		}
	}
	for i := range int32(s.bindings.n) {
		if at >= 0 {
			key, err := s.x.term(s.bindings.row(i)[at])
			if err != nil {
				return nil, err
			}
			if shard := a.shards.Of(key); targets[shard] {
				of[shard] = append(of[shard], i)
			}
			continue
		}
		for shard, is := range targets {
			if is {
				of[shard] = append(of[shard], i)
			}
		}
	}
	return of, nil
}

// found joins the rows of a binding with one of the fragment.
func (s *joiningFragment) found(binding int32, ids []store.ID) error {
	if s.f.Merged {
		_, fresh, err := s.seen.insert(append(row{store.ID(binding)}, ids...))
		if !fresh || err != nil {
			return err
		}
	}
	for at := s.waiting.find(row{store.ID(binding)}); at >= 0; at = s.waiting.following(at) {
		if err := s.x.step(1); err != nil {
			return err
		}
		to, err := s.out.add(s.waiting.row(at)[1:])
		if err != nil {
			return err
		}
		if !merge(to, s.f.Slots, ids) {
			s.out.drop()
		}
	}
	return nil
}

func (s *joiningFragment) flush() error {
	if err := s.ask(); err != nil {
		return err
	}
	s.most = firstJoined
	return s.out.flush()
}

func (s *joiningFragment) forget() {
	s.bindings.reset()
	s.seen.reset()
	if s.waiting != nil {
		s.waiting.reset()
	}
}

func (s *joiningFragment) reset() { s.forget(); s.most = firstJoined }
