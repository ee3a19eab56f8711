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
