package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// sumOfFile is the sum of a file as it is on the disk: of its length and its end, where compressed files have sums of
// their own.
func sumOfFile(f *os.File) (uint32, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	text := make([]byte, min(proven, info.Size()))
	if _, err := f.ReadAt(text, info.Size()-int64(len(text))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return sumOf(binary.BigEndian.AppendUint64(text, uint64(info.Size()))), nil
}

// readWhole reads a file that is complete. Its last message says that it is the last one, so that nobody has to decompress the
// file again to know that. So each message is held until the next one was found.
func (in *input) readWhole(b *batch) (more bool, err error) {
	switch err := in.reopen(); {
	case errors.Is(err, errAway): // the next look tells where it is
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read %s: %w", in.path, err)
	}
	if !in.started {
		done, err := in.begin()
		if err != nil {
			return false, fmt.Errorf("read %s: %w", in.path, err)
		}
		if in.started = true; done {
			in.done()
			return false, nil
		}
	}
	for !b.full() {
		end, err := in.step(b)
		switch {
		case errors.Is(err, errAway): // it was not complete
			in.close()
			in.clear()
			return false, nil
		case errors.Is(err, errAnew):
			return true, in.anew(b)
		case err != nil:
			return false, fmt.Errorf("read %s: %w", in.path, err)
		case end:
			in.done()
			return false, nil
		}
	}
	return true, nil
}

// done lets go of a file that was read.
func (in *input) done() {
	in.touched = false
	in.close()
	in.clear()
}

// begin opens the content; done says that it was read already. A file that was read whole, and is another document now, is read
// again: nothing is missing then.
func (in *input) begin() (done bool, err error) {
	if in.found && in.at.final {
		sum, err := sumOfFile(in.file)
		if err != nil || sum == in.at.check {
			return err == nil, err
		}
		in.generation++
		in.found, in.at = false, position{}
	}
	in.skip = in.at
	if in.format == nil {
		in.held = in.letter(in.why.Error())
		return false, nil
	}
	in.content, err = rdfio.Decompress(in.path, in.file)
	var broken *os.PathError
	if err != nil && !errors.As(err, &broken) {
		in.held, err = in.letter(err.Error()), nil
	}
	return false, err
}

// letter is a message that says why the rest of the file can't be read.
func (in *input) letter(why string) *connector.Message {
	at := position{end: in.base + int64(len(in.buf)) + 1}
	return &connector.Message{Stream: in.stream(in.generation), Offset: at.offset(), Reason: in.path + ": " + why, Vars: in.vars(0),
		Body: append(in.given, in.buf[in.cut:]...)}
}

// step reads one chunk, or hands over what is in the last one; end says that nothing is left.
func (in *input) step(b *batch) (end bool, err error) {
	if in.content == nil { // it could not be opened
		return true, in.finish(b)
	}
	for in.format.cut != nil && !b.full() {
		m := in.next(in.eof)
		if m == nil {
			break
		}
		if err := in.take(b, m); err != nil {
			return false, err
		}
	}
	if b.full() {
		return false, nil
	}
	if in.bad != nil {
		err = in.take(b, in.letter(in.bad.Error()))
	}
	if in.eof || in.bad != nil {
		return true, errors.Join(err, in.finish(b))
	}
	return in.more(b)
}

// more reads a chunk. What can't be decompressed ends the file with a dead letter, and so does a file that is one message and too
// large. One that is cut off is not complete after all: it is read on when it has changed; and so is one that has changed while it
// was read, whose end is nobody's end.
func (in *input) more(b *batch) (end bool, err error) {
	in.forget()
	in.buf = slices.Grow(in.buf, chunk)
	n, err := in.content.Read(in.buf[len(in.buf) : len(in.buf)+chunk])
	in.buf = in.buf[:len(in.buf)+n]
	if err != nil {
		if info, failed := in.file.Stat(); failed != nil || !sameState(info, in.info) {
			return false, errors.Join(errAway, failed)
		}
	}
	var broken *os.PathError
	switch {
	case in.format.cut == nil && len(in.buf) > in.cfg.MaxMessage:
		in.buf = in.buf[:min(len(in.buf), maxGiven)]
		in.held = in.letter(fmt.Sprintf("it has more than %d bytes (max-message)", in.cfg.MaxMessage))
		return true, in.finish(b)
	case err == io.EOF: //nolint:errorlint // within another error it is none
		if in.eof, err = true, nil; in.format.cut == nil && len(bytes.TrimSpace(in.buf)) > 0 {
			in.advance(len(in.buf))
			err = in.take(b, in.message(bytes.Clone(in.buf), 0)) // without the room behind it
			return false, err
		}
	case errors.Is(err, io.ErrUnexpectedEOF):
		in.cfg.Logger.Warn("file source: a file is not complete; it is read on when it changes", "path", in.path, "err", err)
		return true, nil
	case errors.As(err, &broken):
		return false, err
	}
	in.bad = err
	return false, nil
}

// take holds a message, and hands over the one before it. What was read before is passed over, if it is what it was.
func (in *input) take(b *batch, m *connector.Message) error {
	switch at := positionOf(m.Offset); {
	case at.end < in.skip.end:
		return nil
	case in.skip.end > 0 && (at.end != in.skip.end || in.skip.check != 0 && at.check != in.skip.check):
		return errAnew
	case in.skip.end > 0:
		in.skip = position{}
		return nil
	}
	if in.held != nil {
		in.give(b, in.held)
	}
	in.held = m
	return nil
}

// finish hands over the last message, as that.
func (in *input) finish(b *batch) error {
	if in.skip.end > 0 && in.held == nil {
		return errAnew
	}
	if in.held == nil {
		return nil
	}
	sum, err := sumOfFile(in.file)
	if err != nil {
		return err
	}
	in.held.Offset = position{end: positionOf(in.held.Offset).end, final: true, check: sum}.offset()
	in.give(b, in.held)
	in.held = nil
	return nil
}
