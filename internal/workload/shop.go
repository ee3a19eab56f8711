package workload

import (
	"fmt"
	"io"
)

const shop = "http://shop.example/"

// shopSizes: a product has about 79 triples with its offers and reviews.
func shopSizes(triples int) sizes {
	products := max(triples/79, 20)
	return sizes{
		"product": products, "type": 73, "feature": products/20 + 40, "producer": products/40 + 2, "vendor": products/40 + 2,
		"offer": 5 * products, "review": 3 * products, "person": products/3 + 2, "country": 10,
	}
}

// typeBranches is the number of types that are right below one.
const typeBranches = 8

func writeShop(to io.Writer, triples int, seed uint64) error {
	w := newWriter(to, shop, seed, shopSizes(triples))
	for i := range w.sizes["type"] {
		w.triple(entity("type", i), "label", text(w.words(1)))
		if i > 0 {
			w.link(entity("type", i), "subTypeOf", entity("type", (i-1)/typeBranches))
		}
	}
	for i := range w.sizes["feature"] {
		w.triple(entity("feature", i), "label", text(w.words(2)))
	}
	for _, kind := range []string{"producer", "vendor", "person"} {
		for i := range w.sizes[kind] {
			w.triple(entity(kind, i), "label", text(w.words(2)))
			w.link(entity(kind, i), "country", w.known("country"))
		}
	}
	for i := range w.sizes["product"] {
		w.product(i)
		for n := range 5 {
			w.offer(5*i+n, i)
		}
		for n := range 3 {
			w.review(3*i+n, i)
		}
	}
	return w.w.Flush()
}

func (w *writer) product(i int) {
	p := entity("product", i)
	w.triple(p, "label", text(w.words(3)))
	w.triple(p, "comment", text(w.words(15)))
	for t := w.IntN(w.sizes["type"]); ; t = (t - 1) / typeBranches {
		w.link(p, "type", entity("type", t))
		if t == 0 {
			break
		}
	}
	w.link(p, "producer", w.known("producer"))
	for range 9 {
		w.link(p, "feature", w.known("feature"))
	}
	for n := range 3 {
		w.triple(p, fmt.Sprint("number", n), integer(w.IntN(2000)))
		if n == 0 || w.IntN(2) == 0 {
			w.triple(p, fmt.Sprint("text", n), text(w.words(4)))
		}
	}
	w.triple(p, "date", typed(w.date(), "date"))
}

func (w *writer) offer(i, product int) {
	o := entity("offer", i)
	w.link(o, "of", entity("product", product))
	w.link(o, "vendor", w.known("vendor"))
	w.triple(o, "price", typed(fmt.Sprintf("%d.%d", 5+w.IntN(9000), 1+w.IntN(9)), "decimal"))
	w.triple(o, "validFrom", typed(w.moment(), "dateTime"))
	w.triple(o, "validTo", typed(w.moment(), "dateTime"))
	w.triple(o, "deliveryDays", integer(1+w.IntN(14)))
	w.link(o, "page", fmt.Sprint("page/", i))
}

func (w *writer) review(i, product int) {
	r := entity("review", i)
	w.link(r, "about", entity("product", product))
	w.link(r, "reviewer", w.known("person"))
	w.triple(r, "title", text(w.words(4)))
	w.triple(r, "text", text(w.words(25))+[...]string{"@en", "@de", "@ja"}[w.IntN(3)])
	w.triple(r, "date", typed(w.moment(), "dateTime"))
	for n := range 4 {
		if w.IntN(10) < 7 {
			w.triple(r, fmt.Sprint("rating", n), integer(1+w.IntN(10)))
		}
	}
}

var shopTemplates = templates{shop, shopSizes, []template{
	{"products with features", func(d *draw) string {
		return fmt.Sprintf(`SELECT DISTINCT ?product ?label WHERE {
			?product :label ?label ; :type %s ; :feature %s, %s ; :number0 ?n FILTER(?n > %d)
		} ORDER BY ?label ?product LIMIT 10`, d.often("type"), d.often("feature"), d.often("feature"), d.IntN(500))
	}},
	{"product", func(d *draw) string {
		p := d.one("product")
		return fmt.Sprintf(`SELECT ?label ?comment ?producer ?feature ?t0 ?t1 ?t2 ?n0 ?n1 WHERE {
			%[1]s :label ?label ; :comment ?comment ; :producer ?p ; :feature ?f ; :text0 ?t0 ; :number0 ?n0 ; :number1 ?n1 .
			?p :label ?producer . ?f :label ?feature
			OPTIONAL { %[1]s :text1 ?t1 } OPTIONAL { %[1]s :text2 ?t2 } }`, p)
	}},
	{"products without a feature", func(d *draw) string {
		return fmt.Sprintf(`SELECT ?product ?label WHERE {
			?product :label ?label ; :type %s ; :feature %s ; :number0 ?n0 ; :number2 ?n2 FILTER(?n0 > %d) FILTER(?n2 < %d)
			OPTIONAL { ?product :feature %s . ?product :label ?without } FILTER(!BOUND(?without))
		} ORDER BY ?label ?product LIMIT 10`, d.often("type"), d.often("feature"), d.IntN(500), 500+d.IntN(1500), d.often("feature"))
	}},
	{"one feature or the other", func(d *draw) string {
		return fmt.Sprintf(`SELECT DISTINCT ?product ?label ?text WHERE {
			{ ?product :label ?label ; :type %[1]s ; :feature %[2]s, %[3]s ; :text0 ?text ; :number0 ?n FILTER(?n > %[5]d) } UNION
			{ ?product :label ?label ; :type %[1]s ; :feature %[2]s, %[4]s ; :text0 ?text ; :number1 ?n FILTER(?n > %[5]d) }
		} ORDER BY ?label ?product OFFSET 5 LIMIT 10`, d.often("type"), d.often("feature"), d.often("feature"), d.often("feature"), d.IntN(500))
	}},
	{"similar products", func(d *draw) string {
		return fmt.Sprintf(`SELECT DISTINCT ?product ?label WHERE {
			?product :label ?label FILTER(%[1]s != ?product) %[1]s :feature ?f . ?product :feature ?f .
			%[1]s :number0 ?a . ?product :number0 ?x FILTER(?x < ?a + 120 && ?x > ?a - 120)
			%[1]s :number1 ?b . ?product :number1 ?y FILTER(?y < ?b + 170 && ?y > ?b - 170)
		} ORDER BY ?label ?product LIMIT 5`, d.one("product"))
	}},
	{"products by a word", func(d *draw) string {
		return fmt.Sprintf(`SELECT ?product ?label WHERE { ?product :label ?label ; :type :type0 FILTER(REGEX(?label, "%s")) }`, d.words(1))
	}},
	{"product with offers and reviews", func(d *draw) string {
		return fmt.Sprintf(`SELECT ?label ?offer ?price ?vendor ?name ?review ?title ?reviewer ?person ?r0 ?r1 WHERE {
			%[1]s :label ?label
			OPTIONAL { ?offer :of %[1]s ; :price ?price ; :vendor ?vendor . ?vendor :label ?name ; :country %[2]s . ?offer :validTo ?date
				FILTER(?date > "2018-06-01T00:00:00Z"^^xsd:dateTime) }
			OPTIONAL { ?review :about %[1]s ; :reviewer ?reviewer . ?reviewer :label ?person . ?review :title ?title
				OPTIONAL { ?review :rating0 ?r0 } OPTIONAL { ?review :rating1 ?r1 } } }`, d.one("product"), d.often("country"))
	}},
	{"reviews in a language", func(d *draw) string {
		return fmt.Sprintf(`SELECT ?title ?text ?date ?reviewer ?name ?r0 ?r1 ?r2 ?r3 WHERE {
			?review :about %s ; :title ?title ; :text ?text ; :date ?date ; :reviewer ?reviewer . ?reviewer :label ?name
			FILTER(LANGMATCHES(LANG(?text), "en"))
			OPTIONAL { ?review :rating0 ?r0 } OPTIONAL { ?review :rating1 ?r1 }
			OPTIONAL { ?review :rating2 ?r2 } OPTIONAL { ?review :rating3 ?r3 }
		} ORDER BY DESC(?date) LIMIT 20`, d.one("product"))
	}},
	{"reviewer", func(d *draw) string {
		return fmt.Sprintf(`CONSTRUCT { ?x ?p ?o } WHERE { %s :reviewer ?x . ?x ?p ?o }`, d.one("review"))
	}},
	{"offers that can be had", func(d *draw) string {
		return fmt.Sprintf(`SELECT DISTINCT ?offer ?price WHERE {
			?offer :of %s ; :vendor ?vendor ; :deliveryDays ?days ; :price ?price ; :validTo ?date . ?vendor :country %s
			FILTER(?days <= 9) FILTER(?date > "2016-06-01T00:00:00Z"^^xsd:dateTime) } ORDER BY xsd:double(STR(?price)) ?offer LIMIT 10`,
			d.one("product"), d.often("country"))
	}},
	{"all about an offer", func(d *draw) string {
		o := d.one("offer")
		return fmt.Sprintf(`SELECT ?property ?value ?of WHERE { { %s ?property ?value } UNION { ?of ?property %s } }`, o, o)
	}},
	{"export of an offer", func(d *draw) string {
		o := d.one("offer")
		return fmt.Sprintf(`CONSTRUCT { %[1]s :product ?label ; :vendor ?name ; :price ?price ; :until ?to } WHERE {
			%[1]s :of ?p ; :vendor ?v ; :price ?price ; :validTo ?to . ?p :label ?label . ?v :label ?name }`, o)
	}},
	{"prices by country", func(d *draw) string {
		return fmt.Sprintf(`SELECT ?country (COUNT(*) AS ?n) (MIN(?price) AS ?least) (SUM(?price) AS ?sum) WHERE {
			?p :type %s . ?o :of ?p ; :price ?price ; :vendor ?v . ?v :country ?country } GROUP BY ?country`, d.one("type"))
	}},
	{"ratings of producers", func(d *draw) string {
		return fmt.Sprintf(`SELECT ?producer (SUM(?rating) AS ?sum) (COUNT(?rating) AS ?n) WHERE {
			?p :producer ?producer . ?producer :country %s . ?review :about ?p ; :rating0 ?rating
		} GROUP BY ?producer HAVING(COUNT(?rating) > 2) ORDER BY DESC(?sum) ?producer LIMIT 10`, d.often("country"))
	}},
	{"most discussed types", func(*draw) string {
		return `SELECT ?type (COUNT(DISTINCT ?person) AS ?people) WHERE { ?r :about ?p ; :reviewer ?person . ?p :type ?type }
			GROUP BY ?type ORDER BY DESC(?people) ?type LIMIT 10`
	}},
	{"number of triples", func(*draw) string { return `SELECT (COUNT(*) AS ?n) WHERE { ?s ?p ?o }` }},
}}
