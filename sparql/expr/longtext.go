package expr

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/sparql/value"
)

// A match that may take so many steps, which are instructions of the pattern times bytes of the text, is told of while it goes on, about
// each stepsOfWork of them.
const (
	longMatch   = 1 << 20
	stepsOfWork = 16
)

// reader is a text that tells of the work of matches as it is read, and ends when the query does.
type reader struct {
	strings.Reader
	work func(n int) error
	cost int // of the pattern, for a character
	done int // steps that were not told of
	err  error
}

func (c *compiler) reader(text string, cost int) *reader {
	r := &reader{work: c.env.Work, cost: cost}
	r.Reset(text)
	return r
}

// ReadRune implements [io.RuneReader].
func (r *reader) ReadRune() (rune, int, error) {
	if r.step(); r.err != nil {
		return 0, 0, io.EOF
	}
	return r.Reader.ReadRune()
}

// step counts what a match does for a character.
func (r *reader) step() {
	if r.done += r.cost; r.done >= longMatch/16 {
		_ = r.end()
	}
}

// end tells of what was not told of, and returns the error with which the text has ended too early, if it has.
func (r *reader) end() error {
	if r.err == nil {
		r.err = r.work(r.done / stepsOfWork)
	}
	r.done = 0
	return r.err
}

// replaceLong is replace for a text that takes long: a match is linear, but each begins another one behind it, which may look at all that
// follows.
func (c *compiler) replaceLong(v value.Value, text string, p pattern, with replacement) (value.Value, error) {
	var out []byte
	r, at := c.reader(text, p.cost()), 0
	for at < len(text) {
		match, err := r.next(text, at, p)
		if err != nil {
			return value.Value{}, err
		}
		if match == nil {
			break
		}
		size := len(out) + match[0] - at + with.literal + with.groups*(match[1]-match[0])
		if err := c.bounded(size, "REPLACE"); err != nil {
			return value.Value{}, err
		}
		out = p.re.ExpandString(append(out, text[at:match[0]]...), with.template, text, match)
		at = match[1]
	}
	if err := c.bounded(len(out)+len(text)-at, "REPLACE"); err != nil {
		return value.Value{}, err
	}
	made, err := like(v, string(append(out, text[at:]...)))
	return made, cmp.Or(r.end(), err)
}

// next finds the first match from a place on, whose groups it returns, nil if there is none. What a match behind the beginning of the
// text looks back at is the character before it, which is taken first. To begin a match takes about what it takes for a character.
func (r *reader) next(text string, at int, p pattern) ([]int, error) {
	r.step()
	if at == 0 {
		return p.re.FindReaderSubmatchIndex(r), r.err
	}
	behind, err := p.behind()
	if err != nil {
		return nil, fmt.Errorf("%w: a regular expression for one match after the other: %w", ErrLimit, err)
	}
	_, n := utf8.DecodeLastRuneInString(text[:at])
	from := at - n
	r.Reset(text[from:])
	match := behind.FindReaderSubmatchIndex(r)
	if match == nil {
		return nil, r.err
	}
	groups := match[2:]
	for i := range groups {
		if groups[i] >= 0 {
			groups[i] += from
		}
	}
	return groups, r.err
}
