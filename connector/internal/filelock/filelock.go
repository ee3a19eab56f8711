// Package filelock keeps a file for one process.
package filelock

import "errors"

// ErrLocked: somebody else, mostly another process, has the file.
var ErrLocked = errors.New("another process or sink writes it")
