package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

// rowsOf returns the rows of a result, in JSON or as N-Triples, sorted, with the variables in one order.
func rowsOf(result []byte) (rows []string, err error) {
	if !bytes.HasPrefix(result, []byte("{")) {
		err = nquads.Parse(result, func(q rdf.Quad) error {
			rows = append(rows, fmt.Sprint(q))
			return nil
		})
		slices.Sort(rows)
		return rows, err
	}
	rd, err := results.NewReader(bytes.NewReader(result), results.JSON)
	if err != nil {
		return nil, err
	}
	if holds, ask := rd.Boolean(); ask {
		return []string{strconv.FormatBool(holds)}, nil
	}
	vars := rd.Vars()
	for {
		row, err := rd.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		var cells []string
		for i, t := range row {
			if !t.IsZero() {
				cells = append(cells, string(vars[i])+"="+comparable(t))
			}
		}
		slices.Sort(cells)
		rows = append(rows, strings.Join(cells, " "))
	}
	slices.Sort(rows)
	return rows, nil
}

// comparable is a term in a form that is the same for equal numbers: decimals are written in more than one way.
func comparable(t rdf.Term) string {
	if strings.HasSuffix(t.Datatype(), "#decimal") {
		if f, err := strconv.ParseFloat(t.Value(), 64); err == nil {
			return strconv.FormatFloat(f, 'g', 14, 64)
		}
	}
	return t.String()
}

// same is an error if two results are not of the same rows.
func same(mine, others []byte) (rows int, err error) {
	a, err := rowsOf(mine)
	if err != nil {
		return 0, fmt.Errorf("our result: %w", err)
	}
	b, err := rowsOf(others)
	if err != nil {
		return 0, fmt.Errorf("the peer's result: %w", err)
	}
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return 0, fmt.Errorf("row %d of %d is %s here and, of %d, %s there", i, len(a), a[i], len(b), b[i])
		}
	}
	if len(a) != len(b) {
		return 0, fmt.Errorf("%d rows here and %d there", len(a), len(b))
	}
	return len(a), nil
}
