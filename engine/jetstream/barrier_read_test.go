package jetstream

import (
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestTailWaitsForTheBarrier: a replica that has not seen the barrier may lack what was committed before it, so what it says
// is the end of a log is not taken for that. Here a program plays the servers, and lags twice.
func TestTailWaitsForTheBarrier(t *testing.T) {
	ctx := limited(t)
	nc := connectBare(t) // another that answers would be asked, too
	cfg := fresh(1, 3)
	s := newStream(nc, cfg, "0")
	l := s.log("0")
	const passed = 7
	var asked atomic.Int64
	play := func(subject string, answer func(m *nats.Msg)) {
		t.Helper()
		if _, err := nc.Subscribe(subject, answer); err != nil {
			t.Fatal(err)
		}
	}
	entry := func(seq int) *nats.Msg {
		return &nats.Msg{Data: []byte(fmt.Sprint("entry ", seq)), Header: nats.Header{
			headerSubject: {l.subject}, headerSequence: {strconv.Itoa(seq)}, headerExpected: {strconv.Itoa(seq - 1)}}}
	}
	play(s.barrier.subject, func(m *nats.Msg) { _ = m.Respond([]byte(fmt.Sprintf(`{"seq":%d}`, passed))) })
	play("$JS.API.STREAM.MSG.GET."+s.name, func(m *nats.Msg) { // a leader that was deposed, and doesn't know
		answer, _ := json.Marshal(map[string]any{"message": storedMessage{Subject: l.subject, Seq: 2, Data: []byte("entry 2"),
			Header: []byte("NATS/1.0\r\n" + headerExpected + ": 1\r\n\r\n")}})
		_ = m.Respond(answer)
	})
	play("$JS.API.DIRECT.GET."+s.name, func(m *nats.Msg) {
		seen, last := 3, 2
		if asked.Add(1) > 2 {
			seen, last = passed, 6
		}
		barrier := &nats.Msg{Header: nats.Header{headerSubject: {s.barrier.subject}, headerSequence: {strconv.Itoa(seen)}}}
		for _, answer := range []*nats.Msg{entry(last), barrier, {Header: nats.Header{headerStatus: {"204"}}}} {
			_ = m.RespondMsg(answer)
		}
	})
	tail, err := l.Tail(ctx)
	if err != nil || tail.Seq != 6 || asked.Load() < 3 { // who answers late is asked again
		t.Errorf("the tail is %d, %v, after %d answers; want 6 after 3", tail.Seq, err, asked.Load())
	}
}

// connectBare connects to a NATS server of its own that knows nothing of streams.
func connectBare(t *testing.T) *nats.Conn {
	t.Helper()
	ns, err := server.NewServer(&server.Options{ServerName: "bare", DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	t.Cleanup(func() {
		ns.Shutdown()
		ns.WaitForShutdown()
	})
	if !ns.ReadyForConnections(patience) {
		t.Fatal("the server doesn't start")
	}
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
