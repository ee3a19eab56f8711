package turtle_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/rdf"
)

// The terminals of the grammar, from RDF 1.2 Turtle, section "Grammar", letter by letter.
const (
	uchar     = `\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}`
	charsBase = `A-Za-z\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{2FF}\x{370}-\x{37D}\x{37F}-\x{1FFF}\x{200C}-\x{200D}` +
		`\x{2070}-\x{218F}\x{2C00}-\x{2FEF}\x{3001}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFFD}\x{10000}-\x{EFFFF}`
	charsU   = charsBase + `_`
	chars    = charsU + `\-0-9\x{B7}\x{300}-\x{36F}\x{203F}-\x{2040}`
	plx      = `%[0-9A-Fa-f]{2}|\\[_~.\-!$&'()*+,;=/?#@%]`
	pnPrefix = `[` + charsBase + `](?:[` + chars + `.]*[` + chars + `])?`
	pnLocal  = `(?:[` + charsU + `:0-9]|` + plx + `)(?:(?:[` + chars + `.:]|` + plx + `)*(?:[` + chars + `:]|` + plx + `))?`
	echar    = `\\[tbnrf"'\\]|` + uchar
	exponent = `[eE][+-]?[0-9]+`
)

// terminal is a kind of token. The longest match wins, and of two as long the first.
type terminal struct {
	kind string
	re   *regexp.Regexp
}

func re(kind, expression string) terminal {
	e := regexp.MustCompile(`^(?:` + expression + `)`)
	e.Longest()
	return terminal{kind, e}
}

var terminals = []terminal{
	re("iri", `<(?:[^\x00-\x20<>"{}|^`+"`"+`\\]|`+uchar+`)*>`),
	re("ns", `(?:`+pnPrefix+`)?:`),
	re("name", `(?:`+pnPrefix+`)?:`+pnLocal),
	re("label", `_:[`+charsU+`0-9](?:[`+chars+`.]*[`+chars+`])?`),
	re("at", `@prefix|@base|@version`),
	re("lang", `@[a-zA-Z]+(?:-[a-zA-Z0-9]+)*(?:--[a-zA-Z]+)?`),
	re("number", `[+-]?[0-9]+|[+-]?[0-9]*\.[0-9]+|[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)`+exponent),
	re("string", `"(?:[^"\\\n\r]|`+echar+`)*"|'(?:[^'\\\n\r]|`+echar+`)*'`),
	re("long", `"""(?:(?:"|"")?(?:[^"\\]|`+echar+`))*"""`),
	re("long", `'''(?:(?:'|'')?(?:[^'\\]|`+echar+`))*'''`),
	re("word", `a|true|false`),
	re("keyword", `(?i:prefix|base|version|graph)`),
	re("", `<<\(|\)>>|<<|>>|\{\||\|\}|\^\^|[{}\[\]().,;~]`),
}

var (
	blanks   = regexp.MustCompile(`^(?:[ \t\r\n]|#[^\r\n]*)*`)
	escaped  = regexp.MustCompile(uchar)
	absolute = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
	wordChar = regexp.MustCompile(`^[` + chars + `]`)
	plain    = regexp.MustCompile(`^[^\x00-\x20<>"{}|^` + "`" + `\\]*$`)
	noScheme = regexp.MustCompile(`^[^:/?#]*(?:[/?#]|$)`)
)

type token struct{ kind, text string }

// grammar is a second reader, slow and plain, that says whether a document is Turtle or TriG: the productions as
// functions over tokens. What the package is strict about beyond the grammar is here too.
type grammar struct {
	tokens    []token
	trig      bool
	bad       bool
	undecided bool // whether a relative IRI can be resolved
	hierarchy bool // the base has an authority
	prefixes  map[string]string
	depth     int
}

// isTurtle reports whether a reader with a base that has an authority must accept a document.
func isTurtle(doc string, trig bool, depth int) (good, decided bool) {
	g := &grammar{trig: trig, prefixes: map[string]string{}, depth: depth, hierarchy: true}
	if !utf8.ValidString(doc) || !g.tokenize(doc) {
		return false, true
	}
	for len(g.tokens) > 0 && !g.bad {
		if !g.directive() {
			g.block()
		}
	}
	return !g.bad, !g.undecided
}

func (g *grammar) tokenize(doc string) bool {
	for {
		doc = doc[len(blanks.FindString(doc)):]
		if doc == "" {
			return true
		}
		var next token
		for _, t := range terminals {
			if text := t.re.FindString(doc); len(text) > len(next.text) {
				next = token{t.kind, text}
			}
		}
		doc = doc[len(next.text):]
		switch next.kind {
		case "word", "keyword": // what goes on is another word
			if wordChar.MatchString(doc) {
				return false
			}
		case "lang":
			if directed := strings.Contains(next.text, "--"); doc != "" &&
				(!directed && doc[0] == '-' || directed && doc[0] >= '0' && doc[0] <= '9') {
				return false
			}
		}
		if next.text == "" {
			return false
		}
		g.tokens = append(g.tokens, next)
	}
}

func (g *grammar) next() token {
	if g.bad || len(g.tokens) == 0 {
		return token{}
	}
	return g.tokens[0]
}

func (g *grammar) take() token {
	t := g.next()
	g.bad = g.bad || t.text == ""
	if !g.bad {
		g.tokens = g.tokens[1:]
	}
	return t
}

// is reports whether one of these comes next: kinds, or texts of tokens without a kind.
func (g *grammar) is(what ...string) bool {
	t := g.next()
	return t.text != "" && (slices.Contains(what, t.kind) || t.kind == "" && slices.Contains(what, t.text))
}

// accept takes a token if it comes next.
func (g *grammar) accept(what ...string) bool {
	if !g.is(what...) {
		return false
	}
	g.take()
	return true
}

func (g *grammar) must(what ...string) string {
	if !g.is(what...) {
		g.bad = true
		return ""
	}
	return g.take().text
}

func (g *grammar) directive() bool {
	t := g.next()
	if t.kind != "at" && t.kind != "keyword" || strings.EqualFold(t.text, "graph") {
		return false
	}
	g.take()
	switch strings.ToLower(strings.TrimPrefix(t.text, "@")) {
	case "prefix":
		name := strings.TrimSuffix(g.must("ns"), ":")
		g.prefixes[name] = g.iriRef(g.must("iri"))
	case "base":
		iri := g.iriRef(g.must("iri"))
		if absolute.MatchString(iri) {
			_, rest, _ := strings.Cut(iri, ":")
			g.hierarchy = strings.HasPrefix(rest, "//")
		}
	case "version":
		g.string(g.must("string"))
	}
	if t.kind == "at" {
		g.must(".")
	}
	return true
}

func (g *grammar) block() {
	switch {
	case g.trig && g.is("keyword"):
		g.take()
		g.labelOrSubject()
		g.wrappedGraph()
	case g.trig && g.is("{"):
		g.wrappedGraph()
	case g.trig && g.isName():
		g.labelOrSubject()
		if g.is("{") {
			g.wrappedGraph()
			return
		}
		g.predicateObjectList()
		g.must(".")
	default:
		g.triples()
		g.must(".")
	}
}

// isName reports whether labelOrSubject comes next.
func (g *grammar) isName() bool {
	if g.is("[") {
		return len(g.tokens) > 1 && g.tokens[1].text == "]"
	}
	return g.is("iri", "ns", "name", "label")
}

func (g *grammar) labelOrSubject() {
	if !g.isName() {
		g.bad = true
		return
	}
	if g.is("[") {
		g.nest(func() {
			g.take()
			g.must("]")
		})
		return
	}
	g.iriOrBlank()
}

func (g *grammar) wrappedGraph() {
	g.must("{")
	for !g.bad && !g.is("}") {
		g.triples()
		if !g.accept(".") {
			break
		}
	}
	g.must("}")
}

func (g *grammar) triples() {
	switch {
	case g.is("["):
		if empty := g.properties(); empty || g.isVerb() {
			g.predicateObjectList()
		}
	case g.is("<<"):
		if g.reifiedTriple(); g.isVerb() {
			g.predicateObjectList()
		}
	case g.is("("):
		g.collection()
		g.predicateObjectList()
	default:
		g.iriOrBlank()
		g.predicateObjectList()
	}
}

func (g *grammar) isVerb() bool {
	return g.is("iri", "ns", "name") || g.next() == token{"word", "a"}
}

func (g *grammar) verb() {
	if g.next() == (token{"word", "a"}) {
		g.take()
		return
	}
	g.iri()
}

func (g *grammar) predicateObjectList() {
	g.verb()
	g.objectList()
	for g.accept(";") {
		if g.isVerb() {
			g.verb()
			g.objectList()
		}
	}
}

func (g *grammar) objectList() {
	for more := true; more; more = g.accept(",") {
		g.object()
		for g.is("~", "{|") {
			if g.accept("~") {
				g.reifier()
				continue
			}
			g.nest(func() {
				g.take()
				g.predicateObjectList()
				g.must("|}")
			})
		}
	}
}

// nest counts what is open.
func (g *grammar) nest(inner func()) {
	if g.depth == 0 {
		g.bad = true
		return
	}
	g.depth--
	inner()
	g.depth++
}

// properties takes a blank node with or without predicates and objects.
func (g *grammar) properties() (empty bool) {
	g.nest(func() {
		g.must("[")
		if empty = g.is("]"); !empty {
			g.predicateObjectList()
		}
		g.must("]")
	})
	return empty
}

func (g *grammar) collection() {
	g.must("(")
	if g.accept(")") {
		return
	}
	g.nest(func() {
		for !g.bad && !g.is(")") {
			g.object()
		}
		g.must(")")
	})
}

func (g *grammar) object() {
	switch {
	case g.is("["):
		g.properties()
	case g.is("("):
		g.collection()
	default:
		g.innerObject(true)
	}
}

func (g *grammar) innerObject(reified bool) {
	switch {
	case g.is("<<("):
		g.tripleTerm()
	case g.is("<<") && reified:
		g.reifiedTriple()
	case g.is("number"):
		g.take()
	case g.is("word"):
		g.bad = g.bad || g.take().text == "a"
	case g.is("string", "long"):
		g.literal()
	default:
		g.iriOrBlank()
	}
}

func (g *grammar) reifiedTriple() {
	g.nest(func() {
		g.must("<<")
		if g.is("<<") {
			g.reifiedTriple()
		} else {
			g.iriOrBlank()
		}
		g.verb()
		g.innerObject(true)
		if g.accept("~") {
			g.reifier()
		}
		g.must(">>")
	})
}

func (g *grammar) tripleTerm() {
	g.nest(func() {
		g.must("<<(")
		g.iriOrBlank()
		g.verb()
		g.innerObject(false)
		g.must(")>>")
	})
}

func (g *grammar) reifier() {
	if g.is("iri", "ns", "name", "label", "[") {
		g.iriOrBlank()
	}
}

func (g *grammar) iriOrBlank() {
	switch {
	case g.accept("label"):
	case g.accept("["):
		g.must("]")
	default:
		g.iri()
	}
}

// iri takes an IRI or a prefixed name, and returns what it means, as far as this reader knows.
func (g *grammar) iri() string {
	if g.is("iri") {
		return g.iriRef(g.take().text)
	}
	name, local, _ := strings.Cut(g.must("ns", "name"), ":")
	begin, ok := g.prefixes[name]
	g.bad = g.bad || !ok
	return begin + strings.ReplaceAll(local, `\`, "")
}

func (g *grammar) iriRef(text string) string {
	iri := strings.Trim(g.chars(text), "<>")
	switch {
	case !plain.MatchString(iri):
		g.bad = true
	case absolute.MatchString(iri):
	case !noScheme.MatchString(iri):
		g.bad = true
	case !g.hierarchy && strings.Contains(iri, "//"):
		g.undecided = true
	}
	return iri
}

// chars replaces the escapes of characters, and notes those that are none.
func (g *grammar) chars(text string) string {
	return escaped.ReplaceAllStringFunc(text, func(escape string) string {
		n, err := strconv.ParseUint(escape[2:], 16, 32)
		if err != nil || n > utf8.MaxRune || n >= 0xD800 && n <= 0xDFFF {
			g.bad = true
			return ""
		}
		return string(rune(n))
	})
}

// string notes escapes of characters that are none. An escaped backslash is none before u.
func (g *grammar) string(text string) { g.chars(strings.ReplaceAll(text, `\\`, "")) }

func (g *grammar) literal() {
	g.string(g.must("string", "long"))
	switch t := g.next(); {
	case g.accept("^^"):
		iri := g.iri()
		g.bad = g.bad || iri == rdf.LangString || iri == rdf.DirLangString
	case t.kind == "at":
		g.take()
	case t.kind == "lang":
		g.take()
		tag, dir, ok := strings.Cut(t.text[1:], "--")
		g.bad = g.bad || ok && dir != "ltr" && dir != "rtl"
		for part := range strings.SplitSeq(tag, "-") {
			g.bad = g.bad || len(part) > 8
		}
	}
}

// The second reader is right about the fragments of the fuzz targets that are known to be good or bad.
func TestGrammar(t *testing.T) {
	for doc, want := range map[string]bool{
		"":                               true,
		"@prefix : <x:> . :s a :o , 1 .": true,
		":s a 1 .":                       false,
		"PREFIX a.b: <x:>\na.b:c a [ a <o> ; ; ] ; .": true,
		"() a () .":              true,
		"() .":                   false,
		"[ a 1 ] .":              true,
		"[] .":                   false,
		"<s> a 1.e0, .5, 1..":    false,
		"<s> a 1.e0, .5, 1.":     true,
		"<s> a <o> {| a 1 |} ~.": true,
		"<s> a <o> {| |} .":      false,
		"<g> { <s> a 1 }":        false,
	} {
		if got, _ := isTurtle(doc, false, 3); got != want {
			t.Errorf("%q: %v", doc, got)
		}
	}
	if got, _ := isTurtle("GRAPH [] { <s> a 1 . <s> a <<( <s> a 2 )>> } <g> {} {}", true, 3); !got {
		t.Error("TriG")
	}
}
