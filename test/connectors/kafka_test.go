package connectors

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/daemon"
	"github.com/quadrille-stream/quadrille/internal/logtext"
	"github.com/quadrille-stream/quadrille/internal/peer"
	"github.com/quadrille-stream/quadrille/patch"
)

// kafkaPorts are those that the broker's script is given.
const kafkaPorts = 4

// kafkaPatience bounds what a broker, which is killed meanwhile, and a node have to do.
const kafkaPatience = 5 * time.Minute

// kafkaPeer is a broker, with a client of it.
type kafkaPeer struct {
	*peer.Peer
	*kgo.Client
	admin *kadm.Client
}

func startKafka(t testing.TB, topics ...string) *kafkaPeer {
	t.Helper()
	k := &kafkaPeer{Peer: peer.Start(t, "kafka", kafkaPorts)}
	var err error
	if k.Client, err = kgo.NewClient(kgo.SeedBrokers(k.Address(0)), kgo.UnknownTopicRetries(-1), kgo.MetadataMinAge(time.Second/10)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Client.Close)
	k.admin = kadm.NewClient(k.Client)
	for _, topic := range topics {
		if _, err := k.admin.CreateTopic(t.Context(), 4, 1, nil, topic); err != nil {
			t.Fatal(err)
		}
	}
	return k
}

// example is a configuration of examples, with this broker and folders of the test.
func (k *kafkaPeer) example(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + file)
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	return strings.NewReplacer("127.0.0.1:9092", k.Address(0), "quickstart-data", data, "quickstart-copy", data).Replace(string(text)) +
		"node: {name: n1}\nhttp: {address: '127.0.0.1:0'}\nlog: {level: warn}\n"
}

// runningNode is a node that a test runs.
type runningNode struct {
	t    testing.TB
	url  string
	stop context.CancelFunc
	done chan error
	logs *logtext.Text
}

// runNode runs a node as a configuration says, until it is ended.
func runNode(t testing.TB, text string) *runningNode {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quadrille.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := file.Document()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Check(doc, file.Place); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &runningNode{t: t, stop: stop, done: make(chan error, 1), logs: &logtext.Text{}}
	ready, says := io.Pipe()
	go func() {
		n.done <- daemon.Run(ctx, doc, says, n.logs)
		says.Close()
	}()
	t.Cleanup(n.end)
	line := make([]byte, 1024)
	length, err := ready.Read(line)
	if err != nil {
		t.Fatalf("the node has ended: %v: %s", err, n.logs)
	}
	n.url = regexp.MustCompile(`http://[0-9.:]+`).FindString(string(line[:length]))
	return n
}

// end ends the node, if that was not done before.
func (n *runningNode) end() {
	if n.stop == nil {
		return
	}
	n.stop()
	n.stop = nil
	if err := <-n.done; err != nil {
		n.t.Error(err)
	}
}

// quads are those that the node has, in order.
func (n *runningNode) quads() []string {
	n.t.Helper()
	answer, err := http.Get(n.url + "/v1/data")
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		n.t.Fatal(answer.Status, err)
	}
	return sorted(strings.Split(strings.TrimSpace(string(text)), "\n"))
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

// replica is what a reader of the deltas makes of them.
type replica struct {
	quads   map[string]bool
	changes int
	wrong   error // a change that changes nothing: it came twice, or out of order
}

// apply takes in a patch, whose place is told if it is wrong.
func (r *replica) apply(place string, body []byte) {
	for row, err := range patch.Rows(body) {
		text := strings.TrimPrefix(strings.TrimSuffix(string(patch.AppendAdd(nil, row.Quad)), "\n"), "A ")
		if err == nil && r.quads[text] != row.Deleted {
			err = fmt.Errorf("deleted %v: %s", row.Deleted, text)
		}
		if err != nil {
			r.wrong = errors.Join(r.wrong, fmt.Errorf("%s: %w", place, err))
			continue
		}
		r.changes++
		if row.Deleted {
			delete(r.quads, text)
		} else {
			r.quads[text] = true
		}
	}
}

// TestKafka runs the example: changes with deletes go in through four partitions, while the node is ended and started again,
// the group's offsets are reset, and the broker is killed. Who reads what is committed has at the end what the node has, and
// what it should.
func TestKafka(t *testing.T) {
	const keys, rounds = 20, 30
	k := startKafka(t, "changes", "deltas")
	text := k.example(t, "kafka/quadrille.yaml")
	n := runNode(t, text)
	ctx, cancel := context.WithTimeout(t.Context(), kafkaPatience)
	defer cancel()
	var want []string
	for round := range rounds {
		want = nil
		for key := range keys {
			body := ""
			if round > 0 {
				body = fmt.Sprintf("D <urn:k%d> <urn:p> \"%d\" .\n", key, round-1)
			}
			row := fmt.Sprintf("<urn:k%d> <urn:p> \"%d\" .", key, round)
			want = append(want, row)
			k.send(ctx, t, strconv.Itoa(key), body+"A "+row+"\n")
		}
		switch round {
		case 5:
			n.end()
			var reset kadm.Offsets
			reset.AddOffset("changes", 0, 0, -1)
			if err := k.admin.CommitAllOffsets(ctx, "quickstart.changes", reset); err != nil {
				t.Fatal(err)
			}
			n = runNode(t, text)
		case 12:
			k.Kill()
			k.Restart(t)
		case 20:
			k.send(ctx, t, "7", "this is no patch")
		}
	}
	r := &replica{quads: map[string]bool{}}
	k.read(ctx, t, "deltas", func(record *kgo.Record) bool {
		r.apply(fmt.Sprintf("%s/%d at %d", record.Topic, record.Partition, record.Offset), record.Value)
		return r.changes < keys*(2*rounds-1)
	})
	if r.wrong != nil {
		t.Error(r.wrong)
	}
	if got := sorted(slices.Collect(maps.Keys(r.quads))); !slices.Equal(got, sorted(want)) {
		t.Errorf("a reader of the deltas has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := n.quads(); !slices.Equal(got, want) {
		t.Errorf("the node has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if logs := n.logs.String(); !strings.Contains(logs, "dead letter") {
		t.Errorf("what is no patch is not told:\n%s", logs)
	}
}

// send sends a message.
func (k *kafkaPeer) send(ctx context.Context, t testing.TB, key, text string) {
	t.Helper()
	if err := k.ProduceSync(ctx, &kgo.Record{Topic: "changes", Key: []byte(key), Value: []byte(text)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// committed are the records of a topic up to what is committed now.
func (k *kafkaPeer) committed(ctx context.Context, t testing.TB, topic string) (list []*kgo.Record) {
	t.Helper()
	ends, err := k.admin.ListCommittedOffsets(ctx, topic)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	left := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if end.Offset > 0 {
			left[end.Partition] = end.Offset
		}
	})
	if len(left) == 0 {
		return nil
	}
	k.read(ctx, t, topic, func(record *kgo.Record) bool {
		if end, more := left[record.Partition]; more && record.Offset < end {
			if !record.Attrs.IsControl() {
				list = append(list, record)
			}
			if record.Offset == end-1 {
				delete(left, record.Partition)
			}
		}
		return len(left) > 0
	}, kgo.KeepControlRecords())
	return list
}

// read hands over what is committed of a topic, from its start, until fn has had enough.
func (k *kafkaPeer) read(ctx context.Context, t testing.TB, topic string, fn func(*kgo.Record) bool, opts ...kgo.Opt) {
	t.Helper()
	reader, err := kgo.NewClient(append(opts, kgo.SeedBrokers(k.Address(0)), kgo.ConsumeTopics(topic),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, record := range fetches.Records() {
			if !fn(record) {
				return
			}
		}
	}
}
