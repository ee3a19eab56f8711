package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/mapping"
)

// maxMessage bounds a message, in bytes: what a node takes in by default.
const maxMessage = 64 << 20

// mapCommand shows what a mapping makes of messages.
type mapCommand struct {
	Files   []string          `arg:"" optional:"" default:"-" name:"file" help:"Messages; - is standard input. What is compressed is read all the same."`
	Config  string            `required:"" short:"c" env:"-" placeholder:"FILE" help:"Configuration file that declares the mapping."`
	Mapping string            `short:"m" env:"-" placeholder:"NAME" help:"Name of the mapping. Default: the only one that there is."`
	Var     map[string]string `env:"-" placeholder:"NAME=VALUE" help:"What the mapping finds as $$(#NAME); again for more."`
}

// Help implements [kong.HelpProvider].
func (mapCommand) Help() string {
	return `Each file is a message, of which the mapping makes an RDF Patch. In a row that deletes, <urn:quadrille:any> stands for whatever the
owner of the subject knows there: such a patch is none for other tools. A mapping with an update makes SPARQL Updates. docs/mapping.md says what a mapping is.

  quadrille map -c quadrille.yaml -m observation reading.json
  quadrille map -c quadrille.yaml -m row --var topic=plant/line1 - < change.json`
}

// Run maps the messages one after the other. After a message that can't be mapped the others are mapped all the same.
func (c *mapCommand) Run(ctx context.Context, std *streams) error {
	if err := oneStandardInput(c.Files...); err != nil {
		return err
	}
	m, err := c.mapping()
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range c.Files {
		body, err := readMessage(ctx, std, name)
		if err == nil {
			if body, _, err = m.Append(nil, mapping.Message{Body: body, Vars: c.Var}); err != nil {
				err = fmt.Errorf("%s: %w", displayName(name), err)
			}
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if _, err := std.out.Write(body); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

// mapping returns the one that is asked for.
func (c *mapCommand) mapping() (*mapping.Mapping, error) {
	file, err := config.Load(c.Config)
	if err != nil {
		return nil, err
	}
	name, names := c.Mapping, file.Mappings.Names()
	if name == "" {
		if len(names) != 1 {
			return nil, usagef("which mapping? Say it with --mapping; %s declares %s", c.Config, strings.Join(names, ", "))
		}
		name = names[0]
	}
	m, err := file.Mappings.Get(name)
	if err != nil {
		return nil, usagef("%s: %w", c.Config, err)
	}
	return m, nil
}

// readMessage reads a file whole.
func readMessage(ctx context.Context, std *streams, name string) ([]byte, error) {
	body, err := readWhole(ctx, std, name, maxMessage)
	if err == nil && len(body) > maxMessage {
		err = fmt.Errorf("%s: the message has more than %d bytes", displayName(name), maxMessage)
	}
	return body, err
}
