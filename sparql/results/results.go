// Package results reads and writes the results of SELECT and ASK: SPARQL 1.1 and 1.2 Query Results JSON, XML, CSV and TSV. Both are
// streams of solutions, in bounded memory.
//
// CSV has no types: what is read of it is strings. TSV has no form for ASK, nor has CSV.
//
// Sources: SPARQL 1.1 and 1.2 Query Results JSON Format, XML Format, CSV and TSV Formats.
package results

import (
	"errors"
	"strings"
)

// Format is a format of results.
type Format string

// The formats.
const (
	JSON Format = "json"
	XML  Format = "xml"
	CSV  Format = "csv"
	TSV  Format = "tsv"
)

// ErrBoolean is in the error of a boolean, the result of ASK, in a format that has none.
var ErrBoolean = errors.New("the format has no form for a boolean result")

// MediaType returns the media type, without parameters.
func (f Format) MediaType() string {
	switch f {
	case JSON:
		return "application/sparql-results+json"
	case XML:
		return "application/sparql-results+xml"
	case CSV:
		return "text/csv"
	case TSV:
		return "text/tab-separated-values"
	}
	return ""
}

// ByMediaType returns the format of a media type without parameters, in any case; ok is false if it is none of a format's.
func ByMediaType(mediaType string) (f Format, ok bool) {
	switch strings.ToLower(mediaType) {
	case "application/sparql-results+json", "application/json":
		return JSON, true
	case "application/sparql-results+xml", "application/xml", "text/xml":
		return XML, true
	case "text/csv":
		return CSV, true
	case "text/tab-separated-values":
		return TSV, true
	}
	return "", false
}

// BySuffix returns the format of a file's name: .srj, .srx, .csv and .tsv.
func BySuffix(name string) (f Format, ok bool) {
	switch {
	case strings.HasSuffix(name, ".srj"):
		return JSON, true
	case strings.HasSuffix(name, ".srx"):
		return XML, true
	case strings.HasSuffix(name, ".csv"):
		return CSV, true
	case strings.HasSuffix(name, ".tsv"):
		return TSV, true
	}
	return "", false
}
