package differential

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

// documentRDFXML returns a document as generated, or what our writer makes of one in N-Triples. Changed documents are left out:
// Oxigraph's XML is not strict, so that most of them would be differences that say nothing.
func documentRDFXML(t *testing.T, rng *rand.Rand) []byte {
	if rng.IntN(3) > 0 {
		doc := generate(rng, formatRDFXML)
		if got := formatRDFXML.ours(doc); got.reason != "" {
			t.Fatalf("the generated document is refused: %s\n%s", got.reason, doc)
		}
		return doc
	}
	var b bytes.Buffer
	w := rdfxml.NewWriter(&b, rdfxml.WithPrefixes(rdfxml.Prefix{Name: "x", IRI: "x:"}))
	write := func(q rdf.Quad) error {
		if strings.HasPrefix(q.O.String(), "<<") || q.O.Direction() != rdf.NoDirection {
			return nil // which Oxigraph's reader of RDF/XML doesn't know
		}
		if err := w.Write(q); !errors.Is(err, rdfxml.ErrForm) {
			return err
		}
		return nil
	}
	if err := errors.Join(nquads.Parse(generate(rng, formatNTriples), write, nquads.Triples()), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rdfXML writes a document.
func (g *generator) rdfXML() {
	if g.chance(2) {
		g.text.WriteString(g.one(`<?xml version="1.0"?>`, `<?xml version='1.0' encoding="utf-8"?>`+"\n", "\ufeff"))
	}
	if g.chance(3) {
		g.text.WriteString(`<!DOCTYPE r:RDF [ <!ENTITY e "http://e.example/"> <!ENTITY t "te&#x78;t"> ]>`)
		g.prefixes = []string{"&e;", "&t;"}
	}
	namespaces := ` xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e.example/ns#" xmlns="x:"`
	if g.chance(4) {
		g.nodeElement(namespaces)
		return
	}
	g.text.WriteString("<r:RDF" + namespaces + g.scope() + ">" + g.blankText())
	g.times(0, 4, func() { g.nodeElement(""); g.text.WriteString(g.blankText()) })
	g.text.WriteString("</r:RDF>" + g.one("", "\n", "<!-- end -->"))
}

func (g *generator) blankText() string {
	return g.one("", "\n", " \t\n", "<!-- a <b> -->", "<?p q?>")
}

// scope is what an element may change for all in it.
func (g *generator) scope() string {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf(" xml:lang=%q", g.one("en", "de-AT"))
	case 1:
		return fmt.Sprintf(" xml:base=%q", g.one("http://b.example/a/b", "http://c.example/?q#f"))
	}
	return ""
}

// entity is a reference that the document has declared, or what needs none.
func (g *generator) entity(of int, otherwise string) string {
	if len(g.prefixes) > of && g.chance(2) {
		return g.prefixes[of]
	}
	return otherwise
}

func (g *generator) attributeIRI() string {
	return g.one("http://h.example/s", "x:s", "rel", "../r", "?q=1&amp;r", "#f", "", "//h/p", g.entity(0, "http://e.example/")+"é%20")
}

// identity is what a node element says of its subject.
func (g *generator) identity() string {
	g.depth++ // of which no number comes twice
	return g.one("", " r:about='"+g.attributeIRI()+"'", fmt.Sprintf(` r:ID="id%d"`, g.depth), ` r:nodeID="`+g.one("a", "_b", "é.1", "anon0")+`"`)
}

func (g *generator) propertyName() string {
	return g.one("p", "e:p", "e:q-é", "r:value", "e:_1", "r:_2")
}

func (g *generator) propertyAttributes() string {
	return g.one("", "", ` e:a="`+g.attributeText()+`"`, ` r:type="`+g.attributeIRI()+`" e:b='1'`)
}

func (g *generator) attributeText() string {
	return g.one("text", "a &lt; b &amp; c &gt; &quot;&apos;", "é👋", "&#xE9;&#10;&#9;", g.entity(1, "t")+" ")
}

// nodeElement writes one.
func (g *generator) nodeElement(declared string) {
	name := g.one("r:Description", "r:Description", "C", "e:C", "r:Bag")
	g.text.WriteString("<" + name + declared + g.scope() + g.identity() + g.propertyAttributes())
	if g.chance(4) {
		g.text.WriteString("/>")
		return
	}
	g.text.WriteString(">")
	g.times(0, 3, func() { g.text.WriteString(g.blankText()); g.propertyElement(4) })
	g.text.WriteString(g.blankText() + "</" + name + " >")
}

// propertyElement writes one, with elements in it unless it stands too deep.
func (g *generator) propertyElement(most int) {
	name := g.propertyName()
	if g.chance(4) {
		name = "r:li"
	}
	g.text.WriteString("<" + name + g.scope())
	if g.chance(5) {
		g.depth++
		fmt.Fprintf(&g.text, " r:ID='st%d'", g.depth)
	}
	end := "</" + name + ">"
	switch g.IntN(8) {
	case 0:
		g.text.WriteString(` r:resource="` + g.attributeIRI() + `"` + g.propertyAttributes() + "/>")
	case 1:
		g.text.WriteString(` r:nodeID="` + g.one("a", "n") + `"></` + name + ">")
	case 2:
		g.text.WriteString(` r:datatype="` + g.one("http://www.w3.org/2001/XMLSchema#integer", "d", "http://www.w3.org/2001/XMLSchema#string") + `">` + g.characters() + end)
	case 3:
		g.text.WriteString(">" + g.blankText())
		g.nodeElement("")
		g.text.WriteString(g.blankText() + end)
	case 4:
		g.text.WriteString(` r:parseType="Resource">` + g.blankText())
		if most > 0 {
			g.times(0, 2, func() { g.propertyElement(most - 1) })
		}
		g.text.WriteString(end)
	case 5:
		g.text.WriteString(" r:parseType='Collection'>")
		g.times(0, 3, func() { g.nodeElement(""); g.text.WriteString(g.blankText()) })
		g.text.WriteString(end)
	default:
		g.text.WriteString(">" + g.characters() + end)
	}
}

// characters is the text of a literal. Oxigraph reads none that a comment or a CDATA section divides, nor CR as LF.
func (g *generator) characters() string {
	return g.some(0, 3, func() string {
		return g.one("text", " ", "\n\t", "a &lt; b", "&#x1F44B;&#233;", "é👋", g.entity(1, "t"), "]]")
	})
}
