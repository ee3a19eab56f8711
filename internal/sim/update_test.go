package sim

import (
	"fmt"
	"strings"
	"testing"
)

// TestCounters: 64 clients count two subjects by SPARQL Updates, through whichever node, while nodes are killed and start again. Each
// update counts once.
func TestCounters(t *testing.T) {
	const clients, subjects = 64, 2
	for nodes, kills := range map[int][]string{
		1: {"kill n1", "start n1", "until has entered"},
		3: {"kill n1", "start n1", "run 2s", "kill n2", "start n2"},
	} {
		s := &scenario{docs: map[string]*document{}}
		do := func(format string, args ...any) {
			t.Helper()
			line := fmt.Sprintf(format, args...)
			if err := s.command(strings.Fields(line), line); err != nil {
				t.Fatal(line, err)
			}
		}
		do("cluster nodes=%d shards=2 seed=7", nodes)
		for round := range 3 {
			for c := range clients {
				do("update key:c%d/%d n%d x%d", c, round, (c+round)%nodes+1, c%subjects)
			}
			if round == 1 { // between the appends and their answers
				do("next 0 answer-lost")
				do("next 1 answer-lost")
				do("run 5ms")
				for _, line := range kills {
					do("%s", line)
				}
			}
			do("settle")
		}
		counted := model{}
		for _, shard := range s.w.check.shards {
			for line := range shard.logged {
				counted[line] = true
			}
		}
		for subject := range subjects {
			if want := number(fmt.Sprintf("<urn:x%d>", subject), "<urn:n>", 3*clients/subjects); !counted[want] {
				t.Errorf("%d nodes: %s is not in %v", nodes, want, counted)
			}
		}
		if s.w.violation != nil || len(counted) != subjects {
			t.Errorf("%d nodes: %v, %v", nodes, s.w.violation, counted)
		}
	}
}
