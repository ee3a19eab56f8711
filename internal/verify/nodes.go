package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/internal/status"
)

const (
	// busyBound bounds the wait for a node that is verifying its logs for somebody else.
	busyBound = time.Minute
	// addressTries is how often a node is asked for the members until it knows the addresses of all.
	addressTries = 8
	// askRounds is how often nodes are asked for a record that one of them must have: one that was just committed may not
	// be in any file yet.
	askRounds = 12
	// askPause is the time between two rounds.
	askPause = 400 * time.Millisecond
)

// Nodes is the outcome for the nodes of a pipeline.
type Nodes struct {
	// Good says that all Nodes have answered, and nothing is damaged.
	Good     bool         `json:"good"`
	Pipeline string       `json:"pipeline"`
	Nodes    []NodeReport `json:"nodes"`
	// Damages are those that show when the reports are compared, Behind copies that end before another.
	Damages []string `json:"damages,omitempty"`
	Behind  []string `json:"behind,omitempty"`
}

// NodeReport is what a member said, or why it did not.
type NodeReport struct {
	// Node and URL are its name and address. Error says why there is no report.
	Node  string `json:"node"`
	URL   string `json:"url,omitempty"`
	Error string `json:"error,omitempty"`
	*client.Report
}

// ErrNotVerified says that a member did not answer.
var ErrNotVerified = errors.New("not all nodes are verified")

// CheckNodes has all members of a pipeline verify their logs, and compares the reports. The first one of the nodes that
// answers, for which it waits as long as patience says, tells who they are. What is damaged is no error of it, but of the outcome.
func CheckNodes(ctx context.Context, cl *client.Client, urls []string, patience time.Duration) (*Nodes, error) {
	base, first, err := members(ctx, cl, urls, patience)
	if err != nil {
		return nil, err
	}
	v := &Nodes{Pipeline: first.Pipeline}
	replies := status.Others(ctx, cl, base, first)
	for _, m := range first.Members {
		n := NodeReport{Node: m.Name, URL: m.Info}
		if m.Name == first.Node {
			n.URL = base
		}
		if err := replies[m.Name].Err; err != nil {
			n.Error = err.Error()
		}
		v.Nodes = append(v.Nodes, n)
	}
	v.ask(ctx, cl)
	v.absent()
	if err := v.compare(ctx, cl); err != nil {
		return nil, err
	}
	v.Good = v.Err() == nil
	return v, nil
}

// members asks the first node that answers for the members. One that has just entered gets to know their addresses with the
// next beats.
func members(ctx context.Context, cl *client.Client, urls []string, patience time.Duration) (base string, first client.Status, err error) {
	for range addressTries {
		if base, first, err = status.First(ctx, cl, urls, patience); err != nil {
			return "", first, err
		}
		if !slices.ContainsFunc(first.Members, func(m client.MemberStatus) bool { return m.Info == "" && m.Name != first.Node }) {
			break
		}
		if err := clock.Sleep(ctx, askPause); err != nil {
			return "", first, err
		}
	}
	return base, first, nil
}

// ask has all nodes that answered verify their copies at the same time.
func (v *Nodes) ask(ctx context.Context, cl *client.Client) {
	var all sync.WaitGroup
	for i := range v.Nodes {
		if n := &v.Nodes[i]; n.Error == "" {
			all.Go(func() {
				answer, err := patient(ctx, cl, n.URL, nil)
				if err == nil && answer.Report == nil {
					err = fmt.Errorf("%s: the answer holds no report", n.URL)
				}
				if err == nil && (answer.Node != n.Node || answer.Pipeline != v.Pipeline) {
					err = fmt.Errorf("%s: node %s of pipeline %s answers", n.URL, answer.Node, answer.Pipeline)
				}
				if n.Report = answer.Report; err != nil {
					n.Report, n.Error = nil, err.Error()
				}
			})
		}
	}
	all.Wait()
}

// absent adds the servers that keep copies of the logs and are no members at the moment.
func (v *Nodes) absent() {
	there, servers := map[string]bool{}, map[string]bool{}
	for _, n := range v.Nodes {
		there[n.Node] = true
		if n.Report != nil {
			for _, s := range n.Servers {
				servers[s] = true
			}
		}
	}
	for _, s := range slices.Sorted(maps.Keys(servers)) {
		if !there[s] {
			v.Nodes = append(v.Nodes, NodeReport{Node: s,
				Error: "it keeps copies of the logs and is no member now: it is stopped, or nobody reaches it"})
		}
	}
}

// patient asks again while the node is busy with another request of this kind.
func patient(ctx context.Context, cl *client.Client, base string, places []client.Place) (v client.Verification, err error) {
	for end := time.Now().Add(busyBound); ; {
		v, err = cl.Verify(ctx, base, places)
		var told *client.Error
		if !errors.As(err, &told) || told.Status != http.StatusServiceUnavailable || time.Now().After(end) {
			return v, err
		}
		if err := clock.Sleep(ctx, cmp.Or(told.RetryAfter, time.Second)); err != nil {
			return v, err
		}
	}
}

// Err says what is not good, with the places that are damaged and the members that did not answer; nil: all is. It is an
// [ErrDamaged], an [ErrNotVerified], or both.
func (v *Nodes) Err() error {
	places, silent := len(v.Damages), []string(nil)
	for _, n := range v.Nodes {
		if n.Report == nil {
			silent = append(silent, n.Node)
			continue
		}
		places += len(n.Report.Damages) + n.More
	}
	var errs []error
	if places > 0 {
		errs = append(errs, fmt.Errorf("verify: %w: places: %d", ErrDamaged, places))
	}
	if len(silent) > 0 {
		errs = append(errs, fmt.Errorf("verify: %w: no report of %s", ErrNotVerified, strings.Join(silent, ", ")))
	}
	return errors.Join(errs...)
}

// LogText is the name of a log for people: that of a shard, or the control log.
func LogText(shard int) string {
	if shard == client.ControlLog {
		return "control log"
	}
	return fmt.Sprintf("shard %d", shard)
}
