package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// writeFiles writes the same statements, observations of sensors, in each format: five for each subject, decimals with
// their datatype, dates, texts with a language, and links.
func writeFiles(dir string, statements int) error {
	return errors.Join(
		writeDocuments(dir),
		writeFile(filepath.Join(dir, "few.ttl"), func(w io.Writer) { prefixed(w, fewPrefixes, statements) }),
		writeFile(filepath.Join(dir, "many.ttl"), func(w io.Writer) { prefixed(w, manyPrefixes, statements) }),
		writeFile(filepath.Join(dir, "long.nt"), func(w io.Writer) { long(w, `<x:s> <x:p> "`, "\" .\n") }),
		writeFile(filepath.Join(dir, "long.jsonld"), func(w io.Writer) { long(w, `{"@id":"x:s","x:p":"`, "\"}\n") }),
		writeFile(filepath.Join(dir, "data.nt"), func(w io.Writer) { triples(w, "", statements) }),
		writeFile(filepath.Join(dir, "data.ttl"), func(w io.Writer) { turtle(w, statements) }),
		writeFile(filepath.Join(dir, "data.rdfp"), func(w io.Writer) {
			fmt.Fprintln(w, "TX .")
			triples(w, "A ", statements)
			fmt.Fprintln(w, "TC .")
		}),
	)
}

func writeFile(name string, write func(io.Writer)) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f) // which keeps an error until Flush
	write(w)
	return errors.Join(w.Flush(), f.Close())
}

const (
	base = "http://example.org/"
	xsd  = "http://www.w3.org/2001/XMLSchema#"
)

// triples writes statements in full, each after a code.
func triples(w io.Writer, code string, statements int) {
	for i := range statements {
		n := i / 5
		fmt.Fprintf(w, "%s<%sobservation/%d> <%sns#%s> ", code, base, n, base, properties[i%5])
		switch i % 5 {
		case 0:
			fmt.Fprintf(w, "<%ssensor/%d>", base, n%1000)
		case 1:
			fmt.Fprintf(w, "\"%d.%d\"^^<%sdecimal>", n%97, n%10, xsd)
		case 2:
			fmt.Fprintf(w, "\"2026-01-%02dT%02d:%02d:00Z\"^^<%sdateTime>", n%28+1, n%24, n%60, xsd)
		case 3:
			fmt.Fprintf(w, "\"observation number %d, café\"@en", n)
		case 4:
			fmt.Fprintf(w, "\"%d\"", n)
		}
		fmt.Fprint(w, " .\n")
	}
}

var properties = [5]string{"sensor", "value", "time", "label", "code"}

// turtle writes the same statements with prefixes and lists of properties.
func turtle(w io.Writer, statements int) {
	fmt.Fprintf(w, "@prefix : <%sns#> .\n@prefix o: <%sobservation/> .\n@prefix s: <%ssensor/> .\n@prefix xsd: <%s> .\n\n",
		base, base, base, xsd)
	for i := range statements {
		n := i / 5
		switch i % 5 {
		case 0:
			fmt.Fprintf(w, "o:%d :sensor s:%d", n, n%1000)
		case 1:
			fmt.Fprintf(w, "    :value %d.%d", n%97, n%10)
		case 2:
			fmt.Fprintf(w, "    :time \"2026-01-%02dT%02d:%02d:00Z\"^^xsd:dateTime", n%28+1, n%24, n%60)
		case 3:
			fmt.Fprintf(w, "    :label \"observation number %d, café\"@en", n)
		case 4:
			fmt.Fprintf(w, "    :code \"%d\"", n)
		}
		if i%5 == 4 || i == statements-1 {
			fmt.Fprint(w, " .\n")
		} else {
			fmt.Fprint(w, " ;\n")
		}
	}
}

const (
	fewPrefixes, manyPrefixes = 29, 2900
	// literalSize is the number of bytes of a long literal.
	literalSize = 200_000_000
	// documents is how many JSON-LD documents have one remote context, contextTerms how many terms that has.
	documents, contextTerms = 200, 2900
	contextIRI              = "https://context.example/"
)

// prefixed writes Turtle whose names are spread over so many prefixes.
func prefixed(w io.Writer, prefixes, statements int) {
	for i := range prefixes {
		fmt.Fprintf(w, "@prefix p%d: <%svocabulary/%d/> .\n", i, base, i)
	}
	for i := range statements {
		fmt.Fprintf(w, "p%d:s%d p%d:p p%d:o .\n", i%prefixes, i, i*7%prefixes, i*13%prefixes)
	}
}

// long writes a literal of many lines.
func long(w io.Writer, begin, end string) {
	const line = `0123456789 abcdefghij, café\n`
	fmt.Fprint(w, begin)
	for n := 0; n < literalSize; n += len(line) {
		fmt.Fprint(w, line)
	}
	fmt.Fprint(w, end)
}

// writeDocuments writes JSON-LD documents with ten nodes each, and their context in a folder of contexts.
func writeDocuments(dir string) error {
	contexts := filepath.Join(dir, "contexts")
	errs := []error{os.Mkdir(contexts, 0o700),
		writeFile(filepath.Join(contexts, "contexts.json"), func(w io.Writer) { fmt.Fprintf(w, `{%q: "context.jsonld"}`, contextIRI) }),
		writeFile(filepath.Join(contexts, "context.jsonld"), writeContext)}
	for i, name := range documentNames(dir) {
		errs = append(errs, writeFile(name, func(w io.Writer) { document(w, i) }))
	}
	return errors.Join(errs...)
}

func documentNames(dir string) []string {
	var names []string
	for i := range documents {
		names = append(names, filepath.Join(dir, fmt.Sprintf("document%03d.jsonld", i)))
	}
	return names
}

func writeContext(w io.Writer) {
	fmt.Fprintf(w, `{"@context": {"@version": 1.1, "v": "%svocabulary/"`, base)
	for i := range contextTerms {
		more := ""
		if i%3 == 0 {
			more = `, "@type": "@id"`
		}
		fmt.Fprintf(w, `, "term%d": {"@id": "v:term%d"%s}`, i, i, more)
	}
	fmt.Fprintln(w, "}}")
}

func document(w io.Writer, n int) {
	fmt.Fprintf(w, `{"@context": %q, "@graph": [`, contextIRI)
	for i := range 10 {
		if i > 0 {
			fmt.Fprint(w, ", ")
		}
		fmt.Fprintf(w, `{"@id": "%s%d/%d", "term%d": "%so", "term%d": "café"}`, base, n, i, 3*(n+i), base, 3*(n+i)+1)
	}
	fmt.Fprintln(w, "]}")
}
