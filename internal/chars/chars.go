// Package chars holds the character classes and the checks that the RDF text formats share.
//
// Sources: RDF 1.2 N-Triples and N-Quads (grammar, canonical form), BCP 47 (length of subtags).
package chars

import (
	"strings"
	"unicode/utf8"
)

// Bits of [Class].
const (
	// IRI marks the ASCII characters that may stand in an IRI reference: [^#x00-#x20<>"{}|^`\].
	IRI = 1 << iota
	// Scheme marks the characters of an IRI's scheme after the first one.
	Scheme
	// Plain marks the ASCII characters that stand for themselves in the canonical form of a string: no control, no DEL,
	// no double quote, no backslash.
	Plain
	// Alpha marks ASCII letters.
	Alpha
	// Digit marks ASCII digits.
	Digit
	// Name marks the ASCII characters of PN_CHARS: letters, digits, "_" and "-".
	Name
	// Upper marks ASCII capitals.
	Upper
	// Local marks the ASCII characters that stand for themselves inside PN_LOCAL, but for the dot: Name and ":".
	Local
)

// Class gives the classes of each byte. Bytes of 0x80 and above have none.
var Class = classes()

func classes() (t [256]uint8) {
	for c := range 128 {
		b := byte(c)
		if b > ' ' && !strings.ContainsRune("<>\"{}|^`\\", rune(b)) {
			t[b] |= IRI
		}
		if b >= ' ' && b != 0x7f && b != '"' && b != '\\' {
			t[b] |= Plain
		}
		lower, upper, digit := b >= 'a' && b <= 'z', b >= 'A' && b <= 'Z', b >= '0' && b <= '9'
		if lower || upper {
			t[b] |= Alpha | Scheme | Name | Local
		}
		if upper {
			t[b] |= Upper
		}
		if digit {
			t[b] |= Digit | Scheme | Name | Local
		}
		if b == '+' || b == '-' || b == '.' {
			t[b] |= Scheme
		}
		if b == '_' || b == '-' {
			t[b] |= Name | Local
		}
		if b == ':' {
			t[b] |= Local
		}
	}
	return t
}

// NameRune reports whether r, above ASCII, is in PN_CHARS; with first, whether it is in PN_CHARS_BASE.
func NameRune(r rune, first bool) bool {
	switch {
	case r < 0x80:
		return false
	case r == 0xB7, r >= 0x300 && r <= 0x36F, r >= 0x203F && r <= 0x2040:
		return !first
	case r < 0xC0, r == 0xD7, r == 0xF7:
		return false
	case r <= 0x2FF, r >= 0x370 && r <= 0x37D, r >= 0x37F && r <= 0x1FFF, r >= 0x200C && r <= 0x200D:
		return true
	case r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF:
		return true
	}
	return r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD || r >= 0x10000 && r <= 0xEFFFF
}

// Label returns the length of the longest blank node label (what follows "_:") that b begins with; 0 if there is none.
// A dot may stand inside a label, not at its end.
func Label(b []byte) int {
	end := 0
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case Class[c]&Name != 0 && (i > 0 || c != '-'):
			i++
			end = i
		case c == '.' && i > 0:
			i++
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(b[i:])
			if !NameRune(r, i == 0) || r == utf8.RuneError && n == 1 {
				return end
			}
			i += n
			end = i
		default:
			return end
		}
	}
	return end
}

// PrefixEnd returns the place of the colon behind the prefix (PN_PREFIX, or empty) that b begins with; -1 if it begins
// with none.
func PrefixEnd(b []byte) int {
	i := 0
	for i < len(b) && Class[b[i]]&Name != 0 {
		i++
	}
	if i < len(b) && (b[i] == '.' || b[i] >= utf8.RuneSelf) {
		i = Label(b)
	}
	if i < len(b) && b[i] == ':' && (i == 0 || Class[b[0]]&Alpha != 0 || b[0] >= utf8.RuneSelf) {
		return i
	}
	return -1
}

// LocalName returns the length of the longest local part of a prefixed name (PN_LOCAL) that b begins with, 0 if there
// is none, and whether it has backslash escapes.
func LocalName(b []byte) (end int, escaped bool) {
	for i := 0; i < len(b); {
		n := 1
		switch c := b[i]; {
		case c == '.':
			if i == 0 {
				return 0, false
			}
			i++
			continue
		case Class[c]&Local != 0:
			if i == 0 && c == '-' {
				return 0, false
			}
		case c == '%':
			n = 3
			if Hex(b[i+1:], 2) < 0 {
				return end, escaped
			}
		case c == '\\':
			n = 2
			if i+1 >= len(b) || strings.IndexByte("_~.-!$&'()*+,;=/?#@%", b[i+1]) < 0 {
				return end, escaped
			}
			escaped = true
		default:
			var r rune
			if r, n = utf8.DecodeRune(b[i:]); !NameRune(r, i == 0) || r == utf8.RuneError && n == 1 {
				return end, escaped
			}
		}
		i += n
		end = i
	}
	return end, escaped
}

// Prefix reports whether s may be the name of a prefix (PN_PREFIX, or empty).
func Prefix(s string) bool {
	if s == "" {
		return true
	}
	if c := s[0]; c == '_' || Class[c]&Digit != 0 {
		return false
	}
	return Label([]byte(s)) == len(s)
}

// Lang returns the length of the language tag that b begins with, without a base direction, and whether it has
// capitals. It is 0 if b begins with no tag; long reports a subtag of more than the eight characters that BCP 47 allows.
func Lang(b []byte) (end int, capitals, long bool) {
	class := uint8(Alpha)
	for i := 0; ; {
		first := i
		for i < len(b) && Class[b[i]]&class != 0 {
			capitals = capitals || Class[b[i]]&Upper != 0
			i++
		}
		if i == first {
			return end, capitals, long
		}
		end = i
		long = long || i-first > 8
		if i == len(b) || b[i] != '-' {
			return end, capitals, long
		}
		i++
		class = Alpha | Digit
	}
}

// AppendLower appends s with ASCII capitals made small.
func AppendLower[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		c := s[i]
		if Class[c]&Upper != 0 {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

const hex = "0123456789ABCDEF"

// AppendRune appends r as the canonical form of a string has it.
func AppendRune(dst []byte, r rune) []byte {
	switch r {
	case '\b':
		return append(dst, '\\', 'b')
	case '\t':
		return append(dst, '\\', 't')
	case '\n':
		return append(dst, '\\', 'n')
	case '\f':
		return append(dst, '\\', 'f')
	case '\r':
		return append(dst, '\\', 'r')
	case '"', '\\':
		return append(dst, '\\', byte(r))
	}
	if r < ' ' || r == 0x7f || r == 0xFFFE || r == 0xFFFF {
		return append(dst, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	return utf8.AppendRune(dst, r)
}

// Escaped returns the character that the escape of c stands for in a string of Turtle and SPARQL (ECHAR), such as "\n"; ok is false if
// there is none.
func Escaped(c byte) (r rune, ok bool) {
	switch c {
	case 't':
		return '\t', true
	case 'b':
		return '\b', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 'f':
		return '\f', true
	case '"', '\'', '\\':
		return rune(c), true
	}
	return 0, false
}

// Hex returns the number that the n hexadecimal digits at the beginning of b write, or -1 if they are not there.
func Hex(b []byte, n int) rune {
	if len(b) < n {
		return -1
	}
	var r rune
	for _, c := range b[:n] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		if r >= 1<<27 {
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}
