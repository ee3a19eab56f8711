package file

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// asideName is the folder, below that of the files, of what a seek has taken out of the log.
const asideName = "aside"

// Seek makes a record the last one of the shard's files. What is behind it goes to the folder aside, under its name with a number before
// it, and is written again. Where no file has the record, all of them go there, and a file is begun whose first comment says the place.
func (s *Sink) Seek(ctx context.Context, shard int, to engine.Mark) error {
	opened, err := s.Open(ctx, shard)
	if err != nil {
		return err
	}
	w := opened.(*writer) //nolint:forcetypeassert // Open makes no others
	a, err := w.aside()
	if err == nil {
		err = a.seek(ctx, to)
	}
	if a != nil && a.moved > 0 {
		s.cfg.Logger.Warn("file sink: what is behind the place that was sought is set aside", "shard", shard, "position", to.Position,
			"files", a.moved, "folder", a.dir)
	}
	return errors.Join(err, w.Close())
}

// aside is where files of a shard go. After a crash between any two of its steps the same seek can be done again, and comes to the same:
// a file that has the place is left alone until what is to be of it stands elsewhere.
type aside struct {
	w      *writer
	dir    string
	number int // of this seek
	moved  int // files
}

// aside makes the folder.
func (w *writer) aside() (*aside, error) {
	a := &aside{w: w, dir: w.dirPath(asideName), number: 1}
	if err := w.disk.MkdirAll(a.dir); err != nil {
		return nil, err
	}
	if err := w.disk.SyncDir(filepath.Dir(w.path)); err != nil {
		return nil, err
	}
	names, err := w.disk.List(a.dir)
	for _, name := range names {
		number, _, _ := strings.Cut(name, "-")
		if n, err := strconv.Atoi(number); err == nil {
			a.number = max(a.number, n+1)
		}
	}
	return a, err
}

// path is that of a file of the log when it is set aside.
func (a *aside) path(name string) string {
	return filepath.Join(a.dir, fmt.Sprintf("%d-%s", a.number, name))
}

func (a *aside) seek(ctx context.Context, to engine.Mark) error {
	w := a.w
	list, _, err := w.pieces()
	if err != nil {
		return err
	}
	in, err := w.find(io.NewSectionReader(w.file, 0, w.size), to)
	if err != nil {
		return err
	}
	if in.found {
		if err := a.cut(ctx, in); err != nil {
			return err
		}
		return a.move(from(list, w.first)) // a crash may have come before
	}
	if w.size > 0 {
		a.moved++
		if err := w.renew(a.path(filepath.Base(w.path))); err != nil {
			return err
		}
	}
	behind := from(list, to.Position+1)
	if err := a.move(behind); err != nil {
		return err
	}
	return a.seekIn(ctx, list[:len(list)-len(behind)], to)
}

// from are the pieces that begin at a position or behind it.
func from(list []piece, position uint64) []piece {
	i := slices.IndexFunc(list, func(p piece) bool { return p.first >= position })
	if i < 0 {
		return nil
	}
	return list[i:]
}

// seekIn seeks in pieces that begin at the place or before, while the file has nothing.
func (a *aside) seekIn(ctx context.Context, list []piece, to engine.Mark) error {
	if len(list) > 0 {
		newest := from(list, list[len(list)-1].first) // it may be there in two forms
		in, err := a.w.findIn(newest[0].name, to)
		switch {
		case err != nil:
			return fmt.Errorf("read %s: %w", a.w.dirPath(newest[0].name), err)
		case in.found && !in.more:
			return nil
		case in.found:
			if err := a.takeBack(ctx, newest[0].name, in.end); err != nil {
				return err
			}
			return a.move(newest)
		}
	}
	if err := a.move(list); err != nil || to.Position == 0 {
		return err
	}
	return a.w.begin(to)
}

// cut cuts off what is behind a place in the file, when it has been copied.
func (a *aside) cut(ctx context.Context, in placed) error {
	if !in.more {
		return nil
	}
	w := a.w
	a.moved++
	if err := w.copyTo(ctx, a.path(filepath.Base(w.path)), io.NewSectionReader(w.file, 0, w.size)); err != nil {
		return err
	}
	if err := w.disk.SyncDir(a.dir); err != nil {
		return err
	}
	if err := w.file.Truncate(in.end); err != nil {
		return err
	}
	return w.file.Sync()
}

// move sets pieces aside.
func (a *aside) move(list []piece) error {
	if len(list) == 0 {
		return nil
	}
	for _, p := range list {
		a.moved++
		if err := a.w.disk.Rename(a.w.dirPath(p.name), a.path(p.name)); err != nil {
			return err
		}
	}
	if err := a.w.disk.SyncDir(a.dir); err != nil {
		return err
	}
	return a.w.disk.SyncDir(filepath.Dir(a.w.path))
}

// takeBack writes the beginning of a piece to the file again.
func (a *aside) takeBack(ctx context.Context, name string, end int64) error {
	return a.w.withPiece(name, func(r io.Reader) error {
		if _, err := io.CopyN(&appending{to: a.w.file}, &until{ctx, r}, end); err != nil {
			return err
		}
		return a.w.file.Sync()
	})
}

// begin begins the file behind a place.
func (w *writer) begin(at engine.Mark) error {
	text := append(asComments(patch.Entry{ID: at.ID, Shard: w.shard}.Append(nil)), '\n')
	return w.append(append(appendHead(nil, w.shard, at.Position, text), text...), at)
}

// placed is where a record is among others.
type placed struct {
	found, more bool  // it is there; others are behind it
	end         int64 // where it ends
}

// find looks for a record. The start is nowhere.
func (w *writer) find(r io.Reader, to engine.Mark) (in placed, err error) {
	for b := bufio.NewReader(r); ; {
		next, err := w.nextOf(b)
		if err == io.EOF { //nolint:errorlint // within another error it is none
			return in, nil
		}
		if err != nil {
			return in, fmt.Errorf("%w: behind byte %d: %w; %s", engine.ErrDamaged, in.end, err, advice)
		}
		if in.found {
			in.more = true
			return in, nil
		}
		in.end += next.end
		if in.found = next.mark == to; next.mark.Position > to.Position {
			return in, nil
		}
	}
}

// findIn looks for a record in a piece.
func (w *writer) findIn(name string, to engine.Mark) (in placed, err error) {
	err = w.withPiece(name, func(r io.Reader) error {
		in, err = w.find(r, to)
		return err
	})
	return in, err
}

// withPiece hands over the content of a piece, decompressed.
func (w *writer) withPiece(name string, fn func(io.Reader) error) error {
	f, _, err := w.disk.Open(w.dirPath(name))
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	r, err := rdfio.Decompress(name, io.NewSectionReader(f, 0, size))
	if err != nil {
		return err
	}
	defer r.Close()
	return fn(r)
}

// copyTo writes a new file, compressed as its name says, and makes its content durable.
func (w *writer) copyTo(ctx context.Context, path string, from io.Reader) (err error) {
	f, _, err := w.disk.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	c, err := rdfio.Compress(path, &appending{to: f})
	if err != nil {
		return err
	}
	_, err = io.Copy(c, &until{ctx, from})
	if err = errors.Join(err, c.Close()); err != nil {
		return err
	}
	return f.Sync()
}

var _ connector.Seeker = (*Sink)(nil)
