package file

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/engine"
)

// piece is a file that was rotated.
type piece struct {
	name  string
	first uint64
}

// dirPath is the path of a file in the folder.
func (w *writer) dirPath(name string) string { return filepath.Join(filepath.Dir(w.path), name) }

// unfinished begins the name of a piece that is being compressed.
const unfinished = "."

// pieces returns those of the shard, in the order of the log, one that is compressed behind the one that isn't; and the names
// of those that were being compressed.
func (w *writer) pieces() (list []piece, torn []string, err error) {
	names, err := w.disk.List(filepath.Dir(w.path))
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		rest, isTorn := strings.CutPrefix(name, unfinished)
		rest, ours := strings.CutPrefix(rest, stem(w.shard)+"-")
		digits, ending, _ := strings.Cut(rest, w.kind.ending())
		first, err := strconv.ParseUint(digits, 10, 64)
		switch {
		case !ours || err != nil || len(digits) != positionDigits || ending != "" && !isCompressed(ending):
		case isTorn:
			torn = append(torn, name)
		default:
			list = append(list, piece{name, first})
		}
	}
	slices.SortFunc(list, func(a, b piece) int { return cmp.Compare(a.name, b.name) })
	return list, torn, nil
}

// positionDigits is how many digits a position has in a name, so that names sort.
const positionDigits = 20

// goOn finds how far the shard is, where the file itself has nothing yet.
func (w *writer) goOn(ctx context.Context) error {
	w.untidy = true // a crash may have come before the newest piece was compressed
	if w.size > 0 {
		return w.tidy(ctx)
	}
	list, _, err := w.pieces()
	if err != nil || len(list) == 0 {
		return err
	}
	newest := list[len(list)-1]
	for _, p := range list { // the one that isn't compressed, if both are there
		if p.first == newest.first {
			newest = p
			break
		}
	}
	w.last, err = w.endOf(newest.name)
	if err != nil {
		return fmt.Errorf("read %s: %w", w.dirPath(newest.name), err)
	}
	return nil
}

// endOf checks a piece, and returns its last record. Nothing in it can be torn: all was on the disk before it became one.
func (w *writer) endOf(name string) (last engine.Mark, err error) {
	err = w.withPiece(name, func(r io.Reader) error {
		last, err = w.lastOf(r)
		return err
	})
	return last, err
}

// lastOf checks records, and returns the last one.
func (w *writer) lastOf(r io.Reader) (last engine.Mark, err error) {
	for b := bufio.NewReader(r); ; {
		next, err := w.nextOf(b)
		if err == io.EOF { //nolint:errorlint // within another error it is none
			return last, nil
		}
		if err == nil {
			err = inOrder(last, next)
		}
		if err != nil {
			return last, fmt.Errorf("%w: behind position %d: %w; %s", engine.ErrDamaged, last.Position, err, advice)
		}
		last = next.mark
	}
}

// nextOf reads a record, whose end is how many bytes it has.
func (w *writer) nextOf(b *bufio.Reader) (*found, error) {
	line, err := b.ReadBytes('\n')
	if err == io.EOF && len(line) > 0 { //nolint:errorlint // within another error it is none
		err = errNoHead
	}
	if err != nil {
		return nil, err
	}
	head := int64(len(line))
	line = bytes.TrimSuffix(line, []byte("\n"))
	position, length, err := headOf(line, w.shard)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(b, length))
	if err != nil {
		return nil, err
	}
	r, err := recordOf(line, w.shard, position, text)
	if err == nil {
		r.end = head + length
	}
	return r, err
}

// readFirst notes what the first record of the file is.
func (w *writer) readFirst() error {
	if w.size == 0 {
		return nil
	}
	s := &scanner{f: w.file, size: w.size, shard: w.shard}
	r, err := s.at(0)
	if err != nil {
		return err
	}
	w.first, w.begun = r.mark.Position, timeOf(r.text)
	if !w.begun.IsZero() || r.end == w.size { // else it is a place, which has no time
		return nil
	}
	if r, err = s.at(r.end); err == nil {
		w.begun = timeOf(r.text)
	}
	return err
}

// timeOf is the time of a record, zero if it has none.
func timeOf(text []byte) (t time.Time) {
	for {
		row, rest, whole := headerRow(text)
		if !whole || !bytes.HasPrefix(row, []byte("H ")) {
			return t
		}
		if text, is := bytes.CutPrefix(row, []byte(`H time "`)); is {
			text, _, _ = bytes.Cut(text, []byte(`"`))
			t, _ = time.Parse(time.RFC3339Nano, string(text))
		}
		text = rest
	}
}

// due reports that the file becomes a piece before a record of that time is written.
func (w *writer) due(t time.Time) bool {
	return w.size > 0 && (w.kind.size > 0 && w.size >= w.kind.size ||
		w.kind.every > 0 && !w.begun.IsZero() && !w.kind.span(t).Equal(w.kind.span(w.begun)))
}

// together are the records, from the first one on, that are in its span.
func (w *writer) together(records []connector.Record) []connector.Record {
	if w.kind.every == 0 {
		return records
	}
	span := w.kind.span(records[0].Time)
	n := slices.IndexFunc(records, func(r connector.Record) bool { return !w.kind.span(r.Time).Equal(span) })
	if n < 0 {
		n = len(records)
	}
	return records[:n]
}

// rotate makes a piece of the file, and begins another one.
func (w *writer) rotate() error {
	list, _, err := w.pieces()
	if err != nil {
		return err
	}
	name := w.kind.piece(w.shard, w.first)
	if slices.ContainsFunc(list, func(p piece) bool { return p.first == w.first }) {
		return fmt.Errorf("%s is there already, or compressed: somebody has put it back; move it away", w.dirPath(name))
	}
	return w.renew(w.dirPath(name))
}

// renew gives the file another name, and begins another one. All of it is on the disk.
func (w *writer) renew(name string) error {
	if err := w.disk.Rename(w.path, name); err != nil {
		return err
	}
	if dir := filepath.Dir(name); dir != filepath.Dir(w.path) {
		if err := w.disk.SyncDir(dir); err != nil {
			return err
		}
	}
	if err := w.disk.SyncDir(filepath.Dir(w.path)); err != nil {
		return err
	}
	f, _, err := w.disk.Open(w.path)
	if err != nil {
		return err
	}
	err = take(f, w.path)
	if err == nil {
		err = w.disk.SyncDir(filepath.Dir(w.path))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	before := w.file
	w.file, w.size, w.begun, w.untidy = f, 0, time.Time{}, true
	return before.Close()
}

// tidy compresses pieces, and removes those that are too many. Something stands in the file then, so nobody needs a piece to
// know how far the shard is.
func (w *writer) tidy(ctx context.Context) error {
	if !w.untidy || w.kind.compress == "" && w.kind.keep == 0 {
		return nil
	}
	list, torn, err := w.pieces()
	if err != nil {
		return err
	}
	for _, name := range torn {
		if err := w.disk.Remove(w.dirPath(name)); err != nil {
			return err
		}
	}
	if list, err = w.removeOld(list); err != nil {
		return err
	}
	for _, p := range list {
		if w.kind.compress == "" || !strings.HasSuffix(p.name, w.kind.ending()) {
			continue
		}
		if err := w.compress(ctx, p.name); err != nil {
			return fmt.Errorf("compress %s: %w", w.dirPath(p.name), err)
		}
	}
	w.untidy = false
	return nil
}

// removeOld removes the pieces that are too many, the oldest first, and returns those that are left.
func (w *writer) removeOld(list []piece) ([]piece, error) {
	if w.kind.keep == 0 {
		return list, nil
	}
	var firsts []uint64
	for _, p := range list {
		firsts = append(firsts, p.first)
	}
	firsts = slices.Compact(firsts)
	if len(firsts) <= w.kind.keep {
		return list, nil
	}
	from := firsts[len(firsts)-w.kind.keep]
	for len(list) > 0 && list[0].first < from {
		if err := w.disk.Remove(w.dirPath(list[0].name)); err != nil {
			return list, err
		}
		list = list[1:]
	}
	return list, w.disk.SyncDir(filepath.Dir(w.path))
}

// compress puts the compressed form of a piece in its place: its name comes when all of it is on the disk, and the piece goes
// when the name is.
func (w *writer) compress(ctx context.Context, name string) (err error) {
	done := name + w.kind.compress
	if err := w.pack(ctx, name, w.dirPath(unfinished+done)); err != nil {
		return err
	}
	if err := w.disk.Rename(w.dirPath(unfinished+done), w.dirPath(done)); err != nil {
		return err
	}
	if err := w.disk.SyncDir(filepath.Dir(w.path)); err != nil {
		return err
	}
	if err := w.disk.Remove(w.dirPath(name)); err != nil {
		return err
	}
	return w.disk.SyncDir(filepath.Dir(w.path))
}

// pack writes the compressed form of a piece to a file, and makes it durable. What was left of one was removed.
func (w *writer) pack(ctx context.Context, name, to string) error {
	return w.withPiece(name, func(r io.Reader) error { return w.copyTo(ctx, to, r) })
}

// appending writes to the end of a file.
type appending struct {
	to handle
	at int64
}

// Write writes behind what was written.
func (a *appending) Write(p []byte) (int, error) {
	n, err := a.to.WriteAt(p, a.at)
	a.at += int64(n)
	return n, err
}

// until reads until its context ends.
type until struct {
	ctx  context.Context
	from io.Reader
}

// Read reads on.
func (u *until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}
