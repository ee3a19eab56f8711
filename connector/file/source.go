package file

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// SourceConfig configures a [Source].
type SourceConfig struct {
	// Paths are folders, all of whose files are read, or patterns for files ([filepath.Match]). A pattern takes compressed files
	// only if it ends with .gz, .zst or .bz2: what logrotate compresses would otherwise be read again. Files whose names begin
	// with a dot are left out, unless the pattern's begins so. Required.
	Paths []string
	// MediaType is that of all files. Default: what a file's name says.
	MediaType string
	// Mapped: messages go to a mapping, which takes JSON, JSON Lines and CSV.
	Mapped bool
	// NoHeader: the first row of CSV is a row as the others are, and no list of columns.
	NoHeader bool
	// ByTime: files that are there together are read in the order of their last change, and not of their names.
	ByTime bool
	// Whole: no file is followed, so a file is read when it is complete; what is read by lines otherwise is told to have ended
	// with its last byte.
	Whole bool
	// Settle is the time without a change after which a file that isn't followed is complete, and one that is gone has ended.
	// Default 5 s; less than 0 is none.
	Settle time.Duration
	// SkipGaps: that a file was cut off or written anew, so that nobody knows whether its end was read, becomes one dead letter,
	// and what stands there now is read from its start. Otherwise the source gives up.
	SkipGaps bool
	// Poll is the pause between two looks at the files. Default 500 ms.
	Poll time.Duration
	// MaxFiles bounds the files that are there at one time. Default 10,000.
	MaxFiles int
	// MaxOpen bounds the files that are held open between two looks. One that isn't is read to its end only if it is still found
	// when it was renamed or deleted. Default 64.
	MaxOpen int
	// MaxMessage bounds a message in bytes: a transaction, a line, a whole file. A larger one is a dead letter. Default 16 MiB.
	MaxMessage int
	// MaxMessages and MaxBatch bound what is handed over at one time: messages, and bytes of them unless one alone has more.
	// Defaults 10,000 and 4 MiB.
	MaxMessages, MaxBatch int
	// Logger. Default slog.Default.
	Logger *slog.Logger
}

// Source reads files, and follows those that grow. Make it with [NewSource]. It may be used concurrently.
//
// A message is a transaction of an RDF Patch or a row outside of one, a line of N-Triples, N-Quads or JSON Lines, a row of CSV,
// or a whole file of Turtle, TriG, RDF/XML, JSON-LD, JSON or binary RDF Patch. Where one ends depends on what stands in the file, and
// not on how much of it was there when it was read. What has no end yet waits.
//
// The stream of a message is the file: its inode with the time when it was made, whatever its name is. The offset is the byte
// behind the message, with a sum of what stands before it. So a file that was renamed goes on where it was; a file with the
// inode of one that was deleted is another one; and one that was cut off, or written anew in its place, is noticed also by a
// source that did not run meanwhile. What is compressed is known by the bytes that it has when decompressed.
type Source struct {
	cfg      SourceConfig
	identify func(path string, info os.FileInfo) (identity, error)
}

var _ connector.Source = (*Source)(nil)

// NewSource checks the configuration and returns a source; it touches no file.
func NewSource(cfg SourceConfig) (*Source, error) {
	cfg.Settle, cfg.Poll = cmp.Or(cfg.Settle, 5*time.Second), cmp.Or(cfg.Poll, 500*time.Millisecond)
	cfg.MaxFiles, cfg.MaxOpen = cmp.Or(cfg.MaxFiles, 10_000), cmp.Or(cfg.MaxOpen, 64)
	cfg.MaxMessage = cmp.Or(cfg.MaxMessage, 16<<20)
	cfg.MaxMessages, cfg.MaxBatch = cmp.Or(cfg.MaxMessages, 10_000), cmp.Or(cfg.MaxBatch, 4<<20)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if len(cfg.Paths) == 0 {
		return nil, errors.New("file: a source needs paths")
	}
	for _, path := range cfg.Paths {
		if _, err := filepath.Match(path, ""); err != nil || path == "" {
			return nil, fmt.Errorf("file: path %q: expected a folder, or a pattern for files", path)
		}
		if strings.ContainsAny(filepath.Dir(path), `*?[`) {
			return nil, fmt.Errorf("file: path %q: a pattern is for the names of files in one folder", path)
		}
	}
	if cfg.MediaType != "" {
		if _, err := formatFor(cfg.MediaType, &cfg); err != nil {
			return nil, fmt.Errorf("file: format %w", err)
		}
	}
	if min(cfg.MaxFiles, cfg.MaxOpen, cfg.MaxMessage, cfg.MaxMessages, cfg.MaxBatch) < 1 || cfg.Poll < 0 {
		return nil, errors.New("file: each bound of a source is 1 or more")
	}
	return &Source{cfg: cfg, identify: identify}, nil
}

// Open looks for the files; an error says that a folder isn't there, or that there are too many.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (connector.Reader, error) {
	r := &reader{s: s, progress: progress, inputs: map[string]*input{}, prints: map[uint64]string{}, closed: make(chan struct{})}
	if err := r.look(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	s.warnOfMissing()
	return r, nil
}

// warnOfMissing tells of files and folders that aren't there: they may come yet, as logs do, but are more likely misspelt. Of a pattern
// nothing can be told.
func (s *Source) warnOfMissing() {
	for _, path := range s.cfg.Paths {
		if strings.ContainsAny(path, `*?[`) {
			continue
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			s.cfg.Logger.Warn("nothing is there yet; it is read when it comes", "path", path)
		}
	}
}
