package daemon_test

import (
	"fmt"
	"testing"
)

// TestFileMistakes: what can't be of the settings for files is told without touching any.
func TestFileMistakes(t *testing.T) {
	source := "sources:\n  - {name: a, type: file, paths: /nowhere, "
	mapped := "mappings: {m: {s: 'urn:$(a)', po: [['urn:p', '$(b)']]}}\n" + source + "mapping: m, "
	sink := "sinks:\n  - {name: a, type: file, dir: /nowhere, "
	areMistakes(t, map[string]string{
		source + "settle: 0s}":                      "",
		source + "settle: 1 day}":                   "expected a time",
		source + "order: size}":                     `"size" is none of name, time`,
		source + "on-gap: ignore}":                  `"ignore" is none of stop, skip`,
		source + "poll: 0s}":                        "poll: expected more than 0",
		source + "max-message: 1GiB}":               "max-message: 1 to",
		source + "max-open: -1}":                    "1 or more",
		source + "format: text/csv}":                "expected the media type of RDF",
		source + "format: application/n-quads}":     "",
		mapped + "format: text/csv}":                "",
		mapped + "format: application/n-quads}":     "a mapping takes",
		source + "paths: a}":                        `key "sources[file].paths" comes twice`,
		sink + "compress: zstd}":                    "need a size or a time for rotation",
		sink + "keep: 3}":                           "need a size or a time for rotation",
		sink + "compress: xz, rotate-size: 1}":      `"xz" is none of none, zstd, gzip`,
		sink + "rotate-size: 1MiB, keep: 3}":        "",
		sink + "rotate-every: 24h, compress: gzip}": "",
		source + "settle: 1s}\nsinks:\n  - {name: o, type: file, dir: /nowhere}":                                                            `source "a" reads what sink "o" writes to /nowhere`,
		"sources:\n  - {name: a, type: file, paths: '/no/sh*.rdfp'}\nsinks:\n  - {name: o, type: file, dir: /no/}":                          `source "a" reads what sink "o" writes to /no`,
		"sources:\n  - {name: a, type: file, paths: '/no/*.csv', format: application/n-quads}\nsinks:\n  - {name: o, type: file, dir: /no}": "",
		sink + "format: turtle}":                                 `"turtle" is none of patch, nquads`,
		sink + "format: nquads, rotate-every: -1s}":              "less than 0",
		"sources:\n  - {name: a, type: file, paths: [/var/*/x]}": "a pattern is for the names of files in one folder",
	})
}

// TestReadsOwn: a source that reads what a sink writes is told of, whichever of its files it reads.
func TestReadsOwn(t *testing.T) {
	rows := map[string]string{}
	for pattern, loops := range map[string]bool{
		"*.rdfp": true, "*.nq": true, "*-0*.rdfp": true, "*-0*.nq": true,
		"*.rdfp.gz": true, "*.rdfp.zst": true, "*.nq.gz": true, "*.nq.zst": true,
		"*.nt": false, "*.nq.bz2": false, "plant-*.nq.gz": false,
	} {
		mistake := ""
		if loops {
			mistake = `source "a" reads what sink "o" writes to /no`
		}
		rows[fmt.Sprintf("sources:\n  - {name: a, type: file, paths: ['/no/%s']}\nsinks:\n  - {name: o, type: file, dir: /no}", pattern)] = mistake
	}
	areMistakes(t, rows)
}
