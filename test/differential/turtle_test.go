package differential

import "strings"

// xsd is the prefix that each document declares.
const xsd = "http://www.w3.org/2001/XMLSchema#"

// declaration writes a directive. The first declares a prefix.
func (g *generator) declaration() {
	if len(g.prefixes) > 0 && g.chance(4) {
		g.directive("version", g.one(`"1.1"`, `'1.2'`))
		return
	}
	if len(g.prefixes) > 0 && g.chance(3) {
		g.directive("base", g.one("<http://example.org/>", "<http://a/b/c/d;p?q>", "<sub/>", "<http://host/>", "<//h/p>", "<../x>"))
		return
	}
	name := g.one("", "ex", "a", "a.b", "p-1", "é", "x_y", "true", "漢")
	g.directive("prefix", name+":", g.one("<"+xsd+">", "<http://example.org/>", "<x:>", "<urn:a#>", "<>", "<#>", "<rel/>", `<http://\u00e9/>`))
	g.prefixes = append(g.prefixes, name)
}

// directive writes one in the form of Turtle or of SPARQL.
func (g *generator) directive(word string, args ...string) {
	at := g.chance(2)
	if at {
		g.token("@" + word)
	} else {
		g.token(g.one(word, strings.ToUpper(word), strings.ToUpper(word[:1])+word[1:]))
	}
	for _, arg := range args {
		g.tight(arg)
	}
	if at {
		g.tight(".")
	}
}

// name is an IRI with a prefix.
func (g *generator) name() string {
	local := g.some(0, 4, func() string {
		return g.one("a", "b", "Z", "0", "_", "-", "é", "漢", ":", "%20", "%C3", `\~`, `\.`, `\-`, `\!`, `\$`, `\&`, `\'`, `\(`, `\)`, `\*`, `\+`, `\,`,
			`\;`, `\=`, `\/`, `\?`, `\@`, `\_`, ".a", "..b", "·", "\u0301")
	})
	if g.chance(50) { // which Oxigraph refuses where it makes no IRI
		local += g.one(`\%`, `\#`)
	}
	if strings.ContainsAny(string([]rune(local)[:min(1, len(local))]), "-.·\u0301") { // which can't be the first
		local = "l" + local
	}
	return g.prefixes[g.IntN(len(g.prefixes))] + ":" + local
}

func (g *generator) blank() string {
	return "_:" + g.one("a", "b", "c", "0", "a.b", "a-b", "_", "é", "b0", "anon0", "A..b", "1·", "a\u0301")
}

// block writes a directive, a statement, or a graph.
func (g *generator) block() {
	switch {
	case g.chance(10):
		g.declaration()
	case g.format == formatTriG && g.chance(2):
		g.graph()
	default:
		g.triples()
		g.tight(".")
	}
}

func (g *generator) graph() {
	switch g.IntN(4) {
	case 0:
		g.token(g.one("GRAPH", "graph", "Graph"))
		g.graphName()
	case 1, 2:
		g.graphName()
	}
	g.nest("{", func() {
		g.times(0, 3, func() {
			g.triples()
			g.tight(".")
		})
		if g.chance(2) {
			g.triples()
		}
	}, "}")
}

func (g *generator) graphName() {
	if g.chance(5) {
		g.tight("[")
		g.tight("]")
		return
	}
	g.reference()
}

// reference writes an IRI or a labelled blank node, apart from what follows.
func (g *generator) reference() {
	if g.chance(3) {
		g.token(g.blank())
		return
	}
	g.token(g.iri())
}

func (g *generator) triples() {
	switch {
	case g.chance(6) && g.depth < 4:
		g.nest("[", g.predicates, "]")
		if g.chance(2) {
			return
		}
	case g.chance(8) && g.depth < 4:
		g.reified()
		if g.chance(2) {
			return
		}
	case g.chance(8):
		g.list()
	case g.chance(8):
		g.tight("[")
		g.tight("]")
	default:
		g.reference()
	}
	g.predicates()
}

func (g *generator) list() {
	g.nest("(", func() {
		if g.depth < 4 {
			g.times(0, 3, g.item)
		}
	}, ")")
}

func (g *generator) predicates() {
	g.times(1, 2, func() {
		if g.chance(4) {
			g.token("a")
		} else {
			g.token(g.iri())
		}
		g.objects()
		g.tight(";")
		g.times(0, 1, func() { g.tight(";") })
	})
	g.token(g.iri())
	g.objects()
	if g.chance(4) {
		g.tight(";")
	}
}

func (g *generator) objects() {
	g.annotated()
	for g.chance(4) {
		g.tight(",")
		g.annotated()
	}
}

func (g *generator) annotated() {
	g.item()
	for g.chance(8) && g.depth < 4 {
		if g.chance(2) {
			g.tight("~")
			g.times(0, 1, g.graphName)
			continue
		}
		g.nest("{|", g.predicates, "|}")
	}
}

// item writes an object.
func (g *generator) item() {
	if g.depth >= 4 {
		g.token(g.iri())
		return
	}
	g.choose(
		g.reference, g.reference, g.literal, g.literal,
		func() { g.token(g.number()) },
		func() { g.token(g.one("true", "false")) },
		g.list,
		func() { g.nest("[", g.predicates, "]") },
		func() { g.nest("[", func() {}, "]") },
		g.reified,
		func() { g.nest("<<(", g.inner, ")>>") },
	)
}

func (g *generator) number() string {
	return g.one("1", "-1", "+1", "007", "1.0", "-.5", "+0.50", "1e0", "1.E3", ".5e-1", "-1.5E+10", "123456789012345678901234567890")
}

// inner writes the parts of a triple term.
func (g *generator) inner() {
	g.reference()
	g.token(g.iri())
	switch {
	case g.chance(4) && g.depth < 4:
		g.nest("<<(", g.inner, ")>>")
	case g.chance(2):
		g.literal()
	default:
		g.reference()
	}
}

func (g *generator) reified() {
	g.nest("<<", func() {
		if g.chance(5) && g.depth < 4 {
			g.reified()
		} else {
			g.reference()
		}
		g.token(g.iri())
		if g.chance(5) && g.depth < 4 {
			g.reified()
		} else {
			g.choose(g.reference, g.literal)
		}
		if g.chance(3) {
			g.tight("~")
			g.times(0, 1, g.reference)
		}
	}, ">>")
}
