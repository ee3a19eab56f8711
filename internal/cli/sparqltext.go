package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/sparql"
)

// sparqlText is the text of a query or an update.
type sparqlText struct {
	file string // for errors
	text string
	base string // what relative IRIs are resolved with, "" for none
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
	return &sparqlText{displayName(name), string(text), base}, nil
}

// parseSPARQL reads a tree of the text. Where it has prefixes that it doesn't declare, the error offers those of the files.
func parseSPARQL[T any](t *sparqlText, files []*inputFile, parse func(string, ...sparql.Option) (T, error)) (T, error) {
	options := []sparql.Option{sparql.File(t.file), sparql.Base(t.base)}
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
