package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// dlqCommands are about dead letters.
type dlqCommands struct {
	List  dlqListCommand  `cmd:"" help:"List messages that could not be taken in."`
	Show  dlqShowCommand  `cmd:"" help:"Show one, or write its bytes."`
	Retry dlqRetryCommand `cmd:"" help:"Take messages in again, as the configuration is now."`
	Drop  dlqDropCommand  `cmd:"" help:"Settle messages without an effect."`
}

// letterFilter chooses letters.
type letterFilter struct {
	Source string `env:"-" placeholder:"NAME" help:"Only those of this source."`
	Shard  *int   `env:"-" placeholder:"S" help:"Only those in the log of this shard."`
	Limit  int    `env:"-" default:"100" help:"Most of them; 0: all."`
}

// each calls fn for the letters, page by page, up to the limit. more says that there may be others.
func (f *letterFilter) each(ctx context.Context, q *questionFlags, fn func(client.Letter) error) (more bool, err error) {
	if f.Limit < 0 {
		return false, usagef("--limit=%d: expected 0 or more", f.Limit)
	}
	filter := client.LetterFilter{Shard: f.Shard, Source: f.Source}
	for n := 0; ; {
		filter.Limit = client.MaxLetters
		if f.Limit > 0 {
			filter.Limit = min(f.Limit-n, client.MaxLetters)
		}
		page, err := ask(ctx, q, func(cl *client.Client, base string) (client.Letters, error) { return cl.Letters(ctx, base, filter) })
		if err != nil {
			return false, err
		}
		for _, l := range page.Letters {
			n++
			if err := fn(l); err != nil {
				return false, err
			}
		}
		if filter.From = page.Next; page.Next == "" || f.Limit > 0 && n >= f.Limit {
			return page.Next != "", nil
		}
	}
}

type dlqListCommand struct {
	questionFlags
	letterFilter
}

// Run lists.
func (c *dlqListCommand) Run(ctx context.Context, std *streams) error {
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	n := 0
	more, err := c.each(ctx, &c.questionFlags, func(l client.Letter) error {
		if c.JSON {
			return writeJSON(std.out, l)
		}
		if n++; n == 1 {
			fmt.Fprintln(t, "LETTER\tTIME\tSOURCE\tPLACE\tBYTES\tREASON") // Flush meets its error
		}
		bytes := unknownValue
		if l.Bytes != nil {
			bytes = fmt.Sprint(*l.Bytes)
		}
		_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.Time.UTC().Format(time.RFC3339), cmp.Or(l.Source, unknownValue),
			placeOf(&l), bytes, shortened(oneLine(l.Reason)))
		return err
	})
	if err = errors.Join(err, t.Flush()); err != nil || c.JSON {
		return err
	}
	if n == 0 {
		_, err = fmt.Fprintln(std.out, "no dead letter is open")
	} else if more {
		_, err = fmt.Fprintf(std.err, "there may be more; --limit 0 lists all\n")
	}
	return err
}

// placeOf is where a letter stood.
func placeOf(l *client.Letter) string {
	switch {
	case l.Place != "":
		return oneLine(l.Place)
	case l.Stream != "":
		return fmt.Sprintf("%s, offset %s", l.Stream, offsetOf(l.Offset))
	}
	return unknownValue
}

// shortened is a reason for a table.
func shortened(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

type dlqShowCommand struct {
	questionFlags
	Letter string `arg:"" help:"The letter, SHARD:POSITION."`
	Body   bool   `env:"-" help:"Write the bytes alone, as they came."`
}

// Run shows.
func (c *dlqShowCommand) Run(ctx context.Context, std *streams) error {
	l, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Letter, error) { return cl.Letter(ctx, base, c.Letter) })
	switch {
	case err != nil:
		return err
	case c.JSON:
		return writeIndented(std.out, l)
	case c.Body:
		_, err := std.out.Write(l.Body)
		return err
	}
	return writeLetter(std.out, &l)
}

// writeLetter writes what is known of a letter, and its content.
func writeLetter(w io.Writer, l *client.Letter) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-11s %s\n", name+":", value)
		}
	}
	state := "settled"
	if l.Open {
		state = "open"
	}
	line("letter", l.ID+", "+state)
	line("time", l.Time.UTC().Format(time.RFC3339))
	line("source", l.Source)
	if l.Place != "" {
		line("place", oneLine(l.Place))
	} else if l.Stream != "" {
		line("stream", placeOf(l))
	}
	line("producer", l.Producer)
	if l.Sent != nil {
		line("sent", l.Sent.UTC().Format(time.RFC3339Nano))
	}
	for _, name := range slices.Sorted(maps.Keys(l.Vars)) {
		line(name, fmt.Sprintf("%q", l.Vars[name]))
	}
	line("reason", oneLine(l.Reason))
	what := fmt.Sprintf("%s, %s", cmp.Or(l.MediaType, "of no type"), terminal.Count(len(l.Body), "byte"))
	if l.Cut {
		what += ", not all of it"
	}
	line("content", what)
	fmt.Fprintf(&b, "\n%s\n", strings.TrimSuffix(string(l.Body), "\n"))
	_, err := io.WriteString(w, b.String())
	return err
}

// lettersFlags say which letters are settled.
type lettersFlags struct {
	questionFlags
	letterFilter
	Letter []string `arg:"" optional:"" help:"Letters, SHARD:POSITION each."`
	All    bool     `env:"-" help:"All that there are, or all of --source or --shard, up to --limit."`
}

// run does something with each letter; those of which it fails are told, and the others go on. A node that doesn't answer ends it.
func (c *lettersFlags) run(ctx context.Context, std *streams, fn func(id string) error) error {
	if (len(c.Letter) > 0) == c.All || len(c.Letter) > 0 && (c.Source != "" || c.Shard != nil) {
		return usagef("expected letters, or --all with --source or --shard if need be")
	}
	failed := 0
	one := func(id string) error {
		err := fn(id)
		var told *client.Error
		if err == nil || !errors.As(err, &told) || client.Temporary(err) {
			return err
		}
		failed++
		fmt.Fprintf(std.err, "%s: %s\n", id, told.Detail)
		return nil
	}
	for _, id := range c.Letter {
		if err := one(id); err != nil {
			return err
		}
	}
	if c.All {
		if _, err := c.each(ctx, &c.questionFlags, func(l client.Letter) error { return one(l.ID) }); err != nil {
			return err
		}
	}
	if failed > 0 {
		return prefixed{fmt.Errorf("%d of the letters stay as they are", failed)}
	}
	return nil
}

type dlqRetryCommand struct{ lettersFlags }

// Help implements [kong.HelpProvider].
func (dlqRetryCommand) Help() string {
	return `The message is taken in as it came, through the mapping of its source if that has one, as the configuration of the node is that is
asked; then it is settled. However often and by whomever that is asked for, it has its effect once. What came after it was applied
long ago: an old value that is retried replaces a newer one. A message that is still none stays; what a shard can't evaluate is another
letter then.`
}

// Run retries.
func (c *dlqRetryCommand) Run(ctx context.Context, std *streams) error {
	return c.run(ctx, std, func(id string) error {
		done, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Retried, error) { return cl.RetryLetter(ctx, base, id) })
		switch {
		case err != nil:
			return err
		case c.JSON:
			return writeJSON(std.out, done)
		case len(done.Again) > 0:
			_, err = fmt.Fprintf(std.out, "%s is settled, and is %s now\n", id, strings.Join(done.Again, ", "))
		default:
			_, err = fmt.Fprintf(std.out, "%s is taken in\n", id)
		}
		return err
	})
}

type dlqDropCommand struct{ lettersFlags }

// Run drops.
func (c *dlqDropCommand) Run(ctx context.Context, std *streams) error {
	return c.run(ctx, std, func(id string) error {
		_, err := ask(ctx, &c.questionFlags, func(cl *client.Client, base string) (client.Retried, error) {
			return client.Retried{ID: id}, cl.DropLetter(ctx, base, id)
		})
		switch {
		case err != nil:
			return err
		case c.JSON:
			return writeJSON(std.out, client.Retried{ID: id})
		}
		_, err = fmt.Fprintf(std.out, "%s is dropped\n", id)
		return err
	})
}
