package mutants

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// toy is a package with tests that don't notice everything. They take no time, if the machine is not busy.
var toy = Target{"internal/mutants/testdata/toy", []Suite{{"internal/mutants/testdata/toy", 10 * time.Second, nil}}}

func runner(t *testing.T) *Runner {
	t.Helper()
	if testing.Short() {
		t.Skip("compiles packages again and again")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command to compile mutants with")
	}
	r, err := NewRunner(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestToy shows that each outcome is told from the others.
func TestToy(t *testing.T) {
	r := runner(t)
	batch, err := r.Compile(t.Context(), toy, targetMutants(t, toy))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Outcome{
		"Sign negate#1 n < 0":          Found,
		"Sign compare#1 n < 0":         Survived, // nobody asks for the sign of 0
		"Sum drop#1 n--":               TimedOut,
		"Sum arithmetic#1 sum += n":    Found,
		"Sign constant+1#1 0 in n > 0": Survived, // nor for that of 1
	}
	for _, m := range targetMutants(t, toy) {
		name := strings.TrimPrefix(m.String(), toy.Package+" ")
		expected, ok := want[name]
		if !ok {
			continue
		}
		delete(want, name)
		if got, err := r.Try(t.Context(), toy, m); err != nil || got != expected {
			t.Errorf("%s: %s, %v; want %s", m, got, err, expected)
		}
		if got, err := batch.Try(t.Context(), m); err != nil || got != expected {
			t.Errorf("%s, of many: %s, %v; want %s", m, got, err, expected)
		}
	}
	if len(want) > 0 {
		t.Errorf("not made: %v", want)
	}
	noProgram := Mutant{Package: toy.Package, File: "toy.go", by: "mutant"}
	if got, err := r.Try(t.Context(), toy, noProgram); err != nil || got != NotCompiled {
		t.Errorf("no program: %s, %v", got, err)
	}
}

// TestShapes compiles the mutants of functions of each shape at once: none of them is lost, and the tests find all but one.
func TestShapes(t *testing.T) {
	r := runner(t)
	const pkg = "internal/mutants/testdata/shapes"
	shapes := Target{pkg, []Suite{{pkg, time.Minute, nil}}}
	all := targetMutants(t, shapes)
	batch, err := r.Compile(t.Context(), shapes, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		want := Found
		switch {
		case m.Function == "Limit" || m.Function == "Guarded": // outside of functions, and with recover
			if _, ok := batch.numbers[m]; ok {
				t.Errorf("can't be one of many: %s", m)
			}
			continue
		case strings.Contains(m.String(), "compare#1 m > most"):
			want = Survived
		case m.Operator == "case" && strings.HasPrefix(m.Text, "default"):
			want = NotCompiled
		}
		if _, ok := batch.numbers[m]; !ok {
			t.Errorf("is compiled alone: %s", m)
		}
		if got, err := batch.Try(t.Context(), m); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", m, got, err, want)
		}
	}
}

// TestSlowTestsComeLast: they are those that take more than a tenth of a time that is worth it.
func TestSlowTestsComeLast(t *testing.T) {
	for said, want := range map[string]string{
		"--- PASS: TestA (0.05s)\n--- PASS: TestB (1.00s)\n    --- PASS: TestB/sub (1.00s)\n--- PASS: TestC (0.90s)\nPASS\n": "^(TestB|TestC)$",
		"--- PASS: TestA (0.00s)\n--- PASS: TestB (0.10s)\n":                                                                 "",
		"--- PASS: TestA (1.00s)\n--- PASS: TestB (2.00s)\n":                                                                 "",
	} {
		if got := slowTests(said); got != want {
			t.Errorf("%q: got %q, want %q", said, got, want)
		}
	}
}

// TestCompileFails: tests that fail without a mutant would find every one.
func TestCompileFails(t *testing.T) {
	r := runner(t)
	for _, s := range []Suite{
		{"internal/mutants/testdata/gone", time.Second, nil},
		{"internal/mutants/testdata/toy", time.Second, []string{"-test.run", "("}},
	} {
		if _, err := r.Compile(t.Context(), Target{toy.Package, []Suite{s}}, targetMutants(t, toy)); err == nil {
			t.Errorf("tests that don't run are taken for good ones: %v", s)
		}
	}
}

// TestSampleIsFound tries a few mutants of each package: those that aren't listed are found. "make mutants" tries all.
func TestSampleIsFound(t *testing.T) {
	r := runner(t)
	l := survivors(t)
	const each, longest = 2, 20 * time.Second // on a slow machine fewer are tried
	begun := time.Now()
	for round := range each {
		for _, target := range Targets {
			if time.Since(begun) > longest {
				t.Logf("%v are over in round %d, at %s", longest, round+1, target.Package)
				return
			}
			m := unlisted(l, Sample(targetMutants(t, target), "sample", len(l.Reasons)+each))[round]
			got, err := r.Try(t.Context(), impatient(target), m)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %s", got, m)
			if got == Survived {
				t.Errorf("no test of %v notices this; write one, or list it with a reason: %s", target.Suites, m)
			}
		}
	}
}

// impatient returns the target with tests that may take less time: who doesn't end is found sooner.
func impatient(target Target) Target {
	target.Suites = slices.Clone(target.Suites)
	for i := range target.Suites {
		target.Suites[i].Timeout = min(target.Suites[i].Timeout, 10*time.Second)
	}
	return target
}

func unlisted(l List, all []Mutant) (rest []Mutant) {
	for _, m := range all {
		if _, listed := l.Reasons[m.String()]; !listed {
			rest = append(rest, m)
		}
	}
	return rest
}
