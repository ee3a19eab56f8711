package expr

import (
	"io"
	"regexp"
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

// reader is a text that tells of the work of a match as it is read, and ends when the query does.
type reader struct {
	strings.Reader
	work func(n int) error
	size int // of the pattern
	done int // steps that were not told of
	err  error
}

func (c *compiler) reader(text string, size int) *reader {
	r := &reader{work: c.env.Work, size: size}
	r.Reset(text)
	return r
}

// ReadRune implements [io.RuneReader].
func (r *reader) ReadRune() (rune, int, error) {
	if r.done += r.size; r.done >= longMatch/16 && r.err == nil {
		r.err = r.work(r.done / stepsOfWork)
		r.done = 0
	}
	if r.err != nil {
		return 0, 0, io.EOF
	}
	return r.Reader.ReadRune()
}

// replaceLong is replace for a text that takes long: a match is linear, but each begins another one behind it, which may look at all that
// follows.
func (c *compiler) replaceLong(v value.Value, text string, p pattern, with replacement) (value.Value, error) {
	behind, err := regexp.Compile(`\A(?s:.)(?s:.*?)(` + p.re.String() + `)`)
	if err != nil {
		return value.Value{}, err
	}
	var out []byte
	at := 0
	for at < len(text) {
		match, err := c.next(text, at, p, behind)
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
	return like(v, string(append(out, text[at:]...)))
}

// next finds the first match from a place on, whose groups it returns, nil if there is none. What a match behind the beginning of the
// text looks back at is the character before it: behind takes that one first.
func (c *compiler) next(text string, at int, p pattern, behind *regexp.Regexp) ([]int, error) {
	if at == 0 {
		r := c.reader(text, p.size)
		return p.re.FindReaderSubmatchIndex(r), r.err
	}
	_, n := utf8.DecodeLastRuneInString(text[:at])
	from := at - n
	r := c.reader(text[from:], p.size)
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
