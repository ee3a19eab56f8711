package kafka

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
)

// progress is what the positions say of a shard, as POSITION ID TOPIC, where TOPIC is the id of the topic that is written to. Where
// records are states there is more: " state SEEN", and " NEXT" until the initial state is whole.
type progress struct {
	// at is the record up to which the topic has all, once the initial state is whole.
	at engine.Mark
	// states: records are states.
	states bool
	// seen is the newest position of which a state may be in the topic: an earlier one must not follow.
	seen uint64
	// begins: of the initial state, the subjects whose hash is next or higher are still to be written.
	begins bool
	next   uint64
}

// text is what stands in the positions.
func (p *progress) text(topic string) string {
	text := fmt.Sprintf("%d %s %s", p.at.Position, p.at.ID, topic)
	if p.states {
		text += fmt.Sprintf(" state %d", p.seen)
	}
	if p.begins {
		text += fmt.Sprintf(" %x", p.next)
	}
	return text
}

// The numbers of fields that a position has.
const (
	deltaFields = 3
	stateFields = 5
	beginFields = 6
)

// parseProgress reads that, and the id of the topic.
func parseProgress(text string) (p progress, topic string, err error) {
	fields := strings.Split(text, " ")
	n := len(fields)
	if n != deltaFields && (n != stateFields && n != beginFields || fields[deltaFields] != "state") {
		return p, "", fmt.Errorf("position %.200q: expected a number, an id and the id of a topic", text)
	}
	p.states, p.begins = n > deltaFields, n == beginFields
	p.at.ID, topic = fields[1], fields[2]
	p.at.Position, err = strconv.ParseUint(fields[0], 10, 64)
	if err == nil && p.states {
		p.seen, err = strconv.ParseUint(fields[deltaFields+1], 10, 64)
	}
	if err == nil && p.begins {
		p.next, err = strconv.ParseUint(fields[stateFields], 16, 64)
	}
	if err != nil {
		return p, "", fmt.Errorf("position %.200q: %w", text, err)
	}
	return p, topic, nil
}

// sought is the progress after a seek of one that writes states; p is zero if nothing is known. The start is the initial state anew.
// What is gone since the deltas ended is in those behind it. An initial state that isn't whole goes on, wherever the deltas begin then.
func (p progress) sought(to engine.Mark) progress {
	switch {
	case to.Position > 0:
		p.at, p.states, p.seen = to, true, max(p.seen, to.Position)
	case p.states:
		p.begins, p.next = true, 0
	}
	return p
}

// state is what goes into the topic for a subject: all its quads, or that there are none.
type state struct {
	key   string
	value []byte // nil: the subject has no quads
}

// states writes the states of subjects, in transactions that are bounded. It does no I/O of its own: commit does. A subject's state
// is read from a view that may be later than the delta that names it. That does no harm: what comes between names the subject
// again. But it is never earlier than one that was written before, so the states of a subject come in order, whoever writes them.
//
// The deltas of the shard alone would not do at the beginning: they have every state that there ever was. So the subjects of a view
// come first, in the order of their hashes, which is the same in each view, and says where to go on. The deltas that follow are
// those behind the first view's mark, also when a later view was read in the end: what was written of the first view, and is
// gone in a later one, is in one of them.
//
//	input                  nothing known       initial state       deltas
//	initial, killed        initial state       initial state       -
//	initial to its end     deltas              deltas              -
//	deltas, also killed    -                   -                   deltas
//
// After an error of commit it is of no use any more: its progress may be that of before or after.
type states struct {
	progress
	format rdfio.Format
	// bound is the size in bytes beyond which a transaction ends.
	bound int
	// commit puts states of a view with this mark into the topic, and the progress into the positions, both or none.
	commit func(of engine.Mark, list []state, p *progress) error

	list []state // not committed yet
	size int
}

// initial writes the subjects of a view that are not written yet.
func (s *states) initial(view store.View, of engine.Mark) error {
	if !s.states {
		s.progress = progress{states: true, begins: true, at: of}
	}
	s.seen = of.Position
	order, err := hashed(view, s.next)
	if err != nil {
		return err
	}
	for _, subject := range order {
		s.next = subject.hash // of those with the same hash some may be written twice
		if err := s.full(of); err != nil {
			return err
		}
		if err := s.add(view, subject.id); err != nil {
			return err
		}
	}
	s.begins = false
	return s.flush(of)
}

// hashedSubject is a subject in the order of the initial state.
type hashedSubject struct {
	hash uint64
	id   store.ID
}

// hashed are the subjects of a view whose hash is from or higher, by hash. It takes 16 bytes a subject, and twice as much for a while.
func hashed(view store.View, from uint64) (list []hashedSubject, err error) {
	known := map[store.ID]struct{}{}
	for q, err := range view.Match(store.Pattern{}) {
		if err != nil {
			return nil, err
		}
		if _, is := known[q.S]; is {
			continue
		}
		known[q.S] = struct{}{}
		term, err := view.Term(q.S)
		if err != nil {
			return nil, err
		}
		if hash := hashOf(term); hash >= from {
			list = append(list, hashedSubject{hash: hash, id: q.S})
		}
	}
	slices.SortFunc(list, func(a, b hashedSubject) int { return cmp.Compare(a.hash, b.hash) })
	return list, nil
}

// hashOf is the same on all machines and in all versions: it stands in the positions.
func hashOf(subject rdf.Term) uint64 {
	h := fnv.New64a()
	h.Write([]byte(subject.String()))
	return h.Sum64()
}

// changed writes the subjects that records name, as they are in a view that is not before the last of the records.
func (s *states) changed(view store.View, of engine.Mark, records []connector.Record) error {
	subjects, err := subjectsOf(records)
	if err != nil {
		return err
	}
	s.seen = of.Position
	for _, subject := range subjects {
		if err := s.full(of); err != nil {
			return err
		}
		id, known, err := view.Lookup(subject)
		switch {
		case err != nil:
		case !known:
			s.put(state{key: subject.Key()})
		default:
			err = s.add(view, id)
		}
		if err != nil {
			return err
		}
	}
	s.at = records[len(records)-1].Mark
	return s.flush(of)
}

// subjectsOf are the subjects that records name, each once, in the order in which they come first.
func subjectsOf(records []connector.Record) (list []rdf.Term, err error) {
	known := map[rdf.Term]struct{}{}
	for i := range records {
		for row, err := range patch.Rows(records[i].Body, patch.Trusted()) {
			if err != nil {
				return nil, fmt.Errorf("position %d: %w", records[i].Position, err)
			}
			if _, is := known[row.Quad.S]; !is {
				subject := row.Quad.S.Clone()
				known[subject], list = struct{}{}, append(list, subject)
			}
		}
	}
	return list, nil
}

// add takes in the state of a subject.
func (s *states) add(view store.View, subject store.ID) error {
	term, err := view.Term(subject)
	if err != nil {
		return err
	}
	value, err := stateOf(view, subject, s.format)
	if err != nil {
		return fmt.Errorf("the state of %s as %s: %w", term, s.format, err)
	}
	s.put(state{key: term.Key(), value: value})
	return nil
}

// stateOf is a document of a subject's quads, in order, so that the same quads are the same bytes; nil if there are none.
func stateOf(view store.View, subject store.ID, format rdfio.Format) ([]byte, error) {
	var quads []rdf.Quad
	for q, err := range store.Quads(view, store.Pattern{S: subject}) {
		if err != nil {
			return nil, err
		}
		quads = append(quads, q)
	}
	if len(quads) == 0 {
		return nil, nil
	}
	slices.SortFunc(quads, rdf.Quad.Compare)
	var b bytes.Buffer
	w, err := rdfio.NewDataWriter(&b, format)
	if err != nil {
		return nil, err
	}
	for _, q := range quads {
		err = cmp.Or(err, w.Write(q))
	}
	if err = cmp.Or(err, w.Flush()); err != nil {
		return nil, connector.GiveUpf("%w (format: nquads has a place for all)", err)
	}
	return b.Bytes(), nil
}

func (s *states) put(one state) {
	s.list, s.size = append(s.list, one), s.size+len(one.key)+len(one.value)
}

// full commits if there is enough for a transaction.
func (s *states) full(of engine.Mark) error {
	if s.size < s.bound {
		return nil
	}
	return s.flush(of)
}

func (s *states) flush(of engine.Mark) error {
	if err := s.commit(of, s.list, &s.progress); err != nil {
		return err
	}
	s.list, s.size = nil, 0
	return nil
}
