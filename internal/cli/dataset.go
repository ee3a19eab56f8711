package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/patch/apply"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/turtle"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/store"
	"github.com/quadrille-stream/quadrille/store/disk"
	"github.com/quadrille-stream/quadrille/store/memory"
)

// datasetFlags name the data that a query or an update is about.
type datasetFlags struct {
	Data []string `sep:"none" env:"-" placeholder:"FILE" help:"RDF data, again for more files; - is standard input. Or the folder that quadrille load has filled."`
	dataTypeFlag
	dataFlags
}

// datasetHelp is what the help of the commands with these flags has in common.
const datasetHelp = `The data are one dataset: statements without a graph are its default graph. Files are read into memory, where they take about
160 bytes a statement of sensor readings, and more where texts are longer; a folder that quadrille load has filled is read where it
is. Blank nodes of one file have the labels that they have there; those of several files are different from each other, and have
f1-, f2- and so on before their labels.`

// dataset is the data, once it is there.
type dataset struct {
	store    store.Store
	prefixes map[string]string // that files declare at their beginning, IRI by name
	close    func() error
	read     uint64 // statements of files
}

// isFolder reports whether the name is that of a folder. What is wrong with it is told when it is opened.
func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// missing reports whether there is neither a file nor a folder of that name.
func missing(name string) bool {
	_, err := os.Stat(name)
	return errors.Is(err, fs.ErrNotExist)
}

// inputs are the files, nil if the data is a folder. Another file of the command, the text, may be standard input in place of one of
// them.
func (f *datasetFlags) inputs(text string) (files []*inputFile, err error) {
	if err := oneStandardInput(append([]string{text}, f.Data...)...); err != nil {
		return nil, err
	}
	for i, name := range f.Data {
		if isFolder(name) {
			if len(f.Data) > 1 {
				return nil, usagef("--data=%s: a folder is a dataset of its own: expected no other data with it", name)
			}
			return nil, nil
		}
		in, err := f.data(name, f.Type, "--type")
		if err != nil {
			return nil, err
		}
		if len(f.Data) > 1 {
			in.source.BlankPrefix = fmt.Sprintf("f%d-", i+1)
		}
		files = append(files, in)
	}
	return files, nil
}

// open opens the folder, or reads the files into memory.
func (f *datasetFlags) open(ctx context.Context, std *streams, files []*inputFile) (*dataset, error) {
	if files == nil {
		s, err := openFolder(f.Data[0], true)
		if err != nil {
			return nil, err
		}
		return &dataset{store: s, close: s.Close}, nil
	}
	quads := memory.New()
	a := apply.To(quads)
	d := &dataset{store: quads, close: func() error { return nil }}
	for _, in := range files {
		if err := load(ctx, std, in, a); err != nil {
			return nil, err
		}
		d.read += in.count
	}
	d.prefixes = a.Prefixes()
	return d, quads.Index(ctx)
}

// openFolder opens the store of a folder, which must be there.
func openFolder(dir string, readOnly bool) (*disk.Store, error) {
	switch there, err := disk.Exists(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such folder; quadrille load --data %s FILE makes one", dir, dir)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", dir, err)
	case !there:
		return nil, fmt.Errorf("%s: expected a folder that quadrille load has filled, found none of its files", dir)
	}
	_, cutOff, err := disk.Unfinished(dir)
	if err != nil {
		return nil, err
	}
	if cutOff {
		if err := wasFilled(dir); err != nil {
			return nil, err
		}
	}
	return openStore(disk.Options{Dir: dir, ReadOnly: readOnly})
}

// wasFilled is an error unless the first load of a folder, which has left something there, has ended in spite of that.
func wasFilled(dir string) error {
	s, err := openStore(disk.Options{Dir: dir, ReadOnly: true}) // what was left stays, for load to tell of it
	if err != nil {
		return err
	}
	if isNew(s) {
		err = fmt.Errorf("%s: its first load was cut off, and nothing of it is in: the same call of quadrille load begins it again", dir)
	}
	return errors.Join(err, s.Close())
}

// openStore opens the store of a folder, which one process uses at a time.
func openStore(o disk.Options) (*disk.Store, error) {
	s, err := disk.Open(o)
	return s, folderError(o.Dir, err)
}

// folderError says of an error of opening a folder's store what can be done.
func folderError(dir string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EAGAIN):
		return fmt.Errorf("%s: another process uses the folder: wait until it has ended; what a node has, it answers itself (/v1/data), or once it is stopped", dir)
	case errors.Is(err, disk.ErrDamaged):
		return fmt.Errorf("%s: %w; remove the folder, and load it again", dir, err)
	}
	return fmt.Errorf("%s: %w", dir, err)
}

// errHead ends the reading of a file of which only the beginning is wanted.
var errHead = errors.New("the beginning is read")

// declared are the prefixes that files declare at their beginning. What is wrong with a file is told when it is read.
func declared(files []*inputFile) (all []turtle.Prefix) {
	for _, in := range files {
		if in.name == "-" || in.format != rdfio.Turtle && in.format != rdfio.TriG && in.format != rdfio.RDFXML {
			continue
		}
		source := in.source
		source.Prefixes = func(p []turtle.Prefix) { all = append(all, p...) }
		f, err := os.Open(in.name)
		if err != nil {
			continue
		}
		if r, err := rdfio.Decompress(in.name, f); err == nil {
			_ = source.Statements(r, in.format, func(rdf.Quad) error { return errHead })
			_ = r.Close()
		}
		_ = f.Close()
	}
	return all
}

// folderQuads calls fn for each quad of a folder's store.
func folderQuads(ctx context.Context, std *streams, dir string, fn func(rdf.Quad) error) (err error) {
	s, err := openFolder(dir, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	view := s.View()
	defer view.Close()
	bar := terminal.NewBar(std.err, dir, "statement")
	defer bar.End()
	n := uint64(0)
	for q, err := range store.Quads(view, store.Pattern{}) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = fn(q)
		}
		if err != nil {
			return err
		}
		n++
		bar.Show(0, n)
	}
	return nil
}
