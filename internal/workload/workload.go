// Package workload makes data and the queries about it that stores are timed with: a shop (like the Berlin SPARQL Benchmark), a social
// network (like the Waterloo diversity suite), a library (like SP2Bench), and observations of sensors. The data is this project's
// own, of the shapes that those have; it is a stream, and the same seed makes the same.
package workload

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// Mix is a kind of data with queries about it.
type Mix struct {
	// Name is what the mix is called.
	Name string
	// Write writes about so many triples as N-Triples.
	Write func(w io.Writer, triples int, seed uint64) error
	// Queries are the queries for data of that size: so many instances of each template.
	Queries func(triples, instances int, seed uint64) []Query
}

// Query is one instance of a template.
type Query struct {
	// Template is its name, the same for each instance.
	Template string
	// Text is SPARQL.
	Text string
}

// Mixes are all that have queries.
func Mixes() []Mix {
	return []Mix{
		{"shop", writeShop, shopTemplates.queries}, {"social", writeSocial, socialTemplates.queries},
		{"library", writeLibrary, libraryTemplates.queries},
	}
}

// template makes the text of a query. A query must have one answer alone: what has a LIMIT is ordered without ties.
type template struct {
	name string
	text func(d *draw) string
}

// templates are those of a mix, with the namespace that is the empty prefix.
type templates struct {
	namespace string
	size      func(triples int) sizes
	list      []template
}

// sizes are the numbers of entities in data of some size, by what they are.
type sizes map[string]int

// draw draws parameters.
type draw struct {
	*rand.Rand
	sizes
}

// one draws the name of one of the entities of a kind.
func (d *draw) one(kind string) string { return ":" + kind + strconv.Itoa(d.IntN(d.sizes[kind])) }

// often draws like one, some entities more often than others.
func (d *draw) often(kind string) string { return ":" + kind + strconv.Itoa(d.skewed(d.sizes[kind])) }

// skewed draws a number below n, small ones more often: half of them are in the first eighth.
func (d *draw) skewed(n int) int {
	x := d.Float64()
	return int(x * x * x * float64(n))
}

func newDraw(seed uint64, s sizes) draw { return draw{rand.New(rand.NewPCG(seed, 0x5eed)), s} }

func (t templates) queries(triples, instances int, seed uint64) (list []Query) {
	d := newDraw(seed+1, t.size(triples))
	for _, one := range t.list {
		for range instances {
			list = append(list, Query{one.name, "PREFIX : <" + t.namespace + ">\nPREFIX xsd: <" + xsd + ">\n" + one.text(&d)})
		}
	}
	return list
}

const xsd = "http://www.w3.org/2001/XMLSchema#"

// writer writes triples whose terms are abbreviated.
type writer struct {
	w         *bufio.Writer
	namespace string
	draw
}

func newWriter(w io.Writer, namespace string, seed uint64, s sizes) *writer {
	return &writer{bufio.NewWriterSize(w, 1<<16), namespace, newDraw(seed, s)}
}

// link writes a triple whose object is an IRI of the namespace.
func (w *writer) link(s, p, o string) { w.triple(s, p, "<"+w.namespace+o+">") }

// triple writes a triple whose object is written in full. The writer keeps its error until it is flushed.
func (w *writer) triple(s, p, o string) {
	for _, part := range [...]string{"<", w.namespace, s, "> <", w.namespace, p, "> ", o, " .\n"} {
		_, _ = w.w.WriteString(part)
	}
}

// entity is the name of an entity of a kind; some is that of any.
func entity(kind string, n int) string     { return kind + strconv.Itoa(n) }
func (w *writer) some(kind string) string  { return w.one(kind)[1:] }
func (w *writer) known(kind string) string { return w.often(kind)[1:] }

func text(s string) string { return `"` + s + `"` }

func typed(lexical, datatype string) string { return `"` + lexical + `"^^<` + xsd + datatype + ">" }

func integer(n int) string { return typed(strconv.Itoa(n), "integer") }

// date is a day of the years from 2015 on, moment a time of one.
func (d *draw) date() string {
	return fmt.Sprintf("20%02d-%02d-%02d", 15+d.IntN(10), 1+d.IntN(12), 1+d.IntN(28))
}

func (d *draw) moment() string {
	return fmt.Sprintf("%sT%02d:%02d:%02dZ", d.date(), d.IntN(24), d.IntN(60), d.IntN(60))
}

// words draws so many words.
func (d *draw) words(n int) string {
	var b []byte
	for i := range n {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, d.word()...)
	}
	return string(b)
}

// word draws one of 15,625 words, the first ones more often.
func (d *draw) word() string {
	const syllables = "ba ke li mo nu ra se ti vo zu da ge hi jo lu ma ne pi ro su ta we xi yo fa "
	n := d.skewed(25 * 25 * 25)
	var b [6]byte
	for i := range 3 {
		copy(b[2*i:], syllables[n%25*3:][:2])
		n /= 25
	}
	return string(b[:])
}
