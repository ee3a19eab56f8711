package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// statusCommand shows what the nodes know.
type statusCommand struct{ questionFlags }

// Run asks the first node that answers, then, at the addresses that it shows, the others.
func (c *statusCommand) Run(ctx context.Context, std *streams) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	base, first, err := status.First(ctx, cl, c.URL, c.Patience)
	if err != nil {
		return err
	}
	o := status.Merge(first, status.Others(ctx, cl, base, first))
	if err := c.show(std.out, &o); err != nil {
		return err
	}
	if len(o.Degraded) > 0 {
		return errDegraded
	}
	return nil
}

func (c *statusCommand) show(w io.Writer, o *status.Overview) error {
	if !c.JSON {
		return writeOverview(w, o)
	}
	return writeIndented(w, o)
}

// writeIndented writes a JSON object that people may read.
func writeIndented(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// writeOverview writes the tables, and what is not as it should be.
func writeOverview(w io.Writer, o *status.Overview) error {
	var b strings.Builder
	writeTables(&b, o)
	colours := terminal.ColoursOf(w)
	text := colours.Words(b.String(), []string{"ready"}, []string{"not ready", "no answer", "lost", "absent", "halted"})
	if len(o.Degraded) > 0 { // what the tables have no room for
		text += "\n"
	}
	for _, what := range o.Degraded {
		text += colours.Bad(what) + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

func writeTables(w *strings.Builder, o *status.Overview) {
	answer := "answer"
	if o.Expected == 1 {
		answer = "answers"
	}
	fmt.Fprintf(w, "pipeline %s, key %s, %s, epoch %d; %d of %s %s\n\n", o.Pipeline, o.Key, terminal.Count(len(o.Shards), "shard"),
		o.Epoch, o.Present, terminal.Count(o.Expected, "node"), answer)
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
		fmt.Fprintf(t, "%s\t%s\t%d\t%.0f\t%s\t%s\t%s\t%s\n", n.Name, nodeState(&n), n.Owned, n.Load, added, deleted, heard,
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
	_ = t.Flush() // to memory
	if len(o.Sources) > 0 {
		fmt.Fprintln(w)
		writeSources(w, o.Sources)
	}
	if len(o.Sinks) > 0 {
		fmt.Fprintln(w)
		writeSinks(w, o.Sinks)
	}
}

func nodeState(n *status.Node) string {
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
