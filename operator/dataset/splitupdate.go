package dataset

import (
	"bytes"
	"cmp"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// Update divides a SPARQL Update. One of nothing but INSERT DATA and DELETE DATA is a patch, of one transaction, with the labels of its
// blank nodes made from scope, as those of [Splitter.Quads] are. Of any other the shard gets the text that has the one key that it is
// about, or all shards get it, if each can carry it out on its own quads; if its operations are for different shards, each gets its own, in
// their order. Then the parts are of [UpdateMediaType]. What no shard can carry out alone is an *[eval.NotLocalError], and so are LOAD and SERVICE. A mistake in the text is an [rdf.SyntaxError].
func (s Splitter) Update(doc []byte, scope func() string) (Split, error) {
	text := string(doc)
	u, err := sparql.ParseUpdate(text)
	if err != nil {
		return Split{}, err
	}
	if isData(u) {
		return s.data(u, len(doc), scope)
	}
	if s.Key != Subject { // by which neither is local
		if err := eval.Outside(u); err != nil {
			return Split{}, err
		}
	}
	if limit := s.maxTransaction(); len(doc) > limit {
		return Split{}, &TransactionTooLargeError{Limit: limit}
	}
	where, err := eval.LocalUpdate(u, eval.Key(s.Key))
	if err != nil {
		return s.operations(u, cmp.Or(eval.Outside(u), err)) // no other key would do for what is read elsewhere
	}
	split, payload := Split{MediaType: UpdateMediaType}, bytes.Clone(doc)
	for _, number := range s.carrying(where) {
		split.Parts = append(split.Parts, Part{Shard: number, Payload: payload})
	}
	if len(split.Parts) == 1 { // of several owners one could take it
		read.put(text, u)
	}
	return split, nil
}

// operations divides an update that is not local as a whole, for that reason, by its operations: each shard gets those that are for it.
func (s Splitter) operations(u *sparql.Update, why error) (Split, error) {
	if len(u.Operations) < 2 {
		return Split{}, why
	}
	own := make([][]sparql.Operation, s.Shards)
	for _, op := range u.Operations {
		one := &sparql.Update{Prologue: u.Prologue, Operations: []sparql.Operation{op}}
		where, err := eval.LocalUpdate(one, eval.Key(s.Key))
		if err != nil {
			return Split{}, cmp.Or(eval.Outside(one), err)
		}
		if isData(one) && len(where.Keys) > 1 { // its blank nodes may be those of several shards
			return Split{}, &eval.NotLocalError{Reason: "data of several keys stands beside operations that are evaluated", Help: "send it as a request of its own"}
		}
		for _, number := range s.carrying(where) {
			own[number] = append(own[number], op)
		}
	}
	split := Split{MediaType: UpdateMediaType}
	for number, operations := range own {
		if len(operations) > 0 {
			text := (&sparql.Update{Prologue: u.Prologue, Operations: operations}).Append(nil)
			split.Parts = append(split.Parts, Part{Shard: number, Payload: text})
		}
	}
	return split, nil
}

// carrying returns the shards that carry an update out.
func (s Splitter) carrying(l eval.Locality) (shards []int) {
	switch {
	case s.Key == Dataset:
		return []int{shard.Of(Dataset.Of(rdf.Quad{}), s.Shards)}
	case l.Every:
		for number := range s.Shards {
			shards = append(shards, number)
		}
	case len(l.Keys) > 0: // it is one, for what is no data
		return []int{shard.Of(s.Key.Of(rdf.Quad{S: l.Keys[0], G: l.Keys[0]}), s.Shards)}
	}
	return shards
}

// isData reports whether an update is nothing but data.
func isData(u *sparql.Update) bool {
	for _, op := range u.Operations {
		switch op.(type) {
		case *sparql.InsertData, *sparql.DeleteData:
		default:
			return false
		}
	}
	return true
}

// data divides an update of nothing but data.
func (s Splitter) data(u *sparql.Update, size int, scope func() string) (Split, error) {
	d := s.newDivision(size)
	labels := ""
	prefix := func() string {
		if labels == "" {
			labels = blankPrefix(scope())
		}
		return labels
	}
	for _, op := range u.Operations {
		quads, change := []sparql.Quad(nil), d.Add
		switch op := op.(type) {
		case *sparql.InsertData:
			quads = op.Quads
		case *sparql.DeleteData:
			quads, change = op.Quads, d.Delete
		}
		for i := range quads {
			q, err := eval.Ground(&quads[i], prefix)
			if err == nil {
				err = change(q)
			}
			if err != nil {
				return Split{}, err
			}
		}
	}
	if err := d.Commit(); err != nil {
		return Split{}, err
	}
	return d.done(), nil
}
