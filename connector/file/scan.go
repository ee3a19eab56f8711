package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/patch"
)

// maxHead bounds the bytes of the comment before a record.
const maxHead = 128

// errBad is around what makes the bytes at some place no record.
var errBad = errors.New("no whole record")

// found is a record in a file.
type found struct {
	mark engine.Mark
	prev string
	end  int64  // where the next begins
	text []byte // good until the next one is read
}

// errOther: a record that is whole has another form than this version writes.
var errOther = errors.New("it was written by another version; use that, or move the file away, and all of it is written anew " +
	"from the log")

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
//	one of another prev         damaged        damaged        damaged   damaged
//	one of another shard        foreign        foreign        foreign   foreign
//	one of another version      foreign        foreign        foreign   foreign
func scan(f io.ReaderAt, size int64, shard, batch int) (whole int64, last engine.Mark, err error) {
	s := &scanner{f: f, size: size, shard: shard}
	for whole < size {
		r, err := s.at(whole)
		if errors.Is(err, errBad) {
			return whole, last, s.torn(whole, last.Position, int64(batch), err)
		}
		if err == nil {
			err = inOrder(last, r)
		}
		if err != nil {
			return 0, engine.Mark{}, fmt.Errorf("at byte %d: %w", whole, err)
		}
		whole, last = r.end, r.mark
	}
	return whole, last, nil
}

// advice is what to do with a file that is damaged.
const advice = "move the file away, and all of it is written anew from the log"

// inOrder checks that a record is the next one in the file: positions rise, and its prev is the id of the last one.
func inOrder(last engine.Mark, r *found) error {
	switch {
	case r.mark.Position <= last.Position:
		return fmt.Errorf("%w: position %d comes after position %d; %s", engine.ErrDamaged, r.mark.Position,
			last.Position, advice)
	case last.Position > 0 && r.prev != last.ID:
		return fmt.Errorf("%w: prev is %q, but the record before is %q; %s", engine.ErrDamaged, r.prev, last.ID, advice)
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

// at returns the record that begins there, checked by its sum. Errors: errBad, that of a foreign shard or of another version, or
// of reading.
func (s *scanner) at(offset int64) (*found, error) {
	head, err := s.read(offset, min(maxHead, s.size-offset))
	if err != nil {
		return nil, err
	}
	line, _, ok := bytes.Cut(head, []byte("\n"))
	line = bytes.Clone(line) // the buffer is used again
	if !ok {
		return nil, errNoHead
	}
	position, length, err := headOf(line, s.shard)
	if err != nil {
		return nil, err
	}
	begin := offset + int64(len(line)) + 1
	if length > s.size-begin {
		return nil, fmt.Errorf("%w: length %d, but %d bytes follow", errBad, length, s.size-begin)
	}
	text, err := s.read(begin, length)
	if err != nil {
		return nil, err
	}
	r, err := recordOf(line, s.shard, position, text)
	if err != nil {
		return nil, err
	}
	r.end = begin + length
	return r, nil
}

var errNoHead = fmt.Errorf("%w: no comment with its place", errBad)

// headOf reads the comment before a record.
func headOf(line []byte, shard int) (position uint64, length int64, err error) {
	var of int
	n, err := fmt.Sscanf(string(line), headFormat, &of, &position, &length)
	switch {
	case n != 3 || err != nil:
		return 0, 0, errNoHead
	case of != shard:
		return 0, 0, fmt.Errorf("it holds records of shard %d, not %d; is it another pipeline's?", of, shard)
	case length < 0:
		return 0, 0, fmt.Errorf("%w: length %d", errBad, length)
	}
	return position, length, nil
}

// recordOf checks the text of a record by its sum.
func recordOf(line []byte, shard int, position uint64, text []byte) (*found, error) {
	if want := appendHead(nil, shard, position, text); !bytes.Equal(append(line, '\n'), want) {
		return nil, fmt.Errorf("%w: the sum of what is there is another", errBad)
	}
	id, prev, err := links(text, shard)
	if err != nil {
		return nil, err
	}
	return &found{mark: engine.Mark{Position: position, ID: id}, prev: prev, text: text}, nil
}

// links returns the id and prev of a patch as the sink writes it, or of quads, where they stand in comments. Another form is that
// of another version.
func links(text []byte, shard int) (id, prev string, err error) {
	idRow, rest, _ := headerRow(text)
	if id, err = linkOf(idRow, patch.HeaderID); err != nil {
		return "", "", err
	}
	if prevRow, after, _ := headerRow(rest); bytes.HasPrefix(prevRow, []byte("H "+patch.HeaderPrev+" ")) {
		if prev, err = linkOf(prevRow, patch.HeaderPrev); err != nil {
			return "", "", err
		}
		rest = after
	}
	if row, _, whole := headerRow(rest); !whole || string(row) != fmt.Sprintf("H %s \"%d\" .", patch.HeaderShard, shard) {
		return "", "", errOther
	}
	return id, prev, nil
}

// headerRow takes the first line of a text, without the sign of a comment before it.
func headerRow(text []byte) (row, rest []byte, whole bool) {
	row, rest, whole = bytes.Cut(text, []byte("\n"))
	return bytes.TrimPrefix(row, []byte(commentSign)), rest, whole
}

// linkOf returns the IRI in a header row.
func linkOf(row []byte, name string) (string, error) {
	iri, before := bytes.CutPrefix(row, []byte("H "+name+" <"))
	iri, behind := bytes.CutSuffix(iri, []byte("> ."))
	if !before || !behind {
		return "", errOther
	}
	return string(iri), nil
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
