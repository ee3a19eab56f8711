package cli

import (
	"errors"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/daemon"
)

// configCommands are about configuration files.
type configCommands struct {
	Check   configCheckCommand   `cmd:"" help:"Tell what is wrong with a configuration file."`
	Explain configExplainCommand `cmd:"" help:"Tell what a setting is."`
	Example configExampleCommand `cmd:"" help:"Print a configuration file with all settings as they are unless set."`
}

type configCheckCommand struct {
	File []string `arg:"" help:"Files to check."`
}

// Run checks.
func (c *configCheckCommand) Run(std *streams) error {
	var errs []error
	for _, path := range c.File {
		doc, err := checkFile(path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		fmt.Fprintf(std.out, "%s: good: node %s, pipeline %s, shards %d, sources %d, sinks %d, mappings %d\n", path, doc.Node.Name, doc.Pipeline.Name,
			doc.Pipeline.Shards, len(doc.Sources), len(doc.Sinks), len(doc.Mappings.Names()))
	}
	return errors.Join(errs...)
}

// checkFile reads a file and checks it as serve does.
func checkFile(path string) (*config.Document, error) {
	file, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	doc, err := file.Document()
	if err != nil {
		return nil, err
	}
	return doc, daemon.Check(doc, file.Place)
}

type configExplainCommand struct {
	Key string `arg:"" optional:"" help:"Setting, or the beginning of its name, such as engine. Default: all."`
}

// Run explains.
func (c *configExplainCommand) Run(std *streams) error {
	any, err := config.Explain(std.out, c.Key)
	if err == nil && !any {
		err = usagef("no setting begins with %q; the nearest is %q", c.Key, config.NearestKey(c.Key))
	}
	return err
}

type configExampleCommand struct{}

// Run prints the example.
func (configExampleCommand) Run(std *streams) error { return config.Example(std.out) }
