package differential

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

const (
	oxigraphName = "Oxigraph"
	jenaName     = "Jena"
	// separator stands in a document between quads and the text.
	separator = "---\n"
)

// question is a query or an update over quads.
type question struct {
	form  format
	quads []rdf.Quad
	text  string
}

// document is the question as peers are asked it, and as it is shrunk.
func (q question) document() []byte {
	var doc []byte
	for _, quad := range q.quads {
		doc = append(append(doc, quad.String()...), '\n')
	}
	return append(append(doc, separator...), q.text...)
}

// readQuestion reads a document.
func readQuestion(f format, document []byte) (question, error) {
	data, text, found := bytes.Cut(document, []byte(separator))
	if !found {
		return question{}, fmt.Errorf("no line %q in %q", separator, document)
	}
	quads, err := readQuads(data)
	return question{f, quads, string(text)}, err
}

// query is the tree of a question that is a query, an empty one if there is none.
func (q question) query() *sparql.Query {
	if q.form == formatQuery {
		if tree, err := sparql.ParseQuery(q.text); err == nil {
			return tree
		}
	}
	return &sparql.Query{Form: sparql.Construct}
}

// The names of what the quads of an answer consist of, where it is rows: each is a blank node with its number, and its terms as
// properties whose names begin with column.
const (
	answerIRI = "<answer:>"
	column    = "<var:"
)

// table is the answer to a SELECT or an ASK.
type table struct {
	names []string // of the columns; the answer to an ASK
	rows  []map[string]rdf.Term
}

func newTable(quads []rdf.Quad) table {
	var tab table
	at := map[rdf.Term]int{}
	for _, q := range quads {
		switch {
		case q.S.String() == answerIRI:
			tab.names = append(tab.names, q.O.Value())
		case q.P.String() == answerIRI:
			at[q.S] = -1
		}
	}
	slices.Sort(tab.names)
	tab.rows = make([]map[string]rdf.Term, len(at))
	for _, q := range quads {
		if q.P.String() == answerIRI && q.S.String() != answerIRI {
			n := 0
			_, _ = fmt.Sscan(q.O.Value(), &n)
			at[q.S], tab.rows[n] = n, map[string]rdf.Term{}
		}
	}
	for _, q := range quads {
		if name, ok := strings.CutPrefix(q.P.String(), column); ok {
			tab.rows[at[q.S]][strings.TrimSuffix(name, ">")] = q.O
		}
	}
	return tab
}

// text is the same for rows that are the same.
func (t table) text(row map[string]rdf.Term) string {
	var text strings.Builder
	for _, name := range t.names {
		fmt.Fprintf(&text, "%s=%s ", name, normal(row[name]))
	}
	return text.String()
}

// counts says how often each row is there; once, if the query leaves that open.
func (t table) counts(once bool) map[string]int {
	counts := map[string]int{}
	for _, row := range t.rows {
		if text := t.text(row); once {
			counts[text] = 1
		} else {
			counts[text]++
		}
	}
	return counts
}

// quads are the rows without their order, each once, with how often it is there.
func (t table) quads(counts map[string]int) (quads []rdf.Quad) {
	done := map[string]bool{}
	for n, row := range t.rows {
		text := t.text(row)
		if done[text] {
			continue
		}
		done[text] = true
		node := rdf.Trusted(fmt.Sprintf("_:row%d", n))
		quads = append(quads, rdf.Quad{S: node, P: rdf.Trusted(answerIRI), O: rdf.Trusted(fmt.Sprintf(`"%d"`, counts[text]))})
		for name, term := range row {
			quads = append(quads, rdf.Quad{S: node, P: rdf.Trusted(column + name + ">"), O: normal(term)})
		}
	}
	return quads
}

func (t table) anyBlank() bool {
	for _, row := range t.rows {
		for _, term := range row {
			if hasBlank(term) {
				return true
			}
		}
	}
	return false
}

func hasBlank(t rdf.Term) bool {
	if parts, ok := t.Triple(); ok {
		return hasBlank(parts.S) || hasBlank(parts.O)
	}
	return t.Kind() == rdf.KindBlank
}
