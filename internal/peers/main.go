// Command peers times quadrille convert and check against other tools that do the same: serdi and rapper, which Debian has,
// the rdfpatch of Apache Jena, which Maven fetches, and jsonld.js, which test/differential/peers/install installs. "make
// bench-peers" runs it. Two tasks have no peer, or themselves: a long literal in JSON-LD is there for its memory, and a file
// with many prefixes is compared with one that has few.
//
// Each task is run in pairs, first quadrille, then the peer, again and again, all on one core and with the output
// thrown away, so that what else the machine does hits both. A peer that is not installed is left out, and the table
// says so.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	statements := flag.Int("statements", 1_000_000, "number of statements of each file")
	runs := flag.Int("runs", 5, "number of pairs of each comparison, whose median is shown")
	only := flag.String("task", "", "a part of the names of the tasks that are wanted; all by default")
	flag.Parse()
	if *statements < 1 || *runs < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*statements, *runs, *only); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// task is one thing that quadrille and its peers do.
type task struct {
	name      string
	files     []string // in the folder of the files
	lines     bool     // the output has one line a statement
	quadrille []string // arguments before the files
	peers     []peer   // none: the task is not compared
}

// peer is a command whose last arguments are the files.
type peer struct {
	name    string
	command []string // empty: not installed
	files   []string // nil: those of the task
}

// tasks are those that there are, with files in dir. jena is the command that runs a class of Jena, jsonld the one that reads
// JSON-LD documents; they are empty if there is none. quadrille is this project's own.
func tasks(dir string, quadrille, jena, jsonld []string) []task {
	serdi := func(from, to string) peer { return peer{"serdi", installed("serdi", "-b", "-i", from, "-o", to), nil} }
	rapper := func(from, to string) peer {
		return peer{"rapper", installed("rapper", "-q", "-i", from, "-o", to), nil}
	}
	in := func(names ...string) []string {
		for i, name := range names {
			names[i] = filepath.Join(dir, name)
		}
		return names
	}
	pair := func(from, to string) []peer { return []peer{serdi(from, to), rapper(from, to)} }
	convert := func(to string) []string { return []string{"convert", "--as", to} }
	if len(jena) > 0 {
		jena = append(slices.Clone(jena), "rdfpatch.rdfpatch")
	}
	return []task{
		{"N-Triples to N-Triples", in("data.nt"), true, convert("ntriples"), pair("ntriples", "ntriples")},
		{"N-Triples to Turtle", in("data.nt"), false, convert("turtle"), pair("ntriples", "turtle")},
		{"Turtle to N-Triples", in("data.ttl"), true, convert("ntriples"), pair("turtle", "ntriples")},
		{"Turtle to Turtle", in("data.ttl"), false, convert("turtle"), pair("turtle", "turtle")},
		{"RDF Patch to RDF Patch", in("data.rdfp"), true, convert("patch"), []peer{{"rdfpatch (Jena)", jena, nil}}},
		{"Turtle with 2,900 prefixes to Turtle", in("many.ttl"), false, convert("turtle"), []peer{
			{"itself with 29", append(slices.Clone(quadrille), convert("turtle")...), in("few.ttl")}, serdi("turtle", "turtle")}},
		{"200 JSON-LD documents with one context", documentNames(dir), false,
			[]string{"check", "-q", "--contexts", filepath.Join(dir, "contexts")}, []peer{{"jsonld.js", jsonld, nil}}},
		{"a literal of 200 MB, N-Triples", in("long.nt"), true, append(convert("ntriples"), "--max-term", "512MiB"),
			[]peer{serdi("ntriples", "ntriples")}},
		{"a literal of 200 MB, Turtle", in("long.nt"), false, append(convert("turtle"), "--max-term", "512MiB"), nil},
		{"a literal of 200 MB, JSON-LD", in("long.jsonld"), false, append(convert("jsonld"), "--max-term", "512MiB"), nil},
	}
}

// installed returns the command if it is installed.
func installed(name string, args ...string) []string {
	path, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	return append([]string{path}, args...)
}

func run(statements, runs int, only string) error {
	dir, err := os.MkdirTemp("", "quadrille-peers-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	quadrille := filepath.Join(dir, "quadrille")
	build := exec.Command("go", "build", "-trimpath", "-o", quadrille, "./cmd/quadrille")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building quadrille: %w\n%s", err, out)
	}
	if err := writeFiles(dir, statements); err != nil {
		return err
	}
	jena, noJena := findJena()
	jsonld, noJSONLD := findJSONLD(dir, filepath.Join(dir, "contexts", "context.jsonld"))
	if missing := errors.Join(noJena, noJSONLD); missing != nil {
		fmt.Println("left out:", missing)
	}
	core := installed("taskset", "-c", "0")
	if core == nil {
		fmt.Println("taskset is not installed: GOMAXPROCS=1 holds quadrille to one core, and nothing the peers")
	}
	fmt.Printf("%d statements a file, median of %d pairs, one core; s: seconds of real time, cpu: of the processor's\n\n",
		statements, runs)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TASK\tMB\tQUADRILLE S\tCPU\tPEAK MB\tPEER\tS\tCPU\tPEAK MB\tPEER/QUADRILLE")
	for _, t := range tasks(dir, []string{quadrille}, jena, jsonld) {
		if !strings.Contains(t.name, only) {
			continue
		}
		if err := t.compare(table, append(slices.Clone(core), quadrille), core, runs); err != nil {
			return err
		}
	}
	return table.Flush()
}

// compare runs the task and writes a line for each peer.
func (t task) compare(table *tabwriter.Writer, quadrille, core []string, runs int) error {
	size, err := t.size()
	if err != nil {
		return err
	}
	ours := slices.Concat(quadrille, t.quadrille, t.files)
	if len(t.peers) == 0 {
		return t.alone(table, size, ours, runs)
	}
	for _, p := range t.peers {
		if p.command == nil {
			fmt.Fprintf(table, "%s\t\t\t\t\t%s is not installed\n", t.name, p.name)
			continue
		}
		theirs := slices.Concat(core, p.command, t.files)
		if p.files != nil {
			theirs = slices.Concat(core, p.command, p.files)
		}
		if err := t.sameLines(ours, theirs); err != nil {
			return err
		}
		var mine, other []cost
		var ratios []float64
		for range runs {
			a, err := measure(ours)
			if err != nil {
				return err
			}
			b, err := measure(theirs)
			if err != nil {
				return err
			}
			mine, other = append(mine, a), append(other, b)
			ratios = append(ratios, b.real.Seconds()/a.real.Seconds())
		}
		a, b := medianCost(mine), medianCost(other)
		slices.Sort(ratios)
		fmt.Fprintf(table, "%s\t%d\t%.2f\t%.2f\t%d\t%s\t%.2f\t%.2f\t%d\t%.1f\n", t.name, size/1e6, a.real.Seconds(),
			a.cpu.Seconds(), a.peak/1000, p.name, b.real.Seconds(), b.cpu.Seconds(), b.peak/1000, ratios[len(ratios)/2])
	}
	return nil
}

// size is that of the files together, in bytes.
func (t task) size() (all int64, err error) {
	for _, name := range t.files {
		info, err := os.Stat(name)
		if err != nil {
			return 0, err
		}
		all += info.Size()
	}
	return all, nil
}

// alone runs a task that has no peers and writes a line.
func (t task) alone(table *tabwriter.Writer, size int64, ours []string, runs int) error {
	var mine []cost
	for range runs {
		c, err := measure(ours)
		if err != nil {
			return err
		}
		mine = append(mine, c)
	}
	c := medianCost(mine)
	fmt.Fprintf(table, "%s\t%d\t%.2f\t%.2f\t%d\n", t.name, size/1e6, c.real.Seconds(), c.cpu.Seconds(), c.peak/1000)
	return nil
}

// sameLines is an error if the outputs differ in their number of lines, where the format has one a statement.
func (t task) sameLines(ours, theirs []string) error {
	if !t.lines {
		return nil
	}
	a, err := lines(ours)
	if err != nil {
		return err
	}
	b, err := lines(theirs)
	if err == nil && a != b {
		err = fmt.Errorf("%v writes %d lines, %v %d", ours, a, theirs, b)
	}
	return err
}

// lines returns the number of lines that a command writes.
func lines(command []string) (lineCounter, error) {
	var n lineCounter
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout = &n
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%v: %w", command, err)
	}
	return n, nil
}

// lineCounter counts lines, and keeps none: what a process says of its peak memory is not less than what this one has
// had when it started it.
type lineCounter int

func (n *lineCounter) Write(p []byte) (int, error) {
	*n += lineCounter(bytes.Count(p, []byte{'\n'}))
	return len(p), nil
}

// cost is what one run of a command takes.
type cost struct {
	real, cpu time.Duration
	peak      int64 // kB
}

// measure runs a command and throws its output away.
func measure(command []string) (cost, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	var failed bytes.Buffer
	cmd.Stderr = &failed
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%v: %w\n%s", command, err, &failed)
	}
	took := time.Since(begin)
	state := cmd.ProcessState
	return cost{took, state.UserTime() + state.SystemTime(), peak(state)}, nil
}

// medianCost returns the run with the median real time.
func medianCost(costs []cost) cost {
	sorted := slices.SortedFunc(slices.Values(costs), func(a, b cost) int { return cmp.Compare(a.real, b.real) })
	return sorted[len(sorted)/2]
}
