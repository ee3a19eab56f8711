// Package cli is the command line: it declares the configuration once, as structs from which flags, environment,
// configuration file, help and validation follow, and wires the parts that a command needs.
//
// Exit status: 0 good, 1 the input is bad or the work has failed, 2 usage.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/quadrille-stream/quadrille/internal/config"
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
	Serve   serveCommand   `cmd:"" help:"Run a node; its engine is embedded unless --nats names another."`
	Demo    demoCommand    `cmd:"" help:"Run a cluster on this machine: stream changes, kill a node, prove that nothing is lost."`
	Config  configCommands `cmd:"" help:"Check, explain or print configuration files."`
	Publish publishCommand `cmd:"" help:"Send files of changes to a node."`
	Tail    tailCommand    `cmd:"" help:"Print the changes that were committed."`
	Status  statusCommand  `cmd:"" help:"Show nodes and shards."`
	Shard   struct {
		Of shardOfCommand `cmd:"" help:"Print the number of the shard that a key falls in."`
	} `cmd:"" help:"Ask about shards."`
	Verify verifyCommand `cmd:"" help:"Read all copies of the logs, of nodes that run or of stopped ones, and tell what is damaged."`
	offlineCommands
	Bench struct {
		Ingest   benchIngestCommand   `cmd:"" help:"Measure accepted changes a second, over HTTP, beside the raw engine."`
		Engine   benchEngineCommand   `cmd:"" help:"Measure appends of the raw engine alone."`
		Failover benchFailoverCommand `cmd:"" help:"Measure how long writers wait when nodes and links fail."`
	} `cmd:"" help:"Measure on this machine."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// offlineCommands need no cluster: they work on files and pipes.
type offlineCommands struct {
	Check   checkCommand   `cmd:"" help:"Read files and tell what is wrong, with the place."`
	Convert convertCommand `cmd:"" help:"Write a file in another format."`
	Diff    diffCommand    `cmd:"" help:"Make the patch that leads from one file of data to another."`
	Apply   applyCommand   `cmd:"" help:"Apply patches to data."`
	Invert  invertCommand  `cmd:"" help:"Make the patch that undoes a patch."`
	Merge   mergeCommand   `cmd:"" help:"Make one patch of many."`
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
	parsed, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(errOut, "quadrille: %v\nSee quadrille --help, or quadrille COMMAND --help.\n", err)
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

func newParser(grammar *commands, io *streams) (*kong.Kong, error) {
	return kong.New(grammar,
		kong.Name("quadrille"),
		kong.Description("A distributed stream processor for knowledge graphs."),
		kong.DefaultEnvars("QUADRILLE"),
		kong.Writers(io.out, io.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.Bind(&loaded{}),
		kong.Exit(func(code int) { panic(exit(code)) }),
	)
}

// errDegraded ends a command that has told all that is to be told.
var errDegraded = errors.New("degraded")

// usageError is an error of the command line that only shows when a command looks at it.
type usageError = config.UsageError

func usagef(format string, args ...any) error { return config.Usagef(format, args...) }

// report writes the error, if there is one to tell of, and returns the exit status.
func report(io *streams, err error) int {
	var usage usageError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE): // who reads our output has had enough
		return exitGood
	case errors.Is(err, errDegraded):
		return exitDegraded
	case errors.As(err, &usage):
		fmt.Fprintln(io.err, "quadrille:", err)
		return exitUsage
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(io.err, "quadrille: interrupted")
	default:
		fmt.Fprintln(io.err, strings.TrimSuffix(err.Error(), "\n"))
	}
	return exitFailed
}

type versionCommand struct{}

func (versionCommand) Run(io *streams) error {
	_, err := fmt.Fprintln(io.out, "quadrille", version())
	return err
}

// version is that of the module, as the build has noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
