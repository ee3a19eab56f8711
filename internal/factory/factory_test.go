package factory

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
)

// requests returns all requests of n senders.
func requests(m *Model, n, batch int) (list [][]byte, rows int) {
	for i := range n {
		s := m.Sender(i, n, batch)
		for {
			body, k := s.Next(nil)
			if k == 0 {
				break
			}
			rows += k
			list = append(list, body)
		}
	}
	return list, rows
}

func TestRequestsComeToTheExpectation(t *testing.T) {
	for _, changes := range []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 24, 25, 26, 49, 50, 51, 99, 1000, 1001, 1002, 1003, 20_000} {
		for _, senders := range []int{1, 3, 7} {
			m := New(changes)
			bodies, rows := requests(m, senders, 40)
			if m.Changes() != changes || rows != changes {
				t.Fatalf("%d changes: the model says %d, the requests have %d", changes, m.Changes(), rows)
			}
			quads, seen := map[string]bool{}, map[string]bool{}
			for _, body := range bodies {
				if !bytes.HasPrefix(body, []byte("TX .\n")) || !bytes.HasSuffix(body, []byte("\nTC .\n")) {
					t.Fatalf("not one transaction:\n%s", body)
				}
				for row := range changeRows(body) {
					if seen[string(row)] {
						t.Fatalf("%d changes: twice: %s", changes, row)
					}
					seen[string(row)] = true
					quad := string(row[2:])
					if adds := row[0] == 'A'; adds == quads[quad] {
						t.Fatalf("%d changes: no change: %s", changes, row)
					} else if adds {
						quads[quad] = true
					} else {
						delete(quads, quad)
					}
				}
			}
			got := slices.Sorted(maps.Keys(quads))
			want := slices.Sorted(m.Expected())
			if !slices.Equal(got, want) {
				t.Fatalf("%d changes come to\n%s\nexpected\n%s", changes, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

func TestNoSensorTwiceInARequest(t *testing.T) {
	bodies, _ := requests(New(1000), 3, 1000)
	for _, body := range bodies {
		times := map[string]int{}
		for row := range changeRows(body) {
			if strings.Contains(string(row), "hasSimpleResult") && row[0] == 'A' {
				subject, _, _ := strings.Cut(string(row[2:]), " ")
				times[subject]++
			}
		}
		for subject, n := range times {
			if n > 1 {
				t.Fatalf("%s comes %d times in\n%s", subject, n, body)
			}
		}
	}
}

// checked feeds a check with a run in which nothing goes wrong but what the test does to the logs and the data.
func checked(t *testing.T, spoilLogs func([][]byte) [][]byte, spoilData func([]string) []string) Result {
	t.Helper()
	m, c := New(500), NewCheck()
	bodies, _ := requests(m, 1, 40)
	for _, body := range bodies {
		c.Accepted(body)
	}
	for _, body := range spoilLogs(bodies) {
		c.Logged(body)
	}
	data := strings.Join(spoilData(slices.Collect(m.Expected())), "\n")
	if err := c.Data(strings.NewReader(data), m.Expected()); err != nil {
		t.Fatal(err)
	}
	return c.Result()
}

func TestCheck(t *testing.T) {
	logs := func(bodies [][]byte) [][]byte { return bodies }
	data := func(lines []string) []string { return lines }
	quads := 5 * New(500).Sensors()
	tests := []struct {
		name string
		logs func([][]byte) [][]byte
		data func([]string) []string
		want Result
	}{
		{"good", logs, data, Result{Accepted: 500, Quads: quads}},
		{"a row lost",
			func(b [][]byte) [][]byte {
				last := b[len(b)-1]
				end := bytes.LastIndex(last, []byte("A ")) // of the last row
				return append(b[:len(b)-1:len(b)-1], last[:end])
			}, data, Result{Accepted: 500, Lost: 1, Quads: quads}},
		{"a request twice",
			func(b [][]byte) [][]byte { return append(b[:len(b):len(b)], b[0]) }, data,
			Result{Accepted: 500, Duplicated: 40, Inexact: 0, Quads: quads}},
		{"unasked", func(b [][]byte) [][]byte { return append(b, []byte("A <s:1> <p:1> <o:1> .\n")) }, data,
			Result{Accepted: 500, Unasked: 1, Quads: quads}},
		{"a quad missing", logs, func(l []string) []string { return l[1:] },
			Result{Accepted: 500, Quads: quads, Missing: 1}},
		{"another quad instead", logs, func(l []string) []string { return append(l[1:], "<s:1> <p:1> <o:1> .") },
			Result{Accepted: 500, Quads: quads, Missing: 1, Extra: 1}},
		{"a quad twice", logs, func(l []string) []string { return append(l, l[0]) },
			Result{Accepted: 500, Quads: quads, Extra: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := checked(t, test.logs, test.data)
			got.Inexact, test.want.Inexact = 0, 0 // has a test of its own
			if got != test.want || got.Good() != (test.name == "good") {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func TestCheckFindsWrongOrder(t *testing.T) {
	c := NewCheck()
	one, two := []byte("D <s:1> <p:1> \"1\" .\nA <s:1> <p:1> \"2\" .\n"), []byte("D <s:1> <p:1> \"2\" .\nA <s:1> <p:1> \"3\" .\n")
	begin := []byte("A <s:1> <p:1> \"1\" .\n")
	for _, body := range [][]byte{begin, one, two} {
		c.Accepted(body)
	}
	for _, body := range [][]byte{begin, two, one} {
		c.Logged(body)
	}
	if r := c.Result(); r.Inexact == 0 || r.Lost != 0 || r.Duplicated != 0 {
		t.Errorf("%+v", r)
	}
}

// TestSensorsHaveAllTheirQuads: after the first request of a sensor, and each later one, all that it has is about its subject.
func TestSensorsHaveAllTheirQuads(t *testing.T) {
	m := New(5_000)
	s, quads := m.Sender(0, 1, 1), map[string]bool{}
	for range 3 * m.Sensors() {
		body, _ := s.Next(nil)
		for row := range changeRows(body) {
			if quads[string(row[2:])] = true; row[0] == 'D' {
				delete(quads, string(row[2:]))
			}
		}
	}
	count := map[string]int{}
	for quad := range quads {
		subject, _, _ := strings.Cut(quad, " ")
		count[subject]++
	}
	for sensor := range m.Sensors() {
		if n := count[m.Subject(sensor)]; n != Quads {
			t.Errorf("%s has %d quads, want %d", m.Subject(sensor), n, Quads)
		}
	}
}
