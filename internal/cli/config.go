package cli

import (
	"errors"
	"fmt"
	"io"

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
	JSON bool     `name:"json" env:"-" help:"Print a JSON object a file instead of text."`
}

// Run checks.
func (c *configCheckCommand) Run(std *streams) error {
	var errs []error
	for _, path := range c.File {
		done := checkedConfig{File: path}
		doc, err := checkFile(path)
		if err != nil {
			errs = append(errs, err)
			done.Error = err.Error()
		} else {
			done = checkedConfig{File: path, Good: true, Node: doc.Node.Name, Pipeline: doc.Pipeline.Name, Shards: doc.Pipeline.Shards,
				Sources: len(doc.Sources), Sinks: len(doc.Sinks), Mappings: len(doc.Mappings.Names())}
		}
		if err := c.tell(std.out, done); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// checkedConfig is what came out for one file.
type checkedConfig struct {
	File     string `json:"file"`
	Good     bool   `json:"good"`
	Node     string `json:"node,omitempty"`
	Pipeline string `json:"pipeline,omitempty"`
	Shards   int    `json:"shards,omitempty"`
	Sources  int    `json:"sources,omitempty"`
	Sinks    int    `json:"sinks,omitempty"`
	Mappings int    `json:"mappings,omitempty"`
	Error    string `json:"error,omitempty"`
}

// tell prints what came out; errors go to standard error besides.
func (c *configCheckCommand) tell(w io.Writer, done checkedConfig) (err error) {
	switch {
	case c.JSON:
		return writeJSON(w, done)
	case done.Good:
		_, err = fmt.Fprintf(w, "%s: good: node %s, pipeline %s, shards %d, sources %d, sinks %d, mappings %d\n", done.File, done.Node, done.Pipeline,
			done.Shards, done.Sources, done.Sinks, done.Mappings)
	}
	return err
}

// checkFile reads a file and checks it as serve does; where something is wrong it goes on with what is good, so that all is told.
func checkFile(path string) (*config.Document, error) {
	file, mistakes := config.Load(path)
	if file == nil {
		return nil, mistakes
	}
	doc, err := file.Document()
	if err != nil {
		return nil, errors.Join(mistakes, err)
	}
	return doc, errors.Join(mistakes, daemon.Check(doc, file.Place))
}

type configExplainCommand struct {
	Key string `arg:"" optional:"" help:"Setting, the beginning of its name, such as engine, or a part of it, such as kafka. Default: all."`
}

// Run explains.
func (c *configExplainCommand) Run(std *streams) error {
	any, err := config.Explain(std.out, c.Key)
	if err == nil && !any {
		err = usagef("no setting has the name %q, or begins with it; the nearest is %q", c.Key, config.NearestKey(c.Key))
	}
	return err
}

type configExampleCommand struct{}

// Run prints the example.
func (configExampleCommand) Run(std *streams) error { return config.Example(std.out) }
