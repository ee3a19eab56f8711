package nquads_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// The terminals of the grammar, from RDF 1.2 N-Quads, section "Grammar", letter by letter.
const (
	uchar     = `\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}`
	charsBase = `A-Za-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}` +
		`\x{2070}-\x{218F}\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}`
	charsU = charsBase + `_`
	chars  = charsU + `\-0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}`
)

var (
	iriRef   = regexp.MustCompile(`^<(?:[^\x00-\x20<>"{}|^` + "`" + `\\]|` + uchar + `)*>`)
	quoted   = regexp.MustCompile(`^"(?:[^"\\\n\r]|\\[tbnrf"'\\]|` + uchar + `)*"`)
	langDir  = regexp.MustCompile(`^@([a-zA-Z]+(?:-[a-zA-Z0-9]+)*)(--[a-zA-Z]+)?`)
	label    = regexp.MustCompile(`^_:[` + charsU + `0-9](?:[` + chars + `.]*[` + chars + `])?`)
	escaped  = regexp.MustCompile(uchar)
	absolute = regexp.MustCompile(`^<[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>"{}|^` + "`" + `\\]*>$`)
	lines    = regexp.MustCompile(`[\r\n]+`)
)

// grammar is a second reader, slow and plain, that says whether a document is N-Quads: the productions as functions
// over the terminals as regular expressions. What the package is strict about beyond the grammar is here too.
type grammar struct {
	rest  string
	bad   bool
	depth int // that triple terms may have
}

// isNQuads reports whether the reader must accept a document.
func isNQuads(doc string, depth int) bool {
	if !utf8.ValidString(doc) {
		return false
	}
	for _, line := range lines.Split(doc, -1) {
		g := &grammar{rest: line, depth: depth}
		g.space()
		if g.rest != "" && g.rest[0] != '#' {
			g.statement()
			g.space()
		}
		if g.bad || g.rest != "" && g.rest[0] != '#' {
			return false
		}
	}
	return true
}

func (g *grammar) space() { g.rest = strings.TrimLeft(g.rest, " \t") }

// take takes what stands in front after space, and notes if it is not there.
func (g *grammar) take(terminal *regexp.Regexp) string {
	g.space()
	text := terminal.FindString(g.rest)
	g.rest = g.rest[len(text):]
	g.bad = g.bad || text == ""
	return text
}

func (g *grammar) word(text string) {
	g.space()
	rest, ok := strings.CutPrefix(g.rest, text)
	g.rest, g.bad = rest, g.bad || !ok
}

func (g *grammar) next(prefix string) bool {
	g.space()
	return strings.HasPrefix(g.rest, prefix)
}

func (g *grammar) statement() {
	if g.next("VERSION") {
		g.word("VERSION")
		g.chars(g.take(quoted))
		return
	}
	g.triple()
	if !g.next(".") {
		g.resource()
	}
	g.word(".")
}

func (g *grammar) triple() {
	g.resource()
	g.iri()
	g.object()
}

func (g *grammar) resource() {
	if g.next("_") {
		g.take(label)
		return
	}
	g.iri()
}

// iri takes an IRI, which must be absolute, also once its escapes have been read.
func (g *grammar) iri() string {
	text := g.chars(g.take(iriRef))
	g.bad = g.bad || !absolute.MatchString(text)
	return text
}

// chars reads the escapes, which must be those of characters.
func (g *grammar) chars(text string) string {
	return escaped.ReplaceAllStringFunc(text, func(escape string) string {
		n, err := strconv.ParseUint(escape[2:], 16, 32)
		if err != nil || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			g.bad = true
			return ""
		}
		return string(rune(n))
	})
}

func (g *grammar) object() {
	switch {
	case g.bad:
	case g.next("<<("):
		g.word("<<(")
		if g.depth == 0 {
			g.bad = true
			return
		}
		g.depth--
		g.triple()
		g.depth++
		g.word(")>>")
	case g.next(`"`):
		g.literal()
	default:
		g.resource()
	}
}

func (g *grammar) literal() {
	// Backslash, then u: the escape of a backslash and a letter is none of a character, so those go first.
	g.chars(strings.ReplaceAll(g.take(quoted), `\\`, ""))
	switch {
	case g.next("^^"):
		g.word("^^")
		datatype := g.iri()
		g.bad = g.bad || strings.HasSuffix(datatype, "22-rdf-syntax-ns#langString>") ||
			strings.HasSuffix(datatype, "22-rdf-syntax-ns#dirLangString>")
	case g.next("@"):
		tag := langDir.FindStringSubmatch(g.take(langDir))
		if tag == nil || tag[2] != "" && tag[2] != "--ltr" && tag[2] != "--rtl" {
			g.bad = true
			return
		}
		for part := range strings.SplitSeq(tag[1], "-") {
			g.bad = g.bad || len(part) > 8
		}
	}
}

// The labels of blank nodes are those of the grammar: the ASCII characters, and those at and beside the ends of each
// range that the grammar names, as the first, an inner and the last one.
func TestLabelCharacters(t *testing.T) {
	runes := []rune{utf8.MaxRune}
	for r := range rune(utf8.RuneSelf) {
		runes = append(runes, r)
	}
	for _, end := range regexp.MustCompile(`\\x\{(\w+)\}`).FindAllStringSubmatch(chars, -1) {
		n, err := strconv.ParseInt(end[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		runes = append(runes, rune(n-1), rune(n), rune(n+1))
	}
	for _, r := range runes {
		if !utf8.ValidRune(r) {
			continue
		}
		for _, text := range []string{string(r), "a" + string(r), "a" + string(r) + "b"} {
			_, err := rdf.Blank(text)
			if want := label.FindString("_:"+text) == "_:"+text; want != (err == nil) {
				t.Errorf("label %q: by the grammar good: %v, but %v", text, want, err)
			}
		}
	}
	if len(runes) < 200 {
		t.Errorf("only %d characters", len(runes))
	}
}
