package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/publish"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// publishCommand sends files.
type publishCommand struct {
	Files []string `arg:"" name:"file" help:"Files of changes, .rdfp and .trp (RDF Patch, text and binary) and .ru (SPARQL Update), or of RDF data, .nt, .nq, .ttl, .trig, .rdf, .owl and .jsonld, whose statements are additions; .gz, .zst and .bz2 after it are decompressed. - is standard input."`
	doors
	patienceFlag
	dataFlags
	Type           string   `env:"-" placeholder:"FORMAT" choices:"ntriples,nquads,turtle,trig,rdfxml,jsonld,patch,patch-binary,update" help:"Format of what is read, where the name of a file does not tell; given, it holds for all files."`
	RequestSize    byteSize `default:"1MiB" help:"Size after which a request ends with its transaction."`
	MaxTransaction byteSize `default:"64MiB" help:"Size that one transaction may have."`
	RunName        string   `name:"run" placeholder:"NAME" help:"Name of a run that may be repeated, as after an interruption: what it has sent before is skipped, and something else in its place is refused (see above). Without it each call is a run of its own."`
	IgnorePrev     bool     `help:"Leave out the headers \"prev\", as when a log is copied into another pipeline."`
	Quiet          bool     `short:"q" env:"-" help:"Print no progress bar and no summary."`
	JSON           bool     `name:"json" env:"-" help:"Print a JSON object a file instead of text."`
}

// Help implements [kong.HelpProvider].
func (publishCommand) Help() string {
	return `Sends the files one after the other, in requests that end where a transaction does. What comes through a pipe (-) is sent
while its writer pauses, after 200 ms at most, a transaction when it is whole. The blank nodes of a file are the same whenever
it is sent, those of a pipe are new each time.

Of SPARQL Update each operation is a request of its own, but for INSERT DATA and DELETE DATA that follow each other. It is evaluated
by who owns the shard, and is to be for the shard of one subject (serve --key), or for every one. Its blank nodes are new each time.

A run of a name (--run) is repeated with the same content: the same rows or statements in the same files' order, of which the
last may have got longer or shorter by whole requests, and more may follow; with the same --request-size, --max-transaction and
--ignore-prev. How files are called and compressed, whether a patch is text or binary, and what comes through a pipe, are all
the same to it; a pipe is then sent in full requests. What has been sent is skipped, and what follows it is sent. Where the run
has sent something else before, the call ends and sends nothing from there on: it needs another name. Blank nodes belong to the
run and the number of their file in it. The nodes remember a run for a day (serve --keep-keys); later it is a new one.

  quadrille publish changes.rdfp more.nq.gz
  follow-something | quadrille publish -
  quadrille publish --run import-7 --contexts contexts data.jsonld`
}

// Run sends the files one after the other, each in its order.
func (c *publishCommand) Run(ctx context.Context, std *streams) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	if c.RequestSize < 1 || c.RequestSize > c.MaxTransaction {
		return usagef("--request-size=%v: expected 1 to --max-transaction (%v)", c.RequestSize, c.MaxTransaction)
	}
	for i, name := range c.Files {
		var bar *terminal.Bar
		if !c.Quiet {
			bar = terminal.NewBar(std.err, displayName(name), "change")
		}
		file := publish.File{Path: name, Name: displayName(name), Number: i, Reader: std.in, Hangs: name == "-"}
		total, err := c.send(ctx, client.NewSession(cl, c.URL, 0, c.Patience), file, bar)
		bar.End()
		if err != nil {
			if total.Requests > 0 { // what was accepted before the error
				fmt.Fprintf(std.err, "%s; then:\n", summaryOf(name, total))
			}
			return err
		}
		if err := c.tell(std.out, name, total); err != nil {
			return err
		}
	}
	return nil
}

// published is the summary of a file for programs.
type published struct {
	File string `json:"file"`
	publish.Total
}

// tell prints what became of a file.
func (c *publishCommand) tell(w io.Writer, name string, total publish.Total) (err error) {
	switch {
	case c.JSON:
		return writeJSON(w, published{name, total})
	case !c.Quiet:
		_, err = fmt.Fprintln(w, summaryOf(name, total))
	}
	return err
}

// send sends a file, whose reader is standard input if it is that.
func (c *publishCommand) send(ctx context.Context, session *client.Session, file publish.File, bar *terminal.Bar) (publish.Total, error) {
	var err error
	if file.Format, err = c.format(file.Path); err != nil {
		return publish.Total{}, err
	}
	if file.Source, err = c.source(file.Path); err != nil {
		return publish.Total{}, err
	}
	in, size, closeFile, err := openFile(file.Path, file.Reader)
	if err != nil {
		return publish.Total{}, err
	}
	defer closeFile()
	file.Reader = in
	var begins *beginning
	if c.Type == "" && file.Path == "-" {
		begins = &beginning{from: in}
		file.Reader = begins
	}
	bar.SetTotal(size)
	cfg := publish.Config{RequestSize: int(c.RequestSize), MaxTransaction: int(c.MaxTransaction), Run: c.RunName, IgnorePrev: c.IgnorePrev}
	total, err := publish.Send(ctx, session, file, cfg, bar.Show)
	if begins != nil {
		err = begins.advised(err, false)
	}
	return total, hinted(err)
}

func summaryOf(name string, t publish.Total) string {
	text := fmt.Sprintf("%s: %s in %s: %d added, %d deleted", displayName(name),
		terminal.Count(t.Changes, "change"), terminal.Count(t.Requests, "request"), t.Adds, t.Deletes)
	if t.Skipped > 0 {
		text += fmt.Sprintf("; %d of the requests were skipped: the run had sent them before", t.Skipped)
	}
	return text
}

func (c *publishCommand) format(name string) (rdfio.Format, error) {
	if c.Type == "" && name == "-" {
		return rdfio.Patch, nil
	}
	return anyFormat(name, c.Type, "--type", publishFormats)
}
