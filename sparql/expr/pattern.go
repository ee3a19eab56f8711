package expr

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/sparql/value"
)

// The bounds of a regular expression: bytes of its text, bytes of what it is for Go, which are many for classes such as \w, and its
// instructions. Making ready for the largest ones takes less than a tenth of a second.
const (
	maxPattern      = 4096
	maxTranslated   = 1 << 20
	maxInstructions = 1 << 16
)

// maxSteps bounds the time of one match, which is in proportion to the cost of the pattern and to the bytes of the text: their product.
// Five patterns took 1 to 28 ns a step on a busy machine: at the bound that is seven seconds or less.
const maxSteps = 1 << 28

// maxGroups bounds the groups of a pattern times its instructions, each of which may remember where all groups are: 32 MiB at most.
const maxGroups = 1 << 20

// flags are those of REGEX and REPLACE (F&O, 5.6.2).
type flags struct{ dotAll, multiLine, ignoreCase, extended, literal bool }

func parseFlags(text string) (f flags, err error) {
	for _, r := range text {
		switch r {
		case 's':
			f.dotAll = true
		case 'm':
			f.multiLine = true
		case 'i':
			f.ignoreCase = true
		case 'x':
			f.extended = true
		case 'q':
			f.literal = true
		default:
			return f, fmt.Errorf("%w: flag %q of a regular expression is none of s, m, i, x, q", value.ErrType, r)
		}
	}
	return f, nil
}

// pattern is a compiled regular expression, or the error that it is.
type pattern struct {
	re *regexp.Regexp
	// behind finds the first match that begins behind the first character of a text. Its first group is the match. It is compiled
	// when it is first asked for.
	behind func() (*regexp.Regexp, error)
	// size is the number of instructions, about, and what a match without groups takes for a character.
	size int
	// translated is what Go compiles.
	translated string
	// empty says that the empty string matches.
	empty bool
	flags flags
	err   error
}

// groupsOfStep is how many groups are remembered in the time of a step.
const groupsOfStep = 8

// cost is what a match that says where its groups are takes for a character.
func (p *pattern) cost() int { return p.size * (1 + p.re.NumSubexp()/groupsOfStep) }

// bytes is what it takes in memory, about.
func (p *pattern) bytes() int {
	const instruction = 64
	return 4*len(p.translated) + p.size*instruction
}

// readPattern reads a regular expression of XPath. Go's have no back-references, which are an error therefore, and take linear time.
func readPattern(text, flagText string) (p pattern) {
	if p.flags, p.err = parseFlags(flagText); p.err != nil {
		return p
	}
	if len(text) > maxPattern {
		p.err = fmt.Errorf("%w: a regular expression of %d bytes, of at most %d", value.ErrType, len(text), maxPattern)
		return p
	}
	p.translated, p.err = translate(text, p.flags)
	if p.err == nil {
		p.err = p.measure()
	}
	p.err = about(text, p.err)
	return p
}

// about says of which regular expression an error is.
func about(text string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: regular expression %q: %w", value.ErrType, cut(text), err)
}

// measure finds out how large the pattern gets.
func (p *pattern) measure() error {
	parsed, err := syntax.Parse(p.translated, syntax.Perl)
	if err != nil {
		return err
	}
	if p.size = instructions(parsed); p.size > maxInstructions {
		return fmt.Errorf("it has %d instructions, of at most %d", p.size, maxInstructions)
	}
	return nil
}

// compile makes a pattern without an error ready to be matched.
func (p *pattern) compile(text string) {
	var err error
	if p.re, err = regexp.Compile(p.translated); err != nil {
		p.err = about(text, err)
		return
	}
	p.empty = p.re.MatchString("")
	behind := `\A(?s:.)(?s:.*?)(` + p.translated + `)`
	p.behind = sync.OnceValues(func() (*regexp.Regexp, error) { return regexp.Compile(behind) })
}

// instructions is how many a regular expression is compiled to, or somewhat more.
func instructions(re *syntax.Regexp) int {
	n := 1
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpConcat:
		return n - 1
	case syntax.OpCapture, syntax.OpAlternate:
		return n + len(re.Sub)
	case syntax.OpRepeat: // of which each may be left out, but for the first ones
		return n * max(1, re.Min, re.Max)
	}
	return n
}

// bounded returns an error that ends the query if a match would take too long, of which each character of the text costs so much.
func (p *pattern) bounded(text string, cost int) error {
	if len(text) > maxSteps/max(cost, 1) {
		return fmt.Errorf("%w: a regular expression of %d instructions on a text of %d bytes", ErrLimit, p.size, len(text))
	}
	return nil
}

// boundedGroups is bounded for a match that says where its groups are.
func (p *pattern) boundedGroups(text string) error {
	if groups := p.re.NumSubexp(); groups > maxGroups/max(p.size, 1) {
		return fmt.Errorf("%w: a regular expression of %d groups and %d instructions", ErrLimit, groups, p.size)
	}
	return p.bounded(text, p.cost())
}

// cut shortens a text for an error.
func cut(text string) string {
	const most = 100
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// translate writes a regular expression of XPath as one of Go.
func translate(pattern string, f flags) (string, error) {
	t := translator{in: pattern, flags: f, sets: map[string]runes{}}
	if f.multiLine {
		t.out.WriteString("(?m)")
	}
	if f.ignoreCase {
		t.out.WriteString("(?i)")
	}
	if f.literal {
		return t.out.String() + regexp.QuoteMeta(pattern), nil
	}
	if f.extended {
		t.in = withoutSpace(pattern)
	}
	for t.at < len(t.in) {
		if err := t.token(); err != nil {
			return "", fmt.Errorf("at character %d: %w", utf8.RuneCountInString(t.in[:min(t.at, len(t.in))])+1, err)
		}
		if t.out.Len() > maxTranslated {
			return "", fmt.Errorf("its classes have too many characters: they take more than %d bytes", maxTranslated)
		}
	}
	return t.out.String(), nil
}

// withoutSpace removes white space outside of classes, as flag x asks for.
func withoutSpace(pattern string) string {
	var out strings.Builder
	depth := 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '\\':
			out.WriteByte(c)
			if i++; i < len(pattern) {
				out.WriteByte(pattern[i])
			}
			continue
		case '[':
			depth++
		case ']':
			depth--
		case ' ', '\t', '\n', '\r':
			if depth <= 0 {
				continue
			}
		}
		out.WriteByte(pattern[i])
	}
	return out.String()
}

// translator reads a pattern from its beginning.
type translator struct {
	in    string
	at    int
	flags flags
	out   strings.Builder
	sets  map[string]runes // of escapes, by their text
}

// token translates what comes next. Parentheses and the places of quantifiers are left to Go, which says the same about them.
func (t *translator) token() error {
	switch c := t.in[t.at]; c {
	case '\\':
		set, r, err := t.escape()
		if set != nil {
			t.out.WriteString(set.class())
		} else {
			t.out.WriteString(regexp.QuoteMeta(string(r)))
		}
		return err
	case '[':
		set, err := t.class(0)
		t.out.WriteString(set.class())
		return err
	case '.':
		t.at++
		if t.flags.dotAll {
			t.out.WriteString("(?s:.)")
		} else {
			t.out.WriteString(`[^\n\r]`)
		}
	case '(':
		return t.group()
	case '{':
		return t.quantity()
	case '}', ']':
		return fmt.Errorf("%q stands alone; write \\%c", c, c)
	case '|', ')', '*', '+', '?', '^', '$':
		t.at++
		t.out.WriteByte(c)
	default:
		r, n := utf8.DecodeRuneInString(t.in[t.at:])
		t.at += n
		t.out.WriteString(regexp.QuoteMeta(string(r)))
	}
	return nil
}

func (t *translator) group() error {
	open := "("
	if strings.HasPrefix(t.in[t.at:], "(?:") {
		open = "(?:"
	} else if strings.HasPrefix(t.in[t.at:], "(?") {
		return errors.New("of groups that begin with a question mark, XPath has (?:…) alone")
	}
	t.at += len(open)
	t.out.WriteString(open)
	return nil
}

// quantityForm is {n}, {n,} and {n,m}.
var quantityForm = regexp.MustCompile(`^\{[0-9]+(,[0-9]*)?\}`)

func (t *translator) quantity() error {
	form := quantityForm.FindString(t.in[t.at:])
	if form == "" {
		return fmt.Errorf(`expected {n}, {n,} or {n,m}; write \{ for the character`)
	}
	t.at += len(form)
	t.out.WriteString(form)
	return nil
}

// escape reads a backslash and what follows: a set of characters, or one (XSD, G.4.2.1; F&O, 5.6.1).
func (t *translator) escape() (runes, rune, error) {
	if t.at+1 >= len(t.in) {
		return nil, 0, fmt.Errorf("nothing follows the backslash")
	}
	c := t.in[t.at+1]
	switch {
	case strings.IndexByte("pPsSdDwWiIcC", c) >= 0:
		set, err := t.set()
		return set, 0, err
	case '0' <= c && c <= '9':
		return nil, 0, fmt.Errorf(`back-references such as \%c can't be computed in linear time, and are not supported`, c)
	}
	r := rune(c)
	switch c {
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	default:
		if !strings.ContainsRune(`\|.-^?*+{}()[]$`, r) {
			return nil, 0, fmt.Errorf(`there is no \%c in regular expressions of XPath`, c)
		}
	}
	t.at += 2
	return nil, r, nil
}

// set reads an escape that names a set of characters. Many are large, and come again.
func (t *translator) set() (set runes, err error) {
	text := t.in[t.at : t.at+2]
	property := text[1]|0x20 == 'p'
	if end := strings.IndexByte(t.in[t.at:], '}'); property && end > 0 {
		text = t.in[t.at : t.at+end+1]
	}
	if known, ok := t.sets[text]; ok {
		t.at += len(text)
		return known, nil
	}
	if property {
		set, err = t.property()
	} else {
		set = escaped(text[1])
		t.at += len(text)
	}
	if err == nil {
		t.sets[text] = set
	}
	return set, err
}

// property reads \p{…} or \P{…}: a category or a block.
func (t *translator) property() (runes, error) {
	rest := t.in[t.at+2:]
	end := strings.IndexByte(rest, '}')
	if !strings.HasPrefix(rest, "{") || end < 0 {
		return nil, fmt.Errorf(`expected {…} behind \p`)
	}
	name := rest[1:end]
	set, ok := category(name)
	if blockName, isBlock := strings.CutPrefix(name, "Is"); isBlock {
		set, ok = block(blockName)
	}
	if !ok {
		return nil, fmt.Errorf("%q is neither a category nor, behind Is, a block of Unicode", name)
	}
	if t.in[t.at+1] == 'P' {
		set = set.complement()
	}
	t.at += 2 + end + 1
	return set, nil
}

// maxClassDepth is how deep subtractions of classes may be nested.
const maxClassDepth = 50

// class reads [...], with what is subtracted from it: [a-z-[aeiou]].
func (t *translator) class(depth int) (runes, error) {
	if depth > maxClassDepth {
		return nil, fmt.Errorf("more than %d classes in each other", maxClassDepth)
	}
	t.at++
	negated := t.skip("^")
	var set runes
	for first := true; ; first = false {
		switch {
		case t.at >= len(t.in):
			return nil, fmt.Errorf("the class has no end")
		case t.in[t.at] == ']' && !first:
			t.at++
			return signed(set, negated), nil
		case strings.HasPrefix(t.in[t.at:], "-[") && !first:
			return t.subtraction(signed(set, negated), depth)
		}
		item, err := t.classItem(first)
		if err != nil {
			return nil, err
		}
		set = append(set, item...)
	}
}

func signed(set runes, negated bool) runes {
	set = merged(set)
	if negated {
		return set.complement()
	}
	return set
}

func (t *translator) subtraction(set runes, depth int) (runes, error) {
	t.at++
	less, err := t.class(depth + 1)
	if err != nil {
		return nil, err
	}
	if !t.skip("]") {
		return nil, fmt.Errorf("expected ] behind the class that is subtracted")
	}
	return set.minus(less), nil
}

func (t *translator) skip(s string) bool {
	if !strings.HasPrefix(t.in[t.at:], s) {
		return false
	}
	t.at += len(s)
	return true
}

// classItem reads a character, a range or an escape.
func (t *translator) classItem(first bool) (runes, error) {
	set, from, err := t.classRune(first)
	if err != nil || set != nil {
		return set, err
	}
	rest := t.in[t.at:]
	last := from
	if strings.HasPrefix(rest, "-") && !strings.HasPrefix(rest, "-]") && !strings.HasPrefix(rest, "-[") {
		t.at++
		if set, last, err = t.classRune(false); err != nil {
			return nil, err
		}
		if set != nil || last < from {
			return nil, fmt.Errorf("a range ends before it begins, or in no character")
		}
	}
	single := runes{{from, last}}
	if t.flags.ignoreCase {
		return single.folded(), nil
	}
	return single, nil
}

// classRune reads a character or an escape. A minus stands for itself at the beginning and at the end.
func (t *translator) classRune(first bool) (runes, rune, error) {
	if t.at >= len(t.in) {
		return nil, 0, fmt.Errorf("the class has no end")
	}
	switch c := t.in[t.at]; {
	case c == '\\':
		return t.escape()
	case c == '[' || c == ']' || c == '-' && !first && !strings.HasPrefix(t.in[t.at:], "-]"):
		return nil, 0, fmt.Errorf(`%q in a class; write \%c`, c, c)
	}
	r, n := utf8.DecodeRuneInString(t.in[t.at:])
	t.at += n
	return nil, r, nil
}
