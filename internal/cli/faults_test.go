//go:build unix

package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

const (
	// faultBound is the time within which a cluster must have got over a fault. Elections alone take 4 to 9 s.
	faultBound   = 2 * time.Minute
	faultPoll    = 50 * time.Millisecond
	faultShards  = 8
	faultChanges = 9600
	faultSenders = 6
	faultBatch   = 40
	// faultRequests is the number of requests of each sender while a fault happens.
	faultRequests = 6
)

// TestFaults goes through rows of the failure table (DESIGN §10) with real processes: three nodes with a replicated
// engine, and a worker beside them. Changes stream while each fault happens. After each, every accepted change is in
// the logs once, and nothing else is; at the end the data are those that the changes come to.
func TestFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for _, row := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"owner killed", ownerKilled},
		{"owner paused", ownerPaused},
		{"other settings", otherSettings},
		{"same name twice", sameNameTwice},
		{"majority lost", majorityLost},
		{"all killed", allKilled},
	} {
		if !t.Run(row.name, func(t *testing.T) { r.T = t; row.run(t, r) }) {
			t.Fatalf("the cluster's logs end\n%s", r.nodes.Logs())
		}
	}
	r.T = t
	r.stream(faultChanges, func() {}) // all that is left
	r.verify()
	r.compareData()
}

// rig is a cluster, what was sent to it, and what must have come of it.
type rig struct {
	*testing.T
	ctx   context.Context
	nodes *cluster.Cluster
	guard *cluster.Guard // of the processes beside the cluster
	http  *client.Client
	// engines are the addresses of the nodes' engines.
	engines []string

	model    *factory.Model
	check    *factory.Check
	senders  []*factory.Sender
	requests []int // sent by each sender
	cursor   string
	logged   [faultShards][]uint64 // positions of the records
}

func newRig(t *testing.T) *rig {
	executable, err := exec.LookPath("quadrille") // this test binary, see TestMain
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	t.Cleanup(cancel)
	r := &rig{T: t, ctx: ctx, http: client.New(""), model: factory.New(faultChanges), check: factory.NewCheck(),
		requests: make([]int, faultSenders), cursor: "start"}
	t.Cleanup(r.http.Close)
	for i := range faultSenders {
		r.senders = append(r.senders, r.model.Sender(i, faultSenders, faultBatch))
	}
	sweep := []string{"demo", "--sweep"}
	r.nodes, err = cluster.Start(ctx, cluster.Config{Executable: executable, Sweep: sweep, Nodes: 3, Shards: faultShards,
		ReadyWithin: faultBound})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.nodes.Stop(); err != nil {
			t.Error(err)
		}
	})
	r.wait("all nodes have said where their engines are", r.nodes.Doors()[0], func(client.Status) bool {
		r.engines = nil
		for _, match := range engineAddress.FindAllStringSubmatch(r.nodes.Logs(), -1) {
			r.engines = append(r.engines, match[1])
		}
		return len(r.engines) == 3
	})
	if r.guard, err = cluster.NewGuard(executable, sweep...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.guard.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// wait waits until the condition, of the status that a node gives, holds.
func (r *rig) wait(what, door string, holds func(client.Status) bool) {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, faultBound)
	defer cancel()
	r.asks(what, func() error {
		status, err := r.http.Status(ctx, door)
		if err == nil && !holds(status) {
			err = fmt.Errorf("the status is %+v", status)
		}
		return err
	})
}

// asks puts a question that a healthy cluster answers, again while there is no answer: on a busy machine a log may be without a leader
// for a moment, or a member taken for dead.
func (r *rig) asks(what string, question func() error) {
	r.Helper()
	poll := time.NewTicker(faultPoll)
	defer poll.Stop()
	for deadline := time.Now().Add(faultBound); ; <-poll.C {
		err := question()
		if err == nil {
			return
		}
		if !client.Temporary(err) || time.Now().After(deadline) {
			r.Fatalf("%s: not within %v: %v", what, faultBound, err)
		}
	}
}

// settled waits until all nodes that run are ready, members, and agree.
func (r *rig) settled() {
	r.Helper()
	ctx, cancel := context.WithTimeoutCause(r.ctx, faultBound, errors.New("the nodes are not settled in time"))
	defer cancel()
	if err := r.nodes.Settled(ctx); err != nil {
		r.Fatal(err)
	}
}

func member(s client.Status, name string) client.MemberStatus {
	for _, m := range s.Members {
		if m.Name == name {
			return m
		}
	}
	return client.MemberStatus{}
}

// stream lets each sender send so many requests through all doors, lets the fault happen when half of them are
// accepted, and returns when all are.
func (r *rig) stream(requests int, fault func()) {
	r.Helper()
	var (
		accepted atomic.Int64
		half     = make(chan struct{})
		once     sync.Once
		all      sync.WaitGroup
		errs     = make([]error, len(r.senders))
	)
	for i := range r.senders {
		all.Go(func() {
			session := client.NewSession(r.http, r.nodes.Doors(), i, 2*faultBound)
			for range requests {
				body, rows := r.senders[i].Next(nil)
				if rows == 0 {
					break
				}
				r.requests[i]++
				key := fmt.Sprintf("sender-%d-%d", i, r.requests[i])
				if _, errs[i] = session.Submit(r.ctx, client.TypePatch, key, body); errs[i] != nil {
					break
				}
				r.check.Accepted(body)
				if accepted.Add(1) == int64(requests*len(r.senders)/2) {
					once.Do(func() { close(half) })
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	defer func() { <-ended }()
	select {
	case <-half:
		fault()
	case <-ended:
	}
	<-ended
	if err := errors.Join(errs...); err != nil {
		r.Fatal(err)
	}
}

// verify reads what is new in the logs: all that was accepted is there, once, and nothing else.
func (r *rig) verify() {
	r.Helper()
	door := r.nodes.Doors()[r.nodes.Alive()[0]]
	r.asks("read the logs", func() error {
		query := url.Values{"from": {r.cursor}, "live": {"false"}}
		return r.http.Changes(r.ctx, door, query, client.Reader{Change: func(c client.Change, cursor client.Cursor) error {
			r.check.Logged([]byte(c.Patch))
			r.logged[c.Shard] = append(r.logged[c.Shard], c.Position)
			r.cursor = cursor.String()
			return nil
		}})
	})
	if result := r.check.Result(); !result.Good() || result.Accepted == 0 {
		r.Fatalf("%+v", result)
	}
}

// compareData compares the data that a node gives with the expected ones.
func (r *rig) compareData() {
	r.Helper()
	r.asks("read the data", func() error {
		data, err := r.http.Data(r.ctx, r.nodes.Doors()[1])
		if err != nil {
			return err
		}
		defer data.Close()
		return r.check.Data(data, r.model.Expected())
	})
	result := r.check.Result()
	if !result.Good() || result.Accepted != faultChanges+2 || result.Quads == 0 {
		r.Errorf("%+v", result)
	}
	r.Logf("%+v", result)
}

// worker is a node beside the cluster, whose engine it uses.
type worker struct {
	r    *rig
	cmd  *exec.Cmd
	door string
	log  string // path of its log
	done chan struct{}
	err  error // once done is closed
}

var engineAddress = regexp.MustCompile(`engine at (nats://[0-9.:]+)\n`)

// start starts a worker with its arguments besides the usual ones.
func (r *rig) start(name string, args ...string) *worker {
	r.Helper()
	ports, err := ports.Free(1)
	if err != nil {
		r.Fatal(err)
	}
	log, err := os.CreateTemp(r.guard.Dir(), name+"-*.log")
	if err != nil {
		r.Fatal(err)
	}
	defer log.Close()
	at := fmt.Sprintf("127.0.0.1:%d", ports[0])
	usual := []string{"serve", "--name", name, "--http", at, "--nats", strings.Join(r.engines, ","),
		"--shards", fmt.Sprint(faultShards)}
	executable, err := exec.LookPath("quadrille")
	if err != nil {
		r.Fatal(err)
	}
	w := &worker{r: r, door: "http://" + at, log: log.Name(), done: make(chan struct{})}
	w.cmd = exec.Command(executable, append(usual, args...)...)
	w.cmd.Stdout, w.cmd.Stderr, w.cmd.Env = log, log, r.nodes.Environment()
	if err := r.guard.Start(w.cmd); err != nil {
		r.Fatal(err)
	}
	go func() {
		defer close(w.done)
		w.err = w.cmd.Wait()
		r.guard.Gone(w.cmd)
	}()
	return w
}

func (w *worker) signal(s syscall.Signal) {
	w.r.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		w.r.Fatal(err)
	}
}

// ends waits until the process has ended, by itself or because it was asked to, and returns its log.
func (w *worker) ends(status int) string {
	w.r.Helper()
	select {
	case <-w.done:
	case <-time.After(faultBound):
		w.r.Fatalf("%s has not ended within %v", w.cmd, faultBound)
	}
	text, err := os.ReadFile(w.log)
	if code := w.cmd.ProcessState.ExitCode(); code != status || err != nil {
		w.r.Fatalf("%s ended with status %d (%v), want %d; %v; its log:\n%s", w.cmd, code, w.err, status, err, text)
	}
	return string(text)
}

// ownerKilled kills an owner, whose engine leads logs too, in the middle of a stream, and starts it again.
func ownerKilled(t *testing.T, r *rig) {
	name, door := r.nodes.Name(2), r.nodes.Doors()[0]
	var before client.Status
	r.wait(name+" owns shards", door, func(s client.Status) bool { before = s; return member(s, name).Owned > 0 })
	r.stream(faultRequests, func() {
		if err := r.nodes.Kill(2); err != nil {
			t.Fatal(err)
		}
		r.wait("the others have its shards", door, func(s client.Status) bool { return member(s, name).Name == "" })
		if err := r.nodes.Restart(2); err != nil {
			t.Fatal(err)
		}
	})
	r.wait("it is a member again", door, func(s client.Status) bool {
		m := member(s, name)
		return m.Incarnation > member(before, name).Incarnation && m.Owned > 0 && len(s.Members) == 3
	})
	r.settled()
	r.verify()
}

// ownerPaused stops a process (SIGSTOP) until others have taken its shards, and lets it go on. It has a sink, which
// must hold nothing but what is in the logs.
func ownerPaused(t *testing.T, r *rig) {
	door, sink := r.nodes.Doors()[0], t.TempDir()
	w := r.start("w1", "--sink-dir", sink)
	owns := func(s client.Status) bool { return member(s, "w1").Owned == faultShards/4 && s.Ready }
	r.wait("the worker owns shards", door, owns)
	r.wait("the worker owns shards", w.door, owns)
	before, err := r.http.Status(r.ctx, w.door)
	if err != nil {
		t.Fatal(err)
	}
	r.stream(faultRequests, func() {
		w.signal(syscall.SIGSTOP)
		r.wait("others have its shards", door, func(s client.Status) bool {
			return !slices.ContainsFunc(s.Shards, func(sh client.ShardStatus) bool { return sh.Owner == "w1" || sh.Owner == "" })
		})
	})
	r.verify() // all was accepted while it is paused
	w.signal(syscall.SIGCONT)
	r.wait("it is a member again", w.door, func(s client.Status) bool {
		return owns(s) && s.Incarnation > before.Incarnation && member(s, "w1").Incarnation == s.Incarnation
	})
	r.stream(faultRequests, func() {})
	r.settled()
	r.verify()
	r.wait("its sink has written", w.door, func(client.Status) bool { return written(sink) })
	w.signal(syscall.SIGTERM)
	if log := w.ends(0); !strings.Contains(log, "the others took this node for dead; it enters again") {
		t.Errorf("the worker's log:\n%s", log)
	}
	r.wait("the others have its shards", door, func(s client.Status) bool { return member(s, "w1").Name == "" })
	r.checkSink(sink)
}

// written reports whether a sink, which looks for its shards once a second, has written anything.
func written(dir string) bool {
	files, _ := filepath.Glob(filepath.Join(dir, "shard-*.rdfp"))
	return slices.ContainsFunc(files, func(name string) bool {
		info, err := os.Stat(name)
		return err == nil && info.Size() > 0
	})
}

// checkSink checks that each file of the sink is the begin of its shard's log: without a gap, and without a record that
// is not in the log or is there twice.
func (r *rig) checkSink(dir string) {
	r.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "shard-*.rdfp"))
	if err != nil || len(files) == 0 {
		r.Fatalf("sink files %v, %v", files, err)
	}
	total := 0
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			r.Fatal(err)
		}
		var shard int
		var positions []uint64
		for line := range bytes.Lines(text) {
			var position uint64
			if n, _ := fmt.Sscanf(string(line), "# shard %d position %d", &shard, &position); n == 2 {
				positions = append(positions, position)
			}
		}
		total += len(positions)
		log := r.logged[shard]
		if len(positions) > len(log) || !slices.Equal(positions, log[:len(positions)]) {
			r.Errorf("%s holds the positions\n%v, the log\n%v", name, positions, log)
		}
	}
	if total == 0 {
		r.Error("the sink holds no record")
	}
}

// otherSettings: a node with other settings doesn't join, and says which and with which values.
func otherSettings(t *testing.T, r *rig) {
	shards, key := r.start("w2", "--shards", "5"), r.start("w3", "--key", "graph")
	keep := r.start("w4", "--keep-keys", "1h")
	for w, want := range map[*worker]string{
		shards: "the pipeline was created with other settings: number of shards is 8, and 5 here",
		key:    "settings differ from the pipeline's: key is graph here, and subject in the pipeline",
		keep:   "idempotency keys are kept is 1h0m0s here, and 24h0m0s in the pipeline",
	} {
		if log := w.ends(1); !strings.Contains(log, want) {
			t.Errorf("want %q; log:\n%s", want, log)
		}
	}
	r.wait("the nodes are members, and no other", r.nodes.Doors()[0], func(s client.Status) bool { return len(s.Members) == 3 })
}

// sameNameTwice: of two processes with one name the later owns, and the earlier stops.
func sameNameTwice(t *testing.T, r *rig) {
	door := r.nodes.Doors()[0]
	first := r.start("w1")
	r.wait("the first owns shards", door, func(s client.Status) bool { return member(s, "w1").Owned > 0 })
	r.wait("the first is ready", first.door, func(s client.Status) bool { return s.Ready })
	accusations := r.accusations("w1")
	before, err := r.http.Status(r.ctx, first.door)
	if err != nil {
		t.Fatal(err)
	}
	if log := r.start("w1").ends(1); !strings.Contains(log, `another process runs with this name: node "w1"`) ||
		!strings.Contains(log, first.door) || !strings.Contains(log, "--name") {
		t.Errorf("the log of one that is started while the first runs:\n%s", log)
	}
	now, err := r.http.Status(r.ctx, first.door)
	if err != nil || now.Incarnation != before.Incarnation && r.accusations("w1") == accusations {
		t.Errorf("the first is disturbed: %+v, %v", now, err)
	}
	var second *worker
	r.stream(faultRequests, func() {
		first.signal(syscall.SIGSTOP)
		r.wait("the first is taken for dead", door, func(s client.Status) bool { return member(s, "w1").Name == "" })
		second = r.start("w1", "--leave")
		r.wait("the second is a member", second.door, func(s client.Status) bool { return s.Ready })
		first.signal(syscall.SIGCONT)
		if log := first.ends(1); !strings.Contains(log, "another process has entered with this node's name") {
			t.Errorf("the log of the first:\n%s", log)
		}
	})
	r.wait("the second owns", second.door, func(s client.Status) bool {
		return s.Ready && s.Incarnation > before.Incarnation && member(s, "w1").Incarnation == s.Incarnation &&
			slices.ContainsFunc(s.Shards, func(sh client.ShardStatus) bool { return sh.Owner == "w1" && sh.State == "owning" })
	})
	r.stream(faultRequests, func() {})
	r.verify()
	second.signal(syscall.SIGTERM)
	second.ends(0)
	r.wait("it has left", door, func(s client.Status) bool { return len(s.Members) == 3 })
}

// accusations is how often nodes have taken the named one for dead, as they may when that one was held up for long.
func (r *rig) accusations(name string) (n int) {
	r.Helper()
	for i := range r.nodes.Size() {
		text, err := os.ReadFile(r.nodes.Log(i))
		if err != nil {
			r.Fatal(err)
		}
		n += bytes.Count(text, []byte("it is proposed as failed\" node="+r.nodes.Name(i)+" member="+name+" "))
	}
	return n
}

// majorityLost kills two of three. Nothing is accepted until one of them is back, and nothing is lost.
func majorityLost(t *testing.T, r *rig) {
	r.settled()
	r.stream(faultRequests, func() {
		if err := errors.Join(r.nodes.Kill(1), r.nodes.Kill(2)); err != nil {
			t.Fatal(err)
		}
		body := []byte("TX .\nA <https://plant.example/lost> <https://plant.example/p> \"1\" .\nTC .\n")
		ctx, cancel := context.WithTimeout(r.ctx, faultBound)
		defer cancel()
		a, err := r.http.Submit(ctx, r.nodes.Doors()[0], client.TypePatch, "never again", body)
		var answer *client.Error
		if !errors.As(err, &answer) || answer.Status != http.StatusServiceUnavailable || answer.RetryAfter == 0 {
			t.Errorf("without a majority: %+v, %v", a, err)
		}
		if err := errors.Join(r.nodes.Restart(1), r.nodes.Restart(2)); err != nil {
			t.Fatal(err)
		}
		// It may have been on its way all the time; sent again it is accepted, and has one effect.
		session := client.NewSession(r.http, r.nodes.Doors(), 0, 2*faultBound)
		if _, err := session.Submit(r.ctx, client.TypePatch, "never again", body); err != nil {
			t.Error(err)
		}
		r.check.Accepted(body)
		body = bytes.Replace(body, []byte("A <"), []byte("D <"), 1) // the data are to be the model's
		if a, err := session.Submit(r.ctx, client.TypePatch, "taken back", body); err != nil || a.Deletes != 1 {
			t.Errorf("taken back: %+v, %v", a, err)
		}
		r.check.Accepted(body)
	})
	r.settled()
	r.verify()
}

// allKilled kills all nodes at once, in the middle of a stream, and starts them again on the data they had.
func allKilled(t *testing.T, r *rig) {
	r.stream(faultRequests, func() {
		var all sync.WaitGroup
		for i := range r.nodes.Size() {
			all.Go(func() {
				if err := r.nodes.Kill(i); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for i := range r.nodes.Size() {
			if err := r.nodes.Restart(i); err != nil {
				t.Fatal(err)
			}
		}
	})
	r.settled()
	r.verify()
}
