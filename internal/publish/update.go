package publish

import (
	"fmt"
	"io"

	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
)

// updates cuts a SPARQL Update into documents: of INSERT DATA and DELETE DATA as many in one as it may hold, of all other operations one
// each, since those in one are to be for one shard. The file is held as a whole.
func (p *publication) updates(from io.Reader, d *divider) error {
	text, err := io.ReadAll(io.LimitReader(from, sparql.DefaultMaxUpdate+1))
	if err != nil {
		return p.inputError(err)
	}
	u, err := sparql.ParseUpdate(string(text), sparql.File(p.file.Name))
	if err == nil && len(u.Operations) == 1 && len(text) <= d.max { // it goes as it is, so that errors are about the file's own lines
		changes, _ := size(u.Operations[0])
		d.next = document{body: append(d.next.body, text...), format: rdfio.Update, changes: changes}
		return d.cut()
	}
	if base := p.file.Source.Base; err != nil && base != "" {
		u, err = sparql.ParseUpdate(string(text), sparql.File(p.file.Name), sparql.Base(base))
	}
	if err != nil {
		return err
	}
	data := false // what is in the document that is open
	for i, op := range u.Operations {
		quads, isData := size(op)
		one := (&sparql.Update{Operations: []sparql.Operation{op}}).Append(nil)
		if !isData || !data || len(d.next.body)+len(one) > d.target {
			if err := d.cut(); err != nil {
				return err
			}
		}
		if len(one) > d.max {
			return fmt.Errorf("operation %d of %s has %d bytes, of at most %d; split it, or raise --max-transaction here and --max-body of "+
				"the nodes", i+1, p.file.Name, len(one), d.max)
		}
		if len(d.next.body) > 0 {
			d.next.body = append(d.next.body, " ;\n"...)
		}
		d.next.body, d.next.changes, d.next.format = append(d.next.body, one...), d.next.changes+quads, rdfio.Update
		data = isData
	}
	return d.cut()
}

// size is the number of changes that an operation counts for, and whether it is nothing but data.
func size(op sparql.Operation) (changes uint64, isData bool) {
	switch op := op.(type) {
	case *sparql.InsertData:
		return uint64(len(op.Quads)), true
	case *sparql.DeleteData:
		return uint64(len(op.Quads)), true
	}
	return 1, false
}
