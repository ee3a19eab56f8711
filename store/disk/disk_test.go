package disk_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"testing"

	"go.uber.org/goleak"

	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/storetest"
)

// asChild is set for the process of a test in which databases end that can't be closed.
const asChild = "QUADRILLE_TEST_DISK_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		os.Exit(m.Run())
	}
	if err := flag.Set("rapid.checks", rapidChecks); err != nil { // the command line is read later, and goes before it
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// inChild reports whether this is the test's own process. If not it starts that, and fails unless what is named has passed there.
func inChild(t *testing.T, named string) bool {
	t.Helper()
	if os.Getenv(asChild) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), asChild+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("--- PASS: "+named)) {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func open(t testing.TB, o disk.Options) *disk.Store {
	t.Helper()
	s, err := disk.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDisk(t *testing.T) {
	storetest.Run(t, storetest.Stores{
		Open: func() store.Store {
			s := open(t, disk.Options{Dir: t.TempDir(), Cache: 1 << 20, Buffer: 1 << 20})
			t.Cleanup(func() { s.Close() })
			return s
		},
		Small: func() store.Store {
			s := open(t, disk.Options{Dir: t.TempDir(), MaxQuads: 20})
			t.Cleanup(func() { s.Close() })
			return s
		},
	})
}
