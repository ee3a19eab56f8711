package cli

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type manCommand struct{}

// Help tells what to do with the page.
func (manCommand) Help() string { return "To read it: quadrille man | man -l -" }

func (manCommand) Run(io *streams) error {
	parser, err := newParser(&commands{}, io)
	if err != nil {
		return err
	}
	return writeMan(io.out, parser.Model)
}

// writeMan writes the manual page, in the language of man(7): all commands, with their arguments and flags.
func writeMan(w io.Writer, app *kong.Application) error {
	m := &manual{bufio.NewWriter(w)}
	fmt.Fprintf(m, ".TH %s 1\n.SH NAME\n%s \\- %s\n", strings.ToUpper(app.Name), app.Name, roff(app.Help))
	fmt.Fprintf(m, ".SH SYNOPSIS\n.B %s\n.I command\n[\\fIflags\\fR]\n.SH COMMANDS\n", app.Name)
	m.commands(app.Node)
	fmt.Fprint(m, ".SH ENVIRONMENT\nA flag that an environment variable can set has its name in brackets.\n"+
		".SH EXIT STATUS\n0: good. 1: the input is bad, or the work has failed. 2: the command line is wrong.\n"+
		"3: the question was answered, and not all is as it should be.\n")
	return m.Flush()
}

type manual struct{ *bufio.Writer }

func (m *manual) commands(node *kong.Node) {
	for _, c := range node.Children {
		if c.Hidden {
			continue
		}
		if len(c.Children) > 0 {
			m.commands(c)
			continue
		}
		fmt.Fprintf(m, ".SS %s\n%s\n", roff(c.Summary()), roff(c.Help))
		if c.Detail != "" {
			fmt.Fprintf(m, ".PP\n.nf\n%s\n.fi\n", roff(c.Detail))
		}
		for _, arg := range c.Positional {
			fmt.Fprintf(m, ".TP\n.I %s\n%s\n", roff(arg.Summary()), roff(arg.Help))
		}
		for _, flags := range c.AllFlags(true) {
			for _, flag := range flags {
				fmt.Fprintf(m, ".TP\n.B %s\n%s\n", roff(flag.String()), roff(kong.DefaultHelpValueFormatter(flag.Value)))
			}
		}
	}
}

// roff writes a text so that none of it is taken for a request.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
