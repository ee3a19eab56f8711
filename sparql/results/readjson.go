package results

import (
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// jsonReader reads the JSON format. Members that it doesn't know are passed over.
type jsonReader struct {
	*source
	read  *Reader
	index map[string]int
	// early are the solutions that come before the head, of which the rest is read then, too.
	early  []map[string]*raw
	headed bool
	// started says that a solution was read behind the head.
	started bool
	room    []byte
}

func readJSON(read *Reader, s *source) error {
	r := &jsonReader{source: s, read: read}
	if err := r.expect('{'); err != nil {
		return err
	}
	live, err := r.document(true)
	if err != nil {
		return err
	}
	switch {
	case live:
		read.next = r.row
	case read.boolean != nil:
		read.vars = nil
	case !r.headed || r.early == nil:
		return r.fail(nil, `expected "head" and "results", or "boolean"`)
	default:
		read.next = r.earlyRow
	}
	return nil
}

// document reads members of the outermost object up to its end, or to the first solution behind the head; live is true then.
func (r *jsonReader) document(first bool) (live bool, err error) {
	for {
		name, err := r.member(first)
		if err != nil {
			return false, err
		}
		if name == nil {
			return false, r.end()
		}
		first = false
		switch string(name) {
		case "head":
			err = r.head()
		case "boolean":
			err = r.boolean()
		case "results":
			live, err = r.results()
			if live {
				return true, nil
			}
		default:
			err = r.skipValue(0)
		}
		if err != nil {
			return false, err
		}
	}
}

// end reads what may stand behind the outermost object.
func (r *jsonReader) end() error {
	c, err := r.space()
	if err == nil {
		return r.fail(nil, "expected the end of the document, found %q", c)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func (r *jsonReader) head() error {
	if r.headed {
		return r.fail(nil, "a second head")
	}
	r.headed = true
	return r.object(func(name string) error {
		if name != "vars" {
			return r.skipValue(0)
		}
		r.read.vars = []sparql.Var{}
		err := r.array(func() error {
			v, err := r.str()
			r.read.vars = append(r.read.vars, sparql.Var(v))
			return err
		})
		if err != nil {
			return err
		}
		if r.index, err = columns(r.read.vars); err != nil {
			return r.fail(nil, "%s", err.Error())
		}
		return nil
	})
}

func (r *jsonReader) boolean() error {
	c, err := r.space()
	if err != nil {
		return r.unexpected(err, "true or false")
	}
	b := c == 't'
	if c != 't' && c != 'f' {
		return r.fail(nil, "expected true or false")
	}
	r.read.boolean = &b
	return r.word()
}

// results reads the object of the solutions: with a head only up to the first one.
func (r *jsonReader) results() (live bool, err error) {
	if err := r.expect('{'); err != nil {
		return false, err
	}
	for first := true; ; first = false {
		name, err := r.member(first)
		if err != nil || name == nil {
			return false, err
		}
		switch {
		case string(name) != "bindings":
			err = r.skipValue(0)
		case r.headed:
			return true, r.expect('[')
		default:
			err = r.solutions()
		}
		if err != nil {
			return false, err
		}
	}
}

// solutions holds those that come before the head. All together have the bytes that one may have.
func (r *jsonReader) solutions() error {
	r.early = []map[string]*raw{}
	r.begin()
	return r.array(func() error {
		row, err := r.solution()
		r.early = append(r.early, row)
		return err
	})
}

func (r *jsonReader) earlyRow(row []rdf.Term) error {
	if len(r.early) == 0 {
		return io.EOF
	}
	solution := r.early[0]
	r.early = r.early[1:]
	return r.fill(row, solution)
}

// row reads a solution, and behind the last one the rest of the document.
func (r *jsonReader) row(row []rdf.Term) error {
	r.begin()
	more, err := r.item(!r.started)
	if err != nil {
		return err
	}
	r.started = true
	if !more {
		return r.rest()
	}
	solution, err := r.solution()
	if err != nil {
		return err
	}
	return r.fill(row, solution)
}

// rest reads what stands behind the solutions.
func (r *jsonReader) rest() error {
	for {
		name, err := r.member(false)
		if err != nil {
			return err
		}
		if name == nil {
			break
		}
		if err := r.skipValue(0); err != nil {
			return err
		}
	}
	live, err := r.document(false)
	switch {
	case err != nil:
		return err
	case live:
		return r.fail(nil, `a second "results"`)
	}
	return io.EOF
}

func (r *jsonReader) fill(row []rdf.Term, solution map[string]*raw) error {
	for name, value := range solution {
		i, ok := r.index[name]
		if !ok {
			return r.fail(nil, "variable %q is not in the head", cut(name))
		}
		var err error
		if row[i], err = value.term(); err != nil {
			return r.fail(nil, "?%s: %s", cut(name), err.Error())
		}
	}
	return nil
}

func cut(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func (r *jsonReader) solution() (map[string]*raw, error) {
	row := make(map[string]*raw)
	err := r.object(func(name string) error {
		if _, twice := row[name]; twice {
			return r.fail(nil, "variable %q is named twice", cut(name))
		}
		value, err := r.term(0)
		row[name] = value
		return err
	})
	return row, err
}

// term reads the object of a term.
func (r *jsonReader) term(depth int) (*raw, error) {
	if depth > maxDepth {
		return nil, r.fail(rdf.ErrDepthLimit, "triple terms are nested more than %d deep", maxDepth)
	}
	t := &raw{}
	err := r.object(func(name string) (err error) {
		switch name {
		case "type":
			t.kind, err = r.str()
		case "value":
			err = r.value(t, depth)
		case "datatype":
			t.datatype, err = r.str()
		case "xml:lang":
			t.lang, err = r.str()
		case "its:dir":
			t.dir, err = r.str()
		default:
			err = r.skipValue(0)
		}
		return err
	})
	return t, err
}

// value reads a string, or the parts of a triple term.
func (r *jsonReader) value(t *raw, depth int) error {
	c, err := r.space()
	if err != nil {
		return r.unexpected(err, "a value")
	}
	if c != '{' {
		t.value, err = r.str()
		return err
	}
	return r.object(func(name string) (err error) {
		for i, part := range [...]string{"subject", "predicate", "object"} {
			if name == part {
				t.parts[i], err = r.term(depth + 1)
				return err
			}
		}
		return r.skipValue(0)
	})
}

// object calls member for each member of an object, whose value it must read.
func (r *jsonReader) object(member func(name string) error) error {
	if err := r.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		name, err := r.member(first)
		if err != nil || name == nil {
			return err
		}
		if err := member(string(name)); err != nil {
			return err
		}
	}
}

// member reads the name of the next member and its colon; nil at the end of the object.
func (r *jsonReader) member(first bool) ([]byte, error) {
	more, err := r.more(first, '}')
	if err != nil || !more {
		return nil, err
	}
	name, err := r.str()
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, len(name)+1), name...), r.expect(':')
}

// array calls item for each item of an array, which it must read.
func (r *jsonReader) array(item func() error) error {
	if err := r.expect('['); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := r.item(first)
		if err != nil || !more {
			return err
		}
		if err := item(); err != nil {
			return err
		}
	}
}

func (r *jsonReader) item(first bool) (bool, error) { return r.more(first, ']') }

// more reads the comma before the next member or item, or the end.
func (r *jsonReader) more(first bool, end byte) (bool, error) {
	c, err := r.space()
	switch {
	case err != nil:
		return false, r.unexpected(err, string(rune(end)))
	case c == end:
		_, err = r.take()
		return false, err
	case first:
		return true, nil
	}
	return true, r.expect(',')
}

// space skips white space and returns the byte behind it without taking it.
func (r *jsonReader) space() (byte, error) {
	for {
		c, err := r.peek()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
		if _, err := r.take(); err != nil {
			return 0, err
		}
	}
}

func (r *jsonReader) expect(wanted byte) error {
	c, err := r.space()
	switch {
	case err != nil:
		return r.unexpected(err, string(rune(wanted)))
	case c != wanted:
		return r.fail(nil, "expected %q, found %q", wanted, c)
	}
	_, err = r.take()
	return err
}

// word takes true, false, null or a number.
func (r *jsonReader) word() error {
	r.room = r.room[:0]
	for {
		c, err := r.peek()
		if err != nil || !isWord(c) {
			break
		}
		if c, err = r.take(); err != nil {
			return err
		}
		r.room = append(r.room, c)
	}
	switch text := string(r.room); {
	case text == "true" || text == "false" || text == "null":
	case text == "" || !isNumber(text):
		return r.fail(nil, "expected a value, found %q", cut(text))
	}
	return nil
}

func isWord(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.'
}

// isNumber is enough for a value that is passed over.
func isNumber(text string) bool { return text[0] == '-' || '0' <= text[0] && text[0] <= '9' }

func (r *jsonReader) skipValue(depth int) error {
	if depth > maxDepth {
		return r.fail(rdf.ErrDepthLimit, "objects and arrays are nested more than %d deep", maxDepth)
	}
	c, err := r.space()
	if err != nil {
		return r.unexpected(err, "a value")
	}
	switch c {
	case '{':
		return r.object(func(string) error { return r.skipValue(depth + 1) })
	case '[':
		return r.array(func() error { return r.skipValue(depth + 1) })
	case '"':
		_, err := r.str()
		return err
	}
	return r.word()
}

// str reads a string.
func (r *jsonReader) str() (string, error) {
	if err := r.expect('"'); err != nil {
		return "", err
	}
	r.room = r.room[:0]
	for {
		c, err := r.take()
		switch {
		case err != nil:
			return "", r.unexpected(err, "the end of the string")
		case c == '"':
			return r.text()
		case c < ' ':
			return "", r.fail(nil, "a control character in a string; write it as \\u%04x", c)
		case c != '\\':
			r.room = append(r.room, c)
		default:
			if err := r.escape(); err != nil {
				return "", err
			}
		}
	}
}

func (r *jsonReader) text() (string, error) {
	if !utf8.Valid(r.room) {
		return "", r.fail(nil, "the string is not UTF-8")
	}
	return string(r.room), nil
}

func (r *jsonReader) escape() error {
	c, err := r.take()
	if err != nil {
		return r.unexpected(err, "the end of the string")
	}
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.unicode()
	default:
		return r.fail(nil, "there is no escape \\%c in JSON", c)
	}
	r.room = append(r.room, c)
	return nil
}

// unicode reads four hexadecimal digits, and the second half of a surrogate pair.
func (r *jsonReader) unicode() error {
	high, err := r.hex()
	if err != nil {
		return err
	}
	if !utf16.IsSurrogate(high) {
		r.room = utf8.AppendRune(r.room, high)
		return nil
	}
	for _, wanted := range []byte{'\\', 'u'} {
		c, err := r.take()
		if err != nil {
			return r.unexpected(err, "the second half of a surrogate pair")
		}
		if c != wanted {
			return r.fail(nil, "half a surrogate pair")
		}
	}
	low, err := r.hex()
	if err != nil {
		return err
	}
	both := utf16.DecodeRune(high, low)
	if both == utf8.RuneError {
		return r.fail(nil, "half a surrogate pair")
	}
	r.room = utf8.AppendRune(r.room, both)
	return nil
}

func (r *jsonReader) hex() (rune, error) {
	var n rune
	for range 4 {
		c, err := r.take()
		if err != nil {
			return 0, r.unexpected(err, "four hexadecimal digits")
		}
		digit := hexDigit(c)
		if digit < 0 {
			return 0, r.fail(nil, "expected four hexadecimal digits, found %q", c)
		}
		n = n<<4 | digit
	}
	return n, nil
}

func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}
