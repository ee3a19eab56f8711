package mutants

import (
	"os"
	"strings"
	"testing"
)

// root is the module's root, seen from this package.
const root = "../.."

// most is how many mutants of a package may be listed. It may be lowered, and is raised only with a reason: a test that finds
// a mutant is better.
var most = map[string]int{
	"connector/file":    26,
	"coordinator":       19,
	"internal/pipeline": 5,
	"mapping":           1,
	"node/core":         4,
	"operator":          47,
	"operator/dataset":  10,
	"shipper":           13,

	"connector/internal/ahead":                4,
	"connector/internal/entry":                1,
	"connector/internal/mirror":               7,
	"internal/pipeline/core":                  3,
	"shipper/internal/exchange":               28,
	"shipper/natstransport/internal/fragment": 9,
}

func survivors(t *testing.T) List {
	t.Helper()
	f, err := os.Open("testdata/survivors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l, err := ReadList(f)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// TestListIsTrue fails for a listed mutant that the code doesn't have any more, that has no reason, or that is one too many.
func TestListIsTrue(t *testing.T) {
	l := survivors(t)
	left := len(l.Reasons)
	for _, target := range Targets {
		exists := map[string]bool{}
		for _, m := range targetMutants(t, target) {
			exists[m.String()] = true
		}
		names := l.Of(target.Package)
		left -= len(names)
		for _, name := range names {
			if !exists[name] {
				t.Errorf("is not in the code any more, take it out: %s", name)
			}
			if !isReason(l.Reasons[name]) {
				t.Errorf("has no reason: %s", name)
			}
		}
		if len(names) > most[target.Package] {
			t.Errorf("%s has %d mutants that no test notices, %d are allowed", target.Package, len(names), most[target.Package])
		}
	}
	if left != 0 {
		t.Errorf("%d mutants are listed of packages that are not in Targets", left)
	}
}

func isReason(text string) bool {
	for _, kind := range []string{"equivalent: ", "not noticed: "} {
		if after, ok := strings.CutPrefix(text, kind); ok && len(after) > 10 {
			return true
		}
	}
	return false
}

func targetMutants(t *testing.T, target Target) []Mutant {
	t.Helper()
	all, err := Of(root, target.Package)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReadList(t *testing.T) {
	const text = "# header\np f drop#1 a()\tequivalent: a does nothing\np/q f drop#1 a()\t\n"
	l, err := ReadList(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Of("p"); len(got) != 1 || l.Reasons[got[0]] != "equivalent: a does nothing" || l.Reasons["p/q f drop#1 a()"] != "" {
		t.Errorf("got %v of %+v", got, l)
	}
	var out strings.Builder
	if err := l.Write(&out); err != nil || out.String() != text {
		t.Errorf("written: %q, %v", out.String(), err)
	}
	for _, bad := range []string{"no tab", "p f drop#1 a()\tb\np f drop#1 a()\tb", "\n"} {
		if l, err := ReadList(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is taken: %+v", bad, l)
		}
	}
}
