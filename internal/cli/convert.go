package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/jsonld"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// formatsHelp tells of the formats in the help of each command.
const formatsHelp = `Formats, by the ending of the file's name, .gz, .zst or .bz2 after it if compressed:

  ntriples .nt      nquads .nq       turtle .ttl           trig .trig
  rdfxml   .rdf     jsonld .jsonld   patch  .rdfp          patch-binary .trp
  update   .ru (only written)

Flags take these names, endings, or media types, such as text/turtle. Where no name tells, as for standard input (-),
--type says the format (without it, standard input of apply, invert and merge is a patch in text form); that it is compressed is
seen by its first bytes. Errors are FILE:LINE:COL: what was expected, what was found. Exit status: 0 good, 1 the input is bad or
the work has failed, 2 usage.`

// limitFlags bound what is read.
type limitFlags struct {
	MaxTerm  byteSize `env:"-" default:"64MiB" help:"Size that one IRI or literal may have."`
	MaxDepth int      `env:"-" placeholder:"N" help:"How deeply brackets, lists, elements, objects and triple terms may be nested, also in JSON-LD that is written. Default: 10000, triple terms 1000, objects and arrays of JSON-LD 5000."`
}

// bound sets the bounds of an input.
func (f *limitFlags) bound(s *rdfio.Source) error {
	if f.MaxTerm < 0 || f.MaxTerm > rdfio.MaxTerm {
		return usagef("--max-term=%v: expected at most %v", f.MaxTerm, byteSize(rdfio.MaxTerm))
	}
	if f.MaxDepth < 0 {
		return usagef("--max-depth=%d: expected 1 or more", f.MaxDepth)
	}
	s.MaxTerm, s.MaxDepth = int(f.MaxTerm), f.MaxDepth
	return nil
}

// dataFlags say how RDF data is read.
type dataFlags struct {
	limitFlags
	Base     string `env:"-" placeholder:"IRI" help:"Where relative IRIs in Turtle, TriG, RDF/XML, JSON-LD and SPARQL start from, if the document does not say. Default: the file's own IRI, file:///…; standard input, and a query of the command line, have none."`
	Contexts string `env:"-" placeholder:"DIR" help:"Folder of remote JSON-LD contexts, whose file contexts.json is an object: IRI of the context to name of its file. Nothing is fetched."`

	contexts jsonld.Loader // of the folder, once it is known
	cache    *jsonld.Cache // for all inputs
}

// source returns what is known of an input.
func (f *dataFlags) source(name string) (rdfio.Source, error) {
	s := rdfio.Source{File: displayName(name), Base: f.Base}
	if err := f.bound(&s); err != nil {
		return s, err
	}
	if f.Base != "" {
		if err := rdf.CheckIRI(f.Base); err != nil {
			return s, usagef("--base: %w", err)
		}
	} else if name != "-" {
		s.Base = fileIRI(name)
	}
	if f.Contexts != "" && f.contexts == nil {
		contexts, err := jsonld.Folder(os.DirFS(f.Contexts))
		if err != nil {
			return s, fmt.Errorf("--contexts=%s: %w", f.Contexts, err)
		}
		f.contexts, f.cache = contexts, jsonld.NewCache()
	}
	s.Contexts, s.Cache = f.contexts, f.cache
	return s, nil
}

// input returns an input whose format is the explicit one, given by --type, or that of its name.
func (f *dataFlags) input(name, explicit string) (*inputFile, error) {
	return f.inputBy(name, explicit, "--type", allFormats)
}

// inputBy is input with the flag that gives the format, of those that are taken.
func (f *dataFlags) inputBy(name, explicit, flag string, takes formats) (*inputFile, error) {
	format, err := inputFormat(name, explicit, flag, takes)
	if err != nil {
		return nil, err
	}
	source, err := f.source(name)
	return &inputFile{name: name, format: format, source: source}, err
}

// data is input for one that must be data.
func (f *dataFlags) data(name, explicit, flag string) (*inputFile, error) {
	if _, known := rdfio.ByName(name); !known && name != "-" && explicit == "" && missing(name) {
		return nil, fmt.Errorf("%s: no such file or folder", name)
	}
	in, err := f.inputBy(name, explicit, flag, dataFormats)
	if err == nil && !in.format.IsData() {
		err = usagef("%s: expected RDF data (%s), found %s", in.source.File, rdfio.DataNames, in.format)
	}
	return in, err
}

// patch returns an input that must be a patch. Standard input is one in text form unless told otherwise.
func (f *limitFlags) patch(name, explicit string) (*inputFile, error) {
	assumed := name == "-" && explicit == ""
	if assumed {
		explicit = string(rdfio.Patch)
	}
	in, err := (&dataFlags{limitFlags: *f}).inputBy(name, explicit, "--type", patchFormats)
	if err == nil {
		in.assumed = assumed
	}
	if err == nil && !in.format.IsPatch() {
		err = usagef("%s: expected an RDF Patch (%s), found %s; quadrille convert --as patch makes a patch of additions "+
			"of it", in.source.File, rdfio.PatchNames, in.format)
	}
	return in, err
}

// skolem names a blank node by its label.
var skolem = patch.Skolemise("urn:quadrille:blank:")

// blankFlag says what becomes of blank nodes in SPARQL Update.
type blankFlag struct {
	Blank string `env:"-" enum:"refuse,skolemise" default:"refuse" help:"What becomes of blank nodes in SPARQL Update, which can't name them (${enum}): skolemise writes <urn:quadrille:blank:LABEL>."`
}

func (f *blankFlag) policy() patch.BlankPolicy {
	if f.Blank == "skolemise" {
		return skolem
	}
	return func(blank rdf.Term) (rdf.Term, error) {
		_, err := patch.RefuseBlanks(blank)
		return blank, fmt.Errorf("%w; --blank skolemise writes IRIs instead of blank nodes", err)
	}
}

// painted are streams whose output has the rows of a patch in colours, where a terminal has any.
func (s *streams) painted(format rdfio.Format) *streams {
	painted := *s
	if format == rdfio.Patch {
		painted.out = terminal.Rows(s.out)
	}
	return &painted
}

// writeChanges runs fn with a writer of changes, and counts the rows that it writes.
func writeChanges(ctx context.Context, std *streams, to *resultFlags, format rdfio.Format, blank *blankFlag,
	fn func(c patch.Change) error) (counter patch.Counter, err error) {
	err = to.write(ctx, std, func(w io.Writer) error {
		c, err := rdfio.NewChangeWriter(w, format, blank.policy())
		if err != nil {
			return err
		}
		if err := fn(patch.Tee(c, &counter)); err != nil {
			return err
		}
		return c.Flush()
	})
	return counter, err
}

// convertCommand writes a file in another format.
type convertCommand struct {
	File string `arg:"" optional:"" default:"-" help:"File to convert; - is standard input."`
	typeFlag
	As string `env:"-" placeholder:"FORMAT" choices:"ntriples,nquads,turtle,trig,rdfxml,jsonld,patch,patch-binary,update" help:"Format of the result, where the name of --out does not tell."`
	resultFlags
	dataFlags
	blankFlag
	Prefix      map[string]string `env:"-" mapsep:"none" placeholder:"NAME=IRI" help:"Prefix that Turtle, TriG and RDF/XML shall have, again for more, besides those at the begin of a document in one of them."`
	BlankPrefix string            `env:"-" placeholder:"TEXT" help:"Put this before the label of each blank node. Labels are local to a document, but those of patches are system-wide: give each document its own."`
	Rows        int               `env:"-" placeholder:"N" help:"Additions in a transaction, when data becomes changes. Default: all in one; for update 10000. (quadrille publish takes transactions of up to 64 MiB unless told otherwise.)"`
}

// updateRows is the number of additions of a transaction in SPARQL Update, which must be held.
const updateRows = 10_000

// Help implements [kong.HelpProvider].
func (convertCommand) Help() string {
	return `RDF data becomes other RDF data, or, with --as patch, a patch that adds its statements. A patch becomes the other form
of RDF Patch, or SPARQL Update. To make data of a patch, see quadrille apply. Files of any length take the same small
memory, but for JSON-LD, which is held as a whole, and transactions for SPARQL Update.

  quadrille convert --as nquads data.ttl
  quadrille convert data.nt.gz -o data.ttl.zst --prefix ex=http://example.org/
  curl … | quadrille convert --type text/turtle --as patch --blank-prefix doc7- | quadrille publish -
  quadrille convert --as update --blank skolemise changes.rdfp

` + formatsHelp
}

// conversion is the summary.
type conversion struct {
	From rdfio.Format `json:"from"`
	To   rdfio.Format `json:"to"`
	tally
}

// Run converts the file.
func (c *convertCommand) Run(ctx context.Context, std *streams) error {
	in, err := c.input(c.File, c.Type)
	if err != nil {
		return err
	}
	in.source.BlankPrefix, in.source.LanguageCase = c.BlankPrefix, true // nothing is compared
	to, err := c.format(c.As, "", strings.ReplaceAll(rdfio.DataNames, " or", ",")+", "+rdfio.ChangeNames)
	if err != nil {
		return err
	}
	if c.Rows < 0 {
		return usagef("--rows=%d: expected 1 or more", c.Rows)
	}
	done := conversion{From: in.format, To: to}
	switch {
	case in.format.IsPatch() && to.IsData():
		return usagef("%s: a patch is changes, not data; quadrille apply --as %s %s makes data of it", in.source.File, to,
			c.File)
	case to.IsData():
		err = c.toData(ctx, std, in, to)
		done.tally = tallyStatements(in.count)
	default:
		var counter patch.Counter
		counter, err = writeChanges(ctx, std, &c.resultFlags, to, &c.blankFlag, func(out patch.Change) error {
			if in.format.IsPatch() {
				return in.rows(ctx, std, out)
			}
			return c.additions(ctx, std, in, to, out)
		})
		done.tally = tallyRows(&counter)
	}
	if err != nil {
		return err
	}
	return c.summary(std, done)
}

// toData writes data as data. The writer is made when the first statement has come, since it wants the prefixes.
func (c *convertCommand) toData(ctx context.Context, std *streams, in *inputFile, to rdfio.Format) error {
	return c.write(ctx, std, func(w io.Writer) error {
		var out rdfio.DataWriter
		var declared []turtle.Prefix
		in.source.Prefixes = func(p []turtle.Prefix) { declared = p }
		begin := func() (err error) {
			if out == nil {
				prefixes := mergePrefixes(declared, c.Prefix)
				out, err = rdfio.NewDataWriter(w, to, rdfio.WithPrefixes(prefixes...), rdfio.MaxDepth(c.MaxDepth))
			}
			return err
		}
		err := in.statements(ctx, std, func(q rdf.Quad) error {
			if err := begin(); err != nil {
				return err
			}
			return out.Write(q)
		})
		if err != nil {
			return err
		}
		if err := begin(); err != nil {
			return err
		}
		return hinted(out.Flush())
	})
}

// mergePrefixes returns the declared prefixes with those that are given besides, or instead.
func mergePrefixes(declared []turtle.Prefix, given map[string]string) []turtle.Prefix {
	merged := slices.DeleteFunc(slices.Clone(declared), func(p turtle.Prefix) bool {
		_, ok := given[p.Name]
		return ok
	})
	for _, name := range slices.Sorted(maps.Keys(given)) {
		merged = append(merged, turtle.Prefix{Name: name, IRI: given[name]})
	}
	return merged
}

// additions makes transactions of data.
func (c *convertCommand) additions(ctx context.Context, std *streams, in *inputFile, to rdfio.Format,
	out patch.Change) error {
	most := uint64(c.Rows)
	if most == 0 && to == rdfio.Update {
		most = updateRows
	}
	if err := out.Begin(); err != nil {
		return err
	}
	rows := uint64(0) // of the transaction
	err := in.statements(ctx, std, func(q rdf.Quad) error {
		if most > 0 && rows == most {
			rows = 0
			if err := out.Commit(); err != nil {
				return err
			}
			if err := out.Begin(); err != nil {
				return err
			}
		}
		rows++
		return out.Add(q)
	})
	if err != nil {
		return err
	}
	if err := out.Commit(); err != nil {
		return fmt.Errorf("%s: %w", in.source.File, err)
	}
	return nil
}
