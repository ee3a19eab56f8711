package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/nquads"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// checkCommand reads files and tells what is wrong.
type checkCommand struct {
	Files []string `arg:"" optional:"" default:"-" name:"file" help:"Files to check; - is standard input."`
	typeFlag
	dataFlags
	Log   bool     `env:"-" help:"The files, patches, are one after the other a patch log: each transaction has a new header id, and prev is the id of the one before. Patches with the header shard are of the log that it names, and each log is checked apart."`
	Head  []string `sep:"none" env:"-" placeholder:"ID" help:"With --log: id of the patch before the first one, an IRI or a term as in N-Triples; once for each log that doesn't begin at its start."`
	All   bool     `env:"-" help:"Tell all mistakes, at most 100 a file, not the first alone. After one, N-Triples, N-Quads and RDF Patch in text form are read on from the next line, Turtle and TriG behind the next dot that ends a statement. JSON-LD has one mistake a document, since its statements are known when all of it is read; so have RDF/XML, whose elements stand in each other, and a binary patch, where each row is found by the length of the one before."`
	JSON  bool     `env:"-" help:"Print a JSON object a file instead of text."`
	Quiet bool     `short:"q" env:"-" help:"Print errors alone."`
}

// Help implements [kong.HelpProvider].
func (checkCommand) Help() string {
	return `Reads each file to its end and prints what is in it. The first error of each file goes to standard error; the other
files are checked all the same. Nothing is skipped or mended: what is good here is good for every command. Files of any
length take the same small memory, but for JSON-LD.

  quadrille check data.ttl changes.rdfp.gz
  zcat dump.nq.gz | quadrille check --type nquads --json
  quadrille check --log log/*.rdfp
  quadrille tail --from start --no-follow | quadrille check --log --type patch

` + formatsHelp
}

// checked is what came out for one file.
type checked struct {
	File   string       `json:"file"`
	Format rdfio.Format `json:"format"`
	Good   bool         `json:"good"`
	tally
	Error *placedError `json:"error,omitempty"`
	// More are the mistakes besides Error, with --all.
	More []*placedError `json:"more,omitempty"`
}

// maxMistakes is how many mistakes of a file are told.
const maxMistakes = 100

// mistakes collects those of a file. The last one ends the reading.
type mistakes []error

func (m *mistakes) add(err error) error {
	*m = append(*m, err)
	if len(*m) == maxMistakes {
		return errEnough
	}
	return nil
}

// errEnough ends a reading whose mistakes are told.
var errEnough = errors.New("more mistakes are not told")

// placedError is an error for machines.
type placedError struct {
	Line    int    `json:"line,omitempty"` // from 1, as the others but Byte
	Col     int    `json:"col,omitempty"`  // in characters
	Row     int64  `json:"row,omitempty"`
	Byte    *int64 `json:"byte,omitempty"` // of a binary file, from 0
	Message string `json:"message"`
}

func placed(err error) *placedError {
	var syntax *rdf.SyntaxError
	var binary *patch.BinaryError
	switch {
	case errors.As(err, &syntax):
		return &placedError{Line: syntax.Line, Col: syntax.Col, Message: syntax.Msg}
	case errors.As(err, &binary):
		return &placedError{Row: binary.Row, Byte: &binary.Offset, Message: binary.Msg}
	}
	return &placedError{Message: err.Error()}
}

// Run checks the files one after the other.
func (c *checkCommand) Run(ctx context.Context, std *streams) error {
	files, err := c.inputs()
	if err != nil {
		return err
	}
	log, err := c.newLog()
	if err != nil {
		return err
	}
	var errs []error
	for _, in := range files {
		done, err := c.check(ctx, std, in, log)
		if errors.Is(err, context.Canceled) {
			return err
		}
		if err != nil {
			errs = append(errs, err)
			log = nil // what comes after the mistake can't be the next of the log
		}
		if err := c.tell(std, done); err != nil {
			return err
		}
	}
	return errors.Join(errs...)
}

func (c *checkCommand) inputs() ([]*inputFile, error) {
	if err := oneStandardInput(c.Files...); err != nil {
		return nil, err
	}
	var files []*inputFile
	for _, name := range c.Files {
		in, err := c.input(name, c.Type)
		if err != nil {
			return nil, err
		}
		if c.Log && !in.format.IsPatch() {
			return nil, usagef("--log: %s is no RDF Patch but %s", in.source.File, in.format)
		}
		files = append(files, in)
	}
	return files, nil
}

func (c *checkCommand) newLog() (*logCheck, error) {
	switch {
	case !c.Log && len(c.Head) > 0:
		return nil, usagef("--head: expected --log with it")
	case !c.Log:
		return nil, nil
	}
	var heads []rdf.Term
	for _, head := range c.Head {
		text := head
		if !strings.HasPrefix(head, "<") && !strings.HasPrefix(head, "_:") && !strings.HasPrefix(head, `"`) {
			text = "<" + head + ">"
		}
		term, err := nquads.ParseTerm(text)
		if err != nil {
			return nil, usagef("--head=%s: %w", head, err)
		}
		heads = append(heads, term)
	}
	return &logCheck{Log: patch.NewLog(nil, heads...)}, nil
}

// check reads one file. log is nil if there is none to check.
func (c *checkCommand) check(ctx context.Context, std *streams, in *inputFile, log *logCheck) (checked, error) {
	done := checked{File: in.name, Format: in.format}
	var err error
	var found mistakes
	if c.All {
		in.source.Mistake = found.add
	}
	if in.format.IsData() {
		err = in.statements(ctx, std, func(rdf.Quad) error { return nil })
		done.tally = tallyStatements(in.count)
	} else {
		var counter patch.Counter
		var change patch.Change = &counter
		if log != nil {
			log.transaction = 0
			change = patch.Tee(log, &counter)
		}
		err = in.rows(ctx, std, change)
		if err == nil && log != nil {
			if err = log.End(); err != nil {
				err = fmt.Errorf("%s: %w", in.source.File, err)
			}
		}
		done.tally = tallyRows(&counter)
	}
	if err != nil {
		found = append(found, err)
	}
	for i, mistake := range found {
		if i == 0 {
			done.Error = placed(mistake)
		} else {
			done.More = append(done.More, placed(mistake))
		}
	}
	done.Good = len(found) == 0
	return done, errors.Join(found...)
}

func (c *checkCommand) tell(std *streams, done checked) error {
	var err error
	switch {
	case c.JSON:
		err = writeJSON(std.out, done)
	case done.Good && !c.Quiet:
		_, err = fmt.Fprintf(std.out, "%s: %s: %v\n", displayName(done.File), done.Format, done.tally)
	}
	return err
}

// logCheck puts the number of the transaction in the file into the errors of a [patch.Log].
type logCheck struct {
	*patch.Log
	transaction int
}

func (l *logCheck) Begin() error {
	l.transaction++
	if err := l.Log.Begin(); err != nil {
		return fmt.Errorf("transaction %d: %w", l.transaction, err)
	}
	return nil
}
