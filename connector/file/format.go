package file

import (
	"bytes"
	"fmt"
	"mime"
	"path/filepath"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// The media types that a mapping can take, besides those of RDF.
const (
	typeJSON      = "application/json"
	typeJSONLines = "application/x-ndjson"
	typeCSV       = "text/csv"
)

// format says what in a file is one message.
type format struct {
	// media is that of a message.
	media string
	// cut finds the first message in a text of whole lines, see [patch.Cut]; nil: the whole file is one.
	cut func(text []byte, last bool) (p patch.Piece, found, open bool)
	// blank: messages have blank nodes that are the file's.
	blank rdfio.Format
	// headed: the first message says what the others are, and goes before each.
	headed bool
}

// formatOf tells the format of a file.
func formatOf(cfg *SourceConfig, path string) (*format, error) {
	media := cfg.MediaType
	if media == "" {
		media = byName(cfg.Mapped, path)
	}
	f, err := formatFor(media, cfg)
	if err != nil {
		return nil, fmt.Errorf("what format is it? %w", err)
	}
	return f, nil
}

// byName is the media type of a file's name; empty, if that doesn't tell.
func byName(mapped bool, path string) string {
	name, _ := rdfio.CutCompression(strings.ToLower(filepath.Base(path)))
	switch ext := filepath.Ext(name); {
	case ext == ".jsonl" || ext == ".ndjson":
		return typeJSONLines
	case ext == ".csv":
		return typeCSV
	case ext == ".json" && mapped:
		return typeJSON
	}
	format, _ := rdfio.ByName(name)
	return format.MediaType()
}

// formatFor returns the format of a media type.
func formatFor(mediaType string, cfg *SourceConfig) (*format, error) {
	media, _, _ := mime.ParseMediaType(mediaType)
	if cfg.Mapped {
		switch media {
		case typeJSONLines:
			return &format{media: typeJSON, cut: cutLine}, nil
		case typeCSV:
			return &format{media: typeCSV, cut: cutCSV, headed: !cfg.NoHeader}, nil
		case typeJSON, rdfio.JSONLD.MediaType():
			return &format{media: media}, nil
		}
		return nil, fmt.Errorf("%q: a mapping takes %s (.jsonl, .ndjson), %s (.csv), %s (.json) and %s (.jsonld)", mediaType,
			typeJSONLines, typeCSV, typeJSON, rdfio.JSONLD.MediaType())
	}
	switch f, err := rdfio.Parse(mediaType); {
	case err != nil:
		return nil, fmt.Errorf("%q: expected the media type of RDF, of RDF Patch or of SPARQL Update, or a name that ends in .ru, %s", mediaType,
			rdfio.Suffixes)
	case f == rdfio.Patch:
		return &format{media: f.MediaType(), cut: patch.Cut}, nil
	case f == rdfio.NTriples || f == rdfio.NQuads:
		return &format{media: f.MediaType(), cut: cutStatement, blank: f}, nil
	default:
		return &format{media: f.MediaType()}, nil
	}
}

// cutLine finds the first line that is not empty.
func cutLine(text []byte, last bool) (p patch.Piece, found, open bool) {
	for p.Begin < len(text) {
		n := bytes.IndexByte(text[p.Begin:], '\n') + 1
		if n == 0 && !last {
			return p, false, false
		}
		if n == 0 {
			n = len(text) - p.Begin
		}
		if p.End = p.Begin + n; len(bytes.TrimSpace(text[p.Begin:p.End])) > 0 {
			return p, true, false
		}
		p.Begin = p.End
	}
	return p, false, false
}

// cutStatement finds the first line that is no comment either.
func cutStatement(text []byte, last bool) (p patch.Piece, found, open bool) {
	for at := 0; ; at = p.End {
		line, found, _ := cutLine(text[at:], last)
		p = patch.Piece{Begin: at + line.Begin, End: at + line.End}
		if !found || bytes.TrimSpace(text[p.Begin:p.End])[0] != '#' {
			return p, found, false
		}
	}
}

// cutCSV finds the first row: line ends within quotes do not end it. A quote begins a field, or is one in it (RFC 4180).
func cutCSV(text []byte, last bool) (p patch.Piece, found, open bool) {
	p, found, _ = cutLine(text, last)
	if !found {
		return p, false, false
	}
	quoted, begins := false, true // within quotes; a field begins here
	closed := -1                  // where the last quotes were closed: a quote behind is one in the field
	for i := p.Begin; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"' && quoted:
			quoted, closed = false, i
		case c == '"' && (begins || closed == i-1):
			quoted = true
		case c == '\n' && !quoted:
			p.End = i + 1
			return p, true, false
		}
		begins = !quoted && isDelimiter(text[i])
	}
	p.End = len(text)
	return p, last, false
}

// isDelimiter reports a character that fields are divided by.
func isDelimiter(c byte) bool { return c == ',' || c == ';' || c == '\t' || c == '|' }
