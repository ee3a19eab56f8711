package expr

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// patterns compiles regular expressions, and keeps some for patterns that come from the data.
type patterns struct {
	mu   sync.Mutex
	kept map[[2]string]pattern
	size int // bytes of all that are kept, about
	tell func(work int) error
}

// keptPatterns is how many are kept for one call, keptBytes what they may take in memory together, about.
const (
	keptPatterns = 64
	keptBytes    = 16 << 20
)

// get returns the regular expression of two strings without language tag.
func (p *patterns) get(text, flagText value.Value) (pattern, error) {
	if text.Kind() != value.KindString || flagText.Kind() != value.KindString {
		return pattern{}, value.ErrType
	}
	key := [2]string{text.Lexical(), flagText.Lexical()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if made, ok := p.kept[key]; ok {
		return made, made.err
	}
	made, err := p.make(key)
	if err != nil {
		return pattern{}, err
	}
	if p.size += made.bytes(); p.kept == nil || len(p.kept) >= keptPatterns || p.size > keptBytes {
		p.kept, p.size = make(map[[2]string]pattern), made.bytes()
	}
	p.kept[[2]string{strings.Clone(key[0]), strings.Clone(key[1])}] = made
	return made, made.err
}

// make compiles a regular expression, whose own error is in it. It tells of the work on the way.
func (p *patterns) make(key [2]string) (made pattern, err error) {
	made = readPattern(key[0], key[1])
	if err = p.tell(1 + (len(key[0])+len(made.translated))/stepsOfWork); err != nil || made.err != nil {
		return made, err
	}
	made.compile(key[0])
	return made, p.tell(made.size)
}

// noFlags is what REGEX and REPLACE have without an argument of flags.
var noFlags = constant(value.Str(""), nil)

// compileRegex compiles REGEX. A constant pattern is compiled once.
func compileRegex(c *compiler, _ *sparql.Call, args []code) code {
	if len(args) == 2 {
		args = append(args, noFlags)
	}
	cache := &patterns{tell: c.tell}
	if args[1].constant && args[2].constant && args[1].err == nil && args[2].err == nil {
		made, err := cache.get(args[1].v, args[2].v)
		if err != nil {
			return constant(value.Value{}, err)
		}
		return unaryOf(func(v value.Value) (value.Value, error) { return c.match(v, made) }, args[0])
	}
	return ternary(func(text, wanted, flagText value.Value) (value.Value, error) {
		made, err := cache.get(wanted, flagText)
		if err != nil {
			return value.Value{}, err
		}
		return c.match(text, made)
	}, args[0], args[1], args[2])
}

func (c *compiler) match(v value.Value, p pattern) (value.Value, error) {
	if !isText(v) {
		return value.Value{}, value.ErrType
	}
	text := v.Lexical()
	if err := p.bounded(text, p.size); err != nil {
		return value.Value{}, err
	}
	if steps := len(text) * p.size; c.env.Work == nil || steps < longMatch {
		return value.Bool(p.re.MatchString(text)), c.tell(steps / stepsOfWork)
	}
	r := c.reader(text, p.size)
	found := p.re.MatchReader(r)
	return value.Bool(found), r.end()
}

// compileReplace compiles REPLACE.
func compileReplace(c *compiler, _ *sparql.Call, args []code) code {
	if len(args) == 3 {
		args = append(args, noFlags)
	}
	cache := &patterns{tell: c.tell}
	fn := func(s Solution) (value.Value, error) {
		var v [4]value.Value
		for i, arg := range args {
			var err error
			if v[i], err = arg.fn(s); err != nil {
				return value.Value{}, err
			}
		}
		made, err := cache.get(v[1], v[3])
		if err != nil {
			return value.Value{}, err
		}
		return c.replace(v[0], made, v[2])
	}
	if allConstant(args) {
		return constant(fn(nil))
	}
	return code{fn: fn}
}

// replace computes REPLACE. A pattern that matches the empty string is an error (F&O, FORX0003).
func (c *compiler) replace(v value.Value, p pattern, replacement value.Value) (value.Value, error) {
	if !isText(v) || replacement.Kind() != value.KindString {
		return value.Value{}, value.ErrType
	}
	if p.empty {
		return value.Value{}, fmt.Errorf("%w: the regular expression of REPLACE matches the empty string", value.ErrType)
	}
	with, err := newReplacement(replacement.Lexical(), p)
	if err != nil {
		return value.Value{}, err
	}
	text := v.Lexical()
	if err := p.boundedGroups(text); err != nil {
		return value.Value{}, err
	}
	steps := len(text) * p.cost() // of each match
	if c.env.Work != nil && len(text) >= longMatch/max(steps, 1) {
		return c.replaceLong(v, text, p, with)
	}
	if err := c.tell(len(text) * steps / stepsOfWork); err != nil {
		return value.Value{}, err
	}
	if err := c.bounded(with.most(text, p.re, c.limit), "REPLACE"); err != nil {
		return value.Value{}, err
	}
	return like(v, p.re.ReplaceAllString(text, with.template))
}

// replacement is what REPLACE puts in the place of a match.
type replacement struct {
	// template is in the syntax of package regexp.
	template string
	// literal is the number of bytes that are the same for each match, groups the number of groups that are named.
	literal, groups int
}

// newReplacement reads $1, \$ and \\ (F&O, 5.6.4).
func newReplacement(text string, p pattern) (r replacement, err error) {
	if p.flags.literal {
		return replacement{template: strings.ReplaceAll(text, "$", "$$"), literal: len(text)}, nil
	}
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '\\':
			i++
			if i == len(text) || text[i] != '\\' && text[i] != '$' {
				return r, fmt.Errorf(`%w: a backslash in a replacement comes before \ or $`, value.ErrType)
			}
			r.literal++
			out.WriteString(strings.ReplaceAll(text[i:i+1], "$", "$$"))
		case '$':
			n := groupNumber(text[i+1:], p.re.NumSubexp())
			if n == 0 {
				return r, fmt.Errorf(`%w: a $ in a replacement comes before the number of a group; write \$`, value.ErrType)
			}
			r.groups++
			fmt.Fprintf(&out, "${%s}", text[i+1:i+1+n])
			i += n
		default:
			r.literal++
			out.WriteByte(c)
		}
	}
	r.template = out.String()
	return r, nil
}

// groupNumber returns how many digits are the number of a group: as many as there is one for, and one at least, if there is any. A
// group that there isn't is empty.
func groupNumber(text string, groups int) int {
	number, n := 0, 0
	for n < len(text) && '0' <= text[n] && text[n] <= '9' {
		number = number*10 + int(text[n]-'0')
		if n > 0 && number > groups {
			break
		}
		n++
	}
	return n
}

// most returns how long the result can get, at most. It counts the matches if a first estimate is over the limit.
func (r replacement) most(text string, re *regexp.Regexp, limit int) int {
	if size := len(text)*(1+r.groups) + len(text)*r.literal; size <= limit {
		return size
	}
	matches, matched := 0, 0
	re.ReplaceAllStringFunc(text, func(match string) string {
		matches++
		matched += len(match)
		return ""
	})
	return len(text) - matched + matches*r.literal + matched*r.groups
}
