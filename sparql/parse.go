package sparql

import (
	"fmt"
	"sync"
	"unicode/utf8"
	"unsafe"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/internal/labels"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Bounds of what is read, unless an option says otherwise.
const (
	// DefaultMaxDepth is how deeply groups, brackets, expressions, paths and triple terms may be nested, all together.
	DefaultMaxDepth = 500
	// DefaultMaxQuery is the number of bytes that a query may have.
	DefaultMaxQuery = 1 << 20
	// DefaultMaxUpdate is the number of bytes that an update may have.
	DefaultMaxUpdate = 64 << 20
	// DefaultMaxQueryParts is how many triples, expressions, values, columns and groups a query may have, all together, and
	// DefaultMaxUpdateParts an update. The tree takes about 250 bytes for each at most, besides the text.
	DefaultMaxQueryParts  = 1 << 18
	DefaultMaxUpdateParts = 1 << 21
	// maxOperators is how many operators an expression or a path may have: its tree is as deep.
	maxOperators = 20_000
)

// Option changes how a text is read.
type Option func(*options)

type options struct {
	file     string
	base     string
	depth    int
	length   int
	parts    int
	prefixes []Prefix
	suggest  []Prefix
	// functions may be nil.
	functions func(*Function)
}

// File sets the name that errors carry.
func File(name string) Option { return func(o *options) { o.file = name } }

// Base sets the absolute IRI that relative ones are resolved with, until the text says BASE. Without a base they are errors.
func Base(iri string) Option { return func(o *options) { o.base = iri } }

// MaxDepth bounds the nesting; see [DefaultMaxDepth], which 0 stands for.
func MaxDepth(depth int) Option { return func(o *options) { o.depth = depth } }

// MaxLength bounds the bytes of the text; see [DefaultMaxQuery] and [DefaultMaxUpdate], one of which 0 stands for.
func MaxLength(bytes int) Option { return func(o *options) { o.length = bytes } }

// MaxParts bounds what the tree consists of; see [DefaultMaxQueryParts] and [DefaultMaxUpdateParts], one of which 0 stands for.
func MaxParts(parts int) Option { return func(o *options) { o.parts = parts } }

// Prefixes declares prefixes that the text need not declare, and may declare anew. They are no part of the tree.
func Prefixes(prefixes ...Prefix) Option { return func(o *options) { o.prefixes = prefixes } }

// Suggest names prefixes that the error offers where the text has one of them without declaring it.
func Suggest(prefixes ...Prefix) Option { return func(o *options) { o.suggest = prefixes } }

// Functions has fn called with each call of a function that an IRI names, such as a cast, in the order of the text, before its arguments
// are read. Those in SERVICE are not among them: its endpoint has functions of its own. A text that is refused has some called, too.
func Functions(fn func(*Function)) Option { return func(o *options) { o.functions = fn } }

// ParseQuery reads a query. The tree shares memory with the text, which stays in memory as long as one of its terms does. The
// error is a [*rdf.SyntaxError] for a mistake in the text; [rdf.ErrLimit] is in it where a bound is passed, [rdf.ErrNoBase] where
// a relative IRI has no base. An option that is wrong is another error.
func ParseQuery(text string, opts ...Option) (*Query, error) {
	p := newParser()
	defer p.release()
	if err := p.begin(text, DefaultMaxQuery, DefaultMaxQueryParts, opts); err != nil {
		return nil, err
	}
	q := &Query{}
	p.query(q)
	if p.err != nil {
		return nil, p.err
	}
	return q, nil
}

// ParseUpdate reads an update, which may have no operation. What [ParseQuery] says of memory and errors is true of it, too.
func ParseUpdate(text string, opts ...Option) (*Update, error) {
	p := newParser()
	defer p.release()
	if err := p.begin(text, DefaultMaxUpdate, DefaultMaxUpdateParts, opts); err != nil {
		return nil, err
	}
	u := &Update{}
	p.update(u)
	if p.err != nil {
		return nil, p.err
	}
	return u, nil
}

// parser reads one text. The first error stays: all methods return at once then, with results that mean nothing.
type parser struct {
	text string
	b    []byte // the bytes of the text, which nobody changes
	o    options
	err  error

	tok  token
	last int // where the token before it ended
	at   cursor

	depth     int // what is open
	parts     int // of the tree, so far
	operators int // of the expression or path that is being read

	base     iri.Base
	prefixes prefixes
	prologue *Prologue
	arena    []byte // holds terms that do not stand in the text; what is in it does not change any more
	names    [32]expanded

	spare []*scope // without variables

	blanks            blanks
	scope             *scope // the variables of the group that is being read; nil where that is no matter
	nodes             place  // where triples are being read
	out               output
	guessed           bool      // the number of quads of the first data or template was
	uses              *[]varUse // where the variables of a projection are noted; nil elsewhere
	exists            int       // EXISTS that are open
	services          int       // SERVICE that are open
	depthInExpression int       // expressions that are open
	aggr              aggregation
}

// parsers are those that were released: one has some kilobytes, more than most texts.
var parsers = sync.Pool{New: func() any { return new(parser) }}

func newParser() *parser { return parsers.Get().(*parser) }

// release gives the parser back. What it has made is not its own any more.
func (p *parser) release() {
	*p = parser{spare: p.spare}
	parsers.Put(p)
}

// maxSpare is how many scopes are kept for use again.
const maxSpare = 8

// newScope returns a scope without variables.
func (p *parser) newScope() *scope {
	if n := len(p.spare); n > 0 {
		s := p.spare[n-1]
		p.spare = p.spare[:n-1]
		return s
	}
	return &scope{}
}

// free takes a scope that is not used any more.
func (p *parser) free(s *scope) {
	if len(p.spare) == maxSpare || s.many != nil {
		return
	}
	clear(s.few)
	s.few = s.few[:0]
	p.spare = append(p.spare, s)
}

// varUse is a variable, and where it stands.
type varUse struct {
	name Var
	at   int
}

// aggregation says whether aggregates may stand in an expression.
type aggregation struct {
	why  string // they may not; "" if they may
	seen bool   // there was one
}

// output is where triples go: to triples, or, in templates and data of an update, to quads.
type output struct {
	triples []Triple
	quads   []Quad
	toQuads bool
	graph   Node
}

// begin makes the parser ready to read a text, whose bounds are length and parts unless an option says otherwise.
func (p *parser) begin(text string, length, parts int, opts []Option) error {
	for _, opt := range opts {
		opt(&p.o)
	}
	p.o.depth = bound(p.o.depth, DefaultMaxDepth)
	p.o.length = bound(p.o.length, length)
	p.o.parts = bound(p.o.parts, parts)
	if err := p.preset(); err != nil {
		return err
	}
	p.text, p.b = text, unsafe.Slice(unsafe.StringData(text), len(text))
	p.blanks.made = labels.Issuer{Name: "anon"}
	p.aggr.why = onlyThere
	p.at = cursor{line: 1, column: 1}
	if len(text) > p.o.length {
		p.failAt(0, rdf.ErrLimit, "expected at most %d bytes, found %d", p.o.length, len(text))
		return p.err
	}
	if !utf8.ValidString(text) {
		p.failAt(invalid(text), nil, "expected UTF-8, found byte 0x%02X", text[invalid(text)])
		return p.err
	}
	if len(text) >= len(byteOrderMark) && text[:len(byteOrderMark)] == byteOrderMark {
		p.tok.end = len(byteOrderMark)
	}
	p.next()
	return p.err
}

func bound(n, byDefault int) int {
	if n <= 0 {
		return byDefault
	}
	return n
}

const byteOrderMark = "\uFEFF"

// preset takes base and prefixes of the options.
func (p *parser) preset() error {
	if p.o.base != "" {
		if err := rdf.CheckIRI(p.o.base); err != nil {
			return fmt.Errorf("base of the text: %w", err)
		}
		p.base.Set(p.o.base)
	}
	for _, prefix := range p.o.prefixes {
		if err := rdf.CheckIRI(prefix.IRI); err != nil {
			return fmt.Errorf("prefix %q: %w", prefix.Name, err)
		}
		p.prefixes.declare(prefix.Name, "<"+prefix.IRI+">")
	}
	return nil
}

// invalid returns where the first byte stands that is not UTF-8.
func invalid(text string) int {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(text[i:]); n == 1 {
				return i
			}
		}
	}
	return len(text)
}

// enter goes one level deeper. It reports false after setting the error; else leave must follow.
func (p *parser) enter() bool {
	if p.depth++; p.depth > p.o.depth {
		p.failAt(p.tok.start, rdf.ErrDepthLimit, "expected at most %d levels of nesting, found more", p.o.depth)
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

// part counts a part of the tree.
func (p *parser) part() {
	if p.parts++; p.parts > p.o.parts {
		p.fail(errParts, "expected at most %d triples, expressions, values, columns and groups, found more", p.o.parts)
	}
}

// operator counts an operator of a chain, which makes the tree deeper.
func (p *parser) operator() {
	p.part()
	if p.operators++; p.operators > maxOperators {
		p.fail(errOperators, "expected at most %d operators in an expression or a path, found more; IN and VALUES take lists", maxOperators)
	}
}

var (
	errOperators = fmt.Errorf("operators %w", rdf.ErrLimit)
	errParts     = fmt.Errorf("parts %w", rdf.ErrLimit)
)

// is reports whether the token is the keyword.
func (p *parser) is(keyword string) bool { return p.tok.word == keyword }

// take goes behind the token and reports true if it is the keyword.
func (p *parser) take(keyword string) bool {
	if p.tok.word != keyword {
		return false
	}
	p.next()
	return true
}

// takeSign is take for a sign.
func (p *parser) takeSign(k kind) bool {
	if p.tok.kind != k {
		return false
	}
	p.next()
	return true
}

// need takes a sign that must stand here; what says it, and where.
func (p *parser) need(k kind, what string) {
	if !p.takeSign(k) {
		p.expected(what)
	}
}

// needWord is need for a keyword.
func (p *parser) needWord(keyword, what string) {
	if !p.take(keyword) {
		p.expected(what, keyword)
	}
}

// closing is need for a sign that ends what began at an offset.
func (p *parser) closing(k kind, sign string, at int) {
	if p.tok.kind == k {
		p.next()
	} else if p.err == nil {
		p.expected(fmt.Sprintf("%s to close the %q at %s", sign, p.text[at:at+len(sign)-2], p.place(at)), "NOT", "IN")
	}
}

// source is the text of the token.
func (p *parser) source() string { return p.text[p.tok.start:p.tok.end] }

// room makes the arena have room for n bytes.
func (p *parser) room(n int) {
	const least, most = 1 << 7, 64 << 10
	if cap(p.arena)-len(p.arena) < n {
		p.arena = make([]byte, 0, max(n, min(max(2*cap(p.arena), least), most)))
	}
}

// sealed returns what the arena has from on as text, which does not change any more.
func (p *parser) sealed(from int) string {
	b := p.arena[from:]
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// compose makes a term of parts of its text.
func (p *parser) compose(parts ...string) rdf.Term {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	p.room(n)
	from := len(p.arena)
	for _, part := range parts {
		p.arena = append(p.arena, part...)
	}
	return rdf.Trusted(p.sealed(from))
}
