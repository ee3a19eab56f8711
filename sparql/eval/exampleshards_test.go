package eval_test

import (
	"context"
	"fmt"
	"os"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// local are shards that are all in this process. Over a network, Ask sends the request to a node that has the shard, which calls Answer.
type local struct {
	stores   []*memory.Store
	answerer *eval.Answerer
}

func (l *local) Number() int { return len(l.stores) }

func (l *local) Of(subject rdf.Term) int { return len(subject.String()) % len(l.stores) }

func (l *local) Ask(ctx context.Context, shard int, request []byte, part func([]byte) error) error {
	view := l.stores[shard].View()
	defer view.Close()
	return l.answerer.Answer(ctx, view, request, part)
}

// A query over shards is divided, and evaluated by what each of them answers.
func ExampleDivide() {
	shards := &local{stores: []*memory.Store{memory.New(), memory.New()}, answerer: eval.NewAnswerer(eval.Options{})}
	for subject, in := range map[string]string{"pump": "hall", "fan": "hall", "hall": "site", "site": "town"} {
		q := rdf.Quad{
			S: rdf.Trusted("<http://example.com/" + subject + ">"), P: rdf.Trusted("<http://example.com/in>"),
			O: rdf.Trusted("<http://example.com/" + in + ">"),
		}
		s := shards.stores[shards.Of(q.S)]
		tx := s.Begin()
		if _, err := tx.Add(q); err != nil {
			panic(err)
		}
		if err := tx.Commit(s.Position()+1, nil); err != nil {
			panic(err)
		}
	}
	q, err := sparql.ParseQuery(`PREFIX : <http://example.com/> SELECT ?x ?z { ?x :in ?y . ?y :in ?z } ORDER BY ?x`)
	if err != nil {
		panic(err)
	}
	d, err := eval.Divide(q, eval.KeySubject, eval.Options{})
	if err != nil {
		panic(err)
	}
	err = d.Select(context.Background(), shards, eval.Identity{ID: "request/1"}, func(row []rdf.Term) error {
		_, err := fmt.Fprintln(os.Stdout, row)
		return err
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// [<http://example.com/fan> <http://example.com/site>]
	// [<http://example.com/hall> <http://example.com/town>]
	// [<http://example.com/pump> <http://example.com/site>]
}
