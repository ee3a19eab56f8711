package expr

import (
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// runes is a set of characters: ranges in order that neither overlap nor touch.
type runes []runeRange

type runeRange struct{ first, last rune }

// merged brings ranges in order.
func merged(ranges runes) runes {
	slices.SortFunc(ranges, func(a, b runeRange) int { return int(a.first - b.first) })
	var out runes
	for _, r := range ranges {
		if n := len(out); n > 0 && r.first <= out[n-1].last+1 {
			out[n-1].last = max(out[n-1].last, r.last)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// ofTable returns the characters of a table of package unicode.
func ofTable(t *unicode.RangeTable) runes {
	var all runes
	for _, r := range t.R16 {
		all = appendStride(all, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		all = appendStride(all, rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return merged(all)
}

func appendStride(all runes, first, last, stride rune) runes {
	if stride == 1 {
		return append(all, runeRange{first, last})
	}
	for r := first; r <= last; r += stride {
		all = append(all, runeRange{r, r})
	}
	return all
}

func (s runes) union(other runes) runes { return merged(slices.Concat(s, other)) }

// complement returns all other characters.
func (s runes) complement() runes {
	var out runes
	next := rune(0)
	for _, r := range s {
		if r.first > next {
			out = append(out, runeRange{next, r.first - 1})
		}
		next = r.last + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, runeRange{next, unicode.MaxRune})
	}
	return out
}

// minus returns the characters that are in s and not in other.
func (s runes) minus(other runes) runes { return s.complement().union(other).complement() }

// lastCased is behind the last character that has another case.
const lastCased = 0x1EA00

// folded adds the other cases of all characters.
func (s runes) folded() runes {
	all := slices.Clone(s)
	for _, r := range s {
		for c := r.first; c <= min(r.last, lastCased); c++ {
			for other := unicode.SimpleFold(c); other != c; other = unicode.SimpleFold(other) {
				all = append(all, runeRange{other, other})
			}
		}
	}
	return merged(all)
}

// class writes the set as a class of Go's regular expressions, which no flag changes.
func (s runes) class() string {
	if len(s) == 0 {
		return `[^\x00-\x{10FFFF}]`
	}
	out := append(make([]byte, 0, 8*len(s)), "(?-i:["...)
	for _, r := range s {
		out = appendRune(out, r.first)
		if r.last > r.first {
			out = appendRune(append(out, '-'), r.last)
		}
	}
	return string(append(out, "])"...))
}

func appendRune(to []byte, r rune) []byte {
	if r >= utf8.RuneSelf && utf8.ValidRune(r) {
		return utf8.AppendRune(to, r)
	}
	return append(strconv.AppendInt(append(to, `\x{`...), int64(r), 16), '}')
}

// The sets that one letter behind a backslash names (XSD, G.4.2.5).
var (
	spaces = runes{{'\t', '\n'}, {'\r', '\r'}, {' ', ' '}}
	// nameStarts and nameChars are NameStartChar and NameChar of XML 1.0.
	nameStarts = merged(runes{
		{':', ':'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}, {0xC0, 0xD6}, {0xD8, 0xF6}, {0xF8, 0x2FF}, {0x370, 0x37D}, {0x37F, 0x1FFF},
		{0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFD}, {0x10000, 0xEFFFF},
	})
	nameChars = nameStarts.union(runes{{'-', '-'}, {'.', '.'}, {'0', '9'}, {0xB7, 0xB7}, {0x300, 0x36F}, {0x203F, 0x2040}})
)

// category returns the characters of a general category of Unicode, such as L or Nd. Unassigned is what no other category has.
func category(name string) (runes, bool) {
	switch {
	case name == "Cn":
		return unassigned(), true
	case name == "C":
		return ofTable(unicode.C).union(unassigned()), true
	case len(name) > 2 || name == "LC" || name == "Cs":
		return nil, false
	}
	table, ok := unicode.Categories[name]
	if !ok {
		return nil, false
	}
	return ofTable(table), true
}

func unassigned() runes {
	var assigned runes
	for _, t := range []*unicode.RangeTable{
		unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs,
	} {
		assigned = append(assigned, ofTable(t)...)
	}
	return merged(assigned).complement()
}

// wordChars is \w: all but punctuation, separators and others.
func wordChars() runes {
	others, _ := category("C")
	return ofTable(unicode.P).union(ofTable(unicode.Z)).union(others).complement()
}

// escaped returns the set that a letter behind a backslash names, which is one of sSdDwWiIcC.
func escaped(letter byte) (s runes) {
	switch letter | 0x20 {
	case 's':
		s = spaces
	case 'd':
		s = ofTable(unicode.Nd)
	case 'w':
		s = wordChars()
	case 'i':
		s = nameStarts
	case 'c':
		s = nameChars
	}
	if letter < 'a' {
		return s.complement()
	}
	return s
}
