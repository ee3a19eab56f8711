package mutants

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Suite is one run of the tests of one package.
type Suite struct {
	// Package is the folder in the module.
	Package string
	// Timeout ends a test that a mutant keeps from ending.
	Timeout time.Duration
	// Flags are those of the test binary besides.
	Flags []string
}

// Target is a package whose mutants are tried.
type Target struct {
	// Package is the folder in the module.
	Package string
	// Suites test it: the fast ones, which find most, stand first.
	Suites []Suite
}

// simulation runs the scenarios, and a few of the random schedules.
var simulation = Suite{"internal/sim", time.Minute, []string{
	"-test.run", "TestScenarios|TestFencingRemoved|TestMemoryRemoved|TestConnectorsThatAreWrong|TestReproducible|TestSchedules", "-sim.schedules", "80",
}}

// Targets are the packages in which a line that nobody guards can lose data.
var Targets = []Target{
	{"operator", []Suite{property("operator"), property("operator/dataset"), simulation}},
	{"operator/dataset", []Suite{property("operator/dataset"), simulation}},
	{"coordinator", []Suite{property("coordinator"), property("node/core"), simulation}},
	{"node/core", []Suite{property("node/core"), simulation, {"node", 2 * time.Minute, []string{"-test.short"}}}},
	{"shipper", []Suite{property("shipper"), simulation, unit("shipper/natstransport")}},
	{"shipper/natstransport/internal/fragment", []Suite{
		property("shipper/natstransport/internal/fragment"), unit("shipper/natstransport"),
	}},
	{"shipper/internal/exchange", []Suite{property("shipper/internal/exchange")}},
	{"internal/pipeline", []Suite{unit("internal/pipeline")}},
	{"internal/pipeline/core", []Suite{unit("internal/pipeline/core"), unit("internal/pipeline"), simulation}},
	{"connector/file", []Suite{unit("connector/file")}},
	{"connector/http", []Suite{unit("connector/http")}},
	{"connector/internal/ahead", []Suite{unit("connector/internal/ahead")}},
	{"connector/internal/entry", []Suite{unit("connector/internal/entry"), unit("connector/delta"), unit("connector/sse")}},
	{"connector/internal/filelock", []Suite{unit("connector/file"), unit("connector/webhook")}},
	{"connector/internal/mirror", []Suite{unit("connector/internal/mirror"), unit("connector/poll")}},
	{"connector/internal/tlserror", []Suite{unit("connector/internal/tlserror")}},
	{"connector/endpoint", []Suite{unit("connector/endpoint"), unit("connector/poll")}},
	{"connector/delta", []Suite{unit("connector/delta")}},
	{"connector/kafka", []Suite{slow("connector/kafka")}},
	{"connector/mqtt", []Suite{slow("connector/mqtt")}},
	{"connector/mqtt/sparkplug", []Suite{unit("connector/mqtt/sparkplug"), slow("connector/mqtt")}},
	{"connector/nats", []Suite{slow("connector/nats")}},
	{"connector/opcua", []Suite{slow("connector/opcua")}},
	{"connector/poll", []Suite{unit("connector/poll")}},
	{"connector/sparql", []Suite{slow("connector/sparql")}},
	{"connector/sse", []Suite{unit("connector/sse")}},
	{"connector/webhook", []Suite{unit("connector/webhook")}},
	{"mapping", []Suite{property("mapping")}},
}

// slow is unit, of a package whose tests talk to servers.
func slow(pkg string) Suite { return Suite{pkg, 3 * time.Minute, []string{"-test.short"}} }

// unit is the run of a package's own tests.
func unit(pkg string) Suite { return Suite{pkg, 30 * time.Second, []string{"-test.short"}} }

// property is unit, of a package with property tests: they look for no simpler example of what a mutant breaks, and keep none.
func property(pkg string) Suite {
	s := unit(pkg)
	s.Flags = append(s.Flags, "-rapid.shrinktime=0s", "-rapid.nofailfile")
	return s
}

// TargetOf returns the target of a package.
func TargetOf(pkg string) (Target, error) {
	for _, t := range Targets {
		if t.Package == pkg {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("no tests are known for %s: add it to Targets", pkg)
}

// Outcome is what became of a mutant.
type Outcome string

// The outcomes.
const (
	// Survived: all tests pass.
	Survived Outcome = "survived"
	// Found: a test fails.
	Found Outcome = "found"
	// TimedOut: a test doesn't end. The mutant is found.
	TimedOut Outcome = "timed out"
	// NotCompiled: the change is no Go program, and says nothing about tests.
	NotCompiled Outcome = "not compiled"
)

// Runner runs tests on mutants. Its methods may not be called at once.
type Runner struct {
	root, dir string
}

// NewRunner returns a runner for the module at root, which keeps its files in dir.
func NewRunner(root, dir string) (*Runner, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	return &Runner{root, dir}, err
}

// Try runs the tests of a target on one of its mutants, compiled alone, until one fails.
func (r *Runner) Try(ctx context.Context, t Target, m Mutant) (Outcome, error) {
	overlay, err := r.overlay(m)
	if err != nil {
		return "", err
	}
	for _, s := range t.Suites {
		if outcome, err := r.test(ctx, s, overlay); err != nil || outcome != Survived {
			return outcome, err
		}
	}
	return Survived, nil
}

// overlay writes the changed file, and the file that tells the go command to compile it in place of the one in the tree.
func (r *Runner) overlay(m Mutant) (string, error) {
	original := r.original(m.Package, m.File)
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	changed, err := r.write("mutant.go", m.Apply(source))
	if err != nil {
		return "", err
	}
	return r.writeOverlay(map[string]string{original: changed})
}

// original is the name of a file of the tree.
func (r *Runner) original(pkg, file string) string {
	return filepath.Join(r.root, filepath.FromSlash(pkg), file)
}

// write writes a file of the runner's own folder, and returns its name.
func (r *Runner) write(file string, text []byte) (string, error) {
	name := filepath.Join(r.dir, file)
	return name, os.WriteFile(name, text, 0o600)
}

func (r *Runner) writeOverlay(replace map[string]string) (string, error) {
	text, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	return r.write("overlay.json", text)
}

// ldflags tells the linker to leave out what only a debugger needs, which takes a third of its time.
const ldflags = "-ldflags=-s -w"

// test runs a suite.
func (r *Runner) test(ctx context.Context, s Suite, overlay string) (Outcome, error) {
	args := []string{
		"test", "-vet=off", "-failfast", ldflags, "-timeout", s.Timeout.String(), "-overlay", overlay, "./" + s.Package,
	}
	said, err := r.goCommand(ctx, append(args, s.Flags...)...)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	return outcomeOf(said, err)
}

// goCommand runs the go command, and returns also what it said.
func (r *Runner) goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = r.root
	said, err := cmd.CombinedOutput()
	return string(said), err
}

func outcomeOf(said string, err error) (Outcome, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return Survived, nil
	case !errors.As(err, &exit):
		return "", fmt.Errorf("go test: %w", err)
	case strings.Contains(said, "[build failed]") || strings.Contains(said, "[setup failed]"):
		return NotCompiled, nil
	case strings.Contains(said, "panic: test timed out after"):
		return TimedOut, nil
	}
	return Found, nil
}
