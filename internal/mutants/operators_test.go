package mutants

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what comes out into testdata/operators/*.txt")

// TestOperators compares the mutants that an operator makes of testdata/operators/NAME.go with NAME.txt: first the name of
// each, then the lines that it takes out and those that it has in their place.
func TestOperators(t *testing.T) {
	files, err := filepath.Glob("testdata/operators/*.go")
	if err != nil || len(files) != 9 {
		t.Fatalf("%d operators, %v", len(files), err)
	}
	for _, file := range files {
		operator := strings.TrimSuffix(filepath.Base(file), ".go")
		t.Run(operator, func(t *testing.T) {
			source, all := mutantsOf(t, file)
			got := described(source, slices.DeleteFunc(all, func(m Mutant) bool { return m.Operator != operator }))
			golden(t, strings.TrimSuffix(file, ".go")+".txt", got)
		})
	}
}

func mutantsOf(t *testing.T, file string) ([]byte, []Mutant) {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all, err := ofFile("p", filepath.Base(file), source)
	if err != nil {
		t.Fatal(err)
	}
	number(all)
	return source, all
}

func described(source []byte, all []Mutant) []byte {
	var b bytes.Buffer
	for _, m := range all {
		fmt.Fprintln(&b, m)
		before, after := strings.Split(string(source), "\n"), strings.Split(string(m.Apply(source)), "\n")
		from := 0
		for before[from] == after[from] {
			from++
		}
		to := 0
		for to < min(len(before), len(after))-from && before[len(before)-1-to] == after[len(after)-1-to] {
			to++
		}
		show(&b, "-", before[from:len(before)-to])
		show(&b, "+", after[from:len(after)-to])
	}
	return b.Bytes()
}

func show(b *bytes.Buffer, sign string, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(b, strings.TrimRight(sign+" "+strings.ReplaceAll(line, "\t", "  "), " "))
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what came out (-rewrite writes it anew):\n%s", file, got)
	}
}

// TestNamesStay edits a file around a function: the names of the function's mutants stay.
func TestNamesStay(t *testing.T) {
	const text = "package p\n\nfunc f(a, b int) bool { return a < b || a < b }\n"
	const edited = "package p\n\nimport \"os\"\n\nfunc g(a, b int) bool { return a < b }\n\n// f is.\nfunc f(a, b int) bool {\n\treturn a < b ||\n\t\ta < b\n}\n"
	names := func(source string) (names []string) {
		all, err := ofFile("p", "a.go", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		number(all)
		for _, m := range all {
			if m.Function == "f" {
				names = append(names, m.String())
			}
		}
		return names
	}
	want := []string{"p f logic#1 a < b || a < b", "p f compare#1 a < b", "p f compare#2 a < b"}
	if got := names(text); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := names(edited); !slices.Equal(got, want) {
		t.Errorf("edited: got %q", got)
	}
}

// TestSampleIsStable takes mutants away: of those that are left, which are chosen first doesn't change.
func TestSampleIsStable(t *testing.T) {
	_, all := mutantsOf(t, "testdata/operators/compare.go")
	whole := Sample(all, "1", len(all))
	if len(whole) != len(all) || len(Sample(all, "1", len(all)+1)) != len(all) {
		t.Fatalf("%d of %d", len(whole), len(all))
	}
	slices.Reverse(all)
	if got := Sample(all, "1", 3); !slices.Equal(got, whole[:3]) {
		t.Errorf("the order of the mutants matters: %v, %v", got, whole[:3])
	}
	less := slices.DeleteFunc(all, func(m Mutant) bool { return m == whole[1] })
	if got := Sample(less, "1", 2); !slices.Equal(got, []Mutant{whole[0], whole[2]}) {
		t.Errorf("got %v of %v", got, whole)
	}
	if slices.Equal(Sample(less, "2", len(less)), Sample(less, "1", len(less))) {
		t.Error("the seed doesn't matter")
	}
}
