package file

import (
	"errors"
	"io"
	"os"

	"github.com/quadrille-stream/quadrille/connector/internal/filelock"
)

// disk is what a sink needs of a file system. Tests put one in its place that counts, fails, and loses power.
type disk interface {
	// MkdirAll makes a folder, if it is not there.
	MkdirAll(dir string) error
	// Open opens a file for reading and writing, and reports whether it has made it.
	Open(path string) (_ handle, made bool, _ error)
	// SyncDir makes the names in a folder durable.
	SyncDir(dir string) error
	// List returns the names in a folder.
	List(dir string) ([]string, error)
	// Rename gives a file another name, in place of the file that has it.
	Rename(from, to string) error
	// Remove takes a name away.
	Remove(path string) error
}

// handle is an open file. It is used by one goroutine.
type handle interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Lock takes the file for this process until it is closed, or fails at once.
	Lock() error
	// Is reports whether the path is that of this file still.
	Is(path string) (bool, error)
	// Size returns the length in bytes.
	Size() (int64, error)
	// Truncate cuts the file to size.
	Truncate(size int64) error
	// Sync returns when what was written and cut is durable. After an error nobody knows what is.
	Sync() error
}

// osDisk is the disk of the operating system.
type osDisk struct{}

func (osDisk) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o750) }

func (osDisk) Open(path string) (handle, bool, error) {
	_, missing := os.Stat(path)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, false, err
	}
	return osFile{f}, errors.Is(missing, os.ErrNotExist), nil
}

func (osDisk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(path string) error { return os.Remove(path) }

type osFile struct{ *os.File }

func (f osFile) Lock() error { return filelock.Lock(f.File) }

func (f osFile) Is(path string) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(info, there), err
}

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
