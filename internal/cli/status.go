package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

const (
	// statusBound bounds the time in which a node must answer.
	statusBound = 5 * time.Second
	// maxAsked bounds the nodes that are asked.
	maxAsked = 256
)

// statusCommand shows what the nodes know.
type statusCommand struct {
	doors
	JSON bool `name:"json" help:"A JSON object instead of tables."`
}

// overview is the status of a pipeline, as one node sees it, with what each of the others says of itself.
type overview struct {
	Pipeline string `json:"pipeline"`
	Key      string `json:"key"`
	Epoch    uint64 `json:"epoch"`
	// Expected is how many nodes there should be, Present how many answer.
	Expected int            `json:"expected"`
	Present  int            `json:"present"`
	Nodes    []nodeOverview `json:"nodes"`
	// Absent are nodes that were taken for dead and have neither come back nor left.
	Absent []string            `json:"absent,omitempty"`
	Engine client.EngineStatus `json:"engine"`
	Shards []shardLag          `json:"shards"`
	// Degraded lists what is not as it should be; empty: all is well.
	Degraded []string `json:"degraded,omitempty"`
}

type nodeOverview struct {
	client.MemberStatus
	Ready    bool   `json:"ready"`
	NotReady string `json:"not_ready,omitempty"`
	// Error says why the node did not answer; what else is here comes from another one then.
	Error string        `json:"error,omitempty"`
	Stats *client.Stats `json:"stats,omitempty"`
}

// shardLag is a shard as its owner sees it.
type shardLag struct {
	client.ShardStatus
	// Lag is how many log positions the standby is behind the owner; nil if one of them did not answer.
	Lag *uint64 `json:"lag,omitempty"`
}

// Run asks the first node that answers, then, at the addresses that it shows, the others.
func (c *statusCommand) Run(ctx context.Context, std *streams) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	base, first, err := c.first(ctx, cl)
	if err != nil {
		return err
	}
	o := merge(first, askOthers(ctx, cl, base, first))
	if err := c.show(std.out, &o); err != nil {
		return err
	}
	if len(o.Degraded) > 0 {
		return errDegraded
	}
	return nil
}

func (c *statusCommand) show(w io.Writer, o *overview) error {
	if !c.JSON {
		return o.write(w)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(o)
}

func (c *statusCommand) first(ctx context.Context, cl *client.Client) (string, client.Status, error) {
	var errs []error
	for _, base := range c.URL {
		s, err := ask(ctx, cl, base)
		if err == nil {
			return base, s, nil
		}
		errs = append(errs, err)
	}
	return "", client.Status{}, errors.Join(errs...)
}

func ask(ctx context.Context, cl *client.Client, base string) (client.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, statusBound)
	defer cancel()
	return cl.Status(ctx, base)
}

// reply is what a node said of itself.
type reply struct {
	status client.Status
	err    error
}

// askOthers asks every member at the address that it shows. A node that was asked by HTTPS sends nobody to plain HTTP:
// the token would go over the network as it is.
func askOthers(ctx context.Context, cl *client.Client, base string, first client.Status) map[string]reply {
	replies := map[string]reply{first.Node: {status: first}}
	var mu sync.Mutex
	var all sync.WaitGroup
	secure := strings.HasPrefix(base, "https:")
	for i, m := range first.Members {
		if m.Name == first.Node {
			continue
		}
		u, err := url.Parse(m.Info)
		switch {
		case i >= maxAsked:
			err = fmt.Errorf("not asked: only %d nodes are", maxAsked)
		case err != nil || u.Host == "":
			err = fmt.Errorf("shows no address, but %q", m.Info)
		case u.Scheme != "https" && (secure || u.Scheme != "http"):
			err = fmt.Errorf("shows the address %s, while this one was asked by %s", m.Info, base)
		}
		if err != nil {
			mu.Lock()
			replies[m.Name] = reply{err: err}
			mu.Unlock()
			continue
		}
		all.Go(func() {
			s, err := ask(ctx, cl, m.Info)
			if err == nil && (s.Node != m.Name || s.Pipeline != first.Pipeline) {
				err = fmt.Errorf("at %s answers %s of pipeline %s", m.Info, s.Node, s.Pipeline)
			}
			mu.Lock()
			defer mu.Unlock()
			replies[m.Name] = reply{s, err}
		})
	}
	all.Wait()
	return replies
}

// merge makes one view of what the nodes said.
func merge(first client.Status, replies map[string]reply) overview {
	o := overview{Pipeline: first.Pipeline, Key: first.Key, Epoch: first.Epoch, Absent: first.Absent, Engine: first.Engine,
		Expected: len(first.Members) + len(first.Absent)}
	for _, m := range first.Members {
		n := nodeOverview{MemberStatus: m}
		if r := replies[m.Name]; r.err != nil {
			n.Error = r.err.Error()
		} else {
			n.Ready, n.NotReady, n.Stats = r.status.Ready, r.status.NotReady, &r.status.Stats
			o.Present++
			o.note(r.status.Degraded...)
		}
		if why := cmp.Or(n.Error, n.NotReady); why != "" {
			o.note(fmt.Sprintf("node %s: %s", n.Name, why))
		}
		o.Nodes = append(o.Nodes, n)
	}
	for i, s := range first.Shards {
		lag := shardLag{ShardStatus: s}
		owner, ok := shardOf(replies, s.Owner, i)
		if ok {
			owner.Owner, owner.Standby = s.Owner, s.Standby
			lag.ShardStatus = owner
		}
		if standby, okToo := shardOf(replies, s.Standby, i); ok && okToo {
			behind := owner.Position - min(standby.Position, owner.Position)
			lag.Lag = &behind
		}
		o.Shards = append(o.Shards, lag)
	}
	return o
}

// note adds what is not as it should be, once.
func (o *overview) note(list ...string) {
	for _, what := range list {
		if !slices.Contains(o.Degraded, what) {
			o.Degraded = append(o.Degraded, what)
		}
	}
}

func shardOf(replies map[string]reply, name string, i int) (s client.ShardStatus, ok bool) {
	r, ok := replies[name]
	if !ok || r.err != nil || i >= len(r.status.Shards) {
		return s, false
	}
	return r.status.Shards[i], true
}

// write writes the tables.
func (o *overview) write(w io.Writer) error {
	fmt.Fprintf(w, "pipeline %s, key %s, %d shards, epoch %d; %d of %d nodes answer\n\n", o.Pipeline, o.Key, len(o.Shards),
		o.Epoch, o.Present, o.Expected)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSTATE\tOWNED\tCHANGES/S\tADDED\tDELETED\tHEARD\tADDRESS")
	for _, n := range o.Nodes {
		added, deleted := "-", "-"
		if n.Stats != nil {
			added, deleted = fmt.Sprint(n.Stats.Adds), fmt.Sprint(n.Stats.Deletes)
		}
		heard := "never"
		if n.HeardMillis >= 0 {
			heard = fmt.Sprintf("%d ms ago", n.HeardMillis)
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%s\t%s\t%s\t%s\n", n.Name, n.state(), n.Owned, n.Load, added, deleted, heard,
			cmp.Or(n.Info, "-"))
	}
	for _, name := range o.Absent {
		fmt.Fprintf(t, "%s\tabsent\t0\t-\t-\t-\t-\t-\n", name)
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "STREAM\tCOPIES\tLEADER\tREPLICAS")
	for _, s := range o.Engine.Streams {
		fmt.Fprintf(t, "%s\t%d of %d\t%s\t%s\n", s.Name, s.Good(), s.Expected, cmp.Or(s.Leader, "-"), cmp.Or(s.Copies(), "-"))
	}
	fmt.Fprintln(t)
	fmt.Fprintln(t, "SHARD\tOWNER\tSTANDBY\tSTATE\tQUADS\tPOSITION\tLAG")
	for _, s := range o.Shards {
		lag := "-"
		if s.Lag != nil {
			lag = fmt.Sprint(*s.Lag)
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%d\t%s\n", s.Shard, cmp.Or(s.Owner, "-"), cmp.Or(s.Standby, "-"), s.State, s.Quads,
			s.Position, lag)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return o.writeTroubles(w)
}

func (n *nodeOverview) state() string {
	switch {
	case n.Error != "" && n.Alive:
		return "no answer"
	case n.Error != "":
		return "lost"
	case n.Ready:
		return "ready"
	}
	return "not ready"
}

// writeTroubles writes what the tables have no room for.
func (o *overview) writeTroubles(w io.Writer) error {
	var b strings.Builder
	for _, what := range o.Degraded {
		fmt.Fprintln(&b, what)
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, "\n"+b.String())
	return err
}
