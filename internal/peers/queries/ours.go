package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
	"github.com/quadrille-stream/quadrille/sparql/results"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// ours is Quadrille's store in memory, with all indexes, and its evaluation, in this process.
type ours struct{ m *memory.Store }

// options let a query take as long as it likes.
var options = eval.Options{Steps: 1 << 50, Memory: 1 << 40}

func (o *ours) do(r request) (t took, result []byte, err error) {
	switch r.Task {
	case "load":
		document, err := os.ReadFile(r.File)
		if err != nil {
			return t, nil, err
		}
		t, err = timed(func() error { return o.load(document) })
		t.Quads = o.m.Len()
		return t, nil, err
	case "update":
		t, err = timed(func() error {
			for _, text := range r.Texts {
				if err := o.update(text); err != nil {
					return err
				}
			}
			return nil
		})
		return t, nil, err
	}
	var out bytes.Buffer
	t, err = timed(func() error {
		for range r.Times {
			out.Reset()
			if err := o.query(r.Text, &out); err != nil {
				return err
			}
		}
		return nil
	})
	return t, out.Bytes(), err
}

func timed(task func() error) (t took, err error) {
	cpu, wall := processTime(), time.Now()
	err = task()
	return took{CPU: processTime() - cpu, Wall: time.Since(wall)}, err
}

// load reads N-Quads into a new store.
func (o *ours) load(document []byte) error {
	o.m = memory.New()
	tx := o.m.Begin()
	rd := nquads.NewBytes(document)
	var q rdf.Quad
	for {
		err := rd.Next(&q)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			_, err = tx.Add(q)
		}
		if err != nil {
			tx.Rollback()
			return err
		}
	}
	if err := tx.Commit(1, nil); err != nil {
		return err
	}
	return o.m.Index(context.Background())
}

// identity is that of all queries and updates.
var identity = eval.Identity{ID: "peers", Time: time.Unix(1_700_000_000, 0)}

func (o *ours) query(text string, to *bytes.Buffer) error {
	tree, err := sparql.ParseQuery(text)
	if err != nil {
		return err
	}
	q, err := eval.Prepare(tree, options)
	if err != nil {
		return err
	}
	view := o.m.View()
	defer view.Close()
	ctx := context.Background()
	if form := q.Form(); form == sparql.Construct || form == sparql.Describe {
		w := nquads.NewWriter(to)
		return errors.Join(q.Triples(ctx, view, identity, func(t rdf.Triple) error {
			return w.Write(rdf.Quad{S: t.S, P: t.P, O: t.O})
		}), w.Flush())
	}
	w, err := results.NewWriter(to, results.JSON)
	if err != nil {
		return err
	}
	if q.Form() == sparql.Ask {
		holds, err := q.Ask(ctx, view, identity)
		return errors.Join(err, w.Boolean(holds), w.Close())
	}
	return errors.Join(w.Head(q.Vars()), q.Select(ctx, view, identity, w.Row), w.Close())
}

func (o *ours) update(text string) error {
	tree, err := sparql.ParseUpdate(text)
	if err != nil {
		return err
	}
	u, err := eval.PrepareUpdate(tree, options)
	if err != nil {
		return err
	}
	tx := o.m.Begin()
	if err := u.Run(context.Background(), tx, identity, &patch.Counter{}); err != nil {
		tx.Rollback()
		return fmt.Errorf("%s: %w", text, err)
	}
	return tx.Commit(o.m.Position()+1, nil)
}
