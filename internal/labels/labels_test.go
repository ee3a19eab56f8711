package labels

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTaken(t *testing.T) {
	i := Issuer{Name: "anon"}
	for _, step := range []struct {
		label string // "": issue a number
		next  uint64
		taken bool
	}{
		{label: "anon2"}, {next: 3}, {label: "anon2"}, {label: "anon0"}, {label: "anon3", taken: true}, {label: "anon3__", taken: true},
		{label: "anon5_"}, {next: 6}, {label: "anon5"}, {label: "anon5_"}, {label: "anon6_", taken: true}, {label: "anon06"}, {label: "anon"},
		{label: "anon_"}, {label: "anon6x"}, {label: "b6"}, {label: "anon18446744073709551615"}, {label: "anon99999999999999999999"}, {next: 7},
		{label: "anon4"}, {label: "anon7", taken: true},
	} {
		if step.label == "" {
			if n := i.Next(); n != step.next {
				t.Errorf("issued %d, expected %d", n, step.next)
			}
		} else if taken := i.Taken(step.label); taken != step.taken {
			t.Errorf("%s: %v", step.label, taken)
		}
	}
}

// Different nodes have different labels, one node has one, and without issued labels all stay.
func TestLabelsDiffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := Issuer{Name: "b"}
		of, by := map[string]string{}, map[string]string{}
		issued := false
		for step := range rapid.IntRange(0, 40).Draw(t, "steps") {
			node, label := "", ""
			if rapid.Bool().Draw(t, "issue") {
				node, label, issued = fmt.Sprint("node ", step), fmt.Sprint("b", i.Next()), true
			} else {
				node = fmt.Sprint("b", rapid.IntRange(0, 9).Draw(t, "number")) + strings.Repeat("_", rapid.IntRange(0, 2).Draw(t, "underscores"))
				if label = node; i.Taken(node) {
					label += "_"
				}
			}
			if before, ok := of[node]; ok && before != label {
				t.Fatalf("%s is %s and %s", node, before, label)
			}
			if other, ok := by[label]; ok && other != node {
				t.Fatalf("%s and %s are %s", other, node, label)
			}
			if of[node], by[label] = label, node; !issued && label != node {
				t.Fatalf("%s became %s", node, label)
			}
		}
	})
}
