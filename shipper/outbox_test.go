package shipper_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/shipper"
)

// desk is an outbox with its time, which only the test moves.
type desk struct {
	t   testing.TB
	out checked
	now time.Time
}

func newDesk(t testing.TB, cfg shipper.OutboxConfig) *desk {
	cfg.Node, cfg.Shard = "me", 3
	if cfg.FirstID == 0 {
		cfg.FirstID = 1
	}
	return &desk{t: t, out: checked{shipper.NewOutbox(cfg), t}, now: time.Unix(1000, 0)}
}

// submit submits events with these sequences, which are their tokens too, and payloads of so many bytes.
func (d *desk) submit(size int, seqs ...int) {
	d.t.Helper()
	for _, seq := range seqs {
		event := ev(seq)
		event.Payload = make([]byte, size)
		if !d.out.Submit(d.now, uint64(seq), event) {
			d.t.Fatalf("event %d of %d bytes found no room behind %d bytes", seq, size, d.out.Queued())
		}
	}
}

func (d *desk) route(owner string, epoch uint64) { d.out.Route(d.now, owner, epoch) }

func (d *desk) pass(wait time.Duration) {
	d.now = d.now.Add(wait)
	d.out.Tick(d.now)
}

// ack answers a batch as its owner does.
func (d *desk) ack(id uint64, acks ...event.Ack) error {
	return d.out.Acked(d.now, event.Batch{From: "owner", Shard: 3, ID: id, Acks: acks})
}

// sent is a batch that is sent, without what all have in common.
type sent struct {
	Node  string
	ID    uint64
	Epoch uint64
	Seqs  []int
}

// want checks what the outbox asks for since the last look: batches to send, and the tokens of the events answered.
func (d *desk) want(what string, sends []sent, tokens ...uint64) {
	d.t.Helper()
	out, dones := d.out.Effects()
	var got []sent
	for _, o := range out {
		s := sent{Node: o.Node, ID: o.Batch.ID, Epoch: o.Batch.Events[0].Epoch}
		for _, event := range o.Batch.Events {
			s.Seqs = append(s.Seqs, int(event.Seq))
			if event.Epoch != s.Epoch {
				d.t.Errorf("%s: epochs %d and %d in one batch", what, s.Epoch, event.Epoch)
			}
		}
		if o.Batch.From != "me" || o.Batch.Shard != 3 || o.Batch.Acks != nil {
			d.t.Errorf("%s: sent %+v", what, o.Batch)
		}
		got = append(got, s)
	}
	if diff := cmp.Diff(sends, got); diff != "" {
		d.t.Errorf("%s: sends (-want +got):\n%s", what, diff)
	}
	var answered []uint64
	for _, done := range dones {
		answered = append(answered, done.Token)
	}
	if !slices.Equal(answered, tokens) {
		d.t.Errorf("%s: answers to %d, want %d", what, answered, tokens)
	}
}

// committed are n acks of events that are in the log.
func committed(n int) []event.Ack {
	return slices.Repeat([]event.Ack{{Status: event.Committed}}, n)
}

func TestOutboxKeepsOrderWithOneBatchUnderWay(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{FirstID: 7})
	d.submit(1, 1, 2)
	d.want("nobody owns the shard", nil)
	d.route("a", 4)
	d.want("the first event went into the batch alone, before the second was there", []sent{{"a", 7, 4, []int{1}}})
	d.submit(1, 3, 4)
	d.pass(500 * time.Millisecond)
	d.want("one batch is under way", nil)
	if err := d.ack(7, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.want("the others in order, in the next batch", []sent{{"a", 8, 4, []int{2, 3, 4}}}, 1)
	if d.out.Len() != 3 || d.out.Queued() != 3 {
		t.Errorf("Len %d, Queued %d: want the batch under way", d.out.Len(), d.out.Queued())
	}
	if err := d.ack(8, committed(3)...); err != nil {
		t.Fatal(err)
	}
	d.want("all are answered", nil, 2, 3, 4)
	d.pass(time.Hour)
	d.want("nothing is left", nil)
	if d.out.Len() != 0 || d.out.Queued() != 0 {
		t.Errorf("Len %d, Queued %d at the end", d.out.Len(), d.out.Queued())
	}
}

func TestOutboxSendsTheSameBatchAgain(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second})
	d.route("a", 1)
	d.submit(1, 1)
	d.want("sent", []sent{{"a", 1, 1, []int{1}}})
	d.submit(1, 2)
	d.pass(999 * time.Millisecond)
	d.want("not yet again", nil)
	d.pass(time.Millisecond)
	d.want("the same, without the event that came since", []sent{{"a", 1, 1, []int{1}}})
	d.pass(time.Second)
	d.want("and again", []sent{{"a", 1, 1, []int{1}}})
}

func TestOutboxDefaults(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{})
	d.route("a", 1)
	d.submit(1, 0)
	d.want("sent", []sent{{"a", 1, 1, []int{0}}})
	d.pass(time.Second - 1)
	d.want("resend is 1 s", nil)
	d.pass(1)
	d.want("resend is 1 s", []sent{{"a", 1, 1, []int{0}}})
	for seq := 1; seq <= 1025; seq++ {
		d.submit(255, seq)
	}
	if err := d.ack(1, event.Ack{Status: event.Busy}); err != nil {
		t.Fatal(err)
	}
	d.pass(20*time.Millisecond - 1)
	d.want("backoff is 20 ms", nil)
	d.pass(1)
	d.want("backoff is 20 ms", []sent{{"a", 1, 1, []int{0}}})
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	sends, _ := d.out.Effects()
	if n := len(sends[0].Batch.Events); n != 1024 {
		t.Errorf("%d events in a batch, want 1,024", n)
	}
	big := event.Event{Payload: make([]byte, 64<<20-d.out.Queued())}
	if !d.out.Submit(d.now, 2000, big) || d.out.Submit(d.now, 2001, ev1(1)) {
		t.Errorf("%d bytes are queued: 64 MiB are allowed, and no more", d.out.Queued())
	}
}

// ev1 is an event with a payload of so many bytes.
func ev1(size int) event.Event { return event.Event{Payload: make([]byte, size)} }

func TestOutboxFollowsTheRoute(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second})
	d.route("a", 4)
	d.submit(1, 1)
	d.want("to the owner", []sent{{"a", 1, 4, []int{1}}})
	d.route("a", 5)
	d.want("another epoch, the same owner", nil)
	d.route("b", 3)
	d.want("an older assignment", nil)
	d.route("b", 6)
	d.want("to the new owner at once, by the new epoch", []sent{{"b", 1, 6, []int{1}}})
	d.route("", 7)
	d.pass(time.Hour)
	d.want("nobody owns the shard", nil)
	d.route("c", 8)
	d.want("to the next owner", []sent{{"c", 1, 8, []int{1}}})
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.want("whoever answered", nil, 1)
}

// TestOutboxTurnedAway: a single NotOwner or Busy answers the whole batch, which is sent again: later to the same
// owner, at once to another.
func TestOutboxTurnedAway(t *testing.T) {
	for _, refusal := range []event.Ack{{Status: event.Busy, Reason: "full"}, {Status: event.NotOwner, Epoch: 9}} {
		d := newDesk(t, shipper.OutboxConfig{Resend: time.Second, Backoff: 50 * time.Millisecond})
		d.submit(1, 1)
		d.submit(1, 2, 3)
		d.route("a", 4)
		d.want("sent", []sent{{"a", 1, 4, []int{1}}})
		if err := d.ack(1, committed(1)...); err != nil {
			t.Fatal(err)
		}
		d.want("sent", []sent{{"a", 2, 4, []int{2, 3}}}, 1)
		for range 3 {
			if err := d.ack(2, refusal); err != nil {
				t.Fatal(err)
			}
			d.want("nobody is answered", nil)
			d.pass(50*time.Millisecond - 1)
			d.want("not before the backoff is over", nil)
			d.pass(1)
			d.want("the same again", []sent{{"a", 2, 4, []int{2, 3}}})
		}
		if err := d.ack(2, refusal); err != nil {
			t.Fatal(err)
		}
		d.route("b", 9)
		d.want("at once to the owner of the newer epoch", []sent{{"b", 2, 9, []int{2, 3}}})
		if d.out.Len() != 2 || d.out.Queued() != 2 {
			t.Errorf("%v: Len %d, Queued %d", refusal.Status, d.out.Len(), d.out.Queued())
		}
	}
}

// TestOutboxAnswersEachEvent hands every answer to the one who waits for it.
func TestOutboxAnswersEachEvent(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{})
	d.submit(1, 0, 1, 2, 3, 4, 5)
	d.route("a", 1)
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.out.Effects()
	acks := []event.Ack{
		{Status: event.Committed, Position: 9, Adds: 1, Deletes: 2, Head: "ni:///h9"},
		{Status: event.Duplicate, Position: 4},
		{Status: event.Bad, Position: 10, Reason: "no RDF"},
		{Status: event.Conflict, Head: "ni:///h9"},
		{Status: event.Reused},
	}
	if err := d.ack(2, acks...); err != nil {
		t.Fatal(err)
	}
	var want []shipper.Done
	for i, a := range acks {
		want = append(want, shipper.Done{Token: uint64(i + 1), Ack: a})
	}
	if _, got := d.out.Effects(); !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestOutboxIgnoresLateAcks(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{FirstID: 5})
	d.route("a", 1)
	if err := d.ack(5, committed(1)...); err != nil {
		t.Errorf("nothing was sent: %v", err)
	}
	d.submit(1, 1)
	d.submit(1, 2)
	d.out.Effects()
	for _, id := range []uint64{0, 4, 6} {
		for _, acks := range [][]event.Ack{committed(1), committed(3), {{Status: event.Busy}}, {{}}} {
			if err := d.ack(id, acks...); err != nil {
				t.Errorf("acks of batch %d: %v", id, err)
			}
		}
	}
	d.want("acks of other batches", nil)
	if err := d.ack(5); err != nil {
		t.Errorf("no acks: %v", err)
	}
	d.want("an answer that says nothing", nil)
	if err := d.ack(5, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.want("the right one", []sent{{"a", 6, 1, []int{2}}}, 1)
	if err := d.ack(5, committed(1)...); err != nil {
		t.Errorf("the same again: %v", err)
	}
	d.want("the same again", nil)
}

// TestOutboxRefusesDamagedAcks: what can't be an answer is an error, answers nobody, and the batch is sent again.
func TestOutboxRefusesDamagedAcks(t *testing.T) {
	good := event.Ack{Status: event.Committed}
	for name, acks := range map[string][]event.Ack{
		"too few":                    {good},
		"too many":                   {good, good, good},
		"no status":                  {good, {}},
		"no status for the batch":    {{}},
		"an unknown status":          {{Status: event.NoLeader + 1}, good},
		"no room within the batch":   {good, {Status: event.NoRoom}},
		"not owner within the batch": {good, {Status: event.NotOwner, Epoch: 2}},
	} {
		d := newDesk(t, shipper.OutboxConfig{Resend: time.Second})
		d.submit(1, 0, 1, 2)
		d.route("a", 1)
		if err := d.ack(1, good); err != nil {
			t.Fatal(err)
		}
		d.out.Effects()
		err := d.ack(2, acks...)
		if err == nil || !strings.Contains(err.Error(), "owner") || !strings.Contains(err.Error(), "shard 3, batch 2") {
			t.Errorf("%s: %v: the error must name sender, shard and batch", name, err)
		}
		d.want(name, nil)
		d.pass(time.Second)
		d.want(name, []sent{{"a", 2, 1, []int{1, 2}}})
		if err := d.ack(2, good, good); err != nil {
			t.Fatal(err)
		}
		d.want(name, nil, 1, 2)
	}
}

func TestOutboxBoundsBatches(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{MaxBatch: 100, MaxEvents: 3})
	d.submit(1, 0)
	d.submit(10, 1, 2, 3, 4)
	d.submit(60, 5, 6)
	d.submit(40, 7)
	d.submit(101, 8)
	d.submit(0, 9)
	d.route("a", 1)
	d.want("the first", []sent{{"a", 1, 1, []int{0}}})
	for i, test := range []struct {
		what string
		seqs []int
	}{
		{"at most three events", []int{1, 2, 3}},
		{"at most 100 bytes", []int{4, 5}},
		{"100 bytes are allowed", []int{6, 7}},
		{"a larger event alone, though one of no bytes is behind it", []int{8}},
		{"the rest", []int{9}},
	} {
		before := []int{0}
		if i > 0 {
			before = [][]int{{1, 2, 3}, {4, 5}, {6, 7}, {8}}[i-1]
		}
		tokens := make([]uint64, len(before))
		for j, seq := range before {
			tokens[j] = uint64(seq)
		}
		if err := d.ack(uint64(i+1), committed(len(before))...); err != nil {
			t.Fatal(err)
		}
		d.want(test.what, []sent{{"a", uint64(i + 2), 1, test.seqs}}, tokens...)
	}
}

func TestOutboxBoundsTheQueue(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{MaxQueue: 100})
	if !d.out.Submit(d.now, 1, ev1(1000)) {
		t.Fatal("what comes together is always taken when nothing waits")
	}
	if d.out.Submit(d.now, 2, ev1(1)) {
		t.Error("taken beyond the bound")
	}
	d.route("a", 1)
	if d.out.Submit(d.now, 3, ev1(1)) {
		t.Error("what is under way counts too")
	}
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.submit(60, 4)
	d.submit(40, 5)
	if d.out.Submit(d.now, 6, ev1(1)) {
		t.Error("taken beyond the bound")
	}
	d.out.Cancel(5)
	if d.out.Queued() != 60 || d.out.Len() != 1 {
		t.Errorf("Queued %d, Len %d after one was cancelled", d.out.Queued(), d.out.Len())
	}
	d.submit(40, 7)
	_, dones := d.out.Effects()
	if len(dones) != 1 || dones[0].Token != 1 {
		t.Errorf("answers %+v: what was not taken has none", dones)
	}
}

// TestOutboxAnswersWhatCantBeSent: a batch that can't be carried is halved until the event that is too large is alone,
// which is answered; those around it go on in order.
func TestOutboxAnswersWhatCantBeSent(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second})
	d.submit(1, 0, 1, 2, 3, 4)
	d.route("a", 1)
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	d.want("all", []sent{{"a", 1, 1, []int{0}}, {"a", 2, 1, []int{1, 2, 3, 4}}}, 0)
	d.out.Unsendable(d.now, 1, "late")
	d.want("another batch", nil)
	d.out.Unsendable(d.now, 2, "too large")
	d.want("half", []sent{{"a", 3, 1, []int{1, 2}}})
	if err := d.ack(3, committed(2)...); err != nil {
		t.Fatal(err)
	}
	d.want("the other half", []sent{{"a", 4, 1, []int{3, 4}}}, 1, 2)
	d.out.Unsendable(d.now, 4, "too large")
	d.want("a quarter", []sent{{"a", 5, 1, []int{3}}})
	d.out.Unsendable(d.now, 5, "17 bytes too large")
	sends, dones := d.out.Effects()
	if want := (shipper.Done{Token: 3, Ack: event.Ack{Status: event.TooLarge, Reason: "17 bytes too large"}}); len(dones) != 1 || dones[0] != want {
		t.Errorf("answers %+v, want %+v", dones, want)
	}
	if len(sends) != 1 || sends[0].Batch.ID != 6 || sends[0].Batch.Events[0].Seq != 4 {
		t.Errorf("sends %+v, want event 4 in batch 6", sends)
	}
	if err := d.ack(6, committed(1)...); err != nil || d.out.Len() != 0 || d.out.Queued() != 0 {
		t.Errorf("%v; Len %d, Queued %d", err, d.out.Len(), d.out.Queued())
	}
	d.pass(time.Hour)
	d.want("nothing is left", nil, 4)
}

// TestOutboxRefusesWhatNoWireCarries: whoever owns the shard, also this node, the answer is the same, and at once.
func TestOutboxRefusesWhatNoWireCarries(t *testing.T) {
	long := strings.Repeat("x", event.MaxText+1)
	d := newDesk(t, shipper.OutboxConfig{})
	d.route("a", 1)
	for _, ev := range []event.Event{{Key: long}, {Producer: event.Producer{Name: long}}, {MediaType: long}, {Prev: long}, ev1(shipper.MaxPayload + 1)} {
		if !d.out.Submit(d.now, 7, ev) {
			t.Fatal("not taken")
		}
		sends, dones := d.out.Effects()
		if len(sends) != 0 || len(dones) != 1 || dones[0].Token != 7 || dones[0].Ack.Status != event.TooLarge ||
			!strings.Contains(dones[0].Ack.Reason, "at most") {
			t.Errorf("sends %d, answers %+v", len(sends), dones)
		}
	}
	if d.out.Len() != 0 || d.out.Queued() != 0 {
		t.Errorf("Len %d, Queued %d", d.out.Len(), d.out.Queued())
	}
	largest := event.Event{Key: long[1:], Producer: event.Producer{Name: long[1:]}, MediaType: long[1:], Prev: long[1:], Payload: make([]byte, shipper.MaxPayload)}
	if bound := shipper.BatchWireBound(&event.Batch{From: long[1:], Events: []event.Event{largest}}); bound > shipper.MaxWireBytes {
		t.Errorf("the largest event takes %d bytes, MaxWireBytes are %d", bound, shipper.MaxWireBytes)
	}
}

// TestOutboxGivesLargeBatchesTime: 64 MiB take longer to arrive than a small batch.
func TestOutboxGivesLargeBatchesTime(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second})
	d.route("a", 1)
	d.submit(64<<20, 1)
	d.want("sent", []sent{{"a", 1, 1, []int{1}}})
	d.pass(5*time.Second - 1)
	d.want("not yet", nil)
	d.pass(1)
	d.want("again", []sent{{"a", 1, 1, []int{1}}})
}

// TestOutboxLendsNothing: whoever carries a batch may keep it while the outbox goes on.
func TestOutboxLendsNothing(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{})
	d.submit(1, 1)
	d.submit(1, 2)
	d.route("a", 1)
	first, _ := d.out.Effects()
	kept := slices.Clone(first[0].Batch.Events)
	d.route("b", 2)
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(kept, first[0].Batch.Events); diff != "" {
		t.Errorf("a batch that was handed out has changed:\n%s", diff)
	}
}

func TestOutboxTakesAllOrNone(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{MaxQueue: 100})
	if !d.out.Submit(d.now, 1, ev1(60), ev1(60)) || d.out.Len() != 2 {
		t.Fatal("what comes together is always taken when nothing waits")
	}
	d.route("a", 1)
	if err := d.ack(1, committed(2)...); err != nil || d.out.Queued() != 0 {
		t.Fatalf("%v, %d bytes are queued", err, d.out.Queued())
	}
	d.submit(60, 3)
	if d.out.Submit(d.now, 4, ev1(30), ev1(30)) || d.out.Len() != 1 || d.out.Queued() != 60 {
		t.Error("a part was taken")
	}
}

// TestOutboxHalted: one ack answers each event of the batch, for it will not be taken later; the next batch is sent.
func TestOutboxHalted(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{MaxEvents: 2})
	d.submit(1, 1, 2, 3)
	d.route("a", 1)
	d.want("sent", []sent{{"a", 1, 1, []int{1}}})
	if err := d.ack(1, event.Ack{Status: event.Halted, Reason: "damage"}); err != nil {
		t.Fatal(err)
	}
	d.want("the first", []sent{{"a", 2, 1, []int{2, 3}}}, 1)
	if err := d.ack(2, event.Ack{Status: event.Halted, Reason: "damage"}); err != nil {
		t.Fatal(err)
	}
	_, dones := d.out.Effects()
	if len(dones) != 2 || dones[1].Token != 3 || dones[1].Ack.Status != event.Halted || dones[1].Ack.Reason != "damage" ||
		d.out.Len() != 0 {
		t.Errorf("%+v, %d events are left", dones, d.out.Len())
	}
}

// TestOutboxRefusal: who gives up can say what the owner answered last, until it takes the batch.
func TestOutboxRefusal(t *testing.T) {
	d := newDesk(t, shipper.OutboxConfig{Resend: time.Second, Backoff: 50 * time.Millisecond})
	want := func(node string, status event.Status) {
		t.Helper()
		if from, ack := d.out.Refusal(); from != node || ack.Status != status {
			t.Errorf("%s answers %+v", from, ack)
		}
	}
	d.submit(1, 1)
	d.route("a", 1)
	want("", 0)
	d.out.Effects()
	for _, status := range []event.Status{event.NoRoom, event.NoLeader} {
		if err := d.ack(1, event.Ack{Status: status, Reason: "full"}); err != nil {
			t.Fatal(err)
		}
		want("owner", status)
		d.pass(time.Second - 1)
		d.want("what waits for the engine is not asked for often", nil)
		d.pass(1)
		d.want("and yet again", []sent{{"a", 1, 1, []int{1}}})
	}
	if err := d.ack(1, committed(1)...); err != nil {
		t.Fatal(err)
	}
	want("", 0)
	d.want("taken", nil, 1)
	d.submit(1, 2)
	if err := d.ack(2, event.Ack{Status: event.Busy}); err != nil {
		t.Fatal(err)
	}
	want("owner", event.Busy)
	d.route("b", 2)
	want("", 0) // b has said nothing yet
	if err := d.ack(2, event.Ack{Status: event.Busy}); err != nil {
		t.Fatal(err)
	}
	want("owner", event.Busy)
	d.out.Cancel(2)
	want("", 0) // there is no batch any more
}
