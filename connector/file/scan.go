package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// maxHead bounds the bytes of the comment before a record.
const maxHead = 96

// errBad is around what makes the bytes at some place no record.
var errBad = errors.New("no whole record")

// found is a record in a file.
type found struct {
	mark engine.Mark
	end  int64 // where the next begins
	rec  *operator.Record
}

// scan checks every record of the file and returns where the last good one ends, and its mark.
//
// What is not good at the end of the file was being written when the process or the machine died: it is left out, and
// the log has it. A power cut may leave any pages of the batch that was being written and zeros in place of the others,
// so within the last batch bytes a record with zeros in it may even have good ones behind it. Any other good record
// behind a bad one says that the file was damaged later: that is an error, as what is bad was once handed over.
//
// This is what comes of what stands at a place, by what follows it: where the file is cut off, or the error.
//
//	input                       nothing        no record      a record  a record, beyond a batch
//	a record                    cut behind it  cut behind it  whole     whole
//	its beginning               cut here       cut here       damaged   damaged
//	one with a bit flipped      cut here       cut here       damaged   damaged
//	one with zeros in it        cut here       cut here       cut here  damaged
//	one of an earlier position  damaged        damaged        damaged   damaged
//	one of another shard        foreign        foreign        foreign   foreign
func scan(f io.ReaderAt, size int64, shard, batch int) (whole int64, last engine.Mark, err error) {
	s := &scanner{f: f, size: size, shard: shard}
	var before *operator.Record
	for whole < size {
		r, err := s.at(whole)
		if errors.Is(err, errBad) {
			return whole, last, s.torn(whole, last.Position, int64(batch), err)
		}
		if err == nil {
			err = inOrder(before, last, r)
		}
		if err != nil {
			return 0, engine.Mark{}, fmt.Errorf("at byte %d: %w", whole, err)
		}
		whole, last, before = r.end, r.mark, r.rec
	}
	return whole, last, nil
}

// advice is what to do with a file that is damaged.
const advice = "move the file away, and all of it is written anew from the log"

// inOrder checks what is known of two records that follow each other in the file: positions rise and claims do. There
// may be records of other kinds between them in the log, so nothing more can be said.
func inOrder(before *operator.Record, last engine.Mark, r *found) error {
	switch {
	case r.mark.Position <= last.Position:
		return fmt.Errorf("%w: position %d comes after position %d; %s", engine.ErrDamaged, r.mark.Position,
			last.Position, advice)
	case before != nil && r.rec.Writer != before.Writer && !r.rec.Writer.Supersedes(before.Writer):
		return fmt.Errorf("%w: record of %+v after one of %+v; %s", engine.ErrDamaged, r.rec.Writer, before.Writer, advice)
	}
	return nil
}

// scanner reads records anywhere in a file.
type scanner struct {
	f     io.ReaderAt
	size  int64
	shard int
	buf   []byte
}

// at returns the record that begins there, checked by its hash. Errors: errBad, that of a foreign shard, or of reading.
func (s *scanner) at(offset int64) (*found, error) {
	head, err := s.read(offset, min(maxHead, s.size-offset))
	if err != nil {
		return nil, err
	}
	line, _, ok := bytes.Cut(head, []byte("\n"))
	var shard int
	var position uint64
	var length int64
	n, err := fmt.Sscanf(string(line)+"\n", headFormat, &shard, &position, &length)
	begin := offset + int64(len(line)) + 1
	switch {
	case !ok || n != 3 || err != nil:
		return nil, fmt.Errorf("%w: no comment with its place", errBad)
	case shard != s.shard:
		return nil, fmt.Errorf("it holds records of shard %d, not %d; is it another pipeline's?", shard, s.shard)
	case length < 0 || length > s.size-begin:
		return nil, fmt.Errorf("%w: length %d, but %d bytes follow", errBad, length, s.size-begin)
	}
	raw, err := s.read(begin, length)
	if err != nil {
		return nil, err
	}
	rec, err := operator.DecodeWhole(raw)
	switch {
	case errors.Is(err, operator.ErrNewer):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errBad, err)
	case rec.Shard != s.shard:
		return nil, fmt.Errorf("%w: the record itself is of shard %d", errBad, rec.Shard)
	}
	mark := engine.Mark{Position: position, ID: rec.ID}
	rec.Body, rec.Positions = nil, nil // the buffer is used again
	return &found{mark: mark, end: begin + length, rec: rec}, nil
}

// read returns bytes that are good until the next call.
func (s *scanner) read(offset, length int64) ([]byte, error) {
	if int64(cap(s.buf)) < length {
		s.buf = make([]byte, length)
	}
	b := s.buf[:length]
	if n, err := s.f.ReadAt(b, offset); int64(n) < length {
		return nil, err
	}
	return b, nil
}

// torn returns nil if what begins at offset, which is bad, can be what a crash has left, else the damage.
func (s *scanner) torn(offset int64, position uint64, batch int64, bad error) error {
	next, err := s.search(offset+1, position)
	switch {
	case err != nil:
		return err
	case next < 0:
		return nil
	case s.size-offset <= batch:
		between, err := s.read(offset, next-offset)
		if err != nil || bytes.IndexByte(between, 0) >= 0 {
			return err
		}
	}
	return fmt.Errorf("%w: at byte %d: %w, though a good record stands behind it at byte %d; %s", engine.ErrDamaged,
		offset, bad, next, advice)
}

// window is how much of a file is searched at once.
const window = 1 << 20

// search returns where, from there on, the next good record of a later position begins; -1 if there is none.
func (s *scanner) search(from int64, position uint64) (int64, error) {
	pattern := []byte("# shard " + strconv.Itoa(s.shard) + " position ")
	buf := make([]byte, min(window, s.size-from+1))
	for from < s.size {
		n, err := s.f.ReadAt(buf, from)
		if n == 0 {
			return -1, err
		}
		for rest, base := buf[:n], from; ; {
			i := bytes.Index(rest, pattern)
			if i < 0 {
				break
			}
			r, err := s.at(base + int64(i))
			if err == nil && r.mark.Position > position {
				return base + int64(i), nil
			}
			if err != nil && !errors.Is(err, errBad) {
				return -1, err
			}
			rest, base = rest[i+1:], base+int64(i)+1
		}
		if n < len(buf) || from+int64(n) >= s.size {
			break
		}
		from += int64(n - len(pattern)) // a pattern may stand across the border
	}
	return -1, nil
}
