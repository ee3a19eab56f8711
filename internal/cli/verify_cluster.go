package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
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

// verifiedNodes is the outcome for the nodes of a pipeline.
type verifiedNodes struct {
	Good     bool         `json:"good"`
	Pipeline string       `json:"pipeline"`
	Nodes    []nodeReport `json:"nodes"`
	// Damages are those that show when the reports are compared, Behind copies that end before another.
	Damages []string `json:"damages,omitempty"`
	Behind  []string `json:"behind,omitempty"`
}

// nodeReport is what a member said, or why it did not.
type nodeReport struct {
	Node  string `json:"node"`
	URL   string `json:"url,omitempty"`
	Error string `json:"error,omitempty"`
	*client.Report
}

// errNotVerified says that a member did not answer.
var errNotVerified = errors.New("not all nodes are verified")

// verifyNodes asks all members for a report, and compares these.
func (c *verifyCommand) verifyNodes(ctx context.Context, std *streams) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	base, first, err := c.members(ctx, cl)
	if err != nil {
		return err
	}
	v := &verifiedNodes{Pipeline: first.Pipeline}
	replies := askOthers(ctx, cl, base, first)
	for _, m := range first.Members {
		n := nodeReport{Node: m.Name, URL: m.Info}
		if m.Name == first.Node {
			n.URL = base
		}
		if err := replies[m.Name].err; err != nil {
			n.Error = err.Error()
		}
		v.Nodes = append(v.Nodes, n)
	}
	v.ask(ctx, cl)
	v.absent()
	if err := v.compare(ctx, cl); err != nil {
		return err
	}
	return v.end(c.JSON, std)
}

// members asks the first node that answers for the members. One that has just entered gets to know their addresses with the
// next beats.
func (c *verifyCommand) members(ctx context.Context, cl *client.Client) (base string, first client.Status, err error) {
	door := &statusCommand{doors: c.doors}
	for range addressTries {
		if base, first, err = door.first(ctx, cl); err != nil {
			return "", first, err
		}
		if !slices.ContainsFunc(first.Members, func(m client.MemberStatus) bool { return m.Info == "" && m.Name != first.Node }) {
			break
		}
		select {
		case <-time.After(askPause):
		case <-ctx.Done():
			return "", first, ctx.Err()
		}
	}
	return base, first, nil
}

// ask has all nodes that answered verify their copies at the same time.
func (v *verifiedNodes) ask(ctx context.Context, cl *client.Client) {
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
func (v *verifiedNodes) absent() {
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
			v.Nodes = append(v.Nodes, nodeReport{Node: s,
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
		select {
		case <-time.After(cmp.Or(told.RetryAfter, time.Second)):
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// end prints the outcome and makes the command's error of it.
func (v *verifiedNodes) end(asJSON bool, std *streams) error {
	places, silent := len(v.Damages), []string(nil)
	for _, n := range v.Nodes {
		if n.Report == nil {
			silent = append(silent, n.Node)
			continue
		}
		places += len(n.Report.Damages) + n.More
	}
	v.Good = places == 0 && len(silent) == 0
	print := func() error { return v.print(std.out) }
	if asJSON {
		print = func() error { return writeJSON(std.out, v) }
	}
	if err := print(); err != nil {
		return err
	}
	var errs []error
	if places > 0 {
		errs = append(errs, fmt.Errorf("verify: %w: places: %d", errVerify, places))
	}
	if len(silent) > 0 {
		errs = append(errs, fmt.Errorf("verify: %w: no report of %s", errNotVerified, strings.Join(silent, ", ")))
	}
	return errors.Join(errs...)
}

func (v *verifiedNodes) print(w io.Writer) error {
	var b strings.Builder
	for _, n := range v.Nodes {
		if n.Report == nil {
			fmt.Fprintf(&b, "node %s: not verified: %s\n", n.Node, n.Error)
			continue
		}
		n.print(&b)
	}
	for _, text := range slices.Concat(v.Behind, v.Damages) {
		fmt.Fprintln(&b, text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (n *nodeReport) print(b *strings.Builder) {
	if n.Replica {
		fmt.Fprintf(b, "node %s: its own replica, in %s\n", n.Node, n.Data)
	} else {
		fmt.Fprintf(b, "node %s: through the engine that others run; replicas can't be told apart\n", n.Node)
	}
	for _, l := range n.Logs {
		fmt.Fprintf(b, "  %s: %d records, positions %d to %d, head %s\n", logText(l.Shard), l.Records, l.First, l.Last, l.Head)
	}
	bytes := int64(0)
	for _, s := range n.Snapshots {
		bytes += s.Size
	}
	fmt.Fprintf(b, "  snapshots: %d, %d bytes; marks: %d\n", len(n.Snapshots), bytes, len(n.Marks))
	for _, d := range n.AtStart {
		fmt.Fprintf(b, "node %s, at its start: %s\n", n.Node, damageText(d))
	}
	for _, d := range n.Report.Damages {
		fmt.Fprintf(b, "node %s: %s\n", n.Node, damageText(d))
	}
	if n.More > 0 {
		fmt.Fprintf(b, "node %s: and %d more\n", n.Node, n.More)
	}
}

func logText(shard int) string {
	if shard == client.ControlLog {
		return "control log"
	}
	return fmt.Sprintf("shard %d", shard)
}

func damageText(d client.DamageReport) string {
	text := fmt.Sprintf("%s: %s", d.Stream, d.What)
	if d.File != "" {
		text = fmt.Sprintf("%s:%d: %s", d.File, d.Offset, d.What)
	}
	if d.SetAside != "" {
		text += "; set aside in " + d.SetAside
	}
	return text
}
