package dataset_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/operator"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// faulty is a store whose transactions panic when they are asked for some terms: outside of it, or in it.
type faulty struct{ store.Store }

type faultyTx struct {
	store.Tx
	ended store.Tx
}

// The terms: at one the evaluation panics, at the other the store.
var outside, inside = rdf.Trusted("<urn:outside>"), rdf.Trusted("<urn:inside>")

func (f faulty) Begin() store.Tx {
	ended := f.Store.Begin()
	ended.Rollback()
	return faultyTx{f.Store.Begin(), ended}
}

func (f faultyTx) Lookup(t rdf.Term) (store.ID, bool, error) {
	switch t {
	case outside:
		panic("outside")
	case inside:
		return f.ended.Lookup(t)
	}
	return f.Tx.Lookup(t)
}

// TestFaultOfEvaluation: an event that meets a fault of the program is bad, and what is evaluated with it stays; if the fault is the
// store's, nobody knows what that holds, and the state has failed. The log has where, once.
func TestFaultOfEvaluation(t *testing.T) {
	var log bytes.Buffer
	l := dataset.On(func(s store.Store) store.Store { return faulty{s} })
	l.Logger = slog.New(slog.NewTextHandler(&log, nil))
	var body []byte
	add := func(number uint64, text string) error {
		var err error
		body, _, _, err = l.Evaluate(updating(number, text), operator.Evaluation{}, body)
		return err
	}
	if err := add(1, "INSERT DATA { <urn:s> <urn:p> 1 }"); err != nil {
		t.Fatal(err)
	}
	before := string(body)
	fault := func(what string, err error) {
		t.Helper()
		if said := log.String(); strings.Count(said, "level=ERROR") != 1 || !strings.Contains(said, what) || !strings.Contains(said, "Lookup") || string(body) != before {
			t.Errorf("%s: the log has %q, body %q", what, said, body)
		}
		if err == nil || errors.Is(err, operator.ErrState) != (what == "ended") {
			t.Errorf("%s: %v", what, err)
		}
		log.Reset()
	}
	fault("outside", add(2, "INSERT DATA { <urn:s> <urn:p> 2 } ; INSERT { ?s <urn:p> 3 } WHERE { ?s <urn:outside> ?o }"))
	replace := &event.Event{MediaType: dataset.ReplaceMediaType, Payload: []byte("TX .\nD <urn:outside> <urn:quadrille:any> <urn:quadrille:any> <urn:quadrille:any> .\nTC .\n")}
	_, _, _, err := l.Evaluate(replace, operator.Evaluation{}, body)
	fault("outside", err)
	if err := add(3, "INSERT DATA { <urn:s> <urn:p> 4 }"); err != nil {
		t.Fatal(err)
	}
	before = string(body)
	fault("ended", add(4, "DELETE { ?s <urn:p> 1 } WHERE { ?s <urn:inside> ?o }"))
	if err := l.Commit(1); err != nil || content(l) != "<urn:s> <urn:p> \"1\"^^<http://www.w3.org/2001/XMLSchema#integer> .\n<urn:s> <urn:p> \"4\"^^<http://www.w3.org/2001/XMLSchema#integer> ." {
		t.Errorf("%v, %s", err, content(l))
	}
}
