package disk

import (
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Lock takes a file, which is made if need be, for this process, until what is returned is closed or the process ends. It is an error if
// another process, or this one, has it.
func Lock(path string) (io.Closer, error) { return vfs.Default.Lock(path) }
