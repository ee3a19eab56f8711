package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store/disk"
)

// loadCommand fills a folder.
type loadCommand struct {
	Files []string `arg:"" name:"file" help:"Files of RDF data; - is standard input."`
	Data  string   `required:"" env:"-" placeholder:"DIR" help:"Folder to fill. It is made if need be, and else was filled so before."`
	dataTypeFlag
	dataFlags
	Forget bool `env:"-" help:"If a load was interrupted: begin these files at their start. What was loaded stays."`
	Quiet  bool `short:"q" env:"-" help:"Print errors alone."`
	JSON   bool `name:"json" env:"-" help:"Print a JSON object instead of text."`
}

// Help implements [kong.HelpProvider].
func (loadCommand) Help() string {
	return `Adds the statements of the files to those of a folder, in which query, delta, diff and apply find them without reading the files
again: for data that is larger than memory, or asked often. One process uses it at a time.

The first load of a folder, which is not there or is empty, sorts what it reads, at several times the speed of any other: it reads
all files first, and then writes the folder, with a progress bar for each of both. It is there as a whole, or, after an interrupt or a
crash, not at all: then the same call begins it again, and removes what was left. It takes some 256 MiB of memory, twice at most,
and on the disk, in DIR/loading until it is done, up to four times the room that the folder has in the end, which is about 30
bytes a statement of sensor readings. Further loads commit 20,000 statements at a time.

Such a load that is interrupted, also by a crash, is taken up where it was by the same call: the folder remembers the files, how many
statements of them are in, and what those were. Nothing else can be done with the folder until then, but for queries, or a load with
--forget. After a mistake in a file what stood before it is in, also of a first load; the same call goes on when it is mended. Each
file of each load has blank nodes of its own.

  quadrille load --data store dump.nq.gz more.ttl
  quadrille query --data store 'SELECT (COUNT(*) AS ?n) { ?s ?p ?o }'
  quadrille query --data store 'CONSTRUCT WHERE { ?s ?p ?o }' -o all.nt.gz

` + formatsHelp
}

// loadSummary is the summary.
type loadSummary struct {
	Files      int     `json:"files"`
	Statements uint64  `json:"statements"` // of this call
	Added      uint64  `json:"added"`      // of which were not there before
	Skipped    uint64  `json:"skipped"`    // that an interrupted call had loaded
	Quads      int     `json:"quads"`      // that the folder has now
	Seconds    float64 `json:"seconds"`
}

// Run loads the files one after the other.
func (c *loadCommand) Run(ctx context.Context, std *streams) (err error) {
	files, err := c.inputs()
	if err != nil {
		return err
	}
	into, err := c.open(std)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.close()) }()
	began := time.Now()
	l := &loading{into: into}
	if err := l.begin(c.Data, c.Files, c.Forget); err != nil {
		return err
	}
	for i, in := range files {
		if err := l.file(ctx, std, in, i); err != nil {
			return l.interrupted(ctx, std, c.Data, err)
		}
	}
	if err := l.end(ctx, std); err != nil {
		return l.interrupted(ctx, std, c.Data, err)
	}
	l.done.Files, l.done.Quads, l.done.Seconds = len(files), into.quads(), time.Since(began).Seconds()
	return c.tell(std, &l.done)
}

func (c *loadCommand) inputs() (files []*inputFile, err error) {
	if err := oneStandardInput(c.Files...); err != nil {
		return nil, err
	}
	for _, name := range c.Files {
		in, err := c.data(name, c.Type, "--type")
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(name); name != "-" && err != nil {
			return nil, err // before a folder is made for it
		}
		files = append(files, in)
	}
	return files, nil
}

// open opens the folder, which has a store, or nothing, and says what takes the statements into it.
func (c *loadCommand) open(std *streams) (intake, error) {
	entries, err := os.ReadDir(c.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if len(entries) == 0 {
		return newSorting(c.Data)
	}
	there, err := disk.Exists(c.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Data, err)
	}
	if !there {
		return nil, fmt.Errorf("%s: the folder has something else in it, such as %s; name another, or an empty one", c.Data, entries[0].Name())
	}
	left, cutOff, err := disk.Unfinished(c.Data)
	if err != nil {
		return nil, err
	}
	s, err := openStore(disk.Options{Dir: c.Data})
	if err != nil {
		return nil, err
	}
	if !isNew(s) {
		return &batches{store: s}, nil
	}
	if cutOff {
		fmt.Fprintf(std.err, "%s: its first load was cut off, nothing of it is in: %.1f MB that it has left were removed, and it begins again\n", c.Data, float64(left)/1e6)
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return newSorting(c.Data)
}

func (c *loadCommand) tell(std *streams, done *loadSummary) error {
	switch {
	case c.JSON:
		return writeJSON(std.out, done)
	case c.Quiet:
		return nil
	}
	text := fmt.Sprintf("%s: %s of %s, %d new, in %.1f s: %s quads/s; %s in all", c.Data, terminal.Count(done.Statements, "statement"),
		terminal.Count(done.Files, "file"), done.Added, done.Seconds, terminal.Grouped(int(float64(done.Statements)/max(done.Seconds, 1e-3))),
		terminal.GroupedCount(done.Quads, "quad"))
	if done.Skipped > 0 {
		text += fmt.Sprintf("; %s had been loaded before", terminal.Count(done.Skipped, "statement"))
	}
	_, err := fmt.Fprintln(std.out, text)
	return err
}

// loading is a load of files into a store.
type loading struct {
	into intake
	mark loadMark      // as it will be committed
	sum  *statementSum // of the file
	done loadSummary
	kept loadSummary // of done, what is committed
}

// begin takes up what was interrupted, or begins anew.
func (l *loading) begin(dir string, names []string, forget bool) error {
	mark, position, err := l.into.state(dir)
	if err != nil {
		return err
	}
	switch {
	case mark == nil || forget:
		l.mark = loadMark{Files: names, Position: position}
	case !mark.isOf(names):
		return fmt.Errorf("%w; --forget begins these files instead", mark.unfinished(dir))
	default:
		l.mark = *mark
	}
	return nil
}

// file loads the i-th file, or the rest of it.
func (l *loading) file(ctx context.Context, std *streams, in *inputFile, i int) error {
	if i < l.mark.File {
		return nil // it is loaded
	}
	skip := uint64(0)
	if i == l.mark.File {
		skip = l.mark.Statements
	}
	l.mark.start(i)
	in.source.BlankPrefix = l.mark.blankPrefix()
	l.sum = newStatementSum()
	err := in.statements(ctx, std, func(q rdf.Quad) error {
		l.sum.add(q)
		if in.count > skip {
			return l.add(ctx, std, q, in.count)
		}
		l.done.Skipped++
		if in.count == skip && l.sum.text() != l.mark.Sum {
			return errOtherStatements
		}
		return nil
	})
	if err == nil && in.count < skip {
		err = fmt.Errorf("%s: %w", in.source.File, errOtherStatements)
	}
	if err == nil {
		l.mark.start(i + 1)
	}
	return err
}

func (l *loading) add(ctx context.Context, std *streams, q rdf.Quad, number uint64) error {
	due, err := l.into.add(q)
	if err != nil {
		return err
	}
	l.done.Statements++
	l.mark.Statements = number
	if !due {
		return nil
	}
	return l.commit(ctx, std)
}

// commit commits what was added, with the mark.
func (l *loading) commit(ctx context.Context, std *streams) error {
	if l.mark.Statements > 0 {
		l.mark.Sum = l.sum.text()
	}
	meta, err := l.mark.bytes()
	if err != nil {
		return err
	}
	added, err := l.into.commit(ctx, std, meta)
	if err != nil {
		return err
	}
	l.done.Added += added
	l.kept = l.done
	return nil
}

// end says in the store that nothing is unfinished.
func (l *loading) end(ctx context.Context, std *streams) error {
	l.mark = loadMark{}
	return l.commit(ctx, std)
}

// interrupted commits what came before the error, if that can be, and tells how much is in the store.
func (l *loading) interrupted(ctx context.Context, std *streams, dir string, err error) error {
	if errors.Is(err, errOtherStatements) {
		return err
	}
	if l.into.pending(ctx) {
		err = errors.Join(err, l.commit(ctx, std))
	}
	if l.kept.Statements == 0 && l.into.position() == 0 {
		fmt.Fprintf(std.err, "%s: nothing is in it: a first load is there as a whole or not at all; the same call begins it again\n", dir)
		return err
	}
	fmt.Fprintf(std.err, "%s: %s of this call are in it; the same call goes on behind them\n", dir,
		terminal.Count(l.kept.Statements, "statement"))
	return err
}
