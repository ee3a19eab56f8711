package mapping

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
)

// updating makes SPARQL Updates of rows: one that is the same for all, with the values of the row in the places of variables. They are
// put into its syntax tree, and never read as text.
type updating struct {
	update *sparql.Update
	vars   []variable
}

// variable is a variable of an update, and what makes its value.
type variable struct {
	name sparql.Var
	*termMap
}

// MakesUpdates reports whether the mapping makes SPARQL Updates of messages, and not quads.
func (m *Mapping) MakesUpdates() bool { return m.rules[0].updating != nil }

// Append appends what the mapping makes of a message, and returns its media type: [patch.ReplaceMediaType], as [Mapping.AppendPatch] tells,
// or [patch.UpdateMediaType], of the updates of all rows, in their order. It is empty if there are none. After an error dst is as it was.
func (m *Mapping) Append(dst []byte, msg Message) (body []byte, mediaType string, err error) {
	if !m.MakesUpdates() {
		body, err = m.AppendPatch(dst, msg)
		return body, patch.ReplaceMediaType, err
	}
	w := worker{m: m, in: input{vars: msg.Vars}, updates: dst, most: len(dst) + sparql.DefaultMaxUpdate}
	if err := m.read(msg.Body, w.document); err != nil {
		return dst, "", err
	}
	return w.updates, patch.UpdateMediaType, nil
}

// update makes the update of a row.
func (w *worker) update(u *updating) error {
	terms := make(map[sparql.Var]rdf.Term, len(u.vars))
	for _, v := range u.vars {
		values, found, err := v.terms(&w.in, nil)
		switch {
		case err != nil:
			return err
		case found != present || len(values) == 0: // without it the variable would stand for anything
			return v.lacks(&w.in)
		case len(values) > 1:
			return inField(v.field, fmt.Errorf("it has %d values, expected one; \"over\" makes a row of each", len(values)))
		}
		terms[v.name] = values[0]
	}
	bound, err := u.update.Bind(terms)
	if err != nil {
		return inField("update", err)
	}
	if len(w.updates) > 0 {
		w.updates = append(w.updates, " ;\n"...)
	}
	if w.updates = bound.Append(w.updates); len(w.updates) > w.most {
		return fmt.Errorf("the message makes updates of more than %d bytes; send it in parts", sparql.DefaultMaxUpdate)
	}
	return nil
}

// updating compiles a rule that makes updates.
func (c *compiler) updating(fields map[string]*yaml.Node) *updating {
	for _, key := range []string{"s", "po", "graphs", "mode"} {
		if at := fields[key]; at != nil {
			c.wrong(at, "%s: an update says itself what it changes; leave it out", key)
		}
	}
	at := fields["update"]
	if c.format == jsonldFormat {
		c.wrong(at, "update: the format jsonld has its subjects and predicates from the context; declare the messages as json")
		return &updating{}
	}
	var prefixes []sparql.Prefix
	for name, iri := range c.names.prefixes {
		prefixes = append(prefixes, sparql.Prefix{Name: name, IRI: iri})
	}
	options := []sparql.Option{sparql.Prefixes(prefixes...)}
	if c.names.base != "" {
		options = append(options, sparql.Base(c.names.base))
	}
	u := &updating{}
	var err error
	if u.update, err = sparql.ParseUpdate(at.Value, options...); err != nil {
		c.wrongUpdate(at, err)
		return u
	}
	u.update.Prologue = sparql.Prologue{Base: u.update.Base} // of several, only the first one's could stand in front
	c.members(fields["bind"], "bind", func(name string, key, value *yaml.Node) {
		o := c.object("bind."+name, value, nil, false)
		if o.unit != nil || o.required {
			c.wrong(key, "bind.%s: a variable has one value, always; unit, node and required are of objects", name)
		}
		u.vars = append(u.vars, variable{sparql.Var(name), o.termMap})
	})
	if len(c.mistakes) == 0 {
		c.bindable(at, u)
	}
	return u
}

// wrongUpdate takes in a mistake in the text of an update, with its place in the file if that is to be known.
func (c *compiler) wrongUpdate(at *yaml.Node, err error) {
	syntax, ok := errors.AsType[*rdf.SyntaxError](err)
	if !ok {
		c.wrong(at, "update: %w", err)
		return
	}
	c.wrong(at, "update, line %d, column %d of its text: %s", syntax.Line, syntax.Col, syntax.Msg)
}

// bindable reports variables that the update doesn't have, or gives a value itself.
func (c *compiler) bindable(at *yaml.Node, u *updating) {
	before := u.update.String()
	for _, v := range u.vars {
		bound, err := u.update.Bind(map[sparql.Var]rdf.Term{v.name: rdf.Trusted("<urn:quadrille:bound>")})
		switch {
		case err != nil:
			c.wrong(at, "update: %w", err)
		case bound.String() == before:
			c.wrong(at, "update: it has no variable ?%s, which bind gives a value", v.name)
		}
	}
}
