package expr

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// isText reports whether a value is a string literal: with or without language tag (17.4.3.1.1).
func isText(v value.Value) bool { return v.Kind() == value.KindString || v.Kind() == value.KindLang }

// compatible reports whether two values are string literals of which the second one fits the first (17.4.3.1.2).
func compatible(a, b value.Value) bool {
	if !isText(a) {
		return false
	}
	return b.Kind() == value.KindString || b.Kind() == value.KindLang && a.Lang() == b.Lang() && a.Direction() == b.Direction()
}

// like makes a string literal of the kind that another one has.
func like(v value.Value, text string) (value.Value, error) {
	if v.Kind() == value.KindLang {
		return value.Lang(text, v.Lang(), v.Direction())
	}
	return value.Str(text), nil
}

// bounded returns an error that ends the query if a string to be made is too long.
func (c *compiler) bounded(size int, what string) error {
	if size > c.limit {
		return fmt.Errorf("%w: %s would make a string of %d bytes, of at most %d", ErrLimit, what, size, c.limit)
	}
	return nil
}

func strLen(_ *compiler, v value.Value) (value.Value, error) {
	if !isText(v) {
		return value.Value{}, value.ErrType
	}
	return value.Int(int64(utf8.RuneCountInString(v.Lexical()))), nil
}

func contains(_ *compiler, a, b value.Value) (value.Value, error) {
	if !compatible(a, b) {
		return value.Value{}, value.ErrType
	}
	return value.Bool(strings.Contains(a.Lexical(), b.Lexical())), nil
}

func startsWith(_ *compiler, a, b value.Value) (value.Value, error) {
	if !compatible(a, b) {
		return value.Value{}, value.ErrType
	}
	return value.Bool(strings.HasPrefix(a.Lexical(), b.Lexical())), nil
}

func endsWith(_ *compiler, a, b value.Value) (value.Value, error) {
	if !compatible(a, b) {
		return value.Value{}, value.ErrType
	}
	return value.Bool(strings.HasSuffix(a.Lexical(), b.Lexical())), nil
}

// before computes STRBEFORE: without a match, the empty string without language tag (17.4.3.9).
func before(_ *compiler, a, b value.Value) (value.Value, error) {
	if !compatible(a, b) {
		return value.Value{}, value.ErrType
	}
	text, _, found := strings.Cut(a.Lexical(), b.Lexical())
	if !found {
		return value.Str(""), nil
	}
	return like(a, text)
}

// after computes STRAFTER, as before does STRBEFORE.
func after(_ *compiler, a, b value.Value) (value.Value, error) {
	if !compatible(a, b) {
		return value.Value{}, value.ErrType
	}
	_, text, found := strings.Cut(a.Lexical(), b.Lexical())
	if !found {
		return value.Str(""), nil
	}
	return like(a, text)
}

// encodeForURI encodes all bytes but the unreserved characters of RFC 3986 (F&O, 6.2).
func (c *compiler) encodeForURI(v value.Value) (value.Value, error) {
	if !isText(v) {
		return value.Value{}, value.ErrType
	}
	const digits = "0123456789ABCDEF"
	text := v.Lexical()
	out := make([]byte, 0, len(text)+len(text)/2)
	for i := range len(text) {
		if b := text[i]; isUnreserved(b) {
			out = append(out, b)
		} else {
			out = append(out, '%', digits[b>>4], digits[b&15])
		}
	}
	if err := c.bounded(len(out), "ENCODE_FOR_URI"); err != nil {
		return value.Value{}, err
	}
	return value.Str(string(out)), nil
}

func isUnreserved(b byte) bool {
	return 'a' <= b|0x20 && b|0x20 <= 'z' || '0' <= b && b <= '9' || b == '-' || b == '_' || b == '.' || b == '~'
}

// langMatches is basic filtering (RFC 4647, 3.3.1).
func langMatches(_ *compiler, tag, wanted value.Value) (value.Value, error) {
	if tag.Kind() != value.KindString || wanted.Kind() != value.KindString {
		return value.Value{}, value.ErrType
	}
	t, w := tag.Lexical(), wanted.Lexical()
	if w == "*" {
		return value.Bool(t != ""), nil
	}
	matches := t != "" && len(t) >= len(w) && strings.EqualFold(t[:len(w)], w) && (len(t) == len(w) || t[len(w)] == '-')
	return value.Bool(matches), nil
}

// compileSubstr compiles SUBSTR with two or three arguments.
func compileSubstr(_ *compiler, _ *sparql.Call, args []code) code {
	if len(args) == 2 {
		return binaryOf(func(v, start value.Value) (value.Value, error) {
			return substr(v, start, value.Double(math.Inf(1)))
		}, args[0], args[1])
	}
	return ternary(substr, args[0], args[1], args[2])
}

// substr takes the characters at the positions p, from 1, with round(start) <= p < round(start) + round(length) (F&O, 5.4.3).
func substr(v, start, length value.Value) (value.Value, error) {
	from, err := rounded(start)
	if err != nil || !isText(v) {
		return value.Value{}, value.ErrType
	}
	count, err := rounded(length)
	if err != nil {
		return value.Value{}, err
	}
	end := from + count
	text := v.Lexical()
	first, last := len(text), len(text)
	position := 1.0
	for i := range text {
		if first == len(text) && position >= from && position < end {
			first = i
		}
		if first < len(text) && position >= end {
			last = i
			break
		}
		position++
	}
	return like(v, text[first:last])
}

// rounded returns what ROUND gives for a number, as a double.
func rounded(v value.Value) (float64, error) {
	r, err := value.Round(v)
	if err != nil {
		return 0, err
	}
	return r.Float64()
}

// concat compiles CONCAT.
func (c *compiler) concat(_ *sparql.Call, args []code) code {
	if len(args) == 1 {
		return unaryOf(func(v value.Value) (value.Value, error) {
			if !isText(v) {
				return v, value.ErrType
			}
			return v, nil
		}, args[0])
	}
	fn := func(s Solution) (value.Value, error) { return c.joined(args, s) }
	if allConstant(args) {
		return constant(fn(nil))
	}
	return code{fn: fn}
}

// joined keeps the language tag and base direction that all strings have (17.4.3.12).
func (c *compiler) joined(args []code, s Solution) (value.Value, error) {
	var (
		room   [256]byte
		text   = room[:0]
		common value.Value
	)
	for i, arg := range args {
		v, err := arg.fn(s)
		if err == nil && !isText(v) {
			err = value.ErrType
		}
		if err != nil {
			return value.Value{}, err
		}
		if i == 0 {
			common = v
		} else if v.Lang() != common.Lang() || v.Direction() != common.Direction() {
			common = value.Str("")
		}
		if err := c.bounded(len(text)+len(v.Lexical()), "CONCAT"); err != nil {
			return value.Value{}, err
		}
		text = append(text, v.Lexical()...)
	}
	return like(common, string(text))
}
