package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/nearest"
)

// connectorCommands are about the types of sources and sinks that are built in.
type connectorCommands struct {
	List connectorListCommand `cmd:"" help:"List the types of sources and sinks, with what they promise."`
	Show connectorShowCommand `cmd:"" help:"Show the settings of a type."`
}

// connectorType is a type for programs.
type connectorType struct {
	Type      string             `json:"type"`
	Direction string             `json:"direction"`
	What      string             `json:"what"`
	Promise   string             `json:"promise"`
	Settings  []connectorSetting `json:"settings,omitempty"`
}

// connectorSetting is one setting of a type.
type connectorSetting struct {
	Key      string `json:"key"`
	Takes    string `json:"takes"`
	Required bool   `json:"required,omitempty"`
	Default  string `json:"default,omitempty"`
	Help     string `json:"help"`
}

func typeFrom(c config.Connector, settings bool) connectorType {
	t := connectorType{Type: c.Type, Direction: c.Direction(), What: c.What, Promise: c.Promise}
	for _, f := range c.Settings {
		if settings {
			t.Settings = append(t.Settings, connectorSetting{Key: f.Key, Takes: f.Type, Required: f.Required, Default: f.Default, Help: f.Help})
		}
	}
	return t
}

type connectorListCommand struct {
	JSON bool `name:"json" env:"-" help:"Print a JSON object a type instead of text."`
}

// Run lists.
func (c *connectorListCommand) Run(std *streams) error {
	t := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(t, "TYPE\tIN OR OUT\tWHAT\tPROMISE") // Flush meets its error
	}
	for _, of := range config.Connectors() {
		if c.JSON {
			if err := writeJSON(std.out, typeFrom(of, false)); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", of.Type, of.Direction(), cmp.Or(of.What, "-"), cmp.Or(of.Promise, "-"))
	}
	return t.Flush()
}

type connectorShowCommand struct {
	Name string `arg:"" help:"The type, such as kafka: its source, its sink, or both."`
	JSON bool   `name:"json" env:"-" help:"Print a JSON object a type instead of text."`
}

// Run shows.
func (c *connectorShowCommand) Run(std *streams) error {
	found := false
	var names []string
	for _, of := range config.Connectors() {
		names = append(names, of.Type)
		if of.Type != c.Name {
			continue
		}
		show := writeConnector
		if c.JSON {
			show = func(w io.Writer, of config.Connector, _ bool) error { return writeJSON(w, typeFrom(of, true)) }
		}
		if err := show(std.out, of, found); err != nil {
			return err
		}
		found = true
	}
	if !found {
		return usagef("no connector is called %q; the nearest is %s", c.Name, nearest.Of(c.Name, names))
	}
	return nil
}

// writeConnector writes what a type is and its settings, after an empty line if it isn't the first.
func writeConnector(w io.Writer, of config.Connector, more bool) error {
	var b strings.Builder
	if more {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%s: %s\n  promise: %s\n", of, of.What, of.Promise)
	for _, f := range of.Settings {
		text := f.Type
		if f.Required {
			text += ", required"
		} else if f.Default != "" {
			text += ", default " + f.Default
		}
		fmt.Fprintf(&b, "  %s (%s)\n    %s\n", f.Key, text, f.Help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
