package graph

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper/request"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/expr"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
	"github.com/quadrille-stream/quadrille/store"
)

// A query that reads shards of another node has a session there: a request that is answered at once with the positions at which the node
// has pinned its shards, and then no more until the asker goes away. What is asked of the shards meanwhile names the session.

// What requests between nodes begin with.
const (
	askSession byte = 1 + iota
	askFragment
	askChange
)

// The kinds of errors between nodes.
const (
	kindVersion  = "version"  // the nodes don't understand each other
	kindBudget   = "budget"   // a bound of the shard's
	kindSession  = "session"  // there is none of that name
	kindBusy     = "busy"     // it has as many as it may
	kindNotHere  = "nothere"  // the node has no copy of the shard
	kindNoLeader = "noleader" // a log has no majority of its servers
	kindCompile  = "compile"  // an expression of the query can't be computed
	kindInternal = "internal" // a fault of the program, which the node's log has
)

// session is one at another node, by its name there.
type session struct{ node, id string }

// idBytes is the length of that name.
const idBytes = 26

// sessionRequest asks for a session.
type sessionRequest struct {
	// Shards are to be at these Positions, or later.
	Shards    []int
	Positions []uint64
	// BySubject: all that is looked for has a subject that is known, so that no index is waited for.
	BySubject bool
}

func (r *sessionRequest) append(to []byte) []byte {
	text, err := json.Marshal(r)
	if err != nil { // numbers have JSON
		panic(err)
	}
	return append(append(to, askSession), text...)
}

// sessionAnswer is the beginning of its answer.
type sessionAnswer struct {
	ID    string
	Marks []engine.Mark
}

func parseSession(part []byte, shards int) (string, []engine.Mark, error) {
	var a sessionAnswer
	if err := json.Unmarshal(part, &a); err != nil || len(a.ID) != idBytes || len(a.Marks) != shards {
		return "", nil, &request.Error{Code: request.Failed, Kind: kindVersion, Text: "the answer about a session can't be understood; are all nodes of one version?"}
	}
	return a.ID, a.Marks, nil
}

// ask is a request for a fragment of a shard.
func (s *session) ask(shard int, content []byte) []byte {
	frame := append([]byte{askFragment}, s.id...)
	frame = binary.AppendUvarint(frame, uint64(shard))
	return append(frame, content...)
}

// sessions are those of other nodes' queries at this one.
type sessions struct {
	most int
	mu   sync.Mutex // guards what follows
	open map[string]*held
}

// held are the shards of a session.
type held struct {
	mu    sync.RWMutex // held for reading while a view is opened again, for writing when they end
	views map[int]store.View
	// coming are rows of a change that has not come as a whole, by shard.
	coming map[int][]byte
	taken  int        // bytes of all changes that have come
	pool   *eval.Pool // that they are taken from
}

// again opens a shard's view again, nil if the session has none.
func (h *held) again(s int) store.View {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if view := h.views[s]; view != nil {
		return view.Again()
	}
	return nil
}

func (h *held) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, view := range h.views {
		view.Close()
	}
	h.views = nil
	h.pool.Give(int64(h.taken))
	h.taken = 0
}

// answer answers what other nodes ask.
func (g *Graph) answer(ctx context.Context, content []byte, send func([]byte) error) error {
	return kinds(contained(g.log, "what another node asked for", func() error { return g.answerNode(ctx, content, send) }))
}

func (g *Graph) answerNode(ctx context.Context, content []byte, send func([]byte) error) error {
	if len(content) > 0 {
		switch content[0] {
		case askSession:
			return g.answerSession(ctx, content[1:], send)
		case askFragment:
			return g.answerFragment(ctx, content[1:], send)
		case askChange:
			return g.answerChange(content[1:], send)
		}
	}
	return errOtherVersion
}

var errOtherVersion = &request.Error{Kind: kindVersion, Text: "the request can't be understood; are all nodes of one version?"}

// kinds gives an error the kind by which the asker knows it.
func kinds(err error) error {
	kind := ""
	switch {
	case errors.Is(err, eval.ErrBudget), errors.Is(err, expr.ErrLimit):
		kind = kindBudget
	case errors.Is(err, expr.ErrCompile):
		kind = kindCompile
	case errors.Is(err, eval.ErrDivision), errors.Is(err, fragment.ErrEncoding):
		kind = kindVersion
	case errors.Is(err, store.ErrClosed):
		kind = kindSession
	case errors.Is(err, event.ErrBusy), errors.Is(err, eval.ErrPool):
		kind = kindBusy
	case errors.Is(err, engine.ErrNoLeader):
		kind = kindNoLeader
	case errors.Is(err, ErrInternal):
		kind = kindInternal
	default:
		return err
	}
	return &request.Error{Kind: kind, Text: err.Error()}
}

// answerSession pins shards until ctx ends.
func (g *Graph) answerSession(ctx context.Context, content []byte, send func([]byte) error) error {
	var want sessionRequest
	if err := json.Unmarshal(content, &want); err != nil || len(want.Shards) != len(want.Positions) {
		return errOtherVersion
	}
	a := sessionAnswer{ID: rand.Text()}
	h := &held{views: map[int]store.View{}, pool: g.queries.memory}
	defer h.end()
	if err := g.sessions.add(a.ID, h); err != nil { // before anything is made for it; nobody knows its name yet
		return err
	}
	defer g.sessions.remove(a.ID)
	for i, s := range want.Shards {
		switch {
		case s < 0 || s >= g.Shards() || h.views[s] != nil:
			return errOtherVersion
		case !g.holds(s):
			return &request.Error{Kind: kindNotHere, Text: fmt.Sprintf("shard %d: the node has no copy of it", s)}
		}
		view, at, err := g.searched(ctx, s, want.Positions[i], !want.BySubject)
		if err != nil {
			return fmt.Errorf("shard %d: %w", s, err)
		}
		h.views[s] = view
		a.Marks = append(a.Marks, at)
	}
	text, err := json.Marshal(a)
	if err := cmp.Or(err, send(text)); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// add has requests find a session.
func (s *sessions) add(id string, h *held) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.most {
		return &request.Error{Kind: kindBusy, Text: fmt.Sprintf("%d queries of other nodes read shards here, which is the limit", s.most)}
	}
	s.open[id] = h
	return nil
}

func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *sessions) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// view opens a view of a session's shard, nil if there is none.
func (s *sessions) view(id string, shard int) store.View {
	if h := s.named(id); h != nil {
		return h.again(shard)
	}
	return nil
}

// named returns a session, nil if there is none.
func (s *sessions) named(id string) *held {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[id]
}

// answerFragment answers what a session asks of a shard.
func (g *Graph) answerFragment(ctx context.Context, content []byte, send func([]byte) error) error {
	id, s, rest, err := g.askedOf(content)
	if err != nil {
		return err
	}
	view := g.sessions.view(id, s)
	if view == nil {
		return errEnded
	}
	defer view.Close()
	return g.answerer.Answer(ctx, view, rest, send)
}

var errEnded = &request.Error{Kind: kindSession, Text: "the session has ended"}

// askedOf reads of which session and shard a request is.
func (g *Graph) askedOf(content []byte) (id string, shard int, rest []byte, err error) {
	if len(content) < idBytes {
		return "", 0, nil, errOtherVersion
	}
	s, n := binary.Uvarint(content[idBytes:])
	if n <= 0 || s >= uint64(g.Shards()) {
		return "", 0, nil, errOtherVersion
	}
	return string(content[:idBytes]), int(s), content[idBytes+n:], nil
}
