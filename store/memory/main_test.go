package memory

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", rapidChecks); err != nil { // the command line is read later, and goes before it
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
