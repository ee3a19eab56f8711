package mapping

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
)

// format says what the messages of a mapping are.
type format string

// The formats.
const (
	jsonFormat     format = "json"
	csvFormat      format = "csv"
	debeziumFormat format = "debezium"
	jsonldFormat   format = "jsonld"
)

var formats = []format{jsonFormat, csvFormat, debeziumFormat, jsonldFormat}

func (f format) mediaTypes() []string {
	switch f {
	case csvFormat:
		return []string{"text/csv"}
	case jsonldFormat:
		return []string{"application/json", "application/ld+json"}
	}
	return []string{"application/json", "application/x-ndjson"}
}

// csvSettings say how CSV is read.
type csvSettings struct {
	comma rune
	// columns are the names of the columns where the first row doesn't have them.
	columns []string
	// null is the text of a field without a value.
	null string
}

var byteOrderMark = []byte("\xEF\xBB\xBF")

// read calls fn with each document of a message, and its rows.
func (m *Mapping) read(body []byte, fn func(document any, rows ...any) error) error {
	wrong := func(number int, err error) error { return &Error{Mapping: m.name, Document: number, Err: err} }
	body = bytes.TrimPrefix(body, byteOrderMark)
	if !utf8.Valid(body) {
		return wrong(1, errors.New("the message is no UTF-8"))
	}
	if m.format == csvFormat {
		return m.readCSV(body, wrong, fn)
	}
	if document, ok := plain(string(body)); ok {
		return m.readDocument(1, document, wrong, fn)
	}
	documents := json.NewDecoder(bytes.NewReader(body))
	documents.UseNumber()
	for number := 1; ; number++ {
		var document any
		switch err := documents.Decode(&document); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return wrong(number, fmt.Errorf("the message is no JSON: %w", err))
		}
		if err := m.readDocument(number, document, wrong, fn); err != nil {
			return err
		}
	}
}

// readDocument calls fn with a document of JSON and its rows.
func (m *Mapping) readDocument(number int, document any, wrong func(int, error) error,
	fn func(document any, rows ...any) error) error {
	rows := []any{document}
	if m.format == debeziumFormat {
		var err error
		if document, rows, err = changeEvent(document); err != nil {
			return wrong(number, err)
		}
	}
	return fn(document, rows...)
}

// readCSV makes a document of each row: an object whose members are the fields that have a value.
func (m *Mapping) readCSV(body []byte, wrong func(int, error) error, fn func(document any, rows ...any) error) error {
	records := csv.NewReader(bytes.NewReader(body))
	records.Comma, records.ReuseRecord = m.csv.comma, true
	columns := m.csv.columns
	if columns == nil {
		head, err := records.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			columns = append(columns, head...)
			err = distinct(columns)
		}
		if err != nil {
			return wrong(1, fmt.Errorf("the message is no CSV: %w", err))
		}
	}
	records.FieldsPerRecord = len(columns)
	for number := 1; ; number++ {
		record, err := records.Read()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return wrong(number, fmt.Errorf("the message is no CSV: %w", err))
		}
		row := make(map[string]any, len(columns))
		for i, text := range record {
			if text != m.csv.null {
				row[columns[i]] = text
			}
		}
		if err := fn(row, row); err != nil {
			return err
		}
	}
}

// distinct reports a name that comes twice.
func distinct(list []string) error {
	seen := map[string]bool{}
	for _, name := range list {
		if seen[name] {
			return fmt.Errorf("two columns are called %q", name)
		}
		seen[name] = true
	}
	return nil
}

// kindOf names what a value of JSON is that is no object.
func kindOf(value any) string {
	switch value.(type) {
	case []any:
		return "a list"
	case string:
		return "a text"
	case bool:
		return "true or false"
	}
	return "a number"
}

// changeEvent takes the envelope off a row of Debezium, and returns it with the row: that after the change, or, of one that was
// deleted, that before it. A tombstone has none.
func changeEvent(document any) (envelope any, rows []any, err error) {
	if document == nil {
		return nil, nil, nil
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, nil, fmt.Errorf("expected a change event of Debezium, an object, found %s", kindOf(document))
	}
	if payload, wrapped := object["payload"]; wrapped && object["op"] == nil {
		return changeEvent(payload)
	}
	op, _ := object["op"].(string)
	row := object["after"]
	switch op {
	case "c", "r", "u":
	case "d":
		row = object["before"]
	default:
		const expected = `expected a change event of Debezium with "op" c, r, u or d`
		if object["op"] == nil {
			return nil, nil, errors.New(`"op" is missing, or null: ` + expected)
		}
		return nil, nil, wrongValue(fmt.Sprint(object["op"]), expected)
	}
	if _, ok := row.(map[string]any); !ok {
		return nil, nil, fmt.Errorf(`a change event with "op" %q has no row; a delete needs its key in "before", such as by `+
			"REPLICA IDENTITY FULL", op)
	}
	return object, []any{row}, nil
}

// jsonld makes the quads of a document by its context. Those of the default graph go to the graphs of the rule.
func (w *worker) jsonld(r *rule) (err error) {
	if w.graphs, err = w.graphsOf(r, nil); err != nil {
		return err
	}
	text, err := json.Marshal(w.in.document)
	if err != nil {
		return err
	}
	return jsonld.Parse(text, func(q rdf.Quad) error {
		for _, t := range [...]rdf.Term{q.S, q.O, q.G} {
			if t.Kind() == rdf.KindBlank {
				return errors.New("a node has no @id: blank nodes can't be replaced or deleted; give each node one")
			}
		}
		if q.P == patch.Any || q.O == patch.Any {
			return fmt.Errorf("%s stands for every term, and can't be data", patch.Any)
		}
		q = q.Clone()
		graphs := w.graphs
		if !q.G.IsZero() {
			graphs = []rdf.Term{q.G}
		}
		for _, g := range graphs {
			q.G = g
			w.node(r, q)
		}
		return w.bounded()
	}, jsonld.Context(w.m.context), jsonld.MaxQuads(MaxQuads))
}

// node takes in a quad of JSON-LD, in whose mapping the message's own predicates are those that are replaced.
func (w *worker) node(r *rule, q rdf.Quad) {
	switch r.mode {
	case modeReplace, modeUpsert:
		w.wildcard(rdf.Quad{S: q.S, P: q.P, O: patch.Any, G: q.G})
	case modeReplaceSubject, modeDeleteSubject:
		w.wildcard(rdf.Quad{S: q.S, P: patch.Any, O: patch.Any, G: q.G})
	}
	w.quad(r, q)
}

// checkContext reports a context that can't be used.
func checkContext(text []byte) error {
	return jsonld.Parse([]byte("{}"), func(rdf.Quad) error { return nil }, jsonld.Context(text), jsonld.Strict())
}
