package opcua

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/gopcua/opcua/ua"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/opcua/internal/binary"
	"github.com/quadrille-stream/quadrille/internal/clock"
)

const (
	// publishers is how many requests for messages are under way, so that none is waited for while another is looked at.
	publishers = 3
	// maxRead bounds the messages that Read returns.
	maxRead = 5000
	// perMessage bounds the values in a message of the server.
	perMessage = 1000
	// patientFor is how long a server keeps a subscription that nobody asks for its messages, as while no shard takes any.
	patientFor = 2 * time.Minute
)

// reader is a subscription in a session of its own.
type reader struct {
	s       *Source
	session *session
	stop    context.CancelFunc
	tasks   sync.WaitGroup

	list         []*item // by the number that the server knows them by
	subscription uint32
	silence      time.Duration // without a sign: longer than configured where the server doesn't give signs so often
	event        chan struct{} // of a structure: holds a value when an event has come, or the session is of no use any more

	mu      sync.Mutex
	changed chan struct{} // closed when there is more, or room again
	queue   []connector.Message
	read    uint64 // messages that Read has returned
	order   *sequence
	acks    []*ua.SubscriptionAcknowledgement
	asking  int       // publishers that are left
	waiting bool      // for room: no sign of the server is expected
	seen    time.Time // the last sign of the server
	gap     gap
	err     error // why the reader is of no use any more
	stale   bool  // what is told of that is in the queue
}

var _ connector.Lagger = (*reader)(nil)

// Extents tells how many values have come, in messages. While there is no room for more nobody knows how many the server has.
func (r *reader) Extents(context.Context) ([]connector.Extent, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting || len(r.queue) >= r.s.cfg.MaxQueued {
		return nil, nil
	}
	return []connector.Extent{{First: 1, End: r.read + uint64(len(r.queue)) + 1}}, nil
}

// gap is the time of which nothing is known. A zero time isn't known.
type gap struct{ from, to time.Time }

// append appends it to a document.
func (g gap) append(b []byte) []byte {
	b = append(b, `,"gap":{`...)
	if !g.from.IsZero() {
		b = appendTime(append(b, `"from":`...), g.from)
	}
	if !g.to.IsZero() {
		if !g.from.IsZero() {
			b = append(b, ',')
		}
		b = appendTime(append(b, `"to":`...), g.to)
	}
	return append(b, '}')
}

func newReader(s *Source, session *session) *reader {
	return &reader{s: s, session: session, stop: func() {}, changed: make(chan struct{}), order: newSequence(), asking: publishers}
}

// open subscribes to the variables.
func (r *reader) open(ctx context.Context) error {
	var err error
	if r.list, err = r.items(ctx); err != nil {
		return err
	}
	r.gap = gap{from: r.s.last(), to: time.Now()}
	if err := r.subscribe(ctx); err != nil {
		return err
	}
	if err := r.monitor(ctx); err != nil {
		return err
	}
	if !r.gap.from.IsZero() {
		r.s.cfg.Logger.Warn("nothing is known of the values of a time", "server", r.s.cfg.URL, "from", r.gap.from, "to", r.gap.to)
	}
	r.begin(ctx)
	return nil
}

// subscribe makes the subscription.
func (r *reader) subscribe(ctx context.Context) error {
	cfg := &r.s.cfg
	count := func(d time.Duration) uint32 { return uint32(max(1, d/cfg.Publishing)) }
	answer, err := ask[*ua.CreateSubscriptionResponse](ctx, r.session, &ua.CreateSubscriptionRequest{
		RequestedPublishingInterval: millis(cfg.Publishing), RequestedMaxKeepAliveCount: count(cfg.Silence / 3),
		RequestedLifetimeCount:     count(max(patientFor, cfg.Silence)),
		MaxNotificationsPerPublish: perMessage, PublishingEnabled: true,
	})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	interval := time.Duration(answer.RevisedPublishingInterval * float64(time.Millisecond))
	keepAlive := interval * time.Duration(answer.RevisedMaxKeepAliveCount)
	r.subscription, r.silence = answer.SubscriptionID, max(cfg.Silence, 2*keepAlive)
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// request is what the server is asked to look at.
func (r *reader) request(number int, filter *ua.ExtensionObject) *ua.MonitoredItemCreateRequest {
	cfg := &r.s.cfg
	return &ua.MonitoredItemCreateRequest{
		ItemToMonitor: attribute(r.list[number].node, ua.AttributeIDValue), MonitoringMode: ua.MonitoringModeReporting,
		RequestedParameters: &ua.MonitoringParameters{ClientHandle: uint32(number), SamplingInterval: millis(cfg.Sampling),
			Filter: filter, QueueSize: uint32(min(cfg.Queue, math.MaxInt32)), DiscardOldest: true},
	}
}

// noFilter are the answers about a variable for which there is no deadband, since it is no number or has no range.
var noFilter = []ua.StatusCode{ua.StatusBadFilterNotAllowed, ua.StatusBadMonitoredItemFilterUnsupported,
	ua.StatusBadDeadbandFilterInvalid, ua.StatusBadMonitoredItemFilterInvalid}

// monitor puts the variables into the subscription. One of a tree that the server doesn't show is told as it is.
func (r *reader) monitor(ctx context.Context) error {
	filter := r.s.cfg.filter()
	all := make([]int, len(r.list))
	for i := range all {
		all[i] = i
	}
	results, err := r.create(ctx, all, filter)
	if err != nil {
		return err
	}
	var plain []int
	for i, result := range results {
		if filter != nil && slices.Contains(noFilter, result.StatusCode) {
			plain = append(plain, i)
		}
	}
	again, err := r.create(ctx, plain, nil)
	if err != nil {
		return err
	}
	for i, result := range again {
		results[plain[i]] = result
	}
	for i, result := range results {
		if err := r.monitored(r.list[i], result.StatusCode); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) create(ctx context.Context, numbers []int, filter *ua.ExtensionObject) ([]*ua.MonitoredItemCreateResult, error) {
	return inBatches(ctx, numbers, func(ctx context.Context, some []int) ([]*ua.MonitoredItemCreateResult, error) {
		request := &ua.CreateMonitoredItemsRequest{SubscriptionID: r.subscription, TimestampsToReturn: ua.TimestampsToReturnBoth}
		for _, n := range some {
			request.ItemsToCreate = append(request.ItemsToCreate, r.request(n, filter))
		}
		answer, err := ask[*ua.CreateMonitoredItemsResponse](ctx, r.session, request)
		if err != nil {
			return nil, fmt.Errorf("monitor variables: %w", err)
		}
		return answer.Results, nil
	})
}

// monitored takes in whether a variable is monitored.
func (r *reader) monitored(it *item, code ua.StatusCode) error {
	switch {
	case !bad(code):
		return nil
	case it.named:
		return connector.GiveUpf("node %s can't be monitored: %w", it.node, code)
	}
	r.s.cfg.Logger.Warn("a variable can't be monitored", "server", r.s.cfg.URL, "node", it.node.String(), "err", code)
	r.queue = append(r.queue, r.message(it, r.document(it, &ua.DataValue{Status: code})))
	return nil
}

// publish asks for messages, and takes them in, until ctx ends or the reader has failed.
func (r *reader) publish(ctx context.Context) {
	for r.room(ctx) {
		request := &ua.PublishRequest{SubscriptionAcknowledgements: r.takeAcks()}
		answer, err := askWithin[*ua.PublishResponse](ctx, r.session, request, 2*r.silence)
		switch {
		case err == nil:
			r.arrived(answer)
		case errors.Is(err, ua.StatusBadTimeout): // whoever watches knows whether that is too long
		case errors.Is(err, ua.StatusBadTooManyPublishRequests):
			if r.leave() || clock.Sleep(ctx, time.Second) != nil {
				return
			}
		default:
			r.fail(ctx, err)
			return
		}
	}
}

// leave reports whether a publisher may end: not the last one.
func (r *reader) leave() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asking == 1 {
		return false
	}
	r.asking--
	return true
}

// room waits until the queue has room, and reports whether more is to be asked for.
func (r *reader) room(ctx context.Context) bool {
	for {
		r.mu.Lock()
		changed, failed := r.changed, r.err != nil
		full := len(r.queue) >= r.s.cfg.MaxQueued
		if !full && r.waiting {
			r.waiting, r.seen = false, time.Now()
		}
		r.waiting = full
		r.mu.Unlock()
		if failed || ctx.Err() != nil || !full {
			return !failed && ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

func (r *reader) takeAcks() []*ua.SubscriptionAcknowledgement {
	r.mu.Lock()
	defer r.mu.Unlock()
	acks := r.acks
	r.acks = nil
	return acks
}

// notify tells those who wait for a change.
func (r *reader) notify() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// fail notes why the reader is of no use any more, unless it is that ctx has ended.
func (r *reader) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed(err)
}

func (r *reader) failed(err error) {
	if r.err == nil {
		r.err = meaning(err)
		r.notify()
		r.tell()
	}
}

// arrived takes in an answer. One that is looked at when the reader has failed already, by another request, is left out: its values
// must not come behind the word that nothing is known of them.
func (r *reader) arrived(answer *ua.PublishResponse) {
	m := answer.NotificationMessage
	if answer.SubscriptionID != r.subscription || m == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return
	}
	ready, sign := r.order.add(m)
	if sign {
		r.seen = time.Now()
	}
	if len(r.order.held) > maxHeld {
		r.failed(fmt.Errorf("message %d of the subscription is missing, and %d have come behind it", r.order.next, len(r.order.held)))
		return
	}
	if len(m.NotificationData) > 0 {
		r.acks = append(r.acks, &ua.SubscriptionAcknowledgement{SubscriptionID: r.subscription, SequenceNumber: m.SequenceNumber})
	}
	for _, m := range ready {
		for _, data := range m.NotificationData {
			r.take(data)
		}
	}
	if len(ready) > 0 {
		r.notify()
	}
}

// take takes in a notification, in order.
func (r *reader) take(data *ua.ExtensionObject) {
	if data == nil {
		r.failed(errors.New("the server has sent an empty notification"))
		return
	}
	switch n := data.Value.(type) {
	case *ua.DataChangeNotification:
		for _, change := range n.MonitoredItems {
			if change == nil || change.Value == nil || int64(change.ClientHandle) >= int64(len(r.list)) {
				r.failed(errors.New("the server has sent a value of nothing that was asked for"))
				return
			}
			it := r.list[change.ClientHandle]
			r.queue = append(r.queue, r.message(it, r.document(it, change.Value)))
		}
	case *ua.StatusChangeNotification:
		if bad(n.Status) {
			r.failed(fmt.Errorf("the server has ended the subscription: %w", n.Status))
		}
	case *ua.EventNotificationList:
		r.tell()
	case nil, *binary.Opaque:
		r.failed(errors.New("the server has sent a notification that can't be read"))
	}
}

// watch notices that nothing comes for so long, not even the sign that there is nothing.
func (r *reader) watch(ctx context.Context, silence time.Duration) {
	for r.reason() == nil && clock.Sleep(ctx, silence/4) == nil {
		r.mu.Lock()
		if since := time.Since(r.seen); !r.waiting && since > silence {
			r.failed(fmt.Errorf("the server has given no sign for %v", since.Round(time.Millisecond)))
		}
		r.mu.Unlock()
	}
}

// message is a document about a variable.
func (r *reader) message(it *item, body []byte) connector.Message {
	return connector.Message{MediaType: "application/json", Body: body, Vars: it.vars(r.s.cfg.URL)}
}

// document is what was said of a variable. The first one in a session says of which time nothing is known.
func (r *reader) document(it *item, v *ua.DataValue) []byte {
	b := append(make([]byte, 0, len(it.head)+192), it.head...)
	b = appendText(append(b, `,"type":`...), typeName(v.Value))
	b = append(b, `,"value":`...)
	begin := len(b)
	b = appendValue(b, variantOf(v), 0)
	b = appendStatus(appendJSON(b, v.Value, b[begin:]), v.Status)
	b = appendTime(append(b, `,"sourceTime":`...), v.SourceTimestamp)
	b = appendTime(append(b, `,"serverTime":`...), v.ServerTimestamp)
	if it.fresh {
		it.fresh = false
		b = r.gap.append(b)
	}
	return append(b, '}')
}

// Read returns values. When the session is of no use any more, each variable has no value first.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	for {
		messages, changed, err := r.next()
		if len(messages) > 0 || err != nil {
			return messages, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// next returns what waits, or else why nothing more comes, or else what to wait for.
func (r *reader) next() ([]connector.Message, <-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 && r.err != nil && !r.stale {
		r.stale = true
		r.lose()
	}
	n := min(len(r.queue), maxRead)
	if n == 0 {
		return nil, r.changed, r.err
	}
	messages := r.queue[:n:n]
	r.read += uint64(n)
	if r.queue = r.queue[n:]; len(r.queue) == 0 {
		r.queue = nil // so that what was read is let go
	}
	r.notify()
	return messages, nil, nil
}

// lose says of each variable that its value isn't known any more, and since when.
func (r *reader) lose() {
	for _, it := range r.list {
		b := append(make([]byte, 0, len(it.head)+128), it.head...)
		b = append(b, `,"type":"Null","value":null`...)
		b = appendStatus(b, ua.StatusBadNoCommunication)
		b = append(b, `,"sourceTime":null,"serverTime":null`...)
		r.queue = append(r.queue, r.message(it, append(gap{from: r.seen}.append(b), '}')))
	}
}

// Ack does nothing: the server has been told that the values are here, and keeps none that are not read.
func (r *reader) Ack(context.Context, []connector.Message) error { return nil }

// Close ends the session.
func (r *reader) Close() error {
	r.mu.Lock()
	r.failed(io.ErrClosedPipe)
	r.stale = true // what we end ourselves is no fault of the server
	r.mu.Unlock()
	r.end()
	return nil
}

// end ends what is running.
func (r *reader) end() {
	r.stop()
	r.session.close()
	r.tasks.Wait()
	if len(r.list) > 0 && !r.seen.IsZero() {
		r.s.sawAt(r.seen)
	}
}
