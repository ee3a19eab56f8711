// Package status asks the nodes of a pipeline how they are, and makes one view of what they say.
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/clock"
)

const (
	// answerBound bounds the time in which a node must answer.
	answerBound = 5 * time.Second
	// maxAsked bounds the nodes that are asked.
	maxAsked = 256
	// askPause is the time between two rounds of questions that nobody answered.
	askPause = 200 * time.Millisecond
)

// Overview is the status of a pipeline, as one node sees it, with what each of the others says of itself.
type Overview struct {
	// Pipeline, Key and Epoch are as the node says that was asked first.
	Pipeline string `json:"pipeline"`
	Key      string `json:"key"`
	Epoch    uint64 `json:"epoch"`
	// Expected is how many nodes there should be, Present how many answer.
	Expected int    `json:"expected"`
	Present  int    `json:"present"`
	Nodes    []Node `json:"nodes"`
	// Absent are nodes that were taken for dead and have neither come back nor left.
	Absent []string            `json:"absent,omitempty"`
	Engine client.EngineStatus `json:"engine"`
	Shards []Shard             `json:"shards"`
	// Sources and Sinks are those of the pipeline, in order of name.
	Sources []client.Source `json:"sources,omitempty"`
	Sinks   []client.Sink   `json:"sinks,omitempty"`
	// Degraded lists what is not as it should be; empty: all is well.
	Degraded []string `json:"degraded,omitempty"`
}

// Node is a member, as the node that was asked first and the member itself see it.
type Node struct {
	client.MemberStatus
	// Ready and NotReady are what it says of itself.
	Ready    bool   `json:"ready"`
	NotReady string `json:"not_ready,omitempty"`
	// Error says why the node did not answer; what else is here comes from another one then.
	Error string        `json:"error,omitempty"`
	Stats *client.Stats `json:"stats,omitempty"`
}

// Shard is a shard as its owner sees it.
type Shard struct {
	client.ShardStatus
	// Lag is how many log positions the standby is behind the owner; nil if one of them did not answer.
	Lag *uint64 `json:"lag,omitempty"`
}

// First asks the nodes one after the other, and returns the address and the status of the first one that answers, see [Ask].
func First(ctx context.Context, cl *client.Client, urls []string, patience time.Duration) (string, client.Status, error) {
	return Ask(ctx, urls, patience, func(base string) (client.Status, error) { return ask(ctx, cl, base) })
}

// Ask puts a question to the nodes one after the other, and returns the address and the answer of the first one that answers. When
// none does it asks again, as long as patience says, unless no error is one that may pass.
func Ask[T any](ctx context.Context, urls []string, patience time.Duration, question func(base string) (T, error)) (string, T, error) {
	var none T
	for end := time.Now().Add(patience); ; {
		var errs []error
		again := false
		for _, base := range urls {
			answer, err := question(base)
			if err == nil {
				return base, answer, nil
			}
			errs, again = append(errs, err), again || client.Temporary(err)
		}
		err := errors.Join(errs...)
		if !again || time.Now().After(end) {
			return "", none, err
		}
		if ended := clock.Sleep(ctx, askPause); ended != nil {
			return "", none, errors.Join(ended, err)
		}
	}
}

func ask(ctx context.Context, cl *client.Client, base string) (client.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, answerBound)
	defer cancel()
	return cl.Status(ctx, base)
}

// Reply is what a node said of itself.
type Reply struct {
	// Status is empty if there is an error.
	Status client.Status
	// Err says why there is none.
	Err error
}

// Others asks every member at the address that it shows. A node that was asked by HTTPS sends nobody to plain HTTP:
// the token would go over the network as it is.
func Others(ctx context.Context, cl *client.Client, base string, first client.Status) map[string]Reply {
	replies := map[string]Reply{first.Node: {Status: first}}
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
			replies[m.Name] = Reply{Err: err}
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
			replies[m.Name] = Reply{s, err}
		})
	}
	all.Wait()
	return replies
}

// Merge makes one view of what the nodes said.
func Merge(first client.Status, replies map[string]Reply) Overview {
	o := Overview{Pipeline: first.Pipeline, Key: first.Key, Epoch: first.Epoch, Absent: first.Absent, Engine: first.Engine,
		Expected: len(first.Members) + len(first.Absent)}
	for _, m := range first.Members {
		n := Node{MemberStatus: m}
		if r := replies[m.Name]; r.Err != nil {
			n.Error = r.Err.Error()
		} else {
			n.Ready, n.NotReady, n.Stats = r.Status.Ready, r.Status.NotReady, &r.Status.Stats
			o.Present++
			o.note(r.Status.Degraded...)
		}
		if why := cmp.Or(n.Error, n.NotReady); why != "" {
			o.note(fmt.Sprintf("node %s: %s", n.Name, why))
		}
		o.Nodes = append(o.Nodes, n)
	}
	for i, s := range first.Shards {
		lag := Shard{ShardStatus: s}
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
	o.Sources, o.Sinks = Sources(replies), Sinks(replies, len(first.Shards))
	return o
}

// note adds what is not as it should be, once.
func (o *Overview) note(list ...string) {
	for _, what := range list {
		if !slices.Contains(o.Degraded, what) {
			o.Degraded = append(o.Degraded, what)
		}
	}
}

func shardOf(replies map[string]Reply, name string, i int) (s client.ShardStatus, ok bool) {
	r, ok := replies[name]
	if !ok || r.Err != nil || i >= len(r.Status.Shards) {
		return s, false
	}
	return r.Status.Shards[i], true
}
