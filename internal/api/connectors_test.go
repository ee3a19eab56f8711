package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
)

// TestConnectorsThatFail: the status has a sentence for each source and sink that fails, none for the others, and one for the dead letters of
// the node's own shards.
func TestConnectorsThatFail(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	failing := &client.Failure{Since: at.Add(time.Minute), Error: "no route"}
	source := func(s client.SourceStatus) func() client.SourceStatus { return func() client.SourceStatus { return s } }
	sink := func(s client.SinkStatus) func() client.SinkStatus { return func() client.SinkStatus { return s } }
	many := client.SinkStatus{Name: "many"}
	for shard := range 10 {
		many.Shards = append(many.Shards, client.SinkShard{Shard: shard, Failing: failing})
	}
	seconds := 1.5
	url := serve(t, &scripted{status: node.Status{Node: "n1", Degraded: []string{"what the node says"},
		Shards: []node.ShardStatus{{Owner: "n1"}, {Shard: 1, Owner: "n1", Letters: 2, State: "owning"}, {Shard: 2, Owner: "n2", Letters: 9},
			{Shard: 3, Owner: "n1", Letters: 3}}}}, api.Config{
		Sources: []func() client.SourceStatus{source(client.SourceStatus{Name: "plant", Home: 3, Failing: failing}),
			source(client.SourceStatus{Name: "good", Running: true, Messages: 9, Lag: &client.Lag{Count: 4, Seconds: &seconds}}),
			source(client.SourceStatus{Name: "poor", Running: true, Messages: 7, Rejected: 2, Lag: &client.Lag{Count: 500, Unit: client.UnitBytes}})},
		Sinks: []func() client.SinkStatus{sink(many), sink(client.SinkStatus{Name: "files", Shards: []client.SinkShard{{Shard: 0, Position: new(uint64)},
			{Shard: 1, Failing: failing}, {Shard: 4, Failing: &client.Failure{Since: at, Error: "no space\nno inode"}}}})},
	})
	answer, body := call(t, "GET", url+"/v1/status", "")
	var s client.Status
	if err := json.Unmarshal([]byte(body), &s); err != nil || answer.StatusCode != 200 {
		t.Fatal(answer.Status, err)
	}
	want := []string{
		"what the node says",
		"source plant of node n1 fails (shard 3) since 2026-01-02T03:05:05Z: no route",
		"sink files of node n1 fails (shards 1, 4) since 2026-01-02T03:04:05Z: no space; no inode",
		"sink many of node n1 fails (shards 0, 1, 2, 3, 4, 5, 6, 7 and 2 more) since 2026-01-02T03:05:05Z: no route",
		"5 messages could not be taken in and are dead letters (shards 1, 3, node n1); quadrille dlq shows, retries and drops them",
	}
	if diff := cmp.Diff(want, s.Degraded); diff != "" {
		t.Error(diff)
	}
	if len(s.Sources) != 3 || s.Sources[0].Name != "good" || !s.Sources[1].Failing.Since.Equal(failing.Since) || len(s.Sinks) != 2 {
		t.Errorf("%+v %+v", s.Sources, s.Sinks)
	}
	_, metrics := call(t, "GET", url+"/metrics", "")
	for _, want := range []string{"quadrille_degraded 1", `quadrille_sink_failing_shards{sink="files"} 2`,
		`quadrille_sink_position{shard="0",sink="files"} 0`, `quadrille_source_failing{source="good"} 0`,
		`quadrille_shard_dead_letters{shard="1"} 2`, `quadrille_source_lag_messages{source="good"} 4`, `quadrille_source_lag_seconds{source="good"} 1.5`,
		`quadrille_source_lag_bytes{source="poor"} 500`} {
		if !strings.Contains(metrics, "\n"+want+"\n") {
			t.Errorf("no %s", want)
		}
	}
}

// TestOneLetter: of one dead letter the status speaks as of one.
func TestOneLetter(t *testing.T) {
	url := serve(t, &scripted{status: node.Status{Node: "n1", Shards: []node.ShardStatus{{Owner: "n1", Letters: 1}}}}, api.Config{})
	_, body := call(t, "GET", url+"/v1/status", "")
	if want := "a message could not be taken in and is a dead letter (shard 0, node n1); "; !strings.Contains(body, want) {
		t.Errorf("no %q in %s", want, body)
	}
}
