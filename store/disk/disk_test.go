package disk_test

import (
	"os"
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
	goleak.VerifyTestMain(m)
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
