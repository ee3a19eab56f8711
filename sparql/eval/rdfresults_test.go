package eval_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

const (
	rs  = "http://www.w3.org/2001/sw/DataAccess/tests/result-set#"
	syn = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
)

// resultSet reads a result that is described in RDF; ok is false if none is.
func resultSet(quads []rdf.Quad) (o outcome, ok bool) {
	all := func(s rdf.Term, p string) (objects []rdf.Term) {
		for _, q := range quads {
			if q.S == s && q.P.Value() == p {
				objects = append(objects, q.O)
			}
		}
		return objects
	}
	for _, q := range quads {
		if q.P.Value() != syn+"type" || q.O.Value() != rs+"ResultSet" {
			continue
		}
		for _, b := range all(q.S, rs+"boolean") {
			yes := b.Value() == "true"
			return outcome{boolean: &yes}, true
		}
		for _, v := range all(q.S, rs+"resultVariable") {
			o.vars = append(o.vars, sparql.Var(v.Value()))
		}
		o.solutions(all(q.S, rs+"solution"), all)
		return o, true
	}
	return o, false
}

// solutions reads rows, in the order of their indexes if they have some.
func (o *outcome) solutions(nodes []rdf.Term, all func(rdf.Term, string) []rdf.Term) {
	slices.SortStableFunc(nodes, func(a, b rdf.Term) int { return index(all(a, rs+"index")) - index(all(b, rs+"index")) })
	for _, node := range nodes {
		row := make([]rdf.Term, len(o.vars))
		for _, binding := range all(node, rs+"binding") {
			v := all(binding, rs+"variable")[0]
			row[slices.Index(o.vars, sparql.Var(v.Value()))] = all(binding, rs+"value")[0]
		}
		o.rows = append(o.rows, row)
	}
}

func index(of []rdf.Term) int {
	if len(of) == 0 {
		return 0
	}
	n, _ := strconv.Atoi(of[0].Value())
	return n
}

// xmlReader reads RDF/XML as far as the suites have it: typed nodes, rdf:about, and properties with rdf:resource, rdf:datatype,
// rdf:nodeID, rdf:parseType="Resource", a text or a node.
type xmlReader struct {
	d    *xml.Decoder
	base string
	add  func(rdf.Quad) error
	n    int
}

func parseXML(text []byte, base string, add func(rdf.Quad) error) error {
	r := &xmlReader{d: xml.NewDecoder(bytes.NewReader(text)), base: base, add: add}
	for {
		token, err := r.d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Space+start.Name.Local != syn+"RDF" {
			if _, err := r.node(start); err != nil {
				return err
			}
		}
	}
}

func (r *xmlReader) blank() rdf.Term {
	r.n++
	return rdf.Trusted(fmt.Sprintf("_:x%d", r.n))
}

func attribute(of xml.StartElement, name string) (string, bool) {
	for _, a := range of.Attr {
		if a.Name.Space == syn && a.Name.Local == name {
			return a.Value, true
		}
	}
	return "", false
}

func (r *xmlReader) resource(reference string) rdf.Term {
	if reference == "" {
		reference = r.base
	}
	return rdf.Trusted("<" + reference + ">")
}

func (r *xmlReader) node(start xml.StartElement) (rdf.Term, error) {
	subject := r.blank()
	if about, ok := attribute(start, "about"); ok {
		subject = r.resource(about)
	}
	if name := start.Name.Space + start.Name.Local; name != syn+"Description" {
		if err := r.add(rdf.Quad{S: subject, P: rdf.Trusted("<" + syn + "type>"), O: rdf.Trusted("<" + name + ">")}); err != nil {
			return subject, err
		}
	}
	return subject, r.properties(subject)
}

// properties reads the elements of a node up to its end.
func (r *xmlReader) properties(subject rdf.Term) error {
	for {
		token, err := r.d.Token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			object, err := r.object(token)
			if err != nil {
				return err
			}
			p := rdf.Trusted("<" + token.Name.Space + token.Name.Local + ">")
			if err := r.add(rdf.Quad{S: subject, P: p, O: object}); err != nil {
				return err
			}
		}
	}
}

// object reads a property up to its end.
func (r *xmlReader) object(start xml.StartElement) (object rdf.Term, err error) {
	if kind, ok := attribute(start, "parseType"); ok {
		if kind != "Resource" {
			return object, fmt.Errorf("rdf:parseType %q", kind)
		}
		object = r.blank()
		return object, r.properties(object)
	}
	if iri, ok := attribute(start, "resource"); ok {
		return r.resource(iri), r.d.Skip()
	}
	if label, ok := attribute(start, "nodeID"); ok {
		return rdf.Trusted("_:n" + label), r.d.Skip()
	}
	return r.content(start)
}

func (r *xmlReader) content(start xml.StartElement) (object rdf.Term, err error) {
	var text []byte
	for {
		token, err := r.d.Token()
		if err != nil {
			return object, err
		}
		switch token := token.(type) {
		case xml.CharData:
			text = append(text, token...)
		case xml.StartElement:
			if object, err = r.node(token); err != nil {
				return object, err
			}
		case xml.EndElement:
			if !object.IsZero() {
				return object, nil
			}
			if datatype, ok := attribute(start, "datatype"); ok {
				return rdf.TypedLiteral(string(text), datatype)
			}
			return rdf.Literal(string(text))
		}
	}
}
