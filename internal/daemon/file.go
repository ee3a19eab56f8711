package daemon

import (
	"fmt"
	"path/filepath"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// maxFileMessage bounds what is held of each file, in bytes.
const maxFileMessage = 64 << 20

func (d *daemon) fileSource(mapped bool, s *config.FileSource) (connector.Source, error) {
	if s.Poll <= 0 || s.MaxMessage < 1 || s.MaxMessage > maxFileMessage {
		return nil, fmt.Errorf("poll: expected more than 0, max-message: 1 to %d bytes", maxFileMessage)
	}
	settle := s.Settle
	if settle == 0 { // nothing is waited for
		settle = -1
	}
	return file.NewSource(file.SourceConfig{
		Paths: s.Paths, MediaType: s.Format, Mapped: mapped, NoHeader: !s.Header, Whole: !s.Follow,
		ByTime: s.Order == "time", Settle: settle, SkipGaps: s.OnGap == "skip", Poll: s.Poll, MaxFiles: s.MaxFiles, MaxOpen: s.MaxOpen,
		MaxMessage: int(s.MaxMessage), Logger: d.log,
	})
}

func (d *daemon) fileSink(s *config.FileSink) (connector.Sink, error) {
	compress := s.Compress
	if compress == "none" {
		compress = ""
	}
	return file.New(file.Config{
		Dir: filepath.Clean(s.Dir), MaxBatch: int(s.MaxBatch), NQuads: s.Format == "nquads", RotateSize: int64(s.RotateSize),
		RotateEvery: s.RotateEvery, Compress: compress, Keep: s.Keep, Logger: d.log,
	})
}
