package opcua

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/gopcua/opcua/id"
	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/contain"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// shared is a session that writers of several shards use: servers have few.
type shared struct {
	*session
	address string
	users   int // guarded by the sink's lock
	stop    context.CancelFunc
	tasks   sync.WaitGroup

	mu    sync.Mutex
	nodes map[string]*variable // by the text that names them
}

// variable is what values are written to.
type variable struct {
	node *ua.NodeID
	kind ua.TypeID
	rank int32 // of its value: how many dimensions it has
	why  error // values can't be written to it
}

// maxVariables bounds those that are known; then they are looked for anew.
const maxVariables = 10_000

func newShared(s *session, address string) *shared {
	ctx, stop := context.WithCancel(context.Background())
	sh := &shared{session: s, address: address, stop: stop, nodes: map[string]*variable{}}
	sh.tasks.Go(func() { contain.Task(func() { sh.keepAlive(ctx) }, s.channel.Fail) })
	return sh
}

// keepAlive lets the server see that the session is used; whoever writes finds out when it is not any more.
func (sh *shared) keepAlive(ctx context.Context) {
	for clock.Sleep(ctx, sessionTimeout/4) == nil {
		_, _ = sh.read(ctx, []*ua.ReadValueID{attribute(ua.NewNumericNodeID(0, id.Server_ServerStatus_State), ua.AttributeIDValue)})
	}
}

func (sh *shared) close() {
	sh.stop()
	sh.session.close()
	sh.tasks.Wait()
}

// variable returns the one that a text names, with its type, which is asked for once.
func (sh *shared) variable(ctx context.Context, text string) (*variable, error) {
	sh.mu.Lock()
	v := sh.nodes[text]
	sh.mu.Unlock()
	if v != nil {
		return v, nil
	}
	v, err := sh.look(ctx, text)
	if err != nil {
		return nil, err
	}
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if len(sh.nodes) >= maxVariables {
		clear(sh.nodes)
	}
	if v.why == nil { // else it may be put right meanwhile
		sh.nodes[text] = v
	}
	return v, nil
}

// look finds out what a text names.
func (sh *shared) look(ctx context.Context, text string) (*variable, error) {
	nodes, _, err := sh.find(ctx, []string{text})
	if errors.Is(err, connector.ErrGiveUp) {
		return &variable{why: fmt.Errorf("the server at %s doesn't have node %q: %w; check the names of the path with their namespace "+
			"indexes, or the namespace of the id", sh.address, text, err)}, nil
	}
	if err != nil {
		return nil, err
	}
	node := nodes[0]
	values, err := sh.read(ctx, []*ua.ReadValueID{attribute(node, ua.AttributeIDDataType), attribute(node, ua.AttributeIDValueRank),
		attribute(node, ua.AttributeIDValue)})
	if err != nil {
		return nil, err
	}
	v := &variable{node: node, rank: scalar}
	if rank, ok := valueOf(values[1]).(int32); ok {
		v.rank = rank
	}
	kind, ok := valueOf(values[0]).(*ua.NodeID)
	if ok {
		v.kind, err = sh.builtIn(ctx, kind, values[2])
	} else {
		v.why = sh.missing(node, values[0].Status)
	}
	if v.kind == ua.TypeIDNull && v.why == nil {
		v.why = fmt.Errorf("no value of data type %s can be made", kind)
	}
	return v, err
}

// missing says why a node is no variable that can be written, and what to look at.
func (sh *shared) missing(node *ua.NodeID, status ua.StatusCode) error {
	if status != ua.StatusBadNodeIDUnknown {
		return fmt.Errorf("node %s is no variable of the server at %s: it has no data type: %w; check the node in what is written, or in the "+
			"subject", node, sh.address, status)
	}
	return fmt.Errorf("the server at %s has no node %s (namespace %q): %w; check the id, and its namespace index: that may differ after a "+
		"restart of the server, and nsu=NAMESPACE;… doesn't", sh.address, node, sh.namespace(node), status)
}

// The numbers of data types that are no built-in type.
const (
	abstractFrom = 22 // Structure, and behind it BaseDataType, Number, Integer and UInteger
	enumeration  = 29
)

// builtIn returns the built-in type that a data type is a kind of; that of the current value, if the data type leaves it open.
func (sh *shared) builtIn(ctx context.Context, kind *ua.NodeID, now *ua.DataValue) (ua.TypeID, error) {
	for range maxLevels {
		switch n := kind.IntID(); {
		case kind.Namespace() == 0 && n > 0 && n < abstractFrom:
			return ua.TypeID(n), nil
		case kind.Namespace() == 0 && n == enumeration:
			return ua.TypeIDInt32, nil
		case kind.Namespace() == 0 && n >= abstractFrom && n < enumeration:
			if now.Value == nil {
				return ua.TypeIDNull, nil
			}
			return now.Value.Type(), nil
		}
		above, err := sh.browse(ctx, []*ua.BrowseDescription{{NodeID: kind, BrowseDirection: ua.BrowseDirectionInverse,
			ReferenceTypeID: ua.NewNumericNodeID(0, id.HasSubtype), ResultMask: uint32(ua.BrowseResultMaskAll)}})
		if err != nil || len(above[0]) == 0 {
			return ua.TypeIDNull, err
		}
		if kind = sh.here(above[0][0].NodeID); kind == nil {
			break
		}
	}
	return ua.TypeIDNull, nil
}

// writer writes one shard. It is used by one goroutine.
type writer struct {
	s       *Sink
	sh      *shared
	shard   int
	at      engine.Mark
	broken  bool
	skipped int
}

// Target is the server's address.
func (w *writer) Target() string { return w.s.cfg.URL }

// At is the record up to which the variables have what the shard says.
func (w *writer) At() engine.Mark { return w.at }

// Close lets go of the session.
func (w *writer) Close() error {
	w.s.release(w.sh, w.broken)
	return nil
}

// pending are values that are to be written, in the order in which the variables came first.
type pending struct {
	order  []string
	values map[string][]valued
}

// valued is a value of a time: the newest are written. More than one of the same time are none, since nobody knows which. What is
// earlier is written when the newer ones are deleted again.
type valued struct {
	term rdf.Term
	time int
}

// set takes in a value.
func (p *pending) set(node string, value rdf.Term, time int) {
	if p.values == nil {
		p.values = map[string][]valued{}
	}
	if _, known := p.values[node]; !known {
		p.order = append(p.order, node)
	}
	p.unset(node, value)
	p.values[node] = append(p.values[node], valued{term: value, time: time})
}

// unset takes out a value that is deleted before it was written.
func (p *pending) unset(node string, value rdf.Term) {
	if values, known := p.values[node]; known {
		p.values[node] = slices.DeleteFunc(values, func(v valued) bool { return v.term == value })
	}
}

// newest returns those that are written to a variable.
func (p *pending) newest(node string) (terms []rdf.Term) {
	values := p.values[node]
	for _, v := range values {
		if v.time == values[len(values)-1].time {
			terms = append(terms, v.term)
		}
	}
	return terms
}

// begin writes what the shard has now.
func (w *writer) begin(ctx context.Context) error {
	var p pending
	at, err := w.s.cfg.State(ctx, w.shard, w.s.predicates, func(q rdf.Quad) error {
		w.each(q, func(node string) { p.set(node, q.O.Clone(), 0) })
		return nil
	})
	if err != nil {
		return fmt.Errorf("the state of shard %d: %w", w.shard, err)
	}
	if err := w.flush(ctx, &p); err != nil {
		return err
	}
	w.at = at
	return nil
}

// each calls fn with each variable that a quad's object goes to.
func (w *writer) each(q rdf.Quad, fn func(node string)) {
	rules := w.s.rules[q.P]
	for i := range rules {
		if node, ok := rules[i].matches(q); ok {
			fn(node)
		}
	}
}

// Write writes the newest value of each variable that the records have one for. A deletion writes nothing.
func (w *writer) Write(ctx context.Context, records []connector.Record) error {
	var p pending
	for i := range records {
		if err := w.collect(&p, &records[i], i); err != nil {
			return connector.GiveUpf("shard %d, position %d: %w", w.shard, records[i].Position, err)
		}
	}
	if err := w.flush(ctx, &p); err != nil {
		return ended(ctx, err)
	}
	w.at = records[len(records)-1].Mark
	return nil
}

// collect takes in a record, whose number is the time of its values.
func (w *writer) collect(p *pending, r *connector.Record, time int) error {
	for row, err := range patch.Rows(r.Body, patch.Trusted()) {
		if err != nil {
			return err
		}
		w.each(row.Quad, func(node string) {
			if row.Deleted {
				p.unset(node, row.Quad.O)
				return
			}
			p.set(node, row.Quad.O.Clone(), time)
		})
	}
	return nil
}

// flush writes the values.
func (w *writer) flush(ctx context.Context, p *pending) error {
	var nodes []string
	var values []*ua.WriteValue
	for _, text := range p.order {
		terms := p.newest(text)
		if len(terms) == 0 {
			continue
		}
		value, why, err := w.prepare(ctx, text, terms)
		if err == nil && why != nil {
			err = w.refused(text, why)
		}
		if err != nil {
			return w.failed(err)
		}
		if value != nil {
			nodes, values = append(nodes, text), append(values, value)
		}
	}
	results, err := inBatches(ctx, values, w.send)
	if err != nil {
		return w.failed(fmt.Errorf("write: %w", err))
	}
	for i, result := range results {
		if err := w.answered(nodes[i], result); err != nil {
			return w.failed(err)
		}
	}
	return nil
}

// failed notes that the session is of no more use, unless it goes on.
func (w *writer) failed(err error) error {
	if !errors.Is(err, connector.ErrRetry) && !errors.Is(err, connector.ErrGiveUp) {
		w.broken = true
	}
	return err
}

// prepare makes what is sent of a value; why says that it is none that can be written.
func (w *writer) prepare(ctx context.Context, text string, terms []rdf.Term) (value *ua.WriteValue, why, err error) {
	if len(terms) > 1 {
		return nil, fmt.Errorf("it has %d values at a time", len(terms)), nil
	}
	v, err := w.sh.variable(ctx, text)
	if err != nil {
		return nil, nil, fmt.Errorf("node %q: %w", text, err)
	}
	if v.why != nil {
		return nil, v.why, nil
	}
	converted, why := convert(terms[0], v.kind, v.rank)
	if why != nil {
		return nil, fmt.Errorf("value %.200s: %w", terms[0], why), nil
	}
	return &ua.WriteValue{NodeID: v.node, AttributeID: ua.AttributeIDValue,
		Value: &ua.DataValue{EncodingMask: ua.DataValueValue, Value: converted}}, nil, nil
}

func (w *writer) send(ctx context.Context, some []*ua.WriteValue) ([]ua.StatusCode, error) {
	answer, err := ask[*ua.WriteResponse](ctx, w.sh.session, &ua.WriteRequest{NodesToWrite: some})
	if err != nil {
		return nil, err
	}
	return answer.Results, nil
}

// forGood are the answers to a write that no trying again changes.
var forGood = []ua.StatusCode{
	ua.StatusBadTypeMismatch, ua.StatusBadNotWritable, ua.StatusBadOutOfRange, ua.StatusBadUserAccessDenied,
	ua.StatusBadNodeIDUnknown, ua.StatusBadNodeIDInvalid, ua.StatusBadAttributeIDInvalid, ua.StatusBadWriteNotSupported,
	ua.StatusBadIndexRangeInvalid, ua.StatusBadIndexRangeNoData, ua.StatusBadDataEncodingInvalid, ua.StatusBadDataEncodingUnsupported, ua.StatusBadNotSupported,
	ua.StatusBadSecurityModeInsufficient,
}

// answered takes in what has become of a value.
func (w *writer) answered(node string, code ua.StatusCode) error {
	switch {
	case code == ua.StatusOK || code == ua.StatusGoodCompletesAsynchronously:
		return nil
	case !bad(code):
		w.s.cfg.Logger.Warn("a value was written, with a reserve", "server", w.s.cfg.URL, "node", node, "status", statusName(code))
		return nil
	case slices.Contains(forGood, code):
		return w.refused(node, code)
	}
	return fmt.Errorf("%w: node %q: %w", connector.ErrRetry, node, code)
}

// refused takes in that a value is not written, for good.
func (w *writer) refused(node string, why error) error {
	if !w.s.cfg.SkipRefused {
		return connector.GiveUpf("shard %d: the value of node %q is not written: %w", w.shard, node, why)
	}
	w.skipped++
	w.s.cfg.Logger.Error("a value is not written; it is left out", "server", w.s.cfg.URL, "shard", w.shard, "node", node, "err", why,
		"count", w.skipped)
	return nil
}
