package differential

import (
	"bytes"
	"math/rand/v2"
	"regexp"
)

// mutator changes documents, mostly into such as no reader may accept.
type mutator struct {
	*rand.Rand
	other []byte // a document that parts are taken from
}

// tokens cuts a document of any of the formats into parts of about the size of tokens; every byte is in one of them.
var tokens = regexp.MustCompile(`(?s)<[^<>\s]*>|"(?:[^"\\\n]|\\.)*"|_:[\w.-]+|[\w:-]+|@[\w-]+|\s+|.`)

// words are what is put into a document.
var words = map[bool][]string{
	false: {"<", ">", "<<", ">>", "<<(", ")>>", "{|", "|}", "{", "}", "[", "]", "(", ")", ".", ";", ",", "~", "^^", "@", "@prefix", "@base",
		"PREFIX", "BASE", "GRAPH", "VERSION", "@version", "a", "true", "1.", ".1", "1e", "+", "_:", "_:a.", ":", "a:", "::", `"`, `'`, `"""`, `'''`,
		`\u`, `\uD800`, `\UD800DC00`, `\U00110000`, `\`, `\x`, "#", "\n", "\r", "\t", "\x00", "\x0b", "\u00a0", "\ufeff", "\ufffe", "\xff", "\xed\xa0\x80",
		"%", "%2", "@en", "@en-", "@en--ltr", "@en--LTR", "@en--up", "@-", "@abcdefghi", "@en-abcdefghi", "<a b>", "<a|b>", "<http://[>", "<:a>",
		"<1:a>", "<é:a>", "<a>", "<>", "^^<a>", "^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#langString>",
		"^^<http://www.w3.org/1999/02/22-rdf-syntax-ns#dirLangString>", "<http://a/%zz>", `<\u0020>`, `<\u003e>`, `<x:\u007c>`, "=", "=>", "<="},
	true: {`"@id"`, `"@type"`, `"@value"`, `"@list"`, `"@set"`, `"@graph"`, `"@language"`, `"@direction"`, `"@index"`, `"@reverse"`, `"@nest"`,
		`"@included"`, `"@none"`, `"@json"`, `"@vocab"`, `"@base"`, `"@context"`, `"@container"`, `"@version"`, `"@propagate"`, `"@protected"`,
		`"@prefix"`, `"@import"`, `"@default"`, `"@"`, "null", "true", "{}", "[]", `""`, `"a:b"`, `"_:b"`, `"ex:"`, "1", "-", "1e", "01", "1.",
		"1e400", "1e22", "9007199254740993", `"\ud800"`, `"\u0000"`, `"rtl"`, `"en"`, `"e n"`, "{", "}", "[", "]", ",", ":", `"`, "\x00", "\xff", "\ufeff",
		`{"@id": null}`, `{"@id": 1}`, `{"@value": null}`, `{"@list": []}`, `{"@type": []}`},
}

// mutate returns a document with a few changes.
func (m *mutator) mutate(f format, document []byte) []byte {
	out := bytes.Clone(document)
	for range 1 + m.IntN(3) {
		if m.IntN(3) == 0 {
			out = m.bytes(out)
		} else {
			out = m.tokens(out, words[f == formatJSONLD])
		}
	}
	return out
}

// bytes changes a few bytes.
func (m *mutator) bytes(doc []byte) []byte {
	at := m.IntN(len(doc) + 1)
	end := min(len(doc), at+1+m.IntN(4))
	switch m.IntN(5) {
	case 0:
		return splice(doc, at, end, nil)
	case 1:
		return splice(doc, at, at, []byte{byte(m.IntN(256))})
	case 2:
		return splice(doc, at, end, []byte{byte(m.IntN(128))})
	case 3:
		return doc[:at]
	default:
		return splice(doc, at, at, doc[at:end])
	}
}

// tokens changes one or a few tokens.
func (m *mutator) tokens(doc []byte, words []string) []byte {
	places := tokens.FindAllIndex(doc, -1)
	if len(places) == 0 {
		return []byte(words[m.IntN(len(words))])
	}
	first := places[m.IntN(len(places))]
	second := places[m.IntN(len(places))]
	switch m.IntN(6) {
	case 0:
		return splice(doc, first[0], first[1], nil)
	case 1:
		return splice(doc, first[0], first[0], []byte(words[m.IntN(len(words))]))
	case 2:
		return splice(doc, first[0], first[1], []byte(words[m.IntN(len(words))]))
	case 3:
		return splice(doc, first[0], first[1], doc[second[0]:second[1]])
	case 4:
		return splice(doc, first[0], first[0], doc[min(first[0], second[0]):max(first[0], second[0])])
	default:
		return splice(doc, first[0], first[1], m.part())
	}
}

// part is a piece of the other document.
func (m *mutator) part() []byte {
	at := m.IntN(len(m.other) + 1)
	return m.other[at:min(len(m.other), at+m.IntN(40))]
}

// splice returns a document with one part replaced.
func splice(doc []byte, begin, end int, with []byte) []byte {
	return bytes.Join([][]byte{doc[:begin], with, doc[end:]}, nil)
}
