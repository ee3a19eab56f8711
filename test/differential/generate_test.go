package differential

import (
	"math/rand/v2"
	"strings"
)

// generator writes documents that their grammar allows. What it writes follows from its source of random numbers.
type generator struct {
	*rand.Rand
	text     strings.Builder
	format   format
	prefixes []string // declared
	depth    int      // of what is open
}

// generate returns a document that every reader of the format must accept.
func generate(rng *rand.Rand, f format) []byte {
	g := &generator{Rand: rng, format: f}
	switch f {
	case formatJSONLD:
		g.json(g.node())
	case formatRDFXML:
		g.rdfXML()
	case formatNTriples, formatNQuads:
		g.times(1, 6, g.statement)
	default:
		g.times(1, 5, g.declaration)
		g.times(1, 5, g.block)
	}
	return []byte(g.text.String())
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// chance is true once in n times.
func (g *generator) chance(n int) bool { return g.IntN(n) == 0 }

func (g *generator) times(least, most int, do func()) {
	for range least + g.IntN(most-least+1) {
		do()
	}
}

// some joins a few of what is written.
func (g *generator) some(least, most int, write func() string) string {
	var b strings.Builder
	g.times(least, most, func() { b.WriteString(write()) })
	return b.String()
}

// choose does one of these.
func (g *generator) choose(of ...func()) { of[g.IntN(len(of))]() }

// space writes what separates two tokens.
func (g *generator) space() {
	space := []string{" ", " ", " ", "\t", "  "}
	if !g.lines() {
		space = append(space, "\n", "\r\n", "\r", "# <a> \"b\" .\n", " #\n")
	}
	g.text.WriteString(g.one(space...))
}

// lines reports whether each statement has a line of its own.
func (g *generator) lines() bool { return g.format == formatNTriples || g.format == formatNQuads }

// token writes a token, and sometimes nothing between it and the next.
func (g *generator) token(text string) {
	g.text.WriteString(text)
	g.space()
}

// tight writes a token that none needs be apart from.
func (g *generator) tight(text string) {
	g.text.WriteString(text)
	if !g.chance(3) {
		g.space()
	}
}

// statement writes a line of N-Triples or N-Quads.
func (g *generator) statement() {
	switch {
	case g.chance(12):
		g.token("# " + g.one("comment", "<x:a> <x:b> <x:c> .", "\"", ""))
	case g.chance(20):
		g.tight("VERSION")
		g.tight(g.one(`"1.1"`, `"1.2"`, `"1.2-basic"`))
	default:
		g.triple(g.object)
		if g.format == formatNQuads && g.chance(2) {
			g.resource()
		}
		g.tight(".")
		if g.chance(6) {
			g.text.WriteString("# comment")
		}
	}
	g.text.WriteString(g.one("\n", "\n", "\r\n", "\r", "\n\n"))
}

func (g *generator) triple(object func()) {
	g.resource()
	g.tight(g.iri())
	object()
}

// resource writes an IRI or a blank node.
func (g *generator) resource() {
	if g.chance(3) {
		g.token(g.blank())
		return
	}
	g.tight(g.iri())
}

func (g *generator) object() {
	switch g.IntN(9) {
	case 0, 1, 2:
		g.resource()
	case 3:
		if g.depth > 3 {
			g.resource()
			return
		}
		g.nest("<<(", func() { g.triple(g.object) }, ")>>")
	default:
		g.literal()
	}
}

func (g *generator) nest(open string, inner func(), shut string) {
	g.depth++
	g.tight(open)
	inner()
	g.tight(shut)
	g.depth--
}

func (g *generator) literal() {
	g.text.WriteString(g.quoted())
	switch g.IntN(4) {
	case 0:
		g.tight(" ")
	case 1:
		g.token("@" + g.one("en", "EN", "de-AT", "zh-Hant-TW", "x-private", "en-latn-gb-boont-r-extended", "en-1997",
			"ar--rtl", "en-GB--ltr"))
	default:
		if !g.chance(4) {
			g.tight("")
		}
		g.text.WriteString("^^")
		g.token(g.datatype())
	}
}

// datatype is the IRI of one that a literal without a tag can have.
func (g *generator) datatype() string {
	if !g.lines() && g.chance(2) {
		return g.name()
	}
	return g.one("<http://www.w3.org/2001/XMLSchema#string>", "<http://www.w3.org/2001/XMLSchema#integer>",
		`<http://www.w3.org/2001/XMLSchema#\u0064ouble>`, "<x:d>", "<urn:d:é>")
}

// quoted is a string in quotes, with what may stand in it.
func (g *generator) quoted() string {
	quote := `"`
	if !g.lines() {
		quote = g.one(`"`, `"`, `'`, `"""`, `'''`)
	}
	inner := func() string { return g.character(quote) }
	return quote + g.some(0, 8, inner) + quote
}

// character is one, or an escape, that may stand in a string with these quotes.
func (g *generator) character(quote string) string {
	if len(quote) == 3 && g.chance(4) {
		return g.one("\n", "\r\n", "\r", quote[:1]+"x", quote[:2]+"x", `\`+quote[:1], "\t")
	}
	return g.one("a", "b", "Z", " ", "0", "é", "漢", "😀", "#", ".", "<", ">", "@", `\n`, `\t`, `\r`, `\b`, `\f`, `\\`, `\"`, `\'`,
		`\u0041`, `\u00e9`, `\U0001F600`, `\u0000`, `\u0022`, "\u007f", "\u0085", "\u2028", "\ufeff", "\u00a0", "\ufffd", "\U0010ffff")
}

// iri writes an absolute IRI, or in Turtle anything that stands for one.
func (g *generator) iri() string {
	if !g.lines() {
		switch g.IntN(4) {
		case 0:
			return g.relative()
		case 1, 2:
			return g.name()
		}
	}
	return "<" + g.one("http://example.org/", "HTTP://Example.ORG", "urn:a:b", "x:", "x:y", "tag:a@b,2026:a", "file:///a", "a+b-1.c:/",
		"http://[::1]/", "http://a:80/", "http://é.example/") + g.rest() + ">"
}

func (g *generator) rest() string {
	return g.some(0, 3, func() string {
		return g.one("a", "b/", "é", "漢", "%20", "%C3%A9", "~", "-", ".", "!", "$&'()*+,;=", ":", "@", `\u00e9`, `\U00010000`, `\u007E`)
	}) + g.one("", "", "?q=/", "#f", "?a#b")
}

// relative is one that is resolved with the base.
func (g *generator) relative() string {
	return "<" + g.one("", "a", "a/b", "/", "/a/../b", ".", "..", "../..", "../../../a", "./a", "a/./b", "a/..", "?x", "#f", "//host/p",
		"//host", "a:b", "./a:b", "a?b/../c", "a#b/../c", "/.", "/..", "//", "///", "a//b", "..a", ".../a", "%2e%2e/a", "é", "a;b=c") + ">"
}
