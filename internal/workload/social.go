package workload

import (
	"fmt"
	"io"
)

const social = "http://social.example/"

// socialSizes: a user has about 29 triples with what belongs to it.
func socialSizes(triples int) sizes {
	users := max(triples/29, 50)
	return sizes{
		"user": users, "product": users/4 + 10, "website": users/20 + 5, "retailer": users/100 + 3, "offer": users / 2, "review": users/2 + 20,
		"country": 25, "city": 240, "genre": 21, "category": 15, "topic": 250, "language": 10,
	}
}

func writeSocial(to io.Writer, triples int, seed uint64) error {
	w := newWriter(to, social, seed, socialSizes(triples))
	for i := range w.sizes["city"] {
		w.link(entity("city", i), "in", entity("country", i%w.sizes["country"]))
	}
	for i := range w.sizes["website"] {
		site := entity("website", i)
		w.triple(site, "url", text(fmt.Sprintf("http://%s.example/%d", w.words(1), i)))
		w.triple(site, "hits", integer(w.skewed(1_000_000)))
		w.link(site, "language", w.known("language"))
	}
	for i := range w.sizes["user"] {
		w.user(i)
	}
	for i := range w.sizes["product"] {
		w.good(i)
	}
	for i := range w.sizes["offer"] {
		offer := entity("offer", i)
		w.link(w.known("retailer"), "offers", offer)
		w.link(offer, "includes", w.known("product"))
		w.triple(offer, "price", integer(1+w.skewed(5000)))
		if w.IntN(3) > 0 {
			w.triple(offer, "validThrough", typed(w.date(), "date"))
		}
		w.link(offer, "eligibleRegion", w.known("country"))
	}
	return w.w.Flush()
}

func (w *writer) user(i int) {
	u := entity("user", i)
	w.link(u, "type", "User")
	w.triple(u, "givenName", text(w.words(1)))
	w.triple(u, "familyName", text(w.words(1)))
	if w.IntN(2) == 0 {
		w.triple(u, "age", integer(15+w.IntN(60)))
		w.link(u, "gender", [...]string{"female", "male"}[w.IntN(2)])
	}
	if w.IntN(3) > 0 {
		w.link(u, "location", w.known("city"))
		w.link(u, "nationality", w.known("country"))
	}
	for range w.IntN(14) {
		w.link(u, "follows", w.known("user"))
	}
	for range w.IntN(8) {
		w.link(u, "friendOf", w.some("user"))
	}
	for range w.IntN(10) {
		w.link(u, "likes", w.known("product"))
	}
	for range w.IntN(6) {
		w.link(u, "subscribes", w.known("website"))
	}
	if w.IntN(3) == 0 {
		w.link(u, "made", entity("purchase", i))
		w.link(entity("purchase", i), "of", w.known("product"))
		w.triple(entity("purchase", i), "date", typed(w.date(), "date"))
	}
}

// good writes a product with two reviews.
func (w *writer) good(i int) {
	p := entity("product", i)
	w.link(p, "type", w.known("category"))
	for range 1 + w.IntN(3) {
		w.link(p, "genre", w.known("genre"))
	}
	w.triple(p, "caption", text(w.words(6)))
	if w.IntN(2) == 0 {
		w.triple(p, "description", text(w.words(20)))
	}
	for range w.IntN(4) {
		w.link(p, "tag", w.known("topic"))
	}
	w.triple(p, "rating", integer(w.IntN(19)))
	for n := range 2 {
		r := entity("review", 2*i+n)
		w.link(p, "review", r)
		w.link(r, "by", w.known("user"))
		w.triple(r, "stars", integer(1+w.IntN(10)))
		w.triple(r, "title", text(w.words(4)))
	}
}

// select1 makes a template whose query has one parameter.
func select1(name, kind, format string) template {
	return template{name, func(d *draw) string { return fmt.Sprintf(format, d.often(kind)) }}
}

var socialTemplates = templates{social, socialSizes, []template{
	select1("line 1", "website", `SELECT ?u ?p ?caption { ?u :subscribes %s ; :likes ?p . ?p :caption ?caption }`),
	select1("line 2", "country", `SELECT ?u ?city { ?city :in %s . ?u :location ?city . ?u :likes :product0 }`),
	select1("line 3", "website", `SELECT ?u ?p { ?u :likes ?p ; :subscribes %s }`),
	select1("line 4", "topic", `SELECT ?p ?caption { ?p :tag %s ; :caption ?caption }`),
	select1("line 5", "city", `SELECT ?u ?f ?c { ?u :location %s ; :follows ?f . ?f :nationality ?c }`),
	select1("star 1", "retailer", `SELECT ?offer ?product ?price ?to ?region {
		%s :offers ?offer . ?offer :includes ?product ; :price ?price ; :validThrough ?to ; :eligibleRegion ?region }`),
	select1("star 2", "country", `SELECT ?u ?city ?gender ?age { ?u :location ?city ; :nationality %s ; :gender ?gender ; :age ?age ; :type :User }`),
	select1("star 3", "category", `SELECT ?p ?caption ?genre ?rating { ?p :type %s ; :caption ?caption ; :genre ?genre ; :rating ?rating }`),
	select1("star 4", "country", `SELECT ?u ?family ?product { ?u :familyName ?family ; :likes ?product ; :nationality %s ; :gender :female }`),
	select1("star 5", "category", `SELECT ?p ?d ?tag { ?p :type %s ; :description ?d ; :tag ?tag ; :rating 7 }`),
	select1("star 6", "genre", `SELECT ?p ?caption ?rating { ?p :genre %s ; :caption ?caption ; :rating ?rating FILTER(?rating >= 15) }`),
	select1("star 7", "user", `SELECT ?p ?caption ?type { %s :likes ?p . ?p :type ?type ; :caption ?caption }`),
	select1("snowflake 1", "topic", `SELECT ?p ?caption ?r ?stars ?u { ?p :tag %s ; :caption ?caption ; :type ?type ; :review ?r . ?r :stars ?stars ; :by ?u . ?u :gender :male }`),
	select1("snowflake 2", "genre", `SELECT ?p ?caption ?offer ?price { ?p :genre %s ; :caption ?caption ; :rating 3 . ?offer :includes ?p ; :price ?price ; :eligibleRegion ?c }`),
	select1("snowflake 3", "genre", `SELECT ?p ?rating ?purchase ?date ?u { ?p :rating ?rating ; :genre %s . ?purchase :of ?p ; :date ?date . ?u :made ?purchase ; :gender :female ; :age ?age FILTER(?age < 30) }`),
	select1("snowflake 4", "topic", `SELECT ?p ?d ?u ?site ?url { ?p :tag %s ; :description ?d . ?u :likes ?p ; :subscribes ?site . ?site :url ?url ; :language :language1 }`),
	select1("snowflake 5", "retailer", `SELECT ?offer ?p ?caption ?price ?tag { %s :offers ?offer . ?offer :includes ?p ; :price ?price ; :validThrough ?to . ?p :caption ?caption ; :tag ?tag ; :type ?type }`),
	{"complex 1", func(*draw) string {
		return `SELECT ?p ?caption ?r ?title ?stars ?u ?friend { ?p :caption ?caption ; :tag :topic3 ; :review ?r . ?r :title ?title ; :by ?u ; :stars ?stars .
			?u :friendOf ?friend . ?friend :likes ?liked . ?liked :genre :genre2 }`
	}},
	{"complex 2", func(*draw) string {
		return `SELECT (COUNT(*) AS ?n) { ?retailer :offers ?offer . ?offer :includes ?p ; :eligibleRegion :country5 . ?u :likes ?p ; :nationality :country5 ; :subscribes ?site .
			?p :review ?r . ?r :by ?reviewer . ?reviewer :nationality :country5 }`
	}},
	{"complex 3", func(*draw) string {
		return `SELECT (COUNT(*) AS ?n) { ?u :likes ?p ; :friendOf ?f ; :location ?city ; :age ?age ; :gender ?gender ; :givenName ?name }`
	}},
	{"triangles", func(*draw) string {
		return `SELECT (COUNT(*) AS ?n) { ?a :follows ?b . ?b :follows ?c . ?c :follows ?a }`
	}},
	select1("friends with one taste", "genre", `SELECT ?u ?f ?p { ?u :friendOf ?f ; :likes ?p . ?f :likes ?p . ?p :genre %s }`),
	select1("followers' likes", "user", `SELECT ?p (COUNT(DISTINCT ?u) AS ?n) { ?u :follows %s ; :likes ?p } GROUP BY ?p ORDER BY DESC(?n) ?p LIMIT 10`),
	select1("reachable", "user", `SELECT (COUNT(*) AS ?n) { %s :friendOf/:friendOf/:friendOf ?x }`),
}}
