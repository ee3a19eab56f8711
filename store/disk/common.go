package disk

import (
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

const (
	// commonCache is the memory for what was read, in bytes.
	commonCache = 256 << 20
	// maxFiles is about the number of tables that are open at a time.
	maxFiles = 1000
)

// caches are what the stores of a process have together, however many there are: memory for what was read, and open files. They are there
// as long as a store is.
type caches struct {
	mu     sync.Mutex
	users  int
	blocks *pebble.Cache
	files  *pebble.FileCache
}

var common caches

func (c *caches) acquire() (*pebble.Cache, *pebble.FileCache) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users++; c.users == 1 {
		c.blocks = pebble.NewCache(commonCache)
		c.files = pebble.NewFileCache(4, pebble.FileCacheSize(maxFiles))
	}
	return c.blocks, c.files
}

func (c *caches) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 {
		c.files.Unref()
		c.blocks.Unref()
		c.files, c.blocks = nil, nil
	}
}
