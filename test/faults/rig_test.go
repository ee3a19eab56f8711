//go:build unix

package faults

import (
	"bufio"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

const (
	// recovery is the time within which nodes must have got over a fault.
	recovery = 2 * time.Minute
	poll     = 50 * time.Millisecond
	// idle is the time after which the engine works on what nobody writes to any more: it flushes and rewrites blocks.
	idle = 11 * time.Second
	// calm is the time in which the engine ends what it does with a block that has just been sealed.
	calm = 2 * time.Second
	// mendedFor is the time in which copies that lack something are noticed.
	mendedFor = 6 * time.Second
	// patience is that of one who writes.
	patience = 2 * time.Minute

	// bulk is what a log must hold so that several blocks of the engine, of 8 MB, are sealed, in bytes.
	bulk = 36_000_000
	// onDisk is how much of it must be in the engine's files at least.
	onDisk = 30_000_000
	// literal is the length of the literals, which can be compressed by a fifth or two, and rows the number of them in a
	// request: below the engine's largest message.
	literal = 1000
	rows    = 600
)

// rig is a cluster, and what was accepted.
type rig struct {
	*testing.T
	ctx   context.Context
	cfg   cluster.Config
	nodes *cluster.Cluster
	http  *client.Client

	random   *rand.ChaCha8
	sent     int                 // requests
	counted  int                 // updates that count
	accepted map[string]struct{} // quads, as lines of N-Quads
	doubtful map[string]struct{} // quads whose request had no answer
	door     int                 // that the next request goes to
}

// oneLog is a cluster whose logs are those of one dataset: one stream takes all.
func oneLog(nodes int) cluster.Config {
	return cluster.Config{Nodes: nodes, Shards: 1, Args: []string{"--key", "dataset"}}
}

// start starts a cluster, which ends with the test.
func start(t *testing.T, cfg cluster.Config) *rig { return startFor(t, cfg, testBound()) }

// startFor starts a cluster for a test that may take so long.
func startFor(t *testing.T, cfg cluster.Config, bound time.Duration) *rig {
	t.Helper()
	if raceEnabled {
		t.Skip("the processes would be several times slower; the package internal/cli starts them with the race detector")
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	t.Cleanup(cancel)
	cfg.Sweep = []string{"demo", "--sweep"}
	cfg.StopWithin = cmp.Or(cfg.StopWithin, 20*time.Second) // a node that is killed has not ended in good order
	cfg.ReadyWithin = recovery
	r := &rig{T: t, ctx: ctx, cfg: cfg, http: client.New(""), random: rand.NewChaCha8([32]byte{7}),
		accepted: map[string]struct{}{}, doubtful: map[string]struct{}{}}
	t.Cleanup(r.http.Close)
	var err error
	if r.nodes, err = cluster.Start(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the cluster's logs end\n%s", r.nodes.Logs())
		}
		if err := r.nodes.Stop(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// testBound bounds one test.
func testBound() time.Duration {
	if long() {
		return 30 * time.Minute
	}
	return 10 * time.Minute
}

// must fails the test on an error.
func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// until waits until the condition holds, and tells what held last when it doesn't in time.
func (r *rig) until(what string, bound time.Duration, holds func() error) {
	r.Helper()
	ticker, deadline := time.NewTicker(poll), time.After(bound)
	defer ticker.Stop()
	for {
		err := holds()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			r.Fatalf("%s: not within %v: %v\n%s", what, bound, err, r.states())
		}
	}
}

// asks puts a question that a healthy cluster answers, again while there is no answer: on a busy machine a log may be without a leader
// for a moment, or a member taken for dead.
func (r *rig) asks(what string, question func() error) {
	r.Helper()
	r.until(what, recovery, func() error {
		err := question()
		if err != nil && !client.Temporary(err) {
			r.Fatalf("%s: %v\n%s", what, err, r.states())
		}
		return err
	})
}

// pass lets the time pass in which something must happen in the background that nobody can see from outside.
func (r *rig) pass(d time.Duration) {
	select {
	case <-time.After(d):
	case <-r.ctx.Done():
		r.Fatal(r.ctx.Err())
	}
}

// answers bounds an answer that takes no work.
const answers = 20 * time.Second

// status asks node i.
func (r *rig) status(i int) (client.Status, error) {
	ctx, cancel := context.WithTimeout(r.ctx, answers)
	defer cancel()
	return r.http.Status(ctx, r.nodes.Doors()[i])
}

// ready asks node i whether it is ready.
func (r *rig) ready(i int) error {
	ctx, cancel := context.WithTimeout(r.ctx, answers)
	defer cancel()
	return r.http.Ready(ctx, r.nodes.Doors()[i])
}

// states says how all nodes that run are.
func (r *rig) states() string {
	var b strings.Builder
	for _, i := range r.nodes.Alive() {
		s, err := r.status(i)
		fmt.Fprintf(&b, "%s: ready %v (%s), %d members, %v\n", r.nodes.Name(i), s.Ready, s.NotReady, len(s.Members), err)
		for _, sh := range s.Shards {
			fmt.Fprintf(&b, "\tshard %d of %s: %s at %d, %d quads %s\n", sh.Shard, sh.Owner, sh.State, sh.Position, sh.Quads, sh.Error)
		}
	}
	return b.String()
}

// balanced waits until all nodes are ready, members, and have the shards among them.
func (r *rig) balanced() {
	r.Helper()
	ctx, cancel := context.WithTimeoutCause(r.ctx, recovery, errors.New("the nodes are not all ready in time"))
	defer cancel()
	if err := r.nodes.Balanced(ctx); err != nil {
		r.Fatalf("%v\n%s", err, r.states())
	}
}

// mended waits until no node knows of anything that is not as it should be, for long enough that copies which lack
// something have been noticed.
func (r *rig) mended() {
	r.Helper()
	ctx, cancel := context.WithTimeoutCause(r.ctx, 2*recovery, errors.New("not all is as it should be in time"))
	defer cancel()
	if err := r.nodes.Mended(ctx, mendedFor, onlyDamages); err != nil {
		r.Fatalf("%v\n%s", err, r.states())
	}
}

// onlyDamages reports whether a node has nothing to tell of, or only what its start has found and mended.
func onlyDamages(s *client.Status) bool {
	for _, what := range s.Degraded {
		if !slices.Contains(s.Engine.Damages, what) {
			return false
		}
	}
	return true
}

// owner is the number of the node that owns the shard.
func (r *rig) owner(shard int) int {
	r.Helper()
	for _, i := range r.nodes.Alive() {
		if s, err := r.status(i); err == nil {
			for k := range r.nodes.Size() {
				if r.nodes.Name(k) == s.Shards[shard].Owner {
					return k
				}
			}
		}
	}
	r.Fatalf("nobody says who owns shard %d\n%s", shard, r.states())
	return -1
}

// quad makes a quad whose literal is random for four fifths, and then begins anew: an engine that compresses must find
// that it pays.
func (r *rig) quad(subject string, length int) string {
	raw := make([]byte, length*3/5)
	_, _ = r.random.Read(raw)
	text := base64.StdEncoding.EncodeToString(raw)
	return "<" + subject + "> <http://x.example/p> \"" + text + text[:max(0, length-len(text))] + "\" ."
}

// request makes the quads of a request of so many rows, each with a subject of its own.
func (r *rig) request(count, length int) []string {
	r.sent++
	quads := make([]string, count)
	for i := range quads {
		quads[i] = r.quad(fmt.Sprintf("http://x.example/s%d-%d", r.sent, i), length)
	}
	return quads
}

// additions is the transaction that adds the quads.
func additions(quads []string) []byte {
	return []byte("TX .\nA " + strings.Join(quads, "\nA ") + "\nTC .\n")
}

// add adds the quads through the doors in turn, from that of number door on, until they are accepted.
func (r *rig) add(door int, key string, quads []string) client.Accepted {
	r.Helper()
	var doors []string
	for _, i := range r.nodes.Alive() {
		doors = append(doors, r.nodes.Doors()[i])
	}
	session := client.NewSession(r.http, doors, door, patience)
	for _, q := range quads {
		r.doubtful[q] = struct{}{}
	}
	a, err := session.Submit(r.ctx, client.TypePatch, key, additions(quads))
	if err != nil {
		r.Fatalf("request %s, of %d quads: %v\n%s", key, len(quads), err, r.states())
	}
	r.accept(quads)
	return a
}

// accept notes that the quads were accepted.
func (r *rig) accept(quads []string) {
	for _, q := range quads {
		delete(r.doubtful, q)
		r.accepted[q] = struct{}{}
	}
}

// fill adds so many bytes, in requests through all doors.
func (r *rig) fill(bytes int) {
	r.Helper()
	for bytes > 0 {
		quads := r.request(rows, literal)
		r.door++
		r.add(r.door, fmt.Sprintf("fill-%d", r.sent), quads)
		bytes -= rows * literal
	}
}

// fillLog adds so much to the only log that several of its blocks are sealed everywhere. With replicas it goes on until
// the newest snapshot of the Raft log is in front of a block's end: after a kill the engine goes back to the snapshot, and
// so cuts a block that it has sealed.
func (r *rig) fillLog() {
	r.Helper()
	const stream = "quadrille_main_0"
	r.fill(onDisk)
	r.fillBlocks(stream, func() { r.fill(rows * literal) })
	for tries := 0; r.nodes.Size() > 1 && !r.cutsSealed(stream); tries++ {
		if tries == bulk/(rows*literal) {
			r.Log("the newest snapshot of the Raft log is never in front of a block's end: the engine won't cut a sealed block")
			break
		}
		r.fill(rows * literal)
	}
	r.pass(calm)
}

// trickle adds a few small requests.
func (r *rig) trickle(requests int) {
	r.Helper()
	for range requests {
		quads := r.request(1, 200)
		r.door++
		r.add(r.door, fmt.Sprintf("trickle-%d", r.sent), quads)
	}
}

// all calls the function for each node.
func (r *rig) all(f func(int) error) {
	r.Helper()
	for i := range r.nodes.Size() {
		r.must(f(i))
	}
}

// killAll kills all nodes, as far as can be at once.
func (r *rig) killAll() {
	r.Helper()
	errs := make(chan error, r.nodes.Size())
	for i := range r.nodes.Size() {
		go func() { errs <- r.nodes.Kill(i) }()
	}
	r.all(func(int) error { return <-errs })
}

// restartAll starts all nodes on what they have.
func (r *rig) restartAll() {
	r.Helper()
	r.all(r.nodes.Restart)
}

// log is what the logs of a pipeline hold.
type log struct {
	quads   map[string]struct{}
	twice   []string // additions of what was there
	records int
	cursor  string
}

// read reads the logs at node i from the cursor on.
func (r *rig) read(i int, cursor string) (l log, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, recovery)
	defer cancel()
	l = log{quads: map[string]struct{}{}, cursor: cursor}
	query := url.Values{"from": {cursor}, "live": {"false"}}
	err = r.http.Changes(ctx, r.nodes.Doors()[i], query, client.Reader{Change: func(c client.Change, cursor client.Cursor) error {
		l.records, l.cursor = l.records+1, cursor.String()
		for line := range strings.Lines(c.Patch) {
			if q, adds := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "A "); adds {
				if _, there := l.quads[q]; there {
					l.twice = append(l.twice, q)
				}
				l.quads[q] = struct{}{}
			}
		}
		return nil
	}})
	return l, err
}

// data reads the data that node i gives in the time.
func (r *rig) data(i int, within time.Duration) (map[string]struct{}, error) {
	ctx, cancel := context.WithTimeout(r.ctx, within)
	defer cancel()
	body, err := r.http.Data(ctx, r.nodes.Doors()[i])
	if err != nil {
		return nil, err
	}
	defer body.Close()
	quads := map[string]struct{}{}
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		quads[lines.Text()] = struct{}{}
	}
	return quads, lines.Err()
}

// compare says what is missing of what was accepted, and what nobody sent.
func (r *rig) compare(got map[string]struct{}) error {
	missing, foreign := 0, 0
	for q := range r.accepted {
		if _, ok := got[q]; !ok {
			missing++
		}
	}
	for q := range got {
		_, accepted := r.accepted[q]
		if _, doubtful := r.doubtful[q]; !accepted && !doubtful {
			foreign++
		}
	}
	if missing+foreign > 0 {
		return fmt.Errorf("of %d accepted quads %d are missing, and %d are there that nobody sent", len(r.accepted), missing, foreign)
	}
	return nil
}

// whole checks that each of the nodes, all by default, gives all that was accepted, and that the logs hold it once.
func (r *rig) whole(nodes ...int) {
	r.Helper()
	if len(nodes) == 0 {
		nodes = r.nodes.Alive()
	}
	for _, i := range nodes {
		var data map[string]struct{}
		r.asks("data of "+r.nodes.Name(i), func() (err error) { data, err = r.data(i, recovery); return err })
		if err := r.compare(data); err != nil {
			r.Fatalf("data of %s: %v\n%s", r.nodes.Name(i), err, r.states())
		}
	}
	var l log
	r.asks("the logs, at "+r.nodes.Name(nodes[0]), func() (err error) { l, err = r.read(nodes[0], "start"); return err })
	if err := r.compare(l.quads); err != nil || len(l.twice) > 0 {
		r.Fatalf("the logs, at %s: %v; %d quads are added twice\n%s", r.nodes.Name(nodes[0]), err, len(l.twice), r.states())
	}
}

// never checks that no node that runs answers 200 with less than what was accepted. It returns how many do answer.
func (r *rig) never() (answers int) {
	r.Helper()
	for _, i := range r.nodes.Alive() {
		data, err := r.data(i, 10*time.Second)
		if err != nil {
			continue // it says so, or waits for the others
		}
		answers++
		if err := r.compare(data); err != nil {
			r.Fatalf("data of %s, with status 200: %v\n%s", r.nodes.Name(i), err, r.states())
		}
	}
	return answers
}

// continues checks that a reader that goes on from a cursor of before gets exactly the quads added since, or an error.
func (r *rig) continues(i int, cursor string, since []string) {
	r.Helper()
	l, err := r.read(i, cursor)
	if err != nil {
		r.Logf("a reader with a cursor of before is told: %v", err)
		return
	}
	for _, q := range since {
		if _, ok := l.quads[q]; !ok {
			r.Errorf("a reader with the cursor %s of before gets %d records, and not what was added since\n%s", cursor, l.records, r.states())
			return
		}
	}
}

// verified ends all nodes, and looks at their folders with "quadrille verify", which must find what it should.
func (r *rig) verified(damaged bool) {
	r.Helper()
	r.all(func(i int) error { return r.nodes.End(i) })
	r.verifiesFolders(damaged)
}

// verifiesFolders looks at the folders of all nodes, which don't run, with "quadrille verify", and returns what it prints.
func (r *rig) verifiesFolders(damaged bool) string {
	r.Helper()
	executable, err := os.Executable()
	r.must(err)
	args := []string{"verify"}
	for i := range r.nodes.Size() {
		if r.nodes.IsServer(i) {
			args = append(args, "--data", r.nodes.Data(i))
		}
	}
	cmd := exec.CommandContext(r.ctx, executable, args...)
	cmd.Env = cluster.Environment()
	text, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); damaged && code != 1 || !damaged && code != 0 {
		r.Errorf("quadrille verify ended with status %d (%v), damaged is %v:\n%s", code, err, damaged, text)
	}
	return string(text)
}

// good ends a test after which all must be whole.
func (r *rig) good() {
	r.Helper()
	r.whole()
	r.verified(false)
}

// restartDead starts the nodes that were killed.
func (r *rig) restartDead() error {
	alive := r.nodes.Alive()
	for i := range r.nodes.Size() {
		if !slices.Contains(alive, i) {
			if err := r.nodes.Restart(i); err != nil {
				return err
			}
		}
	}
	return nil
}
