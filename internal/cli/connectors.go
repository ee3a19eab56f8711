package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// sourceCommands are about sources.
type sourceCommands struct {
	List   sourceListCommand   `cmd:"" help:"Show the sources of the pipeline: state, rate, lag."`
	Show   sourceShowCommand   `cmd:"" help:"Show a source with its streams."`
	Pause  sourcePauseCommand  `cmd:"" help:"Read nothing more from a source until it is resumed."`
	Resume sourceResumeCommand `cmd:"" help:"Read from a source again."`
	Seek   sourceSeekCommand   `cmd:"" help:"Read on from another place; what is read again is applied again."`
}

// sinkCommands are about sinks.
type sinkCommands struct {
	List   sinkListCommand   `cmd:"" help:"Show the sinks of the pipeline: state, rate, lag."`
	Show   sinkShowCommand   `cmd:"" help:"Show a sink with its shards."`
	Pause  sinkPauseCommand  `cmd:"" help:"Write nothing more to a sink until it is resumed."`
	Resume sinkResumeCommand `cmd:"" help:"Write to a sink again."`
	Seek   sinkSeekCommand   `cmd:"" help:"Go on at another place of the logs."`
}

// ask puts a question to the nodes one after the other until one answers, as long as patience says.
func ask[T any](ctx context.Context, q *questionFlags, question func(cl *client.Client, base string) (T, error)) (answer T, err error) {
	cl, err := q.client()
	if err != nil {
		return answer, err
	}
	defer cl.Close()
	_, answer, err = status.Ask(ctx, q.URL, q.Patience, func(base string) (T, error) { return question(cl, base) })
	return answer, err
}

type sourceListCommand struct{ questionFlags }

// Run lists.
func (c *sourceListCommand) Run(ctx context.Context, std *streams) error {
	all, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Sources, error) { return cl.Sources(ctx, base) })
	if err != nil {
		return err
	}
	if c.JSON {
		return writeIndented(std.out, all)
	}
	return writeList(std, all.Missing, func(w io.Writer) { writeSources(w, all.Sources) }, len(all.Sources), "sources")
}

type sinkListCommand struct{ questionFlags }

// Run lists.
func (c *sinkListCommand) Run(ctx context.Context, std *streams) error {
	all, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Sinks, error) { return cl.Sinks(ctx, base) })
	if err != nil {
		return err
	}
	if c.JSON {
		return writeIndented(std.out, all)
	}
	return writeList(std, all.Missing, func(w io.Writer) { writeSinks(w, all.Sinks) }, len(all.Sinks), "sinks")
}

// writeList writes a table, and the nodes that are missing.
func writeList(std *streams, missing []client.Missing, table func(io.Writer), n int, what string) error {
	for _, m := range missing {
		fmt.Fprintf(std.err, "node %s did not answer: %s\n", m.Node, m.Error)
	}
	if n == 0 {
		_, err := fmt.Fprintf(std.out, "the pipeline has no %s\n", what)
		return err
	}
	var b strings.Builder
	table(&b)
	_, err := io.WriteString(std.out, connectorWords(std.out, b.String()))
	return err
}

// connectorWords colours the states.
func connectorWords(w io.Writer, text string) string {
	return terminal.ColoursOf(w).Words(text, []string{client.StateRunning}, []string{client.StateFailing, client.StateUnknown})
}

// writeSources writes the table of sources.
func writeSources(w io.Writer, list []client.Source) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tTYPE\tSTATE\tNODE\tSHARD\tMESSAGES\tREJECTED\tMESSAGES/S\tLAG\tBEHIND\tRETRIES")
	for _, s := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%.1f\t%s\t%s\t%d\n", s.Name, cmp.Or(s.Type, "-"), s.State, cmp.Or(s.Node, "-"), s.Home,
			s.Messages, s.Rejected, s.Rate, countOf(s.Lag), behindOf(s.Lag), s.Retries)
	}
	_ = t.Flush() // what w can't take is met by who gave it
}

// writeSinks writes the table of sinks.
func writeSinks(w io.Writer, list []client.Sink) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SINK\tTYPE\tPROMISE\tSTATE\tSHARDS\tRECORDS/S\tLAG\tBEHIND\tRETRIES")
	for _, s := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%.1f\t%s\t%s\t%d\n", s.Name, cmp.Or(s.Type, "-"), cmp.Or(s.Promise, "-"), s.State, len(s.Shards),
			s.Rate, countOf(s.Lag), behindOf(s.Lag), s.Retries)
	}
	_ = t.Flush()
}

// unknownValue stands for what can't be known.
const unknownValue = "-"

func countOf(lag *client.Lag) string {
	if lag == nil {
		return unknownValue
	}
	return strings.TrimSpace(fmt.Sprint(lag.Count, " ", lag.Unit))
}

func behindOf(lag *client.Lag) string {
	switch {
	case lag == nil || lag.Seconds == nil && lag.Count > 0:
		return unknownValue
	case lag.Count == 0:
		return "0s"
	}
	return time.Duration(*lag.Seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

type sourceShowCommand struct {
	questionFlags
	Name string `arg:"" help:"The source."`
}

// Run shows it.
func (c *sourceShowCommand) Run(ctx context.Context, std *streams) error {
	s, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Source, error) { return cl.Source(ctx, base, c.Name) })
	if err != nil {
		return err
	}
	if c.JSON {
		return writeIndented(std.out, s)
	}
	var b strings.Builder
	writeSources(&b, []client.Source{s})
	writeSwitch(&b, s.Switch)
	writeTrouble(&b, s.Failing, s.Tries)
	if len(s.Streams) > 0 {
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "\nSTREAM\tNEXT\tFIRST\tEND\tLAG\tBEHIND")
		for _, st := range s.Streams {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", cmp.Or(st.Stream, "-"), st.Next, offsetOf(st.First), offsetOf(st.End), countOf(st.Lag), behindOf(st.Lag))
		}
		_ = t.Flush() // to memory
	}
	_, err = io.WriteString(std.out, connectorWords(std.out, b.String()))
	return err
}

func offsetOf(n *uint64) string {
	if n == nil {
		return unknownValue
	}
	return fmt.Sprint(*n)
}

type sinkShowCommand struct {
	questionFlags
	Name string `arg:"" help:"The sink."`
}

// Run shows it.
func (c *sinkShowCommand) Run(ctx context.Context, std *streams) error {
	s, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Sink, error) { return cl.Sink(ctx, base, c.Name) })
	if err != nil {
		return err
	}
	if c.JSON {
		return writeIndented(std.out, s)
	}
	var b strings.Builder
	writeSinks(&b, []client.Sink{s})
	writeSwitch(&b, s.Switch)
	writeTrouble(&b, s.Failing, s.Tries)
	if len(s.Shards) > 0 {
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "\nSHARD\tNODE\tPOSITION\tLAG\tBEHIND\tRETRIES\tLAST ERROR")
		for _, of := range s.Shards {
			last := unknownValue
			if of.LastError != nil {
				last = of.LastError.At.UTC().Format(time.RFC3339) + " " + oneLine(of.LastError.Error)
			}
			fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%d\t%s\n", of.Shard, of.Node, offsetOf(of.Position), countOf(of.Lag), behindOf(of.Lag), of.Retries, last)
		}
		_ = t.Flush() // to memory
	}
	_, err = io.WriteString(std.out, connectorWords(std.out, b.String()))
	return err
}

// oneLine is a text for a table.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// writeSwitch says who has paused it.
func writeSwitch(w io.Writer, s client.Switch) {
	if s.Paused && s.Since != nil {
		fmt.Fprintf(w, "paused by %s since %s\n", cmp.Or(s.By, "somebody"), s.Since.UTC().Format(time.RFC3339))
	}
}

// writeTrouble says what fails, or did last.
func writeTrouble(w io.Writer, failing *client.Failure, tries client.Tries) {
	if failing != nil {
		fmt.Fprintf(w, "failing since %s: %s\n", failing.Since.UTC().Format(time.RFC3339), oneLine(failing.Error))
	}
	if e := tries.LastError; e != nil {
		fmt.Fprintf(w, "last error at %s: %s\n", e.At.UTC().Format(time.RFC3339), oneLine(e.Error))
	}
}

// orderFlags are those of a command that changes a source or sink.
type orderFlags struct {
	questionFlags
	Name string `arg:"" help:"Its name in the configuration."`
}

// turned says what a source or sink is from now on.
func (c *orderFlags) turned(std *streams, w client.Switch, what string) error {
	if c.JSON {
		return writeJSON(std.out, w)
	}
	state := "is to run"
	if w.Paused {
		state = "is paused"
	}
	_, err := fmt.Fprintf(std.out, "%s %s %s\n", what, c.Name, state)
	return err
}

// turn pauses a source or sink, or has it run.
func (c *orderFlags) turn(ctx context.Context, std *streams, what string, paused bool) error {
	w, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Switch, error) {
		if what == "sink" {
			return cl.TurnSink(ctx, base, c.Name, paused)
		}
		return cl.TurnSource(ctx, base, c.Name, paused)
	})
	if err != nil {
		return err
	}
	return c.turned(std, w, what)
}

type sourcePauseCommand struct{ orderFlags }

// Help implements [kong.HelpProvider].
func (sourcePauseCommand) Help() string {
	return `It is so on all nodes, wherever the source runs now or later, and stays so when they are started again, until "quadrille source
resume". The connection is closed; what is read already is committed or read again later. The peer keeps what it keeps for one
that is away: look at its retention. State "pausing" means that the node on which it runs has not ended yet.`
}

// Run pauses.
func (c *sourcePauseCommand) Run(ctx context.Context, std *streams) error {
	return c.turn(ctx, std, "source", true)
}

type sourceResumeCommand struct{ orderFlags }

// Run resumes.
func (c *sourceResumeCommand) Run(ctx context.Context, std *streams) error {
	return c.turn(ctx, std, "source", false)
}

type sinkPauseCommand struct{ orderFlags }

// Help implements [kong.HelpProvider].
func (sinkPauseCommand) Help() string {
	return `It is so on all nodes, wherever the shards are written now or later, and stays so when they are started again, until "quadrille sink
resume". The connections are closed; the logs keep all that is to be written. State "pausing" means that some node has not ended
yet.`
}

// Run pauses.
func (c *sinkPauseCommand) Run(ctx context.Context, std *streams) error {
	return c.turn(ctx, std, "sink", true)
}

type sinkResumeCommand struct{ orderFlags }

// Run resumes.
func (c *sinkResumeCommand) Run(ctx context.Context, std *streams) error {
	return c.turn(ctx, std, "sink", false)
}

type sourceSeekCommand struct {
	orderFlags
	Stream string  `env:"-" placeholder:"STREAM" help:"Stream, as source show names it. Default: all, with --start."`
	Offset *uint64 `env:"-" placeholder:"N" help:"Offset of the next message to read of the stream."`
	Start  bool    `env:"-" help:"Read as if nothing had been read, from where the configuration says."`
}

// Help implements [kong.HelpProvider].
func (sourceSeekCommand) Help() string {
	return `Each message has its effect once, however often it is read. To seek gives the messages of the stream a new identity: so those that
are read again are applied again, in their order, on what is there by now; those that are skipped are not applied. A source that is
paused stays so, and begins there when it is resumed; one that runs begins there at once.

  quadrille source seek plant --stream orders/0/Jx3v… --offset 1200
  quadrille source seek plant --start`
}

// Run seeks.
func (c *sourceSeekCommand) Run(ctx context.Context, std *streams) error {
	to := client.SourceSeek{Stream: c.Stream, Offset: c.Offset, Start: c.Start}
	if (c.Offset != nil) == c.Start || c.Offset != nil && (c.Stream == "" || *c.Offset == 0) {
		return usagef("expected --stream and --offset, 1 or more, or --start")
	}
	_, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.SourceSeek, error) {
		return to, cl.SeekSource(ctx, base, c.Name, to)
	})
	if err != nil {
		return err
	}
	return c.sought(std, to, "source")
}

// sought says that it was done.
func (c *orderFlags) sought(std *streams, to any, what string) error {
	if c.JSON {
		return writeJSON(std.out, to)
	}
	_, err := fmt.Fprintf(std.out, "%s %s goes on there\n", what, c.Name)
	return err
}

type sinkSeekCommand struct {
	orderFlags
	Shard    *int    `env:"-" placeholder:"S" help:"Shard. Default: all, with --start."`
	Position *uint64 `env:"-" placeholder:"N" help:"Log position of the last record that is not to be written again."`
	Start    bool    `env:"-" help:"Write everything again."`
}

// Help implements [kong.HelpProvider].
func (sinkSeekCommand) Help() string {
	return `The target, or the shard's log where the target can't be asked, holds how far each shard is, and is told another place: what the
log has behind it is written, again where it was before, and what is skipped is not. Readers of brokers and webhooks see again what is
written again; a SPARQL store comes to hold what the shards hold; files that have it are set aside, in the folder aside. A sink of OPC UA
has no place: paused and resumed, it writes the values of now.

  quadrille sink seek out --shard 3 --position 1200
  quadrille sink seek out --start`
}

// Run seeks.
func (c *sinkSeekCommand) Run(ctx context.Context, std *streams) error {
	to := client.SinkSeek{Shard: c.Shard, Position: c.Position, Start: c.Start}
	if (c.Position != nil) == c.Start || c.Position != nil && c.Shard == nil {
		return usagef("expected --shard and --position, or --start")
	}
	_, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.SinkSeek, error) {
		return to, cl.SeekSink(ctx, base, c.Name, to)
	})
	if err != nil {
		return err
	}
	return c.sought(std, to, "sink")
}
