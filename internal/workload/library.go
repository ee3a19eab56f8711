package workload

import (
	"fmt"
	"io"
)

const library = "http://library.example/"

// firstYear and years are those in which articles appear.
const (
	firstYear = 1960
	years     = 50
)

// librarySizes: an article has about 10 triples with what belongs to it.
func librarySizes(triples int) sizes {
	articles := max(triples/10, 100)
	return sizes{"article": articles, "person": articles/3 + 10, "journal": years * max(articles/5000, 2), "year": years}
}

func writeLibrary(to io.Writer, triples int, seed uint64) error {
	w := newWriter(to, library, seed, librarySizes(triples))
	for i := range w.sizes["journal"] {
		j := entity("journal", i)
		w.link(j, "type", "Journal")
		w.triple(j, "title", text(fmt.Sprintf("Journal %d (%d)", i/years, firstYear+i%years)))
		w.triple(j, "issued", integer(firstYear+i%years))
	}
	for i := range w.sizes["person"] {
		w.link(entity("person", i), "type", "Person")
		w.triple(entity("person", i), "name", text(fmt.Sprintf("%s %s %d", w.words(1), w.words(1), i/2)))
	}
	for i := range w.sizes["article"] {
		w.article(i)
	}
	return w.w.Flush()
}

// article writes an article of a journal, or of a conference, which cites earlier ones.
func (w *writer) article(i int) {
	a := entity("article", i)
	year := i * years / w.sizes["article"]
	if w.IntN(3) == 0 {
		w.link(a, "type", "Paper")
		w.triple(a, "booktitle", text("Conference "+w.words(1)))
	} else {
		w.link(a, "type", "Article")
		w.link(a, "journal", entity("journal", year+years*w.IntN(w.sizes["journal"]/years)))
		w.triple(a, "pages", text(fmt.Sprint(w.IntN(400), "-", 400+w.IntN(30))))
	}
	w.triple(a, "title", text(w.words(7)))
	w.triple(a, "issued", integer(firstYear+year))
	for range 1 + w.skewed(4) {
		w.link(a, "creator", w.known("person"))
	}
	w.link(a, "seeAlso", fmt.Sprint("page/", i))
	if w.IntN(100) == 0 {
		w.triple(a, "month", integer(1+w.IntN(12)))
	}
	if w.IntN(3) == 0 {
		w.triple(a, "abstract", text(w.words(60)))
	}
	for range w.IntN(4) {
		if i > 0 {
			w.link(a, "cites", entity("article", w.IntN(i)))
		}
	}
}

// select0 makes a template whose query has no parameter.
func select0(name, text string) template { return template{name, func(*draw) string { return text }} }

// inYear makes a template whose only parameter is a year.
func inYear(name, format string) template {
	return template{name, func(d *draw) string { return fmt.Sprintf(format, firstYear+d.IntN(years)) }}
}

var libraryTemplates = templates{library, librarySizes, []template{
	inYear("year of a journal", `SELECT ?year { ?j :type :Journal ; :title "Journal 1 (%d)" ; :issued ?year }`),
	select0("articles with abstracts", `SELECT ?a ?title ?journal ?pages ?see ?year ?abstract {
		?a :type :Article ; :title ?title ; :journal ?journal ; :pages ?pages ; :seeAlso ?see ; :issued ?year OPTIONAL { ?a :abstract ?abstract } } ORDER BY ?year`),
	select0("a property that many have", `SELECT ?a { ?a :type :Article ; ?property ?value FILTER(?property = :pages) }`),
	select0("a property that few have", `SELECT ?a { ?a :type :Article ; ?property ?value FILTER(?property = :month) }`),
	select0("a property that none has", `SELECT ?a { ?a :type :Article ; ?property ?value FILTER(?property = :isbn) }`),
	inYear("pairs of authors", `SELECT DISTINCT ?n1 ?n2 { ?j :title "Journal 0 (%d)" . ?a1 :journal ?j ; :creator ?p1 . ?p1 :name ?n1 .
		?a2 :journal ?j ; :creator ?p2 . ?p2 :name ?n2 FILTER(?n1 < ?n2 && STRSTARTS(?n1, "b")) }`),
	inYear("authors by equal names", `SELECT DISTINCT ?p ?name { ?a :type :Article ; :issued %[1]d ; :creator ?p . ?p :name ?name .
		?b :type :Paper ; :issued %[1]d ; :month 7 ; :creator ?q . ?q :name ?other FILTER(?name = ?other) }`),
	select0("authors of both", `SELECT DISTINCT ?p ?name { ?a :type :Article ; :month 7 ; :creator ?p . ?b :type :Paper ; :creator ?p . ?p :name ?name }`),
	select1("newcomers", "article", `SELECT ?name { %[1]s :issued ?year ; :creator ?p . ?p :name ?name
		OPTIONAL { ?b :issued ?before ; :creator ?q FILTER(?q = ?p && ?before < ?year) } FILTER(!BOUND(?b)) }`),
	select1("newcomers, not existing", "article", `SELECT ?name { %[1]s :issued ?year ; :creator ?p . ?p :name ?name
		FILTER NOT EXISTS { ?b :creator ?p ; :issued ?before FILTER(?before < ?year) } }`),
	inYear("cited by cited ones alone", `SELECT DISTINCT ?title { ?a :issued %d ; :title ?title . ?b :cites ?a
		FILTER NOT EXISTS { ?c :cites ?a FILTER NOT EXISTS { ?d :cites ?c } } }`),
	select1("coauthors of coauthors", "person", `SELECT DISTINCT ?name { { ?a :creator %[1]s, ?p . ?p :name ?name } UNION
		{ ?a :creator %[1]s, ?q . ?b :creator ?q, ?p . ?p :name ?name FILTER(?q != %[1]s && ?p != %[1]s) } }`),
	select0("properties of persons", `SELECT DISTINCT ?property { { ?p :type :Person . ?s ?property ?p } UNION { ?p :type :Person . ?p ?property ?o } }`),
	select1("all about a person", "person", `SELECT ?s ?property { ?s ?property %s }`),
	select0("some pages", `SELECT ?see { ?a :seeAlso ?see } ORDER BY ?see LIMIT 10 OFFSET 50`),
	inYear("is there an author of both", `ASK { ?a :type :Article ; :issued %[1]d ; :creator ?p . ?b :type :Paper ; :issued %[1]d ; :creator ?p }`),
	select0("is there a person", `ASK { :nobody :type :Person }`),
	select1("cited at any distance", "article", `SELECT (COUNT(*) AS ?n) { %s :cites+ ?a }`),
	select0("authors by articles", `SELECT ?p (COUNT(?a) AS ?n) { ?a :creator ?p } GROUP BY ?p ORDER BY DESC(?n) ?p LIMIT 20`),
	select0("articles by year", `SELECT ?year (COUNT(*) AS ?n) { ?a :type :Article ; :issued ?year } GROUP BY ?year ORDER BY ?year`),
	select0("without an abstract", `SELECT (COUNT(*) AS ?n) { ?a :type :Paper MINUS { ?a :abstract ?text } }`),
}}
