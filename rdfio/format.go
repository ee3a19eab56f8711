// Package rdfio reads and writes RDF data and changes of it in whatever format: it knows the formats by their names, by
// media type and by the suffix of a file's name. All but JSON-LD are streams, through compression where a name or the first
// bytes say so.
package rdfio

import (
	"fmt"
	"mime"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
)

// Format is a format of files, by its name. The zero Format is none.
type Format string

// The formats. NTriples, Turtle and RDFXML hold triples, NQuads, TriG and JSONLD quads; Patch and PatchBinary are RDF Patch.
const (
	NTriples    Format = "ntriples"
	NQuads      Format = "nquads"
	Turtle      Format = "turtle"
	TriG        Format = "trig"
	RDFXML      Format = "rdfxml"
	JSONLD      Format = "jsonld"
	Patch       Format = "patch"
	PatchBinary Format = "patch-binary"
	// Update is SPARQL 1.1 Update, which is only written.
	Update Format = "update"
)

// known is what a format is known by. Its suffix, without the dot, is a name of it, too.
type known struct {
	format            Format
	suffix, mediaType string
	types             []string // other media types, older or wider, that stand for it wherever RDF or a patch is expected
	others            []string // names and media types that stand for it in tools, in lower case; those that begin with a dot are suffixes
}

func (k *known) named(text string) bool {
	return text == string(k.format) || text == k.suffix || k.typed(text) || slices.Contains(k.others, text)
}

func (k *known) typed(media string) bool {
	return media == k.mediaType || slices.Contains(k.types, media)
}

var formats = []known{
	{NTriples, ".nt", "application/n-triples", nil, []string{"n-triples", ".ntriples"}},
	{NQuads, ".nq", "application/n-quads", []string{"text/x-nquads"}, []string{"n-quads", ".nquads"}},
	{Turtle, ".ttl", "text/turtle", []string{"application/x-turtle"}, []string{".turtle"}},
	{TriG, ".trig", "application/trig", []string{"application/x-trig"}, nil},
	{RDFXML, ".rdf", "application/rdf+xml", []string{"application/xml", "text/xml"},
		[]string{"rdf-xml", "rdf/xml", "xml", ".owl", ".rdfs", ".xml"}},
	{JSONLD, ".jsonld", "application/ld+json", nil, []string{"json-ld", ".json", "application/json"}},
	{Patch, ".rdfp", patch.MediaType, nil, []string{"rdf-patch"}},
	{PatchBinary, ".trp", patch.BinaryMediaType, nil, []string{"rdf-patch-binary"}},
	{Update, ".ru", patch.UpdateMediaType, nil, []string{"sparql-update"}},
}

// Names for help texts and errors. TestNames holds them to the table.
const (
	// DataNames are the names of the formats of RDF data.
	DataNames = "ntriples, nquads, turtle, trig, rdfxml or jsonld"
	// PatchNames are the names of the formats of patches that can be read.
	PatchNames = "patch or patch-binary"
	// ChangeNames are the names of the formats of changes that can be written.
	ChangeNames = "patch, patch-binary or update"
	// ReadNames are the names of all formats that can be read.
	ReadNames = "ntriples, nquads, turtle, trig, rdfxml, jsonld, patch or patch-binary"
	// Suffixes are those of the names of files that can be read, DataSuffixes and PatchSuffixes those of RDF data and of patches.
	Suffixes      = ".nt, .nq, .ttl, .trig, .rdf, .owl, .jsonld, .json, .rdfp or .trp" + orCompressed
	DataSuffixes  = ".nt, .nq, .ttl, .trig, .rdf, .owl, .jsonld or .json" + orCompressed
	PatchSuffixes = ".rdfp or .trp" + orCompressed

	orCompressed = ", with .gz, .zst or .bz2 after it if compressed"
)

// IsData reports whether files of the format are RDF data.
func (f Format) IsData() bool { return f != "" && !f.IsChanges() }

// IsTriples reports whether files of the format are RDF data that has no place for the name of a graph.
func (f Format) IsTriples() bool { return f == NTriples || f == Turtle || f == RDFXML }

// IsPatch reports whether files of the format are RDF Patches.
func (f Format) IsPatch() bool { return f == Patch || f == PatchBinary }

// IsChanges reports whether files of the format are changes of data: an RDF Patch or SPARQL Update.
func (f Format) IsChanges() bool { return f.IsPatch() || f == Update }

// Comment is a comment in a format, on a line of its own, which may stand at the end of a document; empty for one that has none.
func Comment(f Format, text string) string {
	text = strings.ReplaceAll(text, "\n", "; ")
	switch f {
	case NTriples, NQuads, Turtle, TriG, Patch, Update:
		return "# " + text + "\n"
	case RDFXML:
		apart := strings.ReplaceAll(strings.ReplaceAll(text, "--", "- -"), "--", "- -") // which a comment of XML can't have
		return "<!-- " + apart + " -->\n"
	case JSONLD, PatchBinary:
	}
	return ""
}

// MediaType is the format's media type, without parameters; empty for a format that there isn't.
func (f Format) MediaType() string {
	for _, k := range formats {
		if k.format == f {
			return k.mediaType
		}
	}
	return ""
}

// Suffix is what the names of files of the format end in, as .nq; empty for a format that there isn't.
func (f Format) Suffix() string {
	for _, k := range formats {
		if k.format == f {
			return k.suffix
		}
	}
	return ""
}

// Parse returns the format of a name, of a suffix with or without its dot, or of a media type, whose parameters are not
// looked at, in upper or lower case.
func Parse(text string) (Format, error) {
	name := strings.ToLower(text)
	if media, _, err := mime.ParseMediaType(text); err == nil {
		name = media
	}
	dotted := "." + strings.TrimPrefix(name, ".")
	for _, k := range formats {
		if k.named(name) || k.named(dotted) {
			return k.format, nil
		}
	}
	return "", fmt.Errorf("unknown format %q: expected %s, %s, or a media type such as application/n-quads", text,
		strings.ReplaceAll(DataNames, " or", ","), ChangeNames)
}

// ByMediaType returns the format that a media type stands for where RDF or changes are expected: its own, or an older or wider one, such as
// application/xml for RDF/XML. Parameters are not looked at. application/json is none: it is JSON, whose meaning a mapping has.
func ByMediaType(text string) (f Format, ok bool) {
	media, _, err := mime.ParseMediaType(text)
	if err != nil {
		return "", false
	}
	for _, k := range formats {
		if k.typed(media) {
			return k.format, true
		}
	}
	return "", false
}

// ByName returns the format that the suffix of a file's name stands for, before that of a compression, in upper or lower
// case.
func ByName(name string) (f Format, ok bool) {
	name, _ = cutCompression(strings.ToLower(name))
	suffix := filepath.Ext(name)
	for _, k := range formats {
		if k.named(suffix) {
			return k.format, true
		}
	}
	return "", false
}
