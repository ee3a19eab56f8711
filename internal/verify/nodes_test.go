package verify

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
)

// fakeNode answers with a report, and with the ids of records. Each connection has a goroutine of its own.
type fakeNode struct {
	report *client.Report
	ids    map[string]string // by place
	silent bool              // it has no report

	mu   sync.Mutex
	late map[string]int // places where the record is there only after so many questions
	busy int            // so many requests are answered so
}

// ServeHTTP implements [http.Handler].
func (n *fakeNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch at := r.URL.Query().Get("at"); {
	case n.busy > 0:
		n.busy--
		w.Header().Set("Retry-After", "0")
		w.WriteHeader(http.StatusServiceUnavailable)
	case n.silent:
		w.WriteHeader(http.StatusInternalServerError)
	case at == "":
		_ = json.NewEncoder(w).Encode(client.Verification{Report: n.report})
	default:
		v := client.Verification{}
		for place := range strings.SplitSeq(at, ",") {
			id := n.ids[place]
			if n.late[place] > 0 {
				n.late[place]--
				id = ""
			}
			v.IDs = append(v.IDs, id)
		}
		_ = json.NewEncoder(w).Encode(v)
	}
}

// replica is the report of a node whose only log ends with a record.
func replica(last uint64, head string) *client.Report {
	return &client.Report{Pipeline: "p", Replica: true, Replicas: 2, Servers: []string{"n1", "n2"}, Streams: []string{"s"},
		Logs: []client.LogReport{{Shard: 0, Records: last, First: 1, Last: last, Head: head}}}
}

// verifyFakes checks nodes n1, n2, …
func verifyFakes(t *testing.T, nodes ...*fakeNode) (*Nodes, error) {
	t.Helper()
	status := client.Status{Pipeline: "p", Node: "n1"}
	var first string
	for i, n := range nodes {
		name := "n" + strconv.Itoa(i+1)
		if n.report != nil {
			n.report.Node = cmp.Or(n.report.Node, name)
		}
		mux := http.NewServeMux()
		mux.Handle("/v1/verify", n)
		mux.HandleFunc("/v1/status", func(w http.ResponseWriter, _ *http.Request) {
			own := status
			own.Node = name
			_ = json.NewEncoder(w).Encode(own)
		})
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		first = cmp.Or(first, server.URL)
		status.Members = append(status.Members, client.MemberStatus{Name: name, Info: server.URL})
	}
	cl := client.New("")
	defer cl.Close()
	done, err := CheckNodes(t.Context(), cl, []string{first}, 0)
	if err != nil {
		t.Fatal(err)
	}
	err = done.Err()
	text, encoded := json.Marshal(done)
	v := new(Nodes) // as it is printed
	if decoded := json.Unmarshal(text, v); encoded != nil || decoded != nil {
		t.Fatalf("%v, %v, %v: %s", err, encoded, decoded, text)
	}
	if v.Good != (err == nil) {
		t.Errorf("good is %v, and the error %v", v.Good, err)
	}
	return v, err
}

// TestCompareNodes: copies that differ, records that are nowhere, and nodes that don't answer are told of; copies that are
// behind are, and are no damage.
func TestCompareNodes(t *testing.T) {
	mark := func(r *client.Report, position uint64, id string) *client.Report {
		r.Marks = append(r.Marks, client.MarkReport{Shard: 0, Mark: engine.Mark{Position: position, ID: id}, From: "node x"})
		return r
	}
	for name, c := range map[string]struct {
		nodes  []*fakeNode
		err    error
		damage string // of the comparison
		behind string
	}{
		"the same": {nodes: []*fakeNode{{report: mark(replica(7, "a"), 7, "a")}, {report: replica(7, "a"), busy: 2}}},
		"another record at the end": {nodes: []*fakeNode{{report: replica(7, "a")}, {report: replica(7, "b")}}, err: ErrDamaged,
			damage: "at position 7 node n2 has record b, and node n1 has a"},
		"behind": {nodes: []*fakeNode{{report: replica(5, "e")}, {report: replica(7, "a"), ids: map[string]string{"0:5": "e"}}},
			behind: "shard 0: node n1 is behind node n2 by 2 records: its copy ends at position 5, and not at 7"},
		"behind, with another record": {nodes: []*fakeNode{{report: replica(5, "x")}, {report: replica(7, "a"),
			ids: map[string]string{"0:5": "e"}}}, err: ErrDamaged, behind: "node n1 is behind",
			damage: "at position 5 node n1 has record x, which node n2 must have, too; there is e"},
		"a mark within": {nodes: []*fakeNode{{report: mark(replica(7, "a"), 4, "d"), ids: map[string]string{"0:4": "d"}},
			{report: replica(7, "a")}}},
		"another record at a mark": {nodes: []*fakeNode{{report: mark(replica(7, "a"), 4, "d"), ids: map[string]string{"0:4": "x"}},
			{report: replica(7, "a"), ids: map[string]string{"0:4": "x"}}}, err: ErrDamaged,
			damage: "a record is known to be at position 4, d, by node x; there is x"},
		"both end before a mark": {nodes: []*fakeNode{{report: mark(replica(7, "a"), 9, "c")}, {report: replica(7, "a")}},
			err: ErrDamaged, damage: "a record is known to be at position 9, c, by node x; there is none"},
		"a mark that is in no file yet": {nodes: []*fakeNode{{report: mark(replica(7, "a"), 9, "c")},
			{report: replica(7, "a"), ids: map[string]string{"0:9": "c"}, late: map[string]int{"0:9": 1}}}},
		"a snapshot ahead": {nodes: []*fakeNode{{report: snapshotted(replica(7, "a"), 9)}, {report: replica(7, "a")}}, err: ErrDamaged,
			damage: "a record is known to be at position 9, by snapshot shard/00000/9 of node n1; there is none"},
		"no answer":       {nodes: []*fakeNode{{report: replica(7, "a")}, {silent: true}}, err: ErrNotVerified},
		"no member":       {nodes: []*fakeNode{{report: replica(7, "a")}}, err: ErrNotVerified},
		"another answers": {nodes: []*fakeNode{{report: replica(7, "a")}, {report: &client.Report{Node: "n9", Pipeline: "p"}}}, err: ErrNotVerified},
		"a stream is missing": {nodes: []*fakeNode{{report: replica(7, "a")}, {report: &client.Report{Pipeline: "p", Replica: true,
			Replicas: 2, Missing: []string{"s"}}}}, err: ErrDamaged, damage: "stream s: of 2 copies there is 1; node n2 has none"},
		"damaged": {nodes: []*fakeNode{{report: replica(7, "a")}, {report: &client.Report{Pipeline: "p", Replica: true,
			Logs:    []client.LogReport{{Shard: 0, Last: 7, Head: "b", Damaged: true}},
			Damages: []client.DamageReport{{File: "f", What: "bad"}}}}}, err: ErrDamaged},
		"read through an engine": {nodes: []*fakeNode{{report: replica(7, "a")}, {report: replica(7, "a")},
			{report: &client.Report{Pipeline: "p", Logs: []client.LogReport{{Shard: 0, Last: 9, Head: "c"}}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, err := verifyFakes(t, c.nodes...)
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Errorf("%v, expected %v", err, c.err)
			}
			told := strings.Join(v.Damages, "\n")
			if (told == "") != (c.damage == "") || !strings.Contains(told, c.damage) {
				t.Errorf("told of %q, expected %q", told, c.damage)
			}
			behind := strings.Join(v.Behind, "\n")
			if (behind == "") != (c.behind == "") || !strings.Contains(behind, c.behind) {
				t.Errorf("behind is %q, expected %q", behind, c.behind)
			}
		})
	}
}

func snapshotted(r *client.Report, position uint64) *client.Report {
	r.Snapshots = append(r.Snapshots, client.SnapshotReport{Name: "shard/00000/" + strconv.FormatUint(position, 10), Position: position})
	return r
}
