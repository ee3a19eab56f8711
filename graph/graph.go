// Package graph is RDF on a node: documents and streams of changes in, the quads of each shard out. It is what a program
// imports that embeds a knowledge graph; one whose events mean something else imports package node.
package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/shipper"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// Key says by what a change is routed: what has the same key is in one shard and keeps its order.
type Key = dataset.Key

// The keys.
const (
	// Subject routes by the subject: the default.
	Subject = dataset.Subject
	// Named routes by the graph's name; the default graph's is empty.
	Named = dataset.Graph
	// Dataset puts all in one shard, so that senders can use the header "prev".
	Dataset = dataset.Dataset
)

// Config configures a [Graph].
type Config struct {
	// Config is that of the node. Its Logic may be left out: it is then [dataset.New]; another one evaluates RDF Patch, too.
	// Its KeyName is the graph's to set.
	node.Config
	// Key says by what changes are routed. Default [Subject].
	Key Key
	// MaxTransaction bounds what one transaction may put into one shard, in bytes. Default, and most, 64 MiB.
	MaxTransaction int
	// Queries bounds what queries take.
	Queries QueryLimits
}

// maxTransaction leaves room in an event for the small transactions that come in one part with the large one.
const maxTransaction = shipper.MaxPayload - 256<<10

func (c *Config) setDefaults() error {
	c.Key = cmp.Or(c.Key, Subject)
	c.MaxTransaction = cmp.Or(c.MaxTransaction, maxTransaction)
	switch {
	case !c.Key.Valid():
		return fmt.Errorf("key %q: expected subject, graph or dataset", c.Key)
	case c.MaxTransaction > maxTransaction:
		return fmt.Errorf("transactions of %d bytes: at most %d can be carried between nodes", c.MaxTransaction, maxTransaction)
	case c.Answer != nil:
		return errors.New("a graph answers its nodes' requests itself: leave Answer out")
	case c.KeyName != "":
		return errors.New("the graph names its key itself: set Key, not KeyName")
	}
	if err := c.Queries.setDefaults(); err != nil {
		return err
	}
	c.KeyName = string(c.Key)
	if c.Logic == nil {
		c.Logic = func(int) operator.Logic {
			l := dataset.New()
			l.Logger = c.Logger
			return l
		}
	}
	return nil
}

// Graph is a node whose shards hold RDF. Make it with [New], then call Run; the other methods may be called by anybody at
// any time.
type Graph struct {
	*node.Node
	splitter dataset.Splitter
	queries  *queries
	prepared prepared
	name     string
	log      *slog.Logger
	answerer *eval.Answerer
	sessions sessions

	submissions, changes atomic.Uint64
	// held is the memory that documents of JSON-LD take.
	held atomic.Int64
}

// For each query that runs at a time here, so many of other nodes may have shards of this one, and so many of their requests are
// answered at a time: a query asks up to sixteen shards at once, and others while it takes an answer.
const (
	sessionsPerQuery = 8
	answersPerQuery  = 64
)

// New checks the configuration and returns a graph that does nothing yet.
func New(cfg Config) (*Graph, error) {
	if err := cfg.setDefaults(); err != nil {
		return nil, err
	}
	g := &Graph{queries: newQueries(cfg.Queries), name: cfg.Name, log: cmp.Or(cfg.Logger, slog.Default()).With("node", cfg.Name)}
	g.answerer = eval.NewAnswerer(eval.Options{Steps: cfg.Queries.Steps, Memory: cfg.Queries.Memory, Pool: g.queries.memory})
	g.sessions = sessions{most: sessionsPerQuery * cfg.Queries.Concurrent, open: map[string]*held{}}
	cfg.Answer, cfg.AnswerAtOnce = g.answer, cmp.Or(cfg.AnswerAtOnce, answersPerQuery*cfg.Queries.Concurrent)
	n, err := node.New(cfg.Config)
	if err != nil {
		return nil, err
	}
	g.Node = n
	g.splitter = dataset.Splitter{Key: cfg.Key, Shards: n.Shards(), MaxTransaction: cfg.MaxTransaction}
	return g, nil
}

// Follow is [node.Node.Follow] with the Body of each record as one transaction, which is what a record is to who applies it: the
// events that were committed together have one id.
func (g *Graph) Follow(ctx context.Context, o node.FollowOptions, fn func(node.Record) error) error {
	return g.Node.Follow(ctx, o, func(r node.Record) error {
		r.Body = patch.OneTransaction(r.Body)
		return fn(r)
	})
}

// Status is a snapshot of a node that holds RDF.
type Status struct {
	node.Status
	// Submissions counts the documents that this node's door has taken in since its start, Changes the rows in them, as far as they are
	// known there: those of updates that are evaluated on the state aren't.
	Submissions, Changes uint64
	// Queries are those under way.
	Queries QueryStatus
}

// QueryStatus says what queries are under way at a node.
type QueryStatus struct {
	// Running and Waiting count those that it was asked, Foreign those of other nodes that read shards here.
	Running, Waiting, Foreign int
	// Memory is the bytes that all of them hold, about.
	Memory int64
}

// Status returns what the node knows now.
func (g *Graph) Status() Status {
	return Status{Status: g.Node.Status(), Submissions: g.submissions.Load(), Changes: g.changes.Load(), Queries: g.queryStatus()}
}

func (g *Graph) queryStatus() QueryStatus {
	q := g.queries
	running := len(q.running)
	return QueryStatus{Running: running, Waiting: max(len(q.come)-running, 0), Foreign: g.sessions.count(), Memory: q.memory.Held()}
}
