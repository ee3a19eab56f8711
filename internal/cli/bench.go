package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/internal/bench"
	"github.com/quadrille-stream/quadrille/internal/cluster"
	"github.com/quadrille-stream/quadrille/internal/factory"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

type benchIngestCommand struct {
	Nodes   int      `default:"1" help:"Nodes, 1 to 16. The first three run the engine, replicated; of one or two only the first does."`
	Changes int      `default:"1000000" help:"Changes to send. They are made before the clock starts, about 200 bytes each."`
	Batch   int      `default:"1000" help:"About how many changes a request has."`
	Senders int      `default:"16" help:"Senders that send at the same time, each one request after the other."`
	Shards  int      `default:"8" help:"Shards."`
	Args    []string `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--index=now."`
	JSON    bool     `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchIngestCommand) Help() string {
	return `Starts nodes as processes of their own, that fsync as in earnest, in a temporary folder (the environment variable
TMPDIR says where), and sends them the changes of a factory's sensors over HTTP, through all of them. Then it appends
records of the same size, and as many bytes, to an engine of the same kind without anything in front of it.`
}

// Run measures.
func (c *benchIngestCommand) Run(ctx context.Context, std *streams) error {
	switch {
	case c.Nodes < 1 || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected 1 to %d", c.Nodes, cluster.MaxNodes)
	case c.Changes < 1 || c.Batch < 1 || c.Senders < 1 || c.Shards < 1:
		return usagef("--changes, --batch, --senders and --shards must be 1 or more")
	}
	r, err := bench.Ingest(ctx, bench.IngestConfig{Nodes: c.Nodes, Changes: c.Changes, Batch: c.Batch, Senders: c.Senders,
		Shards: c.Shards, Args: c.Args, Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err)})
	if err != nil {
		return err
	}
	return c.show(std.out, r)
}

func (c *benchIngestCommand) show(out io.Writer, r bench.IngestResult) error {
	if c.JSON {
		return writeJSON(out, r)
	}
	return terminal.WriteTable(out, [][2]string{
		{"nodes, shards, CPUs", fmt.Sprintf("%d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"changes accepted", fmt.Sprintf("%s in %.2f s", terminal.Grouped(r.Changes), r.Seconds)},
		{"changes a second", terminal.Grouped(r.PerSec)},
		{"request bodies", fmt.Sprintf("%.1f MB/s", r.BodyMB)},
		{"logs", fmt.Sprintf("%.1f MB/s in records of %s", r.LogMB, terminal.GroupedCount(r.Average, "byte"))},
		{"raw engine", fmt.Sprintf("%.1f MB/s, %s appends/s of the same size", r.RawLogMB, terminal.Grouped(r.RawPer))},
		{"ratio", fmt.Sprintf("%.0f %% of the raw engine", 100*r.Ratio)},
	})
}

type benchEngineCommand struct {
	Nodes      int  `enum:"1,3" default:"1" help:"Servers, ${enum}; the logs are replicated to all."`
	Shards     int  `default:"8" help:"Shards. Each has one append under way at a time."`
	RecordSize int  `default:"32768" help:"Bytes of a record, 1 to 1000000."`
	Bytes      int  `default:"200000000" help:"Bytes to append."`
	JSON       bool `name:"json" env:"-" help:"Print the result as one JSON object."`
}

// Help is the long help.
func (*benchEngineCommand) Help() string {
	return `Starts the engine inside this process, with fsync of every append, in a temporary folder (the environment
variable TMPDIR says where), and appends records to the shards' logs, each on condition that the tail is the one before.`
}

// Run measures.
func (c *benchEngineCommand) Run(ctx context.Context, std *streams) error {
	if c.Shards < 1 || c.RecordSize < 1 || c.RecordSize > 1_000_000 || c.Bytes < 1 {
		return usagef("--shards and --bytes must be 1 or more, --record-size 1 to 1000000")
	}
	r, err := bench.Engine(ctx, bench.EngineConfig{Nodes: c.Nodes, Shards: c.Shards, RecordSize: c.RecordSize, Bytes: c.Bytes,
		Sweep: sweepArgs()})
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(std.out, r)
	}
	return terminal.WriteTable(std.out, [][2]string{
		{"servers, shards, CPUs", fmt.Sprintf("%d, %d, %d", r.Nodes, r.Shards, r.CPUs)},
		{"appends", fmt.Sprintf("%s of %s in %.2f s", terminal.Grouped(int(r.Appends)), terminal.GroupedCount(r.Record, "byte"), r.Seconds)},
		{"appends a second", terminal.Grouped(r.PerSec)},
		{"logs", fmt.Sprintf("%.1f MB/s", r.MB)},
	})
}

type benchFailoverCommand struct {
	Fault   []string      `enum:"kill,worker,stop,cut,term,rolling" default:"kill" help:"Faults to measure, with commas between them (${enum})."`
	Runs    int           `default:"30" help:"Runs of each."`
	Nodes   int           `default:"3" help:"Nodes, 3 to 16, of which three run the engine. The fault worker needs four."`
	Shards  int           `default:"8" help:"Shards, and writers: one for each."`
	Hold    time.Duration `default:"5s" help:"How long a fault lasts at least."`
	Attempt time.Duration `default:"1s" help:"How long a writer waits for the answer of one door, before it tries the next."`
	Args    []string      `name:"serve-args" placeholder:"FLAG" help:"Further flags for the nodes, as --serve-args=--log-level=debug."`
	JSON    bool          `name:"json" env:"-" help:"Print the results as one JSON object a line."`
}

// Help is the long help.
func (*benchFailoverCommand) Help() string {
	return `Starts nodes as processes of their own, on loopback and in a temporary folder (the environment variable TMPDIR says
where). A writer for each shard sends one small change after the other through all doors: it waits for an answer as
--attempt says, and then tries the next door. In each run something fails, and all is well again before the next one.

  kill      SIGKILL of the server that leads the most logs, and owns shards
  worker    SIGKILL of a node that runs no engine
  stop      SIGSTOP of such a server, then SIGCONT
  cut       in turn, nothing that such a server sends arrives at the others, and nothing arrives at it
  term      SIGTERM of such a server
  rolling   SIGTERM and start of all three servers, one after the other, each when all nodes are ready

Measured is the longest time from one acceptance to the next of any writer, from the fault until all is well again. At
the end the logs are compared with what was accepted; exit status 0 says that nothing is lost or doubled.`
}

// Run measures.
func (c *benchFailoverCommand) Run(ctx context.Context, std *streams) error {
	switch {
	case c.Nodes < cluster.Servers || c.Nodes > cluster.MaxNodes:
		return usagef("--nodes=%d: expected %d to %d", c.Nodes, cluster.Servers, cluster.MaxNodes)
	case c.Runs < 1 || c.Shards < 1 || c.Hold < 0 || c.Attempt <= 0:
		return usagef("--runs and --shards must be 1 or more, --attempt more than 0, --hold not negative")
	case slices.Contains(c.Fault, "worker") && c.Nodes == cluster.Servers:
		return usagef("--fault=worker needs a node that runs no engine: --nodes=%d or more", cluster.Servers+1)
	}
	results, changes, err := bench.Failover(ctx, bench.FailoverConfig{Faults: c.Fault, Runs: c.Runs, Nodes: c.Nodes,
		Shards: c.Shards, Hold: c.Hold, Attempt: c.Attempt, Args: c.Args, Sweep: sweepArgs(), Screen: terminal.NewScreen(std.err)})
	if err != nil && results == nil {
		return err
	}
	return errors.Join(c.show(std.out, results, changes), err)
}

func (c *benchFailoverCommand) show(out io.Writer, results []bench.FailoverResult, changes factory.Result) error {
	t := tabwriter.NewWriter(out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "fault\truns\tmedian\tp99\tmax\t")
	for _, r := range results {
		if c.JSON {
			if err := writeJSON(out, r); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(t, "%s\t%d\t%.2f s\t%.2f s\t%.2f s\t\n", r.Fault, r.Runs, r.Median, r.P99, r.Max)
	}
	if !c.JSON {
		if err := t.Flush(); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s, %d lost, %d duplicated\n", terminal.GroupedCount(changes.Accepted, "change accepted"), changes.Lost, changes.Duplicated)
	}
	if !changes.Good() {
		return fmt.Errorf("the logs don't hold what was accepted, once: %+v", changes)
	}
	return nil
}
