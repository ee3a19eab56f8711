package mapping

import (
	"errors"
	"fmt"
	"strings"

	"github.com/theory/jsonpath"

	"github.com/quadrille-stream/quadrille/rdf"
)

// mode says what comes of the quads that a rule makes.
type mode string

// The modes.
const (
	// modeAdd adds them.
	modeAdd mode = "add"
	// modeDelete deletes them.
	modeDelete mode = "delete"
	// modeReplace puts them in the place of what the subject has of all predicates of the rule; modeUpsert of those alone for which
	// the message has a field, be it null.
	modeReplace mode = "replace"
	modeUpsert  mode = "upsert"
	// modeReplaceSubject puts them in the place of all that the subject has in the graph; modeDeleteSubject deletes that.
	modeReplaceSubject mode = "replace-subject"
	modeDeleteSubject  mode = "delete-subject"
)

var modes = []mode{modeAdd, modeDelete, modeReplace, modeUpsert, modeReplaceSubject, modeDeleteSubject}

// rule maps the rows of a document to quads of one kind of subject.
type rule struct {
	over    *jsonpath.Path // nil: the rows that the format has
	when    *expression
	mode    mode
	subject *termMap
	graphs  []*termMap
	pairs   []*pair
	// updating, unless nil, is what the rule does in the place of all that.
	updating *updating
}

// pair has predicates and their objects.
type pair struct {
	field      string
	when       *expression
	graphs     []*termMap
	predicates []*termMap
	objects    []*object
}

// object makes objects; with a unit, each is a node with a number and the unit.
type object struct {
	*termMap
	required   bool
	node, unit *termMap
}

// The terms of QUDT for a value with its unit.
const qudt = "http://qudt.org/schema/qudt/"

var (
	quantityValue = rdf.Trusted("<" + qudt + "QuantityValue>")
	numericValue  = rdf.Trusted("<" + qudt + "numericValue>")
	hasUnit       = rdf.Trusted("<" + qudt + "hasUnit>")
)

// rows calls fn with each row of a document.
func (r *rule) rows(in *input, rows []any, fn func(row any) error) error {
	if r.over != nil {
		rows = r.over.Select(in.document)
	}
	for _, row := range rows {
		if err := fn(row); err != nil {
			return err
		}
	}
	return nil
}

// all returns the terms of several maps.
func all(maps []*termMap, in *input, dst []rdf.Term) ([]rdf.Term, error) {
	for _, m := range maps {
		var err error
		if dst, _, err = m.terms(in, dst); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// lacks is the error of a place that a rule can't do without and that has no value: it names the fields that are to blame.
func (m *termMap) lacks(in *input) error {
	var absent []string
	for _, t := range []*template{&m.template, m.language} {
		if t == nil {
			continue
		}
		for _, p := range t.parts {
			if p.ref == nil {
				continue
			}
			if _, found, err := p.ref.texts(in); err == nil && found != present {
				absent = append(absent, "$("+p.ref.text+")")
			}
		}
	}
	if len(absent) == 0 {
		return inField(m.field, errors.New("what it computes has no value"))
	}
	return inField(m.field, fmt.Errorf("%s is missing, or null", strings.Join(absent, ", ")))
}

// subjects returns those of a row, of which there must be one.
func (r *rule) subjects(in *input, dst []rdf.Term) ([]rdf.Term, error) {
	dst, found, err := r.subject.terms(in, dst)
	if err == nil && found != present {
		err = r.subject.lacks(in)
	}
	return dst, err
}
