package coordinator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shard"
)

// A control record is an RDF Patch about one subject, the coordinator. It adds every fact of the state, so that the
// newest record says everything, and deletes first what it replaces, so that the records replayed in order leave just the
// newest state in any store.
const (
	vocabulary      = "http://oxirs.dev/stream-coord#"
	predAssignment  = vocabulary + "assignment"
	predEpoch       = vocabulary + "epoch"
	predSettings    = vocabulary + "settings"
	predMember      = vocabulary + "member"
	predShardEpochs = vocabulary + "shardEpochs"
	predStandbys    = vocabulary + "standbys"
	predProposal    = vocabulary + "proposal"
	predMarks       = vocabulary + "marks"
	predAbsent      = vocabulary + "absent"
	predSwitch      = vocabulary + "switch"
	xsdInteger      = "http://www.w3.org/2001/XMLSchema#integer"
)

// subject is the coordinator's IRI.
func subject(coordID string) (rdf.Term, error) {
	return rdf.IRI("oxirs://stream-coord/" + coordID + "/assignment")
}

// AppendRecord appends the record that leads from one state to the next, as RDF Patch text.
func AppendRecord(dst []byte, coordID string, from, to *State) ([]byte, error) {
	s, err := subject(coordID)
	if err != nil {
		return nil, err
	}
	var old []rdf.Quad
	if from.Epoch > 0 {
		if old, err = from.facts(s); err != nil {
			return nil, err
		}
	}
	facts, err := to.facts(s)
	if err != nil {
		return nil, err
	}
	dst = patch.AppendBegin(dst)
	for _, q := range old {
		if !slices.Contains(facts, q) {
			dst = patch.AppendDelete(dst, q)
		}
	}
	for _, q := range facts {
		dst = patch.AppendAdd(dst, q)
	}
	return patch.AppendCommit(dst), nil
}

// facts are the triples that say the state.
func (s *State) facts(subject rdf.Term) ([]rdf.Quad, error) {
	epoch, err := rdf.TypedLiteral(strconv.FormatUint(s.Epoch, 10), xsdInteger)
	if err != nil {
		return nil, err
	}
	proposal, err := rdf.Literal(s.Proposal)
	if err != nil {
		return nil, err
	}
	f := factList{subject: subject}
	f.json(predAssignment, s.Assignment)
	f.term(predEpoch, epoch)
	f.json(predSettings, s.Settings)
	for _, m := range s.Members {
		f.json(predMember, m)
	}
	f.json(predShardEpochs, s.epochs)
	f.json(predStandbys, byNode(s.standbys))
	f.term(predProposal, proposal)
	if len(s.Absent) > 0 {
		f.json(predAbsent, s.Absent)
	}
	for _, w := range s.Switches {
		f.json(predSwitch, w)
	}
	if text := marksText(s.marks); text != "" {
		marks, err := rdf.Literal(text)
		if err != nil {
			return nil, err
		}
		f.term(predMarks, marks)
	}
	return f.quads, f.err
}

// byNode turns the standbys round, which keeps the record of many shards small.
func byNode(standbys []string) map[string][]int {
	shards := map[string][]int{}
	for s, node := range standbys {
		if node != "" {
			shards[node] = append(shards[node], s)
		}
	}
	return shards
}

type factList struct {
	subject rdf.Term
	quads   []rdf.Quad
	err     error
}

func (f *factList) term(predicate string, object rdf.Term) {
	f.quads = append(f.quads, rdf.Quad{S: f.subject, P: rdf.Trusted("<" + predicate + ">"), O: object})
}

func (f *factList) json(predicate string, v any) {
	text, err := json.Marshal(v)
	if err == nil {
		var literal rdf.Term
		if literal, err = rdf.Literal(string(text)); err == nil {
			f.term(predicate, literal)
		}
	}
	f.err = errors.Join(f.err, err)
}

// ParseRecord reads a control record of the coordinator. Errors wrap [engine.ErrDamaged].
func ParseRecord(coordID string, payload []byte) (*State, error) {
	s, err := subject(coordID)
	if err != nil {
		return nil, err
	}
	p := recordParser{subject: s.String(), state: &State{}}
	if err := patch.Parse(payload, &p, patch.RequireTransactions()); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrDamaged, err)
	}
	if err := p.finish(); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrDamaged, err)
	}
	return p.state, nil
}

// recordParser collects the facts that a record adds.
type recordParser struct {
	patch.Ignore
	subject  string
	state    *State
	standbys map[string][]int
	marks    string
}

func (*recordParser) Abort() error { return errors.New("the record is aborted") }

func (p *recordParser) Add(q rdf.Quad) error {
	if q.S.String() != p.subject {
		return fmt.Errorf("a fact about %s: expected %s", q.S, p.subject)
	}
	value := []byte(q.O.Value())
	switch q.P.Value() {
	case predAssignment:
		return json.Unmarshal(value, &p.state.Assignment)
	case predEpoch:
		var err error
		p.state.Epoch, err = strconv.ParseUint(string(value), 10, 64)
		return err
	case predSettings:
		return json.Unmarshal(value, &p.state.Settings)
	case predMember:
		var m Member
		err := json.Unmarshal(value, &m)
		p.state.Members = append(p.state.Members, m)
		return err
	case predShardEpochs:
		return json.Unmarshal(value, &p.state.epochs)
	case predStandbys:
		return json.Unmarshal(value, &p.standbys)
	case predProposal:
		p.state.Proposal = string(value)
	case predAbsent:
		return json.Unmarshal(value, &p.state.Absent)
	case predSwitch:
		var w Switch
		err := json.Unmarshal(value, &w)
		p.state.Switches = append(p.state.Switches, w)
		return err
	case predMarks:
		p.marks = string(value)
	}
	return nil // a fact of a later version
}

// rising reports whether each name is greater than the one before.
func rising(members []Member) bool {
	for i := 1; i < len(members); i++ {
		if members[i].Name <= members[i-1].Name {
			return false
		}
	}
	return true
}

// finish checks that the facts are complete and fit one another.
func (p *recordParser) finish() error {
	s, n := p.state, p.state.Settings.Shards
	switch {
	case s.Epoch == 0:
		return errors.New("no epoch")
	case n < 1 || n > shard.Max:
		return fmt.Errorf("%d shards", n)
	case len(s.epochs) != n:
		return fmt.Errorf("%d shard epochs for %d shards", len(s.epochs), n)
	case !rising(s.Members):
		return errors.New("members are not in order, or one comes twice")
	}
	var err error
	if s.Assignment, err = s.Assignment.Resize(n); err != nil {
		return err
	}
	if s.marks, err = parseMarks(p.marks, n); err != nil {
		return err
	}
	if err := s.checkSwitches(); err != nil {
		return err
	}
	for _, owner := range s.Assignment.Owners() {
		if _, ok := s.Member(owner); !ok {
			return fmt.Errorf("%q owns shards and is not a member", owner)
		}
	}
	if len(p.standbys) == 0 {
		return nil
	}
	s.standbys = make([]string, n)
	for node, shards := range p.standbys {
		for _, i := range shards {
			if i < 0 || i >= n {
				return fmt.Errorf("standby of shard %d of %d", i, n)
			}
			s.standbys[i] = node
		}
	}
	return nil
}
