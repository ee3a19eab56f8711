// Command quadrille runs nodes of Quadrille, a distributed stream processor for knowledge graphs, and talks to them.
package main

import (
	"os"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
