package storetest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Rot changes the first third of each table in the folder of a store on disk, where its quads are, and returns how many there are. The store
// may be open: what a compaction makes of tables meanwhile is changed, too.
func Rot(t testing.TB, folder string) int {
	t.Helper()
	rotten := map[string]bool{}
	for again := true; again; {
		again = false
		tables, err := filepath.Glob(filepath.Join(folder, "*.sst"))
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			if rotten[table] {
				continue
			}
			rotten[table], again = true, true
			text, err := os.ReadFile(table)
			if errors.Is(err, fs.ErrNotExist) {
				continue // another one has what was in it
			}
			for i := range len(text) / 3 {
				text[i] ^= 0xff
			}
			if err := errors.Join(err, os.WriteFile(table, text, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return len(rotten)
}
