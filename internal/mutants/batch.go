package mutants

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Batch is many mutants of a target that are compiled at once: what a mutant then costs is its tests alone. Its methods may not
// be called at once.
type Batch struct {
	runner  *Runner
	target  Target
	numbers map[Mutant]int // from 1; those that are not in it are compiled one by one
	broken  map[int]bool   // those that are no Go program
	suites  []compiled
}

// compiled is a suite's test binary.
type compiled struct {
	suite Suite
	file  string
}

// Compile compiles mutants of a target and the tests for them. It fails where a test fails without a mutant: such a test would
// "find" every mutant. How long the tests take then says how long they may take with one.
func (r *Runner) Compile(ctx context.Context, t Target, all []Mutant) (*Batch, error) {
	b := &Batch{runner: r, target: t, numbers: map[Mutant]int{}, broken: map[int]bool{}}
	for i, m := range all {
		b.numbers[m] = i + 1
	}
	overlay, err := b.instrument(ctx)
	if err != nil {
		return nil, err
	}
	for i, s := range t.Suites {
		c := compiled{s, filepath.Join(r.dir, fmt.Sprintf("suite%d.test", i))}
		if said, err := r.goCommand(ctx, "test", "-c", "-vet=off", ldflags, "-overlay", overlay, "-o", c.file, "./"+s.Package); err != nil {
			return nil, fmt.Errorf("compile the tests of %s: %w\n%s", s.Package, err, said)
		}
		halves, err := r.measure(ctx, c)
		if err != nil {
			return nil, err
		}
		b.suites = append(b.suites, halves...)
	}
	return b, nil
}

// instrument writes the package with all of its mutants, leaves those out that the compiler doesn't take, and returns the name of
// the overlay.
func (b *Batch) instrument(ctx context.Context) (string, error) {
	for {
		overlay, err := b.write()
		if err != nil {
			return "", err
		}
		// With -e the compiler tells more than the first ten errors.
		said, err := b.runner.goCommand(ctx, "build", "-gcflags=-e", "-overlay", overlay, "./"+b.target.Package)
		if err == nil {
			return overlay, nil
		}
		more := false
		for _, n := range brokenMutants(said) {
			more = more || !b.broken[n]
			b.broken[n] = true
		}
		if !more {
			return "", fmt.Errorf("compile the mutants of %s: %w\n%s", b.target.Package, err, said)
		}
	}
}

var errorPlace = regexp.MustCompile(`(?m)` + suffixPattern + `\.go:\d+`)

const suffixPattern = `_mutant(\d+)`

// brokenMutants are those in which the compiler has found errors.
func brokenMutants(said string) []int {
	var numbers []int
	for _, match := range errorPlace.FindAllStringSubmatch(said, -1) {
		if n, err := strconv.Atoi(match[1]); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// write writes the overlay: each file of the package, and the one with the switch.
func (b *Batch) write() (string, error) {
	byFile := map[string]map[int]Mutant{}
	for m, n := range b.numbers {
		if b.broken[n] {
			continue
		}
		if byFile[m.File] == nil {
			byFile[m.File] = map[int]Mutant{}
		}
		byFile[m.File][n] = m
	}
	replace := map[string]string{}
	pkg := ""
	for file, numbered := range byFile {
		original := b.runner.original(b.target.Package, file)
		source, err := os.ReadFile(original)
		if err != nil {
			return "", err
		}
		with, err := instrument(file, source, numbered)
		if err != nil {
			return "", err
		}
		pkg = with.pkg
		b.leaveOut(numbered, with.numbers)
		if replace[original], err = b.runner.write(file, with.text); err != nil {
			return "", err
		}
	}
	const added = "mutants_switch.go"
	name, err := b.runner.write(added, fmt.Appendf(nil, switchFile, pkg))
	replace[b.runner.original(b.target.Package, added)] = name
	if err != nil {
		return "", err
	}
	return b.runner.writeOverlay(replace)
}

// leaveOut forgets the mutants that could not be put into the batch.
func (b *Batch) leaveOut(numbered map[int]Mutant, in []int) {
	for n, m := range numbered {
		if !slices.Contains(in, n) {
			delete(b.numbers, m)
		}
	}
}

// timeFor is how long tests may take with a mutant that take d without.
func timeFor(d time.Duration) time.Duration { return 5*time.Second + 10*d }

// measure runs a suite without a mutant, and returns it with its time limit: the tests that take most of the time come last.
func (r *Runner) measure(ctx context.Context, c compiled) ([]compiled, error) {
	begun := time.Now()
	c.suite.Flags = append(slices.Clone(c.suite.Flags), "-test.v")
	outcome, said, err := r.run(ctx, c, 0)
	if err != nil || outcome != Survived {
		return nil, errors.Join(err, fmt.Errorf("without a mutant: %s: %s\n%s", c.suite.Package, outcome, said))
	}
	c.suite.Flags = c.suite.Flags[:len(c.suite.Flags)-1]
	c.suite.Timeout = min(c.suite.Timeout, timeFor(time.Since(begun)))
	slow := slowTests(said)
	if slow == "" {
		return []compiled{c}, nil
	}
	first, last := c, c
	first.suite.Flags = append(slices.Clone(c.suite.Flags), "-test.skip", slow)
	last.suite.Flags = append(slices.Clone(c.suite.Flags), "-test.run", slow)
	return []compiled{first, last}, nil
}

var passed = regexp.MustCompile(`(?m)^--- PASS: (\w+) \((\d+\.\d+)s\)`)

// slowTests is a pattern of the tests that took more than a tenth of the time of all, given what they said of it; empty if
// there are none, or if all that is to be tried takes little time.
func slowTests(said string) string {
	const little = 0.2 // seconds
	times := map[string]float64{}
	var all float64
	for _, match := range passed.FindAllStringSubmatch(said, -1) {
		if seconds, err := strconv.ParseFloat(match[2], 64); err == nil {
			times[match[1]] = seconds
			all += seconds
		}
	}
	var slow []string
	for name, seconds := range times {
		if all > little && seconds > all/10 {
			slow = append(slow, name)
		}
	}
	if len(slow) == 0 || len(slow) == len(times) {
		return ""
	}
	slices.Sort(slow)
	return "^(" + strings.Join(slow, "|") + ")$"
}

// run runs a test binary with a mutant, or with none, which is 0.
func (r *Runner) run(ctx context.Context, c compiled, mutant int) (Outcome, string, error) {
	args := append([]string{"-test.failfast", "-test.timeout", c.suite.Timeout.String()}, c.suite.Flags...)
	// A test that never yields is not ended by its own timeout.
	limited, cancel := context.WithTimeout(ctx, 2*c.suite.Timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, c.file, args...)
	cmd.Dir = filepath.Join(r.root, filepath.FromSlash(c.suite.Package))
	cmd.Env = append(os.Environ(), switchEnv+"="+strconv.Itoa(mutant))
	cmd.WaitDelay = time.Second
	said, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", "", ctx.Err()
	}
	if limited.Err() != nil {
		return TimedOut, string(said), nil
	}
	outcome, err := outcomeOf(string(said), err)
	return outcome, string(said), err
}

// Try runs the target's tests on a mutant until one fails.
func (b *Batch) Try(ctx context.Context, m Mutant) (Outcome, error) {
	n, ok := b.numbers[m]
	switch {
	case !ok:
		return b.runner.Try(ctx, b.target, m)
	case b.broken[n]:
		return NotCompiled, nil
	}
	for _, c := range b.suites {
		if outcome, _, err := b.runner.run(ctx, c, n); err != nil || outcome != Survived {
			return outcome, err
		}
	}
	return Survived, nil
}
