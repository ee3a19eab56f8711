package connectors

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// TestDemoWithKafka: the demo's changes go through a topic, and none is lost or doubled; nothing is left there.
func TestDemoWithKafka(t *testing.T) {
	k := startKafka(t)
	runDemo(t, "kafka="+k.Address(0))
	topics, err := k.admin.ListTopics(t.Context())
	if err != nil || len(topics) > 0 {
		t.Errorf("left: %v, %v", topics.Names(), err)
	}
}

// runDemo runs the demo with a peer as a process.
func runDemo(t *testing.T, with string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), self, "demo", "--changes", "4000", "--json", "--with", with).Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("%v: %s\n%s", err, out, exit.Stderr)
	}
	var result struct {
		Accepted int
		Killed   string
		Moves    int
		Good     bool
	}
	if err := json.Unmarshal(out, &result); err != nil || result.Accepted != 4000 || result.Killed != "n3" || result.Moves < 2 ||
		!result.Good {
		t.Errorf("%v: %s", err, out)
	}
}
