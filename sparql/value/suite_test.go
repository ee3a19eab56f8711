package value_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/suite"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/results"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// TestCastSuite computes the casts of the W3C's suite from the results alone: they have the operand, ?v, and what becomes of it.
func TestCastSuite(t *testing.T) {
	folder := filepath.Join(suite.Root(t), "w3c", "rdf-tests", "sparql", "sparql11", "cast")
	for file, datatype := range map[string]string{
		"cast-bool": "boolean", "cast-decimal": "decimal", "cast-double": "double", "cast-float": "float", "cast-int": "integer", "cast-string": "string",
	} {
		rows := readRows(t, filepath.Join(folder, file+".srx"))
		if len(rows) < 30 {
			t.Errorf("%s has %d rows", file, len(rows))
		}
		for _, row := range rows {
			got, err := value.Cast(value.Of(row[1]), xsd+datatype)
			want := value.Of(row[2])
			equal, _ := value.Equal(got, want)
			same := want.IsNone() == (err != nil) && (want.IsNone() || equal || value.SameTerm(got, want))
			if !same || err == nil && got.Datatype() != want.Datatype() || err == nil && datatype == "string" && !value.SameTerm(got, want) {
				t.Errorf("%s of %s: %s, %v; want %s", datatype, row[1], got.Term(), err, row[2])
			}
		}
	}
}

func readRows(t *testing.T, path string) (rows [][]rdf.Term) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := results.NewReader(file, results.XML)
	for err == nil {
		var row []rdf.Term
		if row, err = r.Next(); err == nil {
			rows = append(rows, row)
		}
	}
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return rows
}
