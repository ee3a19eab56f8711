package disk

import (
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// tableSize is about how large a table gets, in bytes.
const tableSize = 64 << 20

// tables writes tables that the database can take in.
type tables struct {
	fs      vfs.FS
	dir     string
	options *pebble.Options
	format  sstable.TableFormat

	mu    sync.Mutex
	paths []string
}

// table is what is written in order, to one table after another.
type table struct {
	t     *tables
	w     *sstable.Writer // nil: none is begun
	bytes int
}

// set writes a key behind all that came before.
func (t *table) set(key, value []byte) (err error) {
	if t.w == nil {
		if t.w, err = t.t.begin(); err != nil {
			return err
		}
	}
	if err := t.w.Set(key, value); err != nil {
		return err
	}
	if t.bytes += len(key) + len(value); t.bytes < tableSize {
		return nil
	}
	return t.end()
}

// end ends what is begun, and may be called again.
func (t *table) end() error {
	if t.w == nil {
		return nil
	}
	w := t.w
	t.w, t.bytes = nil, 0
	return w.Close()
}

func (t *tables) begin() (*sstable.Writer, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	path := t.fs.PathJoin(t.dir, fmt.Sprintf("%d.sst", len(t.paths)))
	file, err := t.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	t.paths = append(t.paths, path)
	return sstable.NewWriter(objstorageprovider.NewFileWritable(file), t.options.MakeWriterOptions(6, t.format)), nil
}
