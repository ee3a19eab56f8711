package xml

import (
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// nameStart and nameChar tell of each byte of ASCII whether it may begin an NCName, or stand in one.
var nameStart, nameChar = nameBytes()

func nameBytes() (start, char [256]bool) {
	for c := range utf8.RuneSelf {
		start[c] = chars.Class[c]&chars.Alpha != 0 || c == '_'
		char[c] = chars.Class[c]&chars.Name != 0 || c == '.'
	}
	return start, char
}

// NCName returns the length of the longest NCName that b begins with, 0 if it begins with none.
func NCName[T string | []byte](b T) int {
	i := 0
	for i < len(b) {
		if nameChar[b[i]] {
			if i == 0 && !nameStart[b[0]] {
				return 0
			}
			i++
			continue
		}
		if b[i] < utf8.RuneSelf {
			return i
		}
		r, n := decode(b[i:])
		if !chars.NameRune(r, i == 0) || r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return i
}

// decode decodes the first character.
func decode[T string | []byte](b T) (rune, int) {
	var first [utf8.UTFMax]byte
	return utf8.DecodeRune(first[:copy(first[:], b)])
}

// IsNCName reports whether s is an NCName.
func IsNCName(s string) bool { return s != "" && NCName(s) == len(s) }

// LocalName returns where the longest NCName begins that s, in UTF-8, ends in; len(s) if it ends in none.
func LocalName(s string) int {
	begin := len(s)
	for i := len(s); i > 0; {
		if c := s[i-1]; c < utf8.RuneSelf {
			if !nameChar[c] {
				return begin
			}
			i--
			if nameStart[c] {
				begin = i
			}
			continue
		}
		r, n := utf8.DecodeLastRuneInString(s[:i])
		if !chars.NameRune(r, false) || r == utf8.RuneError && n == 1 {
			return begin
		}
		i -= n
		if chars.NameRune(r, true) {
			begin = i
		}
	}
	return begin
}

// FirstName returns where the first NCName begins that s ends in; len(s) if there is none. All of s can stand in a name.
func FirstName(s string) int {
	for i := 0; i < len(s); {
		if NCName(s[i:]) > 0 {
			return i
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		i += n
	}
	return len(s)
}

// IsReserved reports whether a name begins with xml, in upper or lower case, which is for XML alone.
func IsReserved(name string) bool {
	return len(name) >= 3 && strings.EqualFold(name[:3], "xml")
}

// IsSpace reports whether a text is white space alone.
func IsSpace(text []byte) bool {
	for _, c := range text {
		if c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}

// IsChar reports whether a document may have a character, written or by its number.
func IsChar(r rune) bool {
	switch {
	case r < ' ':
		return r == '\t' || r == '\n' || r == '\r'
	case r < 0xD800:
		return true
	}
	return r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// isSpace reports whether a byte is white space.
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// skipSpace returns where white space ends.
func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}
