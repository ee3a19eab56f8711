package nearest

import "testing"

func TestOf(t *testing.T) {
	for _, test := range []struct {
		name  string
		known []string
		want  string
	}{
		{"dubble", []string{"decimal", "double", "duration"}, "double"},
		{"x", []string{"b", "a"}, "a"},
		{"", []string{"long", "s"}, "s"},
		{"kafka", []string{"kafka"}, "kafka"},
		{"any", nil, ""},
	} {
		if got := Of(test.name, test.known); got != test.want {
			t.Errorf("%q among %q: %q, want %q", test.name, test.known, got, test.want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"engine", "engines", 1}, {"ab", "ba", 2}} {
		if got, back := Distance(test.a, test.b), Distance(test.b, test.a); got != test.want || back != test.want {
			t.Errorf("%q to %q: %d, back %d, want %d", test.a, test.b, got, back, test.want)
		}
	}
}
