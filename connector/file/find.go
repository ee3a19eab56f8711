package file

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/connector"
)

// compressed are the endings of the names of compressed files that can be read.
var compressed = []string{".gz", ".zst", ".bz2"}

// isCompressed reports whether a name, or a pattern, is of compressed files.
func isCompressed(name string) bool {
	return slices.ContainsFunc(compressed, func(suffix string) bool { return strings.HasSuffix(strings.ToLower(name), suffix) })
}

// find returns the files that are there, by name, each once.
func (s *Source) find() ([]string, error) {
	var found []string
	for _, path := range s.cfg.Paths {
		dir, pattern := filepath.Dir(path), filepath.Base(path)
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			dir, pattern = path, ""
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("files to read: %w", err)
		}
		for _, e := range entries {
			if takes(pattern, e) {
				found = append(found, filepath.Join(dir, e.Name()))
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	if len(found) > s.cfg.MaxFiles {
		return nil, fmt.Errorf("%w: there are %d files, and max-files is %d: move away what was read", connector.ErrGiveUp, len(found),
			s.cfg.MaxFiles)
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
