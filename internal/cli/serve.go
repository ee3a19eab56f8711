package cli

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/daemon"
)

// byteSize is a number of bytes in a flag.
type byteSize = config.Size

// serveCommand runs a node. Its flags are the settings of the document's sections.
type serveCommand struct {
	Config   configFile      `short:"c" placeholder:"FILE" help:"YAML file with the sections node, pipeline, engine, http, log, sources, sinks and mappings; see quadrille config. Flags go before the environment, that before the file."`
	Document config.Document `embed:""`
	SinkDir  string          `placeholder:"DIR" help:"Write the logs of the owned shards to files in this folder: a sink of type file, called file."`
}

// AfterApply warns of variables that look like one of serve's, but are other commands'.
func (*serveCommand) AfterApply(ctx *kong.Context) error {
	var own []string
	for _, flag := range ctx.Selected().Flags {
		own = append(own, flag.Envs...)
	}
	alike := config.AlikeEnv(os.Environ(), own)
	for _, name := range slices.Sorted(maps.Keys(alike)) {
		fmt.Fprintf(ctx.Stderr, "quadrille: %s is no setting of serve, but of another command; is %s meant?\n", name, alike[name])
	}
	return nil
}

// Run runs the node until a signal ends it.
func (c *serveCommand) Run(ctx context.Context, std *streams, from *loaded) error {
	doc := &c.Document
	if from.file != nil {
		doc.Sources, doc.Sinks, doc.Mappings = from.file.Sources, from.file.Sinks, from.file.Mappings
	}
	if c.SinkDir != "" {
		doc.Sinks = append(doc.Sinks, config.Sink{Name: "file", Type: "file", Settings: &config.FileSink{Dir: c.SinkDir}})
	}
	if err := daemon.Check(doc, from.place); err != nil {
		return usageError{Err: err}
	}
	if err := daemon.Run(ctx, doc, std.out, std.err); err != nil {
		return prefixed{err}
	}
	return nil
}
