package differential

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

const prologue = "PREFIX : <http://e/> PREFIX xsd: <" + xsd + ">\n"

// rule is what a letter of the grammar stands for: one of its leaves or, as long as it may get deeper, one of its branches.
// In them %N is what the rule of N stands for, and %= the last variable or label that the text has of its own.
type rule struct{ leaves, branches []string }

// grammar makes quads, queries and updates, over so few terms that they meet. What has no rule is written by asker.special.
var grammar = map[byte]rule{
	// Quads: predicates that lead to nodes, to numbers, to strings, to times, and to all.
	'd': {leaves: []string{"%i %q %h", "%i %q %h", "%i %q %h", ":r|%3", ":n|%n", ":s|%t", ":w|%z", ":r|%l", ":r|%h"}},
	'i': {leaves: []string{":a", ":b", ":c", ":d"}},
	'h': {leaves: []string{":a", ":b", ":c", ":d", ":a", ":b", "_:x", "_:y"}},
	'q': {leaves: []string{":p", ":q"}},
	'p': {leaves: []string{":p", ":q", ":p", ":q", ":n", ":s", ":w", ":r"}},
	'g': {leaves: []string{":g", ":h", ":a"}},

	// Literals.
	'n': {leaves: []string{`"0"^^xsd:integer`, `"1"^^xsd:integer`, `"2"^^xsd:integer`, `"-1"^^xsd:integer`, `"10"^^xsd:integer`,
		`"1.5"^^xsd:decimal`, `"-2.5"^^xsd:decimal`, `"0.5"^^xsd:decimal`, `"1.5"^^xsd:double`, `"2"^^xsd:double`, `"NaN"^^xsd:double`,
		`"INF"^^xsd:double`, `"0.5"^^xsd:float`}},
	't': {leaves: []string{`""`, `"a"`, `"b"`, `"ab"`, `"A"`, `"ä"`, `"1"`, `"10"`, `"a b"`, `"q\"\\\n"`, `"\U0001F600x"`, `"a"@en`, `"b"@de`,
		`"ab"@de-1996`, `"true"`}},
	'z': {leaves: []string{`"2020-01-01"^^xsd:date`, `"2019-12-31Z"^^xsd:date`, `"2020-01-01T00:00:00Z"^^xsd:dateTime`,
		`"2020-01-01T01:30:00+02:00"^^xsd:dateTime`, `"2020-02-29T12:00:00"^^xsd:dateTime`, `"2020-01-01T00:00:00.5Z"^^xsd:dateTime`,
		`"12:00:00"^^xsd:time`, `"2020"^^xsd:gYear`, `"P1D"^^xsd:dayTimeDuration`, `"PT1H"^^xsd:dayTimeDuration`, `"P1Y"^^xsd:yearMonthDuration`}},
	'l': {leaves: []string{"%n", "%t", "%z", `"true"^^xsd:boolean`, `"false"^^xsd:boolean`, `"x"^^xsd:integer`, `"2020-13-01"^^xsd:date`, `"v"^^:dt`,
		`"maybe"^^xsd:boolean`, `"a"^^:dt`}},

	// Triple terms; those of a pattern have variables.
	'3': {leaves: []string{"<<( %i %q %i )>>", "<<( :a :p :b )>>", "<<( %i :r \"a\" )>>"}},
	'4': {leaves: []string{"<<( %v %q %v )>>", "<<( %i :p %v )>>", "<<( %v %v %v )>>", "%3"}},

	// Groups and what stands in them.
	'G': {leaves: []string{"{\n%T\n}", "{\n%T\n%T\n}"}, branches: []string{"{\n%T\n%E\n}", "{\n%T\n%E\n%E\n}", "{\n%E\n}", "{\n%E\n%E\n%E\n}", "{ }"}},
	'E': {leaves: []string{"%T", "FILTER(%B)"}, branches: []string{"%T", "FILTER(%B)", "OPTIONAL %G", "OPTIONAL %G", "%G UNION %G", "MINUS %G",
		"GRAPH %g %G", "GRAPH %v %G", "FILTER EXISTS %H", "FILTER NOT EXISTS %H", "BIND(%A AS %x)", "BIND(%A AS %x)", "VALUES %v { %V %V %V }",
		"VALUES (%1) { (%V %V) (%V %V) }", "%G", "{ SELECT %s WHERE %G }", "{ SELECT DISTINCT %s WHERE %G }",
		"{ SELECT %v (%K AS %x) WHERE %G GROUP BY %= }", "{ SELECT DISTINCT %v { ?s %= ?o } ORDER BY %= LIMIT 2 }"}},
	// The pattern of EXISTS: what values are put into, all say alike.
	'H': {leaves: []string{"{ %T }", "{ %T FILTER(%F) }"}, branches: []string{"{ %T %J }", "{ %J }"}},
	'J': {leaves: []string{"%T", "FILTER(%F)"}, branches: []string{"OPTIONAL { %T }", "{ %T } UNION { %T }", "GRAPH %g { %T }", "GRAPH %v { %T }",
		"FILTER NOT EXISTS { %T }"}},
	'V': {leaves: []string{"%i", "%l", "UNDEF", "%i", "%n"}},

	// Triples. A node is mostly a variable.
	'T': {leaves: []string{"%N %p %O .", "%v :p %v .", "%v %q %v .", "%v :n %v .", "%v :s %v .", "%v :w %v .", "%v :r %v .", "%v %v %v .",
		"%v %P %v .", "%N %P %O .", "%N %P %v .", "%v :p %v ; :q %v .", "%v :p [ %p %v ] .", "[] :p %v , %v .", "%v :p _:%f . _:%= :q %v .", "%v :r %4 ."}},
	'N': {leaves: []string{"%v", "%v", "%v", "%i"}},
	'O': {leaves: []string{"%v", "%v", "%v", "%i", "%l"}},
	'P': {leaves: []string{"%q", "^%q", "%q*", "%q+", "%q?", "!%q", "!(%q|^%q)", "!(^%p)", "(%p|%p)", "%q/%p"},
		branches: []string{"(%P/%P)", "(%P|%P)", "^(%P)", "(%P)*", "(%P)+", "(%P)?"}},

	// Expressions by what they mostly give: any term, booleans, numbers, strings. STR is not taken of a number that was computed.
	'A': {leaves: []string{"%v", "%X", "%i", "%l", "%M", "%S", "%B"}, branches: []string{"IF(%B, %A, %A)", "COALESCE(%A, %A)", "IRI(CONCAT(\"http://e/\", ENCODE_FOR_URI(%S)))",
		"STRDT(%S, xsd:integer)", "STRLANG(%S, \"en\")", "DATATYPE(%v)", "BNODE()", "%M", "%S", "%B", "xsd:dateTime(%S)", "DATATYPE(%A)",
		"STRDT(%S, :dt)", "TIMEZONE(%v)", "xsd:date(%S)", "TRIPLE(%v, %v, %A)", "SUBJECT(%v)", "OBJECT(%v)", "PREDICATE(%v)", "%4",
		"BNODE(STR(%v))"}},
	'B': {leaves: []string{"(%v = %v)", "(%v != %v)", "BOUND(%v)", "(%v < %v)", "(%v = %l)", "(%v > %n)", "%v", "(%v = %X)", "ISIRI(%v)", "ISLITERAL(%v)",
		"ISNUMERIC(%v)", "ISBLANK(%v)", "ISTRIPLE(%v)"},
		branches: []string{"(%B || %B)", "(%B && %B)", "!(%B)", "(%A = %A)", "(%A != %A)", "(0 + %M < %M)", "(0 + %M >= %M)", "(CONCAT(%S) > %S)", "(CONCAT(%S) <= %S)",
			"(%A IN (%A, %A))", "(%A NOT IN (%A, %l, %A))", "(%A IN ())", "SAMETERM(%v, %v)", "REGEX(%S, \"a.?b|^1\")", "REGEX(%S, \"A\", \"i\")",
			"CONTAINS(%S, %S)", "STRSTARTS(%S, %S)", "STRENDS(%S, %S)", "LANGMATCHES(LANG(%v), \"de\")", "LANGMATCHES(LANG(%v), \"*\")",
			"EXISTS %H", "NOT EXISTS %H", "xsd:boolean(%v)", "IF(%B, %B, %B)", "ISIRI(%A)", "ISLITERAL(%A)", "COALESCE(%B, %B)", "%A", "(NOW() = NOW())",
			"(STRLEN(STRUUID()) = 36)", "ISNUMERIC(RAND())", "ISIRI(UUID())"}},
	// Conditions in EXISTS.
	'F': {leaves: []string{"(%v = %v)", "(%v != %v)", "(%v < %v)", "(%v = %l)", "BOUND(%v)", "ISIRI(%v)"}, branches: []string{"(%F || %F)", "(%F && %F)",
		"!(%F)"}},
	'M': {leaves: []string{"%v", "%X", "%n", "1", "2.5"}, branches: []string{"(%M + %M)", "(%M - %M)", "(%M * %M)", "(%M / %M)", "ABS(%M)", "CEIL(%M)",
		"FLOOR(%M)", "ROUND(%M)", "STRLEN(%S)", "(-%M)", "YEAR(%v)", "MONTH(%v)", "DAY(%v)", "HOURS(%v)", "MINUTES(%v)", "SECONDS(%v)",
		"xsd:integer(%v)", "xsd:decimal(%v)", "xsd:double(%v)", "xsd:integer(%S)", "xsd:float(%v)", "xsd:decimal(%S)", "(+%M)"}},
	'S': {leaves: []string{"STR(%v)", "%t", "%v"}, branches: []string{"STR(%v)", "CONCAT(%S, %S)", "SUBSTR(%S, 2)", "SUBSTR(%S, 1, 1)", "UCASE(%S)",
		"LCASE(%S)", "STRBEFORE(%S, %S)", "STRAFTER(%S, %S)", "REPLACE(%S, \"a(b?)\", \"[$1]\")", "ENCODE_FOR_URI(%S)", "LANG(%v)", "MD5(%S)",
		"SHA1(%S)", "SHA256(%S)", "SHA384(%S)", "SHA512(%S)", "TZ(%v)", "xsd:string(%v)", "SUBSTR(%S, 0)", "SUBSTR(%S, 2, 5)",
		"REPLACE(%S, \"B\", \"c\", \"i\")", "CONCAT()", "STR(%S)", "CONCAT(%S, STR(%v), %S)", "SUBSTR(%S, 1 + STRLEN(%S))"}},
	// Aggregates, of which none depends on the order of its group.
	'K': {leaves: []string{"COUNT(*)", "COUNT(%v)", "COUNT(DISTINCT %v)", "COUNT(DISTINCT *)", "SUM(%v)", "AVG(%v)", "SUM(STRLEN(STR(%v)))",
		"MIN(STR(%v))", "MAX(STR(%v))", "STRLEN(GROUP_CONCAT(STR(%v)))", "STRLEN(GROUP_CONCAT(DISTINCT STR(%v); SEPARATOR=\"-\"))", "SUM(DISTINCT %v)",
		"AVG(DISTINCT %v)", "MIN(STRLEN(STR(%v)))", "MAX(xsd:integer(%v))", "COUNT(DISTINCT STR(%v))", "(SUM(%v) + 1)", "IF(COUNT(%v) > 1, 1, 2)"}},

	// Queries, with a limit of depth in groups.
	'Q': {leaves: []string{"SELECT * %D WHERE %G", "SELECT * WHERE %G", "SELECT * WHERE %G", "SELECT DISTINCT %s WHERE %G", "SELECT REDUCED %s WHERE %G",
		"SELECT * WHERE %G VALUES (%1) { (%V %V) (%V %V) }", "SELECT %s WHERE %G", "%R", "%R",
		"SELECT * %D WHERE { %E %T GRAPH ?e %G }", "SELECT %v (%K AS %x) (%K AS %x) %D WHERE %G GROUP BY %=", "SELECT (%K AS %x) WHERE %G",
		"SELECT %v (%K AS %x) WHERE %G GROUP BY %= HAVING (%K > 1)", "SELECT (%K AS %x) WHERE %G GROUP BY (STR(%v) AS %x)",
		"SELECT (%A AS %x) (%A AS %x) WHERE { %T %T %E }", "SELECT * WHERE { %T BIND(%A AS %x) BIND(%A AS %x) FILTER(%B) }",
		"SELECT (%A AS %x) (%M AS %x) (%S AS %x) (%B AS %x) WHERE { ?a :r ?b OPTIONAL { ?a :n ?c } OPTIONAL { ?a :s ?d } OPTIONAL { ?a :w ?e } }",
		"ASK %D WHERE %G", "CONSTRUCT { %C } WHERE %G", "CONSTRUCT { %C %C } %D WHERE %G", "CONSTRUCT WHERE { %v %p %v . %v %p %v }",
		"SELECT ?e %v (%K AS %x) WHERE %G GROUP BY %= ?e HAVING (%K > 1)"}},
	'D': {leaves: []string{"", "", "", "", "FROM :g", "FROM NAMED :h", "FROM :g FROM :h FROM NAMED :a", "FROM NAMED :g FROM NAMED :h"}},
	'C': {leaves: []string{"%v :p %v .", "%v %v %v .", "_:c :q %v .", "%v :n %O .", "[] :r [ :p %v ] .", ":a :b _:c .", "%v :r %4 ."}},

	// Updates.
	'U': {leaves: []string{"%u", "%u", "%u ;\n%u", "%u ;\n%u ;\n%u"}},
	'u': {leaves: []string{"INSERT DATA { %I }", "DELETE DATA { %Y %Y %Y }", "DELETE WHERE { %y }", "DELETE WHERE { %y %y }",
		"DELETE { %w } INSERT { %W } WHERE %G", "WITH %g DELETE { %w } INSERT { %W } WHERE %G", "INSERT { %W } WHERE %G", "DELETE { %w %w } WHERE %G",
		"DELETE { %w } INSERT { %W } USING %g WHERE %G", "INSERT { %W } USING NAMED %g USING NAMED :h WHERE { GRAPH %v %G }",
		"WITH %g INSERT { %W } USING %g WHERE %G", "CLEAR %k", "DROP SILENT %k", "CREATE SILENT GRAPH %g", "ADD SILENT %m TO %m", "MOVE SILENT %m TO %m",
		"COPY SILENT %m TO %m", "WITH %g DELETE { %w } WHERE { %T %E }", "DELETE { %v %v %v } INSERT { GRAPH :h { %v %v %v } } WHERE { %v %v %v }"}},
	'I': {leaves: []string{"%Y", "%Y %Y %Y", "%Y _:%f :p :a . :b :q _:%= .", "GRAPH :h { _:%f :p :a . } _:%= :q :b . %Y"}},
	'Y': {leaves: []string{"%i %q %i .", "%i :n %n .", "%i :r %3 .", "GRAPH %g { %i %q %i . %i :r %l . }", "%i :r %l ."}},
	'y': {leaves: []string{"%v %p %v .", "%N %p %O .", "GRAPH %g { %v %p %v }", "GRAPH %v { %v %v %v }"}},
	'w': {leaves: []string{"%v %p %v .", "%v %v %v .", "%N :p %O .", "GRAPH %g { %v %p %v }", "GRAPH %v { %v %v %v }", "%i %v %O ."}},
	'W': {leaves: []string{"%v :p %v .", "%v :q %O .", "_:n :p %v . _:n :q %v .", "GRAPH %g { %v :p %v . [] :r %v }", "GRAPH %v { %v %v %v }", "%v %v %v ."}},
	'k': {leaves: []string{"GRAPH :g", "GRAPH :h", "DEFAULT", "NAMED", "ALL"}},
	'm': {leaves: []string{"GRAPH :g", "GRAPH :h", "DEFAULT"}},
}

// otherForms are literals whose text isn't the one that Oxigraph gives to their value; they take the place of some.
var otherForms = map[byte][]string{
	'n': {`"01"^^xsd:integer`, `"+1"^^xsd:integer`, `"1.0"^^xsd:decimal`, `"1.50"^^xsd:decimal`, `"1e0"^^xsd:double`, `"1.0E0"^^xsd:double`,
		`"-0"^^xsd:integer`, `"1.5E0"^^xsd:float`},
	'l': {`"1"^^xsd:boolean`, `"0"^^xsd:boolean`, `"2020-01-01T24:00:00Z"^^xsd:dateTime`, `"2020-01-01T00:00:00.500Z"^^xsd:dateTime`,
		`"PT60M"^^xsd:dayTimeDuration`, `"1"^^xsd:byte`, `"5"^^xsd:unsignedInt`},
}

// asker makes questions.
type asker struct {
	*rand.Rand
	otherForms bool // of literals
	fresh      int
	computed   []string
}

// ask returns a question.
func ask(rng *rand.Rand, otherForms bool) question {
	a := &asker{Rand: rng, otherForms: otherForms}
	q := question{form: formatQuery, quads: a.quads()}
	if a.IntN(4) == 0 {
		q.form = formatUpdate
		q.text = prologue + a.expand("%U", 2)
		return q
	}
	q.text = prologue + a.expand("%Q", 2+a.IntN(2))
	return q
}

func (a *asker) quads() []rdf.Quad {
	var quads []rdf.Quad
	for range 5 + a.IntN(36) {
		graph := one(a.Rand, "", "", ":g", ":h")
		line := a.expand(a.expand("%d", 0), 0)
		if p, o, other := strings.Cut(line, "|"); other {
			line = fmt.Sprintf("%s %s %s", a.expand("%h", 0), p, o)
		}
		parts := strings.SplitN(line, " ", 3)
		quads = append(quads, rdf.Quad{S: term(parts[0]), P: term(parts[1]), O: term(parts[2]), G: term(graph)})
	}
	slices.SortFunc(quads, rdf.Quad.Compare)
	return slices.Compact(quads)
}

// term reads a term of the grammar.
func term(text string) rdf.Term {
	text = strings.Replace(text, "^^xsd:", "^^<"+xsd, 1)
	switch {
	case strings.HasPrefix(text, "<<("):
		parts := strings.Fields(text)
		whole, err := rdf.TripleTerm(term(parts[1]), term(parts[2]), term(parts[3]))
		if err != nil {
			panic(err)
		}
		return whole
	case strings.Contains(text, "^^<"):
		text += ">"
	case strings.HasSuffix(text, "^^:dt"):
		text = strings.TrimSuffix(text, ":dt") + "<http://e/dt>"
	case strings.HasPrefix(text, ":"):
		text = "<http://e/" + text[1:] + ">"
	}
	if text == "" {
		return rdf.Term{}
	}
	quads, err := readQuads([]byte("<x:s> <x:p> " + text + " ."))
	if err != nil {
		panic(err)
	}
	return quads[0].O
}

// expand writes out what begins with %.
func (a *asker) expand(text string, depth int) string {
	var out strings.Builder
	var last string // what %= stands for
	for {
		before, after, found := strings.Cut(text, "%")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		letter := after[0]
		if letter != '=' {
			made := a.symbol(letter, depth)
			out.WriteString(made)
			if letter == 'v' || letter == 'f' {
				last = made
			}
		} else {
			out.WriteString(last)
		}
		text = after[1:]
	}
}

func (a *asker) symbol(letter byte, depth int) string {
	r, known := grammar[letter]
	if !known {
		return a.special(letter, depth)
	}
	if forms := otherForms[letter]; a.otherForms && forms != nil && a.IntN(3) == 0 {
		return one(a.Rand, forms...)
	}
	choices := r.leaves
	if depth > 0 && len(r.branches) > 0 && a.IntN(4) > 0 {
		choices, depth = r.branches, depth-1
	}
	return a.expand(one(a.Rand, choices...), depth)
}

// special writes what depends on what was written.
func (a *asker) special(letter byte, depth int) string {
	switch letter {
	case 'v': // a variable
		return one(a.Rand, "?a", "?b", "?c", "?d", "?a", "?b")
	case 'f': // a label
		a.fresh++
		return fmt.Sprintf("l%d", a.fresh)
	case 'x': // a new variable
		a.fresh++
		a.computed = append(a.computed, fmt.Sprintf("?x%d", a.fresh))
		return a.computed[len(a.computed)-1]
	case 'X': // one of those
		if len(a.computed) == 0 {
			return "?a"
		}
		return one(a.Rand, a.computed...)
	case '1':
		return one(a.Rand, "?a ?b", "?b ?c", "?a ?d")
	case 's':
		return strings.Join(a.some(), " ")
	default: // an ordered SELECT
		return a.ordered(depth)
	}
}

// some are some variables.
func (a *asker) some() []string {
	all := []string{"?a", "?b", "?c", "?d"}
	a.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:1+a.IntN(len(all))]
}

func (a *asker) ordered(depth int) string {
	vars := a.some()
	text := fmt.Sprintf("SELECT %s%s WHERE %s ORDER BY", one(a.Rand, "", "DISTINCT "), strings.Join(vars, " "), a.symbol('G', depth))
	for _, v := range vars {
		text += " " + one(a.Rand, v, "DESC("+v+")")
	}
	if a.IntN(2) == 0 {
		text += fmt.Sprintf(" LIMIT %d", a.IntN(6))
	}
	if a.IntN(4) == 0 {
		text += fmt.Sprintf(" OFFSET %d", a.IntN(4))
	}
	return text
}

func one(rng *rand.Rand, choices ...string) string { return choices[rng.IntN(len(choices))] }
