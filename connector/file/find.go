package file

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// isCompressed reports whether a name, or a pattern, is of compressed files that can be read.
func isCompressed(name string) bool {
	_, is := rdfio.CutCompression(name)
	return is
}

// find returns the files that are there, by name, each once.
func (s *Source) find() ([]string, error) {
	var found []string
	for _, path := range s.cfg.Paths {
		dir, pattern := filepath.Dir(path), filepath.Base(path)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			dir, pattern = path, ""
		}
		names, err := s.list(dir, pattern)
		if err != nil {
			return nil, fmt.Errorf("files to read: %w", err)
		}
		found = append(found, names...)
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > s.cfg.MaxFiles {
		return nil, connector.GiveUpf("there are %d files or more, and max-files is %d: move away what was read", len(found), s.cfg.MaxFiles)
	}
	return found, nil
}

// atOnce is how many names of a folder are asked for at one time.
const atOnce = 1000

// list returns those files of a folder that are read, or as many as are too many: a folder may have any number.
func (s *Source) list(dir, pattern string) (found []string, err error) {
	d, err := openFile(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	for len(found) <= s.cfg.MaxFiles {
		entries, err := d.ReadDir(atOnce)
		for _, e := range entries {
			if takes(pattern, e) {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// takes reports whether a file of a folder is read; the pattern of all of them is empty.
func takes(pattern string, e fs.DirEntry) bool {
	name := e.Name()
	if e.IsDir() || name[0] == '.' && !strings.HasPrefix(pattern, ".") {
		return false
	}
	if pattern == "" {
		return true
	}
	match, _ := filepath.Match(pattern, name)
	return match && (!isCompressed(name) || isCompressed(pattern))
}
