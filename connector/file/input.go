package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// input is a file that is read. It is used by who holds the reader's lock.
//
// Content that was read stands in buf, from the byte base on; buf[:cut] was handed over, or passed over, and its last proven
// bytes are kept. For a file that is followed, content is the file; for one that isn't, it is what is decompressed of it.
type input struct {
	cfg *SourceConfig
	key string
	id  identity
	// identify tells which file stands at a path.
	identify func(path string, info os.FileInfo) (identity, error)
	path     string  // where it was last seen
	format   *format // nil: it can't be told, which why says
	why      error
	whole    bool // it is not followed

	// generation counts how often the file was written anew in its place: each time is another stream.
	generation int
	// at is what was read before, or up to what the newest message goes; found: there is such a thing.
	at    position
	found bool

	seen    bool        // by the last look
	info    os.FileInfo // of the last look
	size    int64       // at the last look
	changed time.Time   // by the file system's clock
	since   time.Time   // when the last change was seen, or that it is gone, by ours
	gone    bool        // no path has it
	touched bool        // there may be something to read
	settled bool        // nothing has changed for long enough
	ending  bool        // it is gone, and has ended
	over    bool        // nothing more comes, and nobody needs it

	file    *os.File
	started bool
	content io.ReadCloser // of a file that isn't followed
	eof     bool          // all of it is in buf
	bad     error         // why no more of it can be decompressed
	skip    position      // what was read before, of a file that isn't followed, and is cut again
	held    *connector.Message

	buf   []byte
	base  int64
	cut   int
	tried int    // length of buf[cut:] that has no message
	open  bool   // it ends within a transaction
	lines int    // before cut
	first []byte // the message that says what the others are
	given []byte // the beginning of a message that is too large, and is passed over
}

// chunk is what is read at one time, in bytes; maxGiven what is kept of a message that is too large.
const (
	chunk    = 256 << 10
	maxGiven = 64 << 10
)

func newInput(cfg *SourceConfig, key, path string, now time.Time) *input {
	in := &input{cfg: cfg, key: key, path: path, since: now}
	in.format, in.why = formatOf(cfg, path)
	in.whole = cfg.Whole || in.format == nil || in.format.cut == nil || isCompressed(path)
	return in
}

// stream names the stream of a generation.
func (in *input) stream(generation int) string {
	if generation == 0 {
		return in.key
	}
	return in.key + "~" + strconv.Itoa(generation)
}

// locate asks how far the file was read before. Generations are found by doubling steps, since each one that there was is known.
func (in *input) locate(ctx context.Context, progress connector.Progress) error {
	ask := func(generation int) (bool, error) {
		next, found, err := progress.Next(ctx, in.stream(generation))
		if err == nil && found && generation >= in.generation {
			in.generation, in.found, in.at = generation, true, positionOf(max(next, 1)-1)
		}
		return found, err
	}
	found, err := ask(0)
	step := 1
	for ; found && err == nil; step *= 2 {
		found, err = ask(in.generation + step)
	}
	for ; step > 1 && err == nil; step /= 2 {
		_, err = ask(in.generation + step/2)
	}
	in.cfg.Logger.Info("file source: a file is read", "path", in.path, "stream", in.stream(in.generation), "from", in.at.end)
	return err
}

// begun reports that something of the file was read before.
func (in *input) begun() bool { return in.found }

// due reports that there may be something to read.
func (in *input) due() bool { return in.touched && (in.settled || !in.whole || in.gone) }

// saw takes in what a look has found.
func (in *input) saw(path string, info os.FileInfo, now time.Time) {
	isNew := in.info == nil
	changed := isNew || in.size != info.Size() || !in.changed.Equal(info.ModTime())
	in.seen, in.gone, in.ending = true, false, false
	in.path, in.info, in.size, in.changed = path, info, info.Size(), info.ModTime()
	if changed {
		in.since, in.touched = now, true
	}
	if changed && !isNew && in.whole { // it was not complete, or is another document now
		in.close()
		in.clear()
	}
	in.settled = now.Sub(in.since) >= in.cfg.Settle
}

// missing takes in that no path has the file. One that is held open is read to its end: who writes it may not know yet.
func (in *input) missing(now time.Time) {
	if in.over {
		return
	}
	if in.file == nil {
		if in.touched {
			in.cfg.Logger.Warn("file source: a file is gone that was not read to its end", "path", in.path,
				"stream", in.stream(in.generation))
		}
		in.over = true
		return
	}
	if !in.gone {
		in.gone, in.since = true, now
	}
	if info, err := in.file.Stat(); err == nil && info.Size() != in.size && !in.whole {
		in.size, in.since, in.touched = info.Size(), now, true
	}
	if now.Sub(in.since) < in.cfg.Settle || in.touched {
		return
	}
	if in.ending, in.touched = true, true; in.whole {
		in.over = true
	}
}

// read appends messages to the batch; more says that there are some left.
func (in *input) read(b *batch) (more bool, err error) {
	if !in.due() {
		return false, nil
	}
	if in.whole {
		return in.readWhole(b)
	}
	return in.readFollowed(b)
}

// readFollowed reads up to the size that the file had at the last look.
func (in *input) readFollowed(b *batch) (more bool, err error) {
	for {
		err := in.reopen()
		if err == nil {
			err = in.follow(b)
		}
		switch {
		case errors.Is(err, errAnew):
			if err := in.anew(b); err != nil {
				return false, err
			}
		case errors.Is(err, errAway): // the next look tells where it is
			return false, nil
		case errors.Is(err, errEnded):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("read %s: %w", in.path, err)
		case b.full():
			return true, nil
		default:
			in.touched = false
			in.spare()
			if in.ending {
				in.end(b)
			}
			return false, nil
		}
	}
}

var (
	// errAnew: what was read of the file is not in it any more.
	errAnew = errors.New("the file was cut off or written anew")
	// errAway: the file is not where it was, or, if it is to be complete, as it was.
	errAway = errors.New("the file was moved or changed")
	// errEnded: nobody waits for what is read any more.
	errEnded = errors.New("reading has ended")
)

// sameState reports that a file has not changed between two looks at it.
func sameState(a, b os.FileInfo) bool { return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) }

// reopen opens the file, unless it is open, if it still is where it was seen.
func (in *input) reopen() error {
	if in.file != nil {
		return nil
	}
	f, err := openFile(in.path)
	if errors.Is(err, fs.ErrNotExist) {
		return errAway
	}
	if err != nil {
		return err
	}
	if err := in.is(f); err != nil {
		return errors.Join(err, f.Close())
	}
	in.file = f
	return nil
}

// is reports with an error that an open file isn't the one that was seen, as it was seen. An inode is soon used again: if the
// path names the same file as before, it was that when it was opened, too.
func (in *input) is(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !os.SameFile(info, in.info) || !info.Mode().IsRegular() || in.whole && !sameState(info, in.info) {
		return errAway
	}
	id, err := in.identify(in.path, info)
	if errors.Is(err, fs.ErrNotExist) || err == nil && id != in.id {
		return errAway
	}
	return err
}

// follow reads a file that is open until the batch is full or its end is reached.
func (in *input) follow(b *batch) error {
	if !in.started {
		if err := in.resume(b); err != nil {
			return err
		}
		in.started = true
	}
	for {
		for !b.full() {
			m := in.next(false)
			if m == nil {
				break
			}
			in.give(b, m)
		}
		if b.full() {
			return nil
		}
		if n, err := in.fill(); n == 0 || err != nil {
			return err
		}
	}
}

// resume goes to where the file was read up to, if what stands before is what stood there.
func (in *input) resume(b *batch) error {
	if !in.found {
		return nil
	}
	if in.at.final { // it was not followed then
		if sum, err := sumOfFile(in.file); err != nil || sum != in.at.check {
			return errors.Join(errAnew, err)
		}
		in.at.check = 0
	}
	before := make([]byte, min(proven, in.at.end))
	n, err := in.file.ReadAt(before, in.at.end-int64(len(before)))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n < len(before) || !in.at.fits(before) {
		return errAnew
	}
	in.buf, in.base, in.cut = before, in.at.end-int64(len(before)), len(before)
	return in.recall(b)
}

// recall reads again what mappings are told: the number of the line, and the first row of CSV.
func (in *input) recall(b *batch) error {
	if !in.cfg.Mapped {
		return nil
	}
	in.lines = 0
	text := make([]byte, chunk)
	for at := int64(0); at < in.at.end; {
		if b.full() {
			return errEnded
		}
		n, err := in.file.ReadAt(text[:min(chunk, in.at.end-at)], at)
		if n == 0 {
			return err
		}
		if p, found, _ := in.format.cut(text[:n], false); in.format.headed && at == 0 && found {
			in.first = bytes.Clone(text[p.Begin:p.End])
		}
		in.lines += bytes.Count(text[:n], []byte("\n"))
		at += int64(n)
	}
	return nil
}

// fill reads on in a file that is followed. With what is new it reads what stands before, which must be what it was.
func (in *input) fill() (n int, err error) {
	in.forget()
	info, err := in.file.Stat()
	if err != nil {
		return 0, err
	}
	end := in.base + int64(len(in.buf))
	if info.Size() < end {
		return 0, errAnew
	}
	before := min(proven, len(in.buf))
	text := make([]byte, before+int(min(chunk, max(in.size-end, 0))))
	n, err = in.file.ReadAt(text, end-int64(before))
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if n < before || !bytes.Equal(text[:before], in.buf[len(in.buf)-before:]) {
		return 0, errAnew
	}
	in.buf = append(in.buf, text[before:n]...)
	if in.base+int64(len(in.buf)) > maxEnd {
		return 0, connector.GiveUpf("it has more than %d bytes: divide it, or move it away", int64(maxEnd))
	}
	return n - before, nil
}

// forget lets go of what was handed over, but for its end, which is proof.
func (in *input) forget() {
	if drop := in.cut - proven; drop >= chunk {
		in.buf = append(in.buf[:0], in.buf[drop:]...)
		in.base, in.cut = in.base+int64(drop), proven
	}
}

// spare lets go of what was handed over, when nothing more is to be read now: a folder may have thousands of files.
func (in *input) spare() {
	if drop := in.cut - proven; drop > 0 {
		in.buf = bytes.Clone(in.buf[drop:])
		in.base, in.cut = in.base+int64(drop), proven
	}
}

// anew takes in that what was read is gone: what stands there now is another stream.
func (in *input) anew(b *batch) error {
	read := max(in.at.end, in.base+int64(in.cut))
	what := fmt.Sprintf("%s was cut off or written anew after %d bytes of it were read; nobody knows what stood behind them",
		in.path, read)
	if read > 0 && !in.cfg.SkipGaps {
		return gapError(what)
	}
	if in.found { // else nobody knows of a stream: what comes first begins it, and [input.locate] finds it
		in.generation++
	}
	in.found, in.at = false, position{}
	in.close()
	in.clear()
	if read > 0 {
		in.cfg.Logger.Warn("file source: something may be lost; the file is read from its start", "path", in.path, "read", read)
		in.give(b, &connector.Message{Stream: in.stream(in.generation), Offset: position{check: 1}.offset(),
			MediaType: in.format.media, Reason: what, Vars: in.vars(0)})
	}
	return nil
}

// clear forgets the content, and what stands where in it.
func (in *input) clear() {
	in.started, in.eof, in.bad, in.skip, in.held = false, false, nil, position{}, nil
	in.buf, in.base, in.cut, in.tried, in.open, in.lines, in.first, in.given = nil, 0, 0, 0, false, 0, nil, nil
}

// end tells what is left of a file that is gone.
func (in *input) end(b *batch) {
	in.over = true
	rest := in.buf[in.cut:]
	if len(bytes.TrimSpace(rest)) == 0 && in.given == nil {
		return
	}
	in.advance(len(rest))
	m := in.message(append(in.given, rest...), in.lines)
	m.Reason = in.path + " is gone, and what stood last in it has no end"
	in.give(b, m)
}

// close closes what is open.
func (in *input) close() {
	if in.content != nil {
		_ = in.content.Close()
		in.content = nil
	}
	if in.file != nil {
		_ = in.file.Close()
		in.file = nil
	}
}

// next cuts the next message out of what was read; nil: it is not all there. last says that nothing more comes.
func (in *input) next(last bool) *connector.Message {
	for {
		if in.given != nil {
			return in.passOver(last)
		}
		text := in.buf[in.cut:]
		if !last {
			text = text[:bytes.LastIndexByte(text, '\n')+1]
		}
		if in.open && !last && !bytes.ContainsAny(text[min(in.tried, len(text)):], "T") || len(text) == 0 {
			in.tried = len(text)
			if !in.tooLarge(len(in.buf) - in.cut) {
				return nil
			}
			continue
		}
		p, found, open := in.format.cut(text, last)
		in.open = open
		in.advance(p.Begin)
		length := len(in.buf) - in.cut
		if found {
			length = p.End - p.Begin
		}
		if in.tooLarge(length) {
			continue
		}
		if !found {
			in.tried = len(text) - p.Begin
			return nil
		}
		in.open = false
		body := bytes.Clone(text[p.Begin:p.End])
		line := in.lines + 1
		in.advance(len(body))
		if in.format.headed && in.first == nil {
			in.first = body
			continue
		}
		return in.message(body, line)
	}
}

// tooLarge gives a message up that has too many bytes.
func (in *input) tooLarge(length int) bool {
	if length <= in.cfg.MaxMessage {
		return false
	}
	rest := in.buf[in.cut:]
	in.given = bytes.Clone(rest[:min(len(rest), maxGiven)])
	if in.open { // TX itself
		in.advance(bytes.IndexByte(rest, '\n') + 1)
	}
	return true
}
