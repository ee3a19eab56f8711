package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// beginning remembers how an input begins. The reader may be in another goroutine than who asks.
type beginning struct {
	from io.Reader

	mu   sync.Mutex
	text []byte // as it comes, compressed or not
}

// maxBeginning is how much is remembered, in bytes.
const maxBeginning = 4 << 10

// Read implements [io.Reader].
func (b *beginning) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p[:min(n, maxBeginning-len(b.text))]...)
	return n, err
}

// decompressed returns the beginning as its reader has seen it.
func (b *beginning) decompressed() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, err := rdfio.Decompress("", bytes.NewReader(b.text))
	if err != nil {
		return nil
	}
	defer r.Close()
	text, _ := io.ReadAll(io.LimitReader(r, maxBeginning)) // it ends in the middle
	return text
}

// advised says behind the error of an input that was taken for a patch what it looks like instead, and what to do about it. onlyPatches is
// for who takes nothing else.
func (b *beginning) advised(err error, onlyPatches bool) error {
	if _, syntax := errors.AsType[*rdf.SyntaxError](err); !syntax {
		return err
	}
	looks, ok := looksLike(b.decompressed())
	switch isPatch := looks.types == patch.BinaryMediaType; {
	case !ok:
		return err
	case onlyPatches && !isPatch && looks.types == patch.UpdateMediaType:
		return fmt.Errorf("%w; it looks like %s: quadrille delta makes a patch of it", err, looks.what)
	case onlyPatches && !isPatch:
		return fmt.Errorf("%w; it looks like %s: quadrille convert --as patch --type %s makes a patch of additions of it", err, looks.what, looks.types)
	}
	return fmt.Errorf("%w; it looks like %s: add --type %s", err, looks.what, looks.types)
}

// looks is what a beginning is told by: the formats that begin so, and their media types.
type looks struct {
	what, types string
	begins      *regexp.Regexp
}

// looksOf are tried in this order, behind white space, comments and a byte order mark. A patch in text is none of them.
var looksOf = []looks{
	{"a patch in binary form", patch.BinaryMediaType, regexp.MustCompile(`^.?[\x00-\x08\x0E-\x1F]`)},
	{"RDF/XML", "application/rdf+xml", regexp.MustCompile(`^<(\?xml|!DOCTYPE|!--|[\pL_][^\s<>]*\s+[\pL_][^\s<>=]*\s*=)`)},
	{"JSON-LD", "application/ld+json", regexp.MustCompile(`^(\{\s*["}]|\[\s*(\{|\]\s*$))`)},
	{"SPARQL Update", patch.UpdateMediaType, regexp.MustCompile(`(?i)^((PREFIX|BASE)\s[^>]*>\s*)*(INSERT|DELETE|WITH|LOAD|CLEAR|DROP|CREATE|ADD|MOVE|COPY)\s`)},
	{"Turtle", "text/turtle (application/trig for TriG)", regexp.MustCompile(`(?i)^(@(prefix|base|version)|(PREFIX|BASE|VERSION)\s|[\[(])`)},
	{"N-Quads or N-Triples", "application/n-quads (text/turtle for Turtle, application/trig for TriG)", regexp.MustCompile(`^(<|_:)`)},
}

var comments = regexp.MustCompile(`^(\x{FEFF}|\s|#[^\n]*\n)*`)

// looksLike says of which format the beginning of a document is, if it isn't that of a patch in text form.
func looksLike(text []byte) (looks, bool) {
	rest := strings.ToValidUTF8(string(text), "\x00")
	rest = rest[len(comments.FindString(rest)):]
	for _, l := range looksOf {
		if l.begins.MatchString(rest) {
			return l, true
		}
	}
	return looks{}, false
}
