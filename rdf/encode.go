package rdf

import "unicode/utf8"

// EncodeIRI percent-encodes a text that is to be a part of an IRI, such as a name behind its last slash: all but the unreserved
// characters of RFC 3987, which are letters, digits, - . _ ~, and those beyond ASCII that an IRI may have (ucschar). Bytes that are
// not UTF-8 are encoded one by one. A text that needs none of it is returned as it is.
func EncodeIRI(text string) string {
	i := 0
	for i < len(text) && unreserved(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	out := append(make([]byte, 0, len(text)+16), text[:i]...)
	for i < len(text) {
		r, n := utf8.DecodeRuneInString(text[i:])
		if unreserved(text[i]) || n > 1 && isUCS(r) {
			out = append(out, text[i:i+n]...)
		} else {
			for _, c := range []byte(text[i : i+n]) {
				out = append(out, '%', upperHex[c>>4], upperHex[c&15])
			}
		}
		i += n
	}
	return string(out)
}

const upperHex = "0123456789ABCDEF"

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// isUCS reports whether a character is one of ucschar in RFC 3987.
func isUCS(r rune) bool {
	switch {
	case r < 0xA0, 0xE000 <= r && r <= 0xF8FF, 0xFDD0 <= r && r <= 0xFDEF, r >= 0xFFF0 && r < 0x10000:
		return false
	case r >= 0x10000:
		return r < 0xF0000 && r&0xFFFF < 0xFFFE && (r < 0xE0000 || r >= 0xE1000)
	}
	return true
}
