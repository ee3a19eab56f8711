// Package cli is the command line: it declares the configuration once, as structs from which flags, environment,
// configuration file, help and validation follow, and wires the parts that a command needs.
//
// Exit status: 0 good, 1 the input is bad or the work has failed, 2 usage, 3 the question was answered and not all is as it should
// be. An error begins with the place that it is about, a file
// or a node's address, or else with the name of the program.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/quadrille-stream/quadrille/internal/buildinfo"
	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/demo"
	"github.com/quadrille-stream/quadrille/internal/terminal"
)

// The exit statuses.
const (
	exitGood   = 0
	exitFailed = 1
	exitUsage  = 2
	// exitDegraded: the question was answered, and the answer is that not all is as it should be.
	exitDegraded = 3
)

// commands is the whole command line.
type commands struct {
	Serve     serveCommand      `cmd:"" help:"Run a node; its engine is embedded unless --nats names another."`
	Demo      demoCommand       `cmd:"" help:"Run a cluster on this machine: stream changes, kill a node, prove that nothing is lost."`
	Config    configCommands    `cmd:"" help:"Check, explain or print configuration files."`
	Publish   publishCommand    `cmd:"" help:"Send files of changes to a node."`
	Tail      tailCommand       `cmd:"" help:"Print the changes that were committed."`
	Status    statusCommand     `cmd:"" help:"Show nodes and shards."`
	Source    sourceCommands    `cmd:"" help:"Show, pause, resume and seek sources."`
	Sink      sinkCommands      `cmd:"" help:"Show, pause, resume and seek sinks."`
	DLQ       dlqCommands       `cmd:"" name:"dlq" help:"Dead letters: list, show, retry and drop messages that could not be taken in."`
	Connector connectorCommands `cmd:"" help:"Show the types of sources and sinks that are built in."`
	Shard     struct {
		Of shardOfCommand `cmd:"" help:"Print the number of the shard that a key falls in."`
	} `cmd:"" help:"Ask about shards."`
	Verify verifyCommand `cmd:"" help:"Read all copies of the logs, of nodes that run or of stopped ones, and tell what is damaged."`
	offlineCommands
	Bench struct {
		Ingest   benchIngestCommand   `cmd:"" help:"Measure accepted changes a second, over HTTP, beside the raw engine."`
		Updates  benchUpdatesCommand  `cmd:"" help:"Measure SPARQL Updates a second, one in a request, beside RDF Patches of the same changes."`
		Queries  benchQueriesCommand  `cmd:"" help:"Measure queries of one subject a second, over HTTP, while changes come in."`
		Star     benchStarCommand     `cmd:"" help:"Measure queries of one subject's properties at several nodes, beside one that has all."`
		Engine   benchEngineCommand   `cmd:"" help:"Measure appends of the raw engine alone."`
		Failover benchFailoverCommand `cmd:"" help:"Measure how long writers wait when nodes and links fail."`
	} `cmd:"" help:"Measure on this machine."`
	Completion completionCommand `cmd:"" help:"Print the script that lets a shell complete commands and flags."`
	Man        manCommand        `cmd:"" help:"Print the manual page."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// BeforeReset looks at the environment before flags have their values from it.
func (*commands) BeforeReset(ctx *kong.Context) error { return checkEmpty(ctx) }

// AfterApply looks at the environment: a variable that is not known is a mistake that nobody would notice.
func (*commands) AfterApply(ctx *kong.Context) error { return checkEnv(ctx.Model) }

// offlineCommands need no cluster: they work on files and pipes.
type offlineCommands struct {
	Check   checkCommand   `cmd:"" help:"Read files and tell what is wrong, with the place."`
	Convert convertCommand `cmd:"" help:"Write a file in another format."`
	Diff    diffCommand    `cmd:"" help:"Make the patch that leads from one file of data to another."`
	Apply   applyCommand   `cmd:"" help:"Apply patches to data."`
	Invert  invertCommand  `cmd:"" help:"Make the patch that undoes a patch."`
	Merge   mergeCommand   `cmd:"" help:"Make one patch of many."`
	Query   queryCommand   `cmd:"" help:"Ask RDF data a SPARQL query."`
	Delta   deltaCommand   `cmd:"" help:"Make the patch that a SPARQL update of data comes to."`
	Load    loadCommand    `cmd:"" help:"Load RDF data into a folder, for what is larger than memory."`
	Map     mapCommand     `cmd:"" help:"Show what a mapping makes of messages."`
}

// streams are the standard streams of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exit unwinds to Main when the parser ends the program, as for --help.
type exit int

// Main runs the command that args name and returns the exit status.
func Main(args []string, in io.Reader, out, errOut io.Writer) (status int) {
	defer func() {
		if code, ok := recover().(exit); ok {
			status = int(code)
		}
	}()
	io := &streams{in: in, out: out, err: errOut}
	parser, err := newParser(&commands{}, io)
	if err != nil {
		fmt.Fprintln(errOut, "quadrille:", err) // only a mistake in the declaration can come here
		return exitUsage
	}
	if len(args) > 0 && args[0] == completeWord {
		return report(io, complete(parser.Model, args[1:], out))
	}
	parsed, err := parser.Parse(asCommand(args))
	if err != nil {
		complain(errOut, explained(err))
		fmt.Fprintln(errOut, "See quadrille --help, or quadrille COMMAND --help.")
		return exitUsage
	}
	ending := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if parsed.Command() != "serve" { // which reads files again at SIGHUP
		// The terminal that goes away must leave no process behind. SIGPIPE comes as an error of a write.
		ending = append(ending, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), ending...)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second signal ends the process at once
	parsed.BindTo(ctx, (*context.Context)(nil))
	return report(io, parsed.Run(io))
}

// asCommand takes what people try first for what it means.
func asCommand(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case slices.Equal(args, []string{"--version"}):
		return []string{"version"}
	}
	return args
}

func newParser(grammar *commands, io *streams) (*kong.Kong, error) {
	return kong.New(grammar,
		kong.Name("quadrille"),
		kong.Description("A distributed stream processor for knowledge graphs."),
		kong.DefaultEnvars("QUADRILLE"),
		kong.Vars{"peers": strings.Join(demo.Peers(), "=HOST:PORT, ") + "=HOST:PORT"},
		kong.Writers(io.out, io.err),
		kong.KindMapper(reflect.String, kong.MapperFunc(decodeString)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Bind(&loaded{}),
		kong.Exit(func(code int) { panic(exit(code)) }),
	)
}

// decodeString takes a word of the command line as it is. The names of files need not be UTF-8, which the parser's own way,
// through JSON, would make them.
func decodeString(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	target.SetString(fmt.Sprint(token.Value))
	return nil
}

// errDegraded ends a command that has told all that is to be told.
var errDegraded = errors.New("degraded")

// usageError is an error of the command line that only shows when a command looks at it.
type usageError = config.UsageError

func usagef(format string, args ...any) error { return config.Usagef(format, args...) }

// prefixed is an error that begins with no place of its own.
type prefixed struct{ error }

// Unwrap returns the error.
func (p prefixed) Unwrap() error { return p.error }

// complain writes each line of an error after the name of the program.
func complain(w io.Writer, err error) {
	for line := range strings.Lines(strings.TrimRight(err.Error(), "\n")) {
		fmt.Fprintf(w, "%s %s\n", terminal.ColoursOf(w).Bad("quadrille:"), strings.TrimSuffix(strings.TrimPrefix(line, "quadrille: "), "\n"))
	}
}

// writePlaced writes an error whose lines begin with places.
func writePlaced(w io.Writer, err error) {
	for line := range strings.Lines(strings.TrimSuffix(err.Error(), "\n")) {
		place, what, found := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if found {
			place, what = terminal.ColoursOf(w).Bad(place+":"), " "+what
		}
		fmt.Fprintln(w, place+what)
	}
}

// report writes the error, if there is one to tell of, and returns the exit status.
func report(io *streams, err error) int {
	err = advised(err)
	var usage usageError
	var own prefixed
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // who reads our output has had enough
		return exitGood
	case errors.Is(err, errDegraded):
		return exitDegraded
	case errors.As(err, &usage):
		complain(io.err, err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(io.err, "quadrille: interrupted")
	case errors.As(err, &own):
		complain(io.err, err)
	default:
		writePlaced(io.err, err)
	}
	return exitFailed
}

type versionCommand struct {
	JSON bool `name:"json" env:"-" help:"Print a JSON object instead of text."`
}

// Run prints the version.
func (c versionCommand) Run(io *streams) error {
	if c.JSON {
		return writeJSON(io.out, buildinfo.Get())
	}
	_, err := fmt.Fprintln(io.out, "quadrille", buildinfo.Get())
	return err
}
