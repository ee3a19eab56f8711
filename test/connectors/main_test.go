package connectors

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// TestMain makes this very binary do the work of the nodes that the tests start as processes, as its first argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	flag.Parse()
	os.Exit(m.Run())
}
