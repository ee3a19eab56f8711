package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// typeFlag says what the inputs of a command are, which may be of all formats.
type typeFlag struct {
	Type string `env:"-" placeholder:"FORMAT" choices:"ntriples,nquads,turtle,trig,rdfxml,jsonld,patch,patch-binary" help:"Format of what is read, where the name of a file does not tell; given, it holds for all files."`
}

// dataTypeFlag is typeFlag for RDF data.
type dataTypeFlag struct {
	Type string `env:"-" placeholder:"FORMAT" choices:"ntriples,nquads,turtle,trig,rdfxml,jsonld" help:"Format of the data, where the name of a file does not tell; given, it holds for all files."`
}

// patchTypeFlag is typeFlag for patches.
type patchTypeFlag struct {
	Type string `env:"-" placeholder:"FORMAT" choices:"patch,patch-binary" help:"Format of the patches, where the name of a file does not tell; given, it holds for all files."`
}

// formats are those that something takes, for errors.
type formats struct{ names, suffixes string }

var (
	allFormats   = formats{rdfio.ReadNames, rdfio.Suffixes}
	dataFormats  = formats{rdfio.DataNames, rdfio.DataSuffixes}
	patchFormats = formats{rdfio.PatchNames, rdfio.PatchSuffixes}
	// publishFormats are those of what can be sent.
	publishFormats = formats{"ntriples, nquads, turtle, trig, rdfxml, jsonld, patch, patch-binary or update", ".ru, " + rdfio.Suffixes}
)

// formatNamed is the format that a flag names; names are those that it takes.
func formatNamed(flag, text, names string) (rdfio.Format, error) {
	format, err := rdfio.Parse(text)
	if err != nil {
		return "", usagef("%s: unknown format %q: expected %s", flag, text, names)
	}
	return format, nil
}

// inputFormat returns the format of an input that has the rows or statements in it: the explicit one, which flag has given, or that of the
// file's name.
func inputFormat(name, explicit, flag string, takes formats) (rdfio.Format, error) {
	format, err := anyFormat(name, explicit, flag, takes)
	if err == nil && format == rdfio.Update {
		if explicit != "" {
			name = flag
		}
		return "", usagef("%s: SPARQL Update is only written; quadrille delta makes a patch of one", name)
	}
	return format, err
}

// anyFormat is inputFormat for who reads SPARQL Update, too.
func anyFormat(name, explicit, flag string, takes formats) (rdfio.Format, error) {
	if explicit != "" {
		format, err := formatNamed(flag, explicit, takes.names)
		if err != nil {
			return "", err
		}
		return format, nil
	}
	format, ok := rdfio.ByName(name)
	switch {
	case ok:
		return format, nil
	case name == "-":
		return "", usagef("what format is standard input? Say it with %s: %s, or by its media type", flag, takes.names)
	}
	return "", usagef("%s: what format is this? Expected %s; or say it with %s: %s, or by its media type", name,
		takes.suffixes, flag, takes.names)
}

// openFile opens a file, or standard input, for which closeFile does nothing. size is that of the file, 0 if it is not
// known.
func openFile(name string, stdin io.Reader) (file io.Reader, size int64, closeFile func(), err error) {
	if name == "-" {
		return stdin, 0, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: is a folder", name)
	}
	if err != nil {
		return nil, 0, nil, errors.Join(err, f.Close())
	}
	return f, info.Size(), func() { _ = f.Close() }, nil
}

// readWhole reads a file, or standard input, whole, decompressed if need be: up to most bytes, and one more where there are more.
func readWhole(ctx context.Context, std *streams, name string, most int64) ([]byte, error) {
	file, _, closeFile, err := openFile(name, std.in)
	if err != nil {
		return nil, err
	}
	defer closeFile()
	if name == "-" {
		file = interruptible{ctx, file}
	}
	r, err := rdfio.Decompress(name, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", displayName(name), err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", displayName(name), err)
	}
	return text, nil
}

// oneStandardInput is an error if standard input is named more than once.
func oneStandardInput(names ...string) error {
	times := 0
	for _, name := range names {
		if name == "-" {
			times++
		}
	}
	if times > 1 {
		return usagef("standard input (-) is named more than once")
	}
	return nil
}

// inputFile is one input of an offline command.
type inputFile struct {
	name   string
	format rdfio.Format
	source rdfio.Source
	count  uint64 // statements or rows so far, for the progress bar
	// assumed says that nobody has said the format.
	assumed bool
}

// read opens the file and hands its decompressed bytes to fn, with a progress bar. Its reads end when ctx does.
func (f *inputFile) read(ctx context.Context, std *streams, fn func(r io.Reader) error) error {
	file, size, closeFile, err := openFile(f.name, std.in)
	if err != nil {
		return err
	}
	defer closeFile()
	f.source.Size = int(size)
	unit := "statement"
	if f.format.IsPatch() {
		unit = "row"
	}
	b := terminal.NewBar(std.err, f.source.File, unit)
	b.SetTotal(size)
	defer b.End()
	if f.name == "-" {
		file = interruptible{ctx, file}
	}
	r, err := rdfio.Decompress(f.name, &progress{ctx: ctx, r: file, bar: b, count: &f.count})
	if err != nil {
		return fmt.Errorf("%s: %w", f.source.File, err)
	}
	defer r.Close()
	return fn(r)
}

// statements calls fn for each statement of RDF data.
func (f *inputFile) statements(ctx context.Context, std *streams, fn func(rdf.Quad) error) error {
	err := f.read(ctx, std, func(r io.Reader) error {
		return f.source.Statements(r, f.format, func(q rdf.Quad) error {
			f.count++
			return fn(q)
		})
	})
	return hinted(err)
}

// rows drives c with the rows of a patch.
func (f *inputFile) rows(ctx context.Context, std *streams, c patch.Change) error {
	return hinted(f.read(ctx, std, func(r io.Reader) error {
		if !f.assumed {
			return f.source.Rows(r, f.format, counted{c, &f.count})
		}
		begins := &beginning{from: r}
		return begins.advised(f.source.Rows(begins, f.format, counted{c, &f.count}), true)
	}))
}

// hinted puts the flag behind an error that could help.
func hinted(err error) error {
	switch {
	case errors.Is(err, jsonld.ErrContext):
		return fmt.Errorf("%w; --contexts DIR names a folder of contexts, nothing is fetched", err)
	case errors.Is(err, rdfxml.ErrForm):
		return fmt.Errorf("%w; other forms can, such as --as turtle", err)
	case errors.Is(err, rdf.ErrNoBase):
		return fmt.Errorf("%w; --base IRI says what it is relative to", err)
	case errors.Is(err, rdf.ErrTermLimit):
		return fmt.Errorf("%w; --max-term SIZE raises the bound", err)
	case errors.Is(err, rdf.ErrDepthLimit):
		return fmt.Errorf("%w; --max-depth N raises the bound", err)
	}
	return err
}

// fileIRI is the IRI of a file (RFC 8089), "" if the working folder is not known. What IRIs can't have is percent-encoded,
// and nothing else.
func fileIRI(name string) string {
	path, err := filepath.Abs(name)
	if err != nil {
		return ""
	}
	iri := []byte("file://")
	if path = filepath.ToSlash(path); path[0] != '/' {
		iri = append(iri, '/') // before the drive
	}
	for len(path) > 0 {
		r, n := utf8.DecodeRuneInString(path)
		if r == utf8.RuneError && n == 1 || r <= ' ' || r == 0x7f || strings.ContainsRune(`%?#<>"{}|^\`+"`", r) {
			iri = fmt.Appendf(iri, "%%%02X", path[0])
		} else {
			iri = append(iri, path[:n]...)
		}
		path = path[n:]
	}
	return string(iri)
}

// progress counts bytes, shows them, and ends when ctx does.
type progress struct {
	ctx   context.Context
	r     io.Reader
	bar   *terminal.Bar
	bytes int64
	count *uint64
}

func (p *progress) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	p.bytes += int64(n)
	p.bar.Show(p.bytes, *p.count)
	return n, err
}

// interruptible ends a read when ctx ends, even one that hangs, as of a terminal. Such a read is left behind, with its
// buffer: nothing more may be done with either.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := i.r.Read(b)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}

// displayName is the name of an input as errors have it; "-" is standard input.
func displayName(name string) string {
	if name == "-" {
		return "<stdin>"
	}
	return name
}
