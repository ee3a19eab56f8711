package sim

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/operator/dataset"
)

var rewrite = flag.Bool("rewrite", false, "write what the scenarios print into their files")

// TestScenarios runs the scenarios in testdata/*.txt. A scenario is a list of commands, each on a line of its own,
// followed by a line "----" and what the simulation notes until the next command: the time, and what happened. Lines
// that begin with # are comments. Run the test with -rewrite to refresh what is printed, and read the difference.
//
//	cluster nodes=2 shards=2 [key=dataset] [seed=1] [sources=log,queue] [sinks=once,again]
//	                           start n1, n2 and run until all is at rest
//	start n3 [shards=5]        start a process under a name, perhaps with other settings, or a second one
//	kill n1 | pause n1 | resume n1 | leave n1         n1#4 is the fourth process started, n1 the newest of the name
//	cut n1 mute|deaf|off [own] nothing that n1 sends reaches the engine; or nothing of it reaches n1; or both. It still
//	                           hears itself with "own", as a node that runs a server
//	connect n1                 ends that
//	partition n1 n2            nothing gets from n1 to n2, nor back
//	join                       ends all partitions
//	stall control|all|0        the log has no majority
//	go-on control|all|0        it has one again, and what waited arrives
//	full control|all|0         the log has no room for more
//	room control|all|0         it has room again
//	hang n1 0 | let-go n1 0    shard 0 of n1 does nothing for a while
//	slow 300ms                 each request to the engine takes that much longer; slow 0s ends it
//	clock n1 240h              the wall clock of n1 jumps
//	lag n1 2s                  n1 acts on assignments that much later
//	next 0 lost|answer-lost|refused|late=5s           what becomes of the next append to shard 0
//	flip 0 2 99                damages bit 99 of the third record of shard 0
//	lose 0 2                   shard 0 loses its last two records, on all replicas
//	damage-snapshot 0          damages the newest snapshot of shard 0
//	send a/1 n1 +x=1 -y=2      source a sends its first document through n1: add x=1, delete y=2; n2 if n1 is silent.
//	                           +x*40 adds 40 rows. key:b/1 is a document with an idempotency key
//	update a/1 n1 x            the same with a SPARQL Update that adds 1 to what x counts; all adds 1 to each that counts
//	poison a/2 n1 0            the same with an event for shard 0 that nobody can evaluate
//	again a/1 n2               sends the document once more, as it was, through n2
//	other key:b/1 n2 +z=1      sends another body under the same key
//	message log [poison]       the next message of a source's stream comes
//	down log                   the source's peer is down for a while
//	reset log 0                the peer's offset is set back or forward
//	late once 4s               what is written next to the sink's target is that long on its way
//	run 2s                     lets time pass
//	until TEXT                 lets time pass until a line is noted that has the text in it, a minute at most
//	settle                     runs until every document is accepted and all that run are at rest
//	show                       prints what each process does for each shard, and how many quads it has
//	peers                      prints how far the source's peers and the sinks' targets are
//	log 0                      prints the records of shard 0: kind, writer, positions and rows
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := runScenario(t, string(text))
			switch {
			case *rewrite:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			case got != string(text):
				t.Errorf("%s differs; read what changed with -rewrite. It prints now:\n%s", file, got)
			}
		})
	}
}

// scenario is one file being run.
type scenario struct {
	w    *world
	out  bytes.Buffer
	docs map[string]*document
	seen func(line string) // for until
}

// runScenario returns the text with what the commands print.
func runScenario(t *testing.T, text string) string {
	s := &scenario{docs: map[string]*document{}}
	var all strings.Builder
	printed, after := false, false // inside of what an earlier run has printed; on the empty line behind a command
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "----":
			printed = true
		case line == "" && after:
			printed, after = false, false
		case printed:
		case line == "" || strings.HasPrefix(line, "#"):
			all.WriteString(line + "\n")
		default:
			s.out.Reset()
			if err := s.command(strings.Fields(line), line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			if s.w.violation != nil {
				t.Fatalf("%s: %v", line, s.w.violation)
			}
			fmt.Fprintf(&all, "%s\n----\n%s\n", line, s.out.String())
			after = true
		}
	}
	return all.String()
}

func (s *scenario) print(line string) {
	s.out.WriteString(line + "\n")
	if s.seen != nil {
		s.seen(line)
	}
}

// command does one command.
func (s *scenario) command(f []string, line string) error {
	args := f[1:]
	if s.w == nil && f[0] != "cluster" {
		return errors.New("a scenario begins with cluster")
	}
	switch f[0] {
	case "cluster":
		return s.cluster(args)
	case "start":
		return s.start(args)
	case "send", "other", "poison", "again", "update":
		return s.document(f[0], args)
	case "stall", "go-on":
		return s.logs(args[0], func(l *simLog) { l.setDown(f[0] == "stall") })
	case "full", "room":
		return s.logs(args[0], func(l *simLog) { l.full = f[0] == "full" })
	case "next":
		return s.next(args)
	case "until":
		return s.until(strings.TrimPrefix(line, "until "))
	case "settle":
		return s.settle()
	case "show":
		s.show()
		return nil
	case "log":
		return s.logs(args[0], s.log)
	case "run", "slow":
		return s.time(f[0], args[0])
	case "join":
		clear(s.w.network.cut)
		return nil
	case "flip", "damage-snapshot", "lose":
		return s.damage(f[0], args)
	case "message", "down", "reset", "late", "peers":
		return s.peer(f[0], args)
	}
	return s.process(f[0], args)
}

// options reads name=value arguments.
func options(args []string) map[string]string {
	o := map[string]string{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		o[name] = value
	}
	return o
}

func (s *scenario) cluster(args []string) error {
	o := options(args)
	cfg := Config{Seed: 1, Key: dataset.Key(o["key"]), Trace: s.print}
	for name, to := range map[string]*int{"nodes": &cfg.Nodes, "shards": &cfg.Shards} {
		n, err := strconv.Atoi(o[name])
		if err != nil {
			return err
		}
		*to = n
	}
	if o["seed"] != "" {
		cfg.Seed, _ = strconv.ParseUint(o["seed"], 10, 64)
	}
	s.w = newWorld(cfg)
	s.peers(o["sources"], o["sinks"])
	for _, name := range s.w.names {
		s.w.start(name)
		s.w.advance(100 * time.Millisecond)
	}
	return s.settle()
}

func (s *scenario) start(args []string) error {
	shards := s.w.cfg.Shards
	if n := options(args)["shards"]; n != "" {
		shards, _ = strconv.Atoi(n)
	}
	s.w.startWith(args[0], shards)
	return nil
}

// find is the process that a command names.
func (s *scenario) find(name string) (*proc, error) {
	for _, p := range slices.Backward(s.w.procs) {
		if fmt.Sprintf("%s#%d", p.name, p.id+1) == name || !p.dead && p.name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("no process %s runs", name)
}

// process does what concerns one process.
func (s *scenario) process(do string, args []string) error {
	p, err := s.find(args[0])
	if err != nil {
		return err
	}
	switch do {
	case "kill":
		p.kill("it is killed")
	case "pause":
		p.pause()
	case "resume":
		p.resume()
	case "leave":
		p.do(p.leave)
	case "cut":
		p.disconnect(args[1] != "deaf", args[1] != "mute", slices.Contains(args, "own"))
	case "connect":
		p.connect()
	case "partition":
		s.w.network.cut[link{args[0], args[1]}], s.w.network.cut[link{args[1], args[0]}] = true, true
	case "hang", "let-go":
		shard, err := strconv.Atoi(args[1])
		if do == "hang" {
			p.hang(shard)
		} else {
			p.loops[shard].letGo()
		}
		return err
	case "clock", "lag":
		d, err := time.ParseDuration(args[1])
		if do == "lag" {
			p.lag = d
		} else {
			p.jump += d
		}
		return err
	default:
		return errors.New("unknown command")
	}
	return nil
}

// logs does a thing to the logs that a command names.
func (s *scenario) logs(which string, do func(*simLog)) error {
	for _, l := range s.w.engine.logs() {
		if which == "all" || which == "control" && l.shard < 0 || which == strconv.Itoa(l.shard) {
			do(l)
		}
	}
	return nil
}

func (s *scenario) next(args []string) error {
	o := options(args[1:])
	late, _ := time.ParseDuration(o["late"])
	has := func(name string) bool { _, ok := o[name]; return ok }
	return s.logs(args[0], func(l *simLog) {
		f := fate{lost: has("lost"), answerLost: has("answer-lost"), refused: has("refused"), late: late}
		l.fates = append(l.fates, f)
	})
}

func (s *scenario) damage(what string, args []string) error {
	shard, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if what == "damage-snapshot" {
		b := &s.w.engine.blobs[shard][0]
		b.data = bytes.Clone(b.data)
		b.data[len(b.data)/2] ^= 1
		return nil
	}
	record, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if what == "lose" {
		l := s.w.engine.shards[shard]
		l.lose(len(l.entries) - record)
		return nil
	}
	bit, err := strconv.Atoi(args[2])
	s.w.check.shards[shard].damaged = true
	s.w.engine.shards[shard].flip(record, bit)
	return err
}

// client finds or makes the client of a document's name.
func (s *scenario) client(name string) *client {
	k := source
	if after, ok := strings.CutPrefix(name, "key:"); ok {
		k, name = keyed, after
	}
	for _, c := range s.w.clients {
		if c.name == name {
			return c
		}
	}
	c := s.w.addClient(k, name)
	c.scripted = true
	return c
}

// document sends something through a node; what gets no answer is tried through any.
func (s *scenario) document(do string, args []string) error {
	p, err := s.find(args[1])
	if err != nil {
		return err
	}
	name, number, _ := strings.Cut(args[0], "/")
	c := s.client(name)
	d := s.docs[args[0]]
	switch do {
	case "send":
		d = c.document(number, rows(args[2:]))
		s.docs[args[0]] = d
	case "update":
		text := fmt.Sprintf(everyText, "<urn:n>")
		if args[2] != "all" {
			text = fmt.Sprintf(countText, "<urn:"+args[2]+">", "<urn:n>")
		}
		d = c.update(number, text)
		s.docs[args[0]] = d
	case "poison":
		shard, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		d = c.poison(number, shard)
		s.docs[args[0]] = d
	case "again":
		again := *d
		again.open, again.answered, again.over = len(d.events), make([]bool, len(d.events)), false
		c.open++
		d = &again
	case "other":
		d = c.document(number, rows(args[2:]))
	}
	c.sendTo(p, d, 3*time.Second)
	return nil
}

// rows makes one transaction of the short form: +x=1 adds, -x=1 deletes, +x*9 adds nine rows.
func rows(args []string) []byte {
	var b bytes.Buffer
	b.WriteString("TX .\n")
	for _, arg := range args {
		code := map[byte]string{'+': "A", '-': "D"}[arg[0]]
		if subject, times, ok := strings.Cut(arg[1:], "*"); ok {
			n, _ := strconv.Atoi(times)
			for i := range n {
				fmt.Fprintf(&b, "%s <urn:%s> <urn:p> \"%d\" .\n", code, subject, i)
			}
			continue
		}
		subject, value, _ := strings.Cut(arg[1:], "=")
		fmt.Fprintf(&b, "%s <urn:%s> <urn:p> %q .\n", code, subject, value)
	}
	b.WriteString("TC .\n")
	return b.Bytes()
}

func (s *scenario) time(do, text string) error {
	d, err := time.ParseDuration(text)
	if do == "slow" {
		s.w.chaos.Slow = d
	} else {
		s.w.advance(d)
	}
	return err
}

func (s *scenario) until(text string) error {
	found := false
	s.seen = func(line string) { found = found || strings.Contains(line, text) }
	defer func() { s.seen = nil }()
	for end := s.w.now + time.Minute; !found && s.w.violation == nil; s.w.step() {
		if s.w.now > end || len(s.w.queue) == 0 {
			return errors.New("it did not happen")
		}
	}
	return nil
}

func (s *scenario) settle() error {
	s.w.names = nil
	for _, p := range s.w.live() {
		if !p.paused && !slices.Contains(s.w.names, p.name) {
			s.w.names = append(s.w.names, p.name)
		}
	}
	s.w.settle()
	return nil
}

func (s *scenario) show() {
	for _, p := range s.w.live() {
		fmt.Fprintf(&s.out, "%s:", p)
		for _, l := range p.loops {
			store := l.op.Logic().(*dataset.Logic).Store()
			fmt.Fprintf(&s.out, " %d %v, %d quads;", l.shard, l.op.State(), store.Len())
		}
		s.out.WriteString("\n")
	}
}

// log prints the records of a log, short.
func (s *scenario) log(l *simLog) {
	c := s.w.check.shards[l.shard]
	for _, p := range c.points[1:] {
		fmt.Fprintf(&s.out, "%d %s", p.position, p.kind)
		for _, at := range p.positions {
			fmt.Fprintf(&s.out, " %s=%d +%d-%d", at.Producer, at.Seq, at.Adds, at.Deletes)
		}
		s.out.WriteString("\n")
	}
	var quads []string
	for line := range c.logged {
		quads = append(quads, line)
	}
	slices.Sort(quads)
	for _, q := range quads[:min(len(quads), 8)] {
		fmt.Fprintf(&s.out, "  %s\n", q)
	}
}
