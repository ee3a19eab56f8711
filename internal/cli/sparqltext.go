package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/expr"
)

// sparqlText is the text of a query or an update.
type sparqlText struct {
	file string // for errors
	text string
	base string // what relative IRIs are resolved with, "" for none

	unknown []*sparql.Function // the calls of functions that there are not
}

// withBase is the text with its base, on the first line: so the lines of mistakes stay.
func (t *sparqlText) withBase() string {
	if t.base == "" {
		return t.text
	}
	return "BASE <" + t.base + "> " + t.text
}

// readSPARQL reads a text from a file, or standard input, which is decompressed if need be. What is longer than most bytes is cut
// behind them, so that its reader refuses it.
func readSPARQL(ctx context.Context, std *streams, name, base string, most int64) (*sparqlText, error) {
	text, err := readWhole(ctx, std, name, most)
	if err != nil {
		return nil, err
	}
	if base == "" && name != "-" {
		base = fileIRI(name)
	}
	return &sparqlText{file: displayName(name), text: string(text), base: base}, nil
}

// parseSPARQL reads a tree of the text. Where it has prefixes that it doesn't declare, the error offers those of the files.
func parseSPARQL[T any](t *sparqlText, files []*inputFile, parse func(string, ...sparql.Option) (T, error)) (T, error) {
	options := []sparql.Option{sparql.File(t.file), sparql.Base(t.base), sparql.Functions(t.note)}
	tree, err := parse(t.text, options...)
	if err != nil {
		var known []sparql.Prefix
		for _, p := range declared(files) {
			known = append(known, sparql.Prefix{Name: p.Name, IRI: p.IRI})
		}
		tree, err = parse(t.text, append(options, sparql.Suggest(known...))...)
	}
	if errors.Is(err, rdf.ErrNoBase) {
		err = hinted(err)
	}
	return tree, err
}

// updateHinted puts behind the error of a query that is an update what takes one.
func updateHinted(err error, t *sparqlText) error {
	if _, isUpdate := sparql.ParseUpdate(t.text, sparql.Base(t.base)); isUpdate == nil {
		return fmt.Errorf("%w; quadrille publish FILE.ru sends it to a node, quadrille delta makes the patch of what it changes", err)
	}
	return err
}

// note notes a call of a function that there is not.
func (t *sparqlText) note(f *sparql.Function) {
	same := func(other *sparql.Function) bool { return other.IRI == f.IRI }
	if !expr.Known(f.IRI) && !slices.ContainsFunc(t.unknown, same) {
		t.unknown = append(t.unknown, f)
	}
}

// tellUnknown tells of each function that there is not, once: that is no error in SPARQL, and gives no value, without a word.
func (t *sparqlText) tellUnknown(w io.Writer) {
	for _, f := range t.unknown {
		hint := ""
		if near := expr.Nearest(f.IRI); near != "" {
			hint = fmt.Sprintf(" (perhaps %s)", near)
		}
		fmt.Fprintf(w, "%s: line %d, column %d: no function %s%s; its value is not bound\n", t.file, f.Pos.Line, f.Pos.Column, f.IRI, hint)
	}
}

// givenFile puts behind the error of a query that is the name of a file how its text is read from there.
func givenFile(err error, query string) error {
	if info, statErr := os.Stat(query); statErr == nil && info.Mode().IsRegular() {
		return fmt.Errorf("%w; -f %s reads the query from that file", err, query)
	}
	return err
}

// textPrefixes are the prefixes of the data and of a text, whose own take the place of those with the same name.
func textPrefixes(data map[string]string, prologue *sparql.Prologue) []turtle.Prefix {
	own := map[string]string{}
	for _, p := range prologue.Prefixes {
		own[p.Name] = p.IRI
	}
	return mergePrefixes(mergePrefixes(nil, data), own)
}
