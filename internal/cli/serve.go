package cli

import (
	"context"

	"github.com/alecthomas/kong"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/daemon"
)

// byteSize is a number of bytes in a flag.
type byteSize = config.Size

// serveCommand runs a node. Its flags are the settings of the document's sections.
type serveCommand struct {
	Config   configFile      `short:"c" placeholder:"FILE" help:"YAML file with the sections node, pipeline, engine, http, log, sources and sinks; see quadrille config. Flags go before the environment, that before the file."`
	Document config.Document `embed:""`
	SinkDir  string          `placeholder:"DIR" help:"Write the logs of the owned shards to files in this folder: a sink of type file, called file."`
}

// AfterApply looks at the environment: a variable that is not known is a mistake that nobody would notice.
func (*serveCommand) AfterApply(ctx *kong.Context) error { return checkEnv(ctx.Model) }

// Run runs the node until a signal ends it.
func (c *serveCommand) Run(ctx context.Context, std *streams, from *loaded) error {
	doc := &c.Document
	if from.file != nil {
		doc.Sources, doc.Sinks = from.file.Sources, from.file.Sinks
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
