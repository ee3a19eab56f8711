package file

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"syscall"
)

// identity is what a file keeps when it is renamed or written to. A copy has another one.
type identity struct {
	inode uint64
	// birth is when the file was made, in nanoseconds: numbers of inodes are used again, but not with the same time. 0: the file
	// system doesn't say.
	birth int64
}

// firstLine bounds what is looked at of a file's first line, in bytes.
const firstLine = 4 << 10

// openFile opens a file, and waits for nobody: a pipe that has taken its place meanwhile is opened, and seen to be no file.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// key names a file. Where no time says when it was made, its first line takes that place, and there is no name as long as that
// line has no end: then it has no message either. known says that the name can be told.
func (id identity) key(path string) (key string, known bool, err error) {
	if id.birth != 0 {
		return fmt.Sprintf("%x.%x", id.inode, id.birth), true, nil
	}
	f, err := openFile(path)
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	text := make([]byte, firstLine)
	n, err := f.ReadAt(text, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, err
	}
	end := bytes.IndexByte(text[:n], '\n') + 1
	if end == 0 && n < firstLine {
		return "", false, nil
	}
	if end == 0 {
		end = n
	}
	return fmt.Sprintf("%x-%08x", id.inode, crc32.Checksum(text[:end], castagnoli)), true, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)
