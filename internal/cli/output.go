package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/quadrille-stream/quadrille/rdfio"
)

// resultFlags say where the result of an offline command goes.
type resultFlags struct {
	outFlag
	JSON bool `env:"-" help:"Print a summary as one JSON object: on standard output, or on standard error if the result goes to standard output."`
}

// changesFlags are resultFlags for a result that is changes.
type changesFlags struct {
	As string `env:"-" placeholder:"FORMAT" choices:"patch,patch-binary,update" help:"Format of the result, where the name of --out does not tell: patch, patch-binary, or update, which is SPARQL Update. Default: patch."`
	resultFlags
}

// outFlag says where the result goes.
type outFlag struct {
	Output string `name:"out" short:"o" env:"-" default:"-" placeholder:"FILE" help:"Where the result goes; .gz or .zst at the end compresses. The file appears, or is replaced, when all is good. - is standard output."`
}

// format returns the format of the result: that of --as, which is one of names, of the name of --out, or the other one, unless it is none.
func (f *resultFlags) format(as string, otherwise rdfio.Format, names string) (rdfio.Format, error) {
	if as != "" {
		return formatNamed("--as", as, names)
	}
	if format, ok := rdfio.ByName(f.Output); ok {
		return format, nil
	}
	if otherwise == "" {
		return "", usagef("what format shall the result have? Say it with --as")
	}
	return otherwise, nil
}

// changesFormat is format for a result that is changes.
func (f *changesFlags) changesFormat() (rdfio.Format, error) {
	format, err := f.format(f.As, rdfio.Patch, rdfio.ChangeNames)
	if err == nil && !format.IsChanges() {
		err = usagef("the result is changes, not data: expected the format %s, found %s", rdfio.ChangeNames, format)
	}
	return format, err
}

// write runs fn with a writer of the result, and keeps the result if there is no error.
// Its writes end when ctx does.
func (f *outFlag) write(ctx context.Context, std *streams, fn func(w io.Writer) error) (err error) {
	if f.Output == "-" {
		return fn(checkedWriter{ctx, std.out})
	}
	file, err := createFile(f.Output)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.end(err == nil)) }()
	w, err := rdfio.Compress(f.Output, checkedWriter{ctx, file})
	if err != nil {
		return err
	}
	if err := fn(w); err != nil {
		return err
	}
	return w.Close()
}

// checkedWriter ends when ctx does.
type checkedWriter struct {
	ctx context.Context
	w   io.Writer
}

func (c checkedWriter) Write(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.w.Write(b)
}

// summary prints v, if it is asked for.
func (f *resultFlags) summary(std *streams, v any) error {
	if !f.JSON {
		return nil
	}
	if f.Output == "-" {
		return writeJSON(std.err, v)
	}
	return writeJSON(std.out, v)
}

// newFile is a file that takes its name when it is whole.
type newFile struct {
	*os.File
	name string // "": it has its name already, as a device has
}

// createFile makes a file beside the one that it will replace, or opens what is no regular file as it is.
func createFile(name string) (newFile, error) {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	info, err := os.Stat(name)
	if err == nil && info.IsDir() {
		return newFile{}, fmt.Errorf("%s: is a folder", name)
	}
	if err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		return newFile{File: f}, err
	}
	f, createErr := os.OpenFile(fmt.Sprintf("%s.%d.tmp", name, os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if createErr != nil {
		if path, ok := errors.AsType[*fs.PathError](createErr); ok {
			createErr = &fs.PathError{Op: "write", Path: name, Err: path.Err} // the name that people know
		}
		return newFile{}, createErr
	}
	file := newFile{f, name}
	if err == nil {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return newFile{}, errors.Join(err, file.end(false))
		}
	}
	return file, nil
}

// end closes the file, and gives it its name or, unless it is good, removes it.
func (f newFile) end(good bool) error {
	if f.name == "" {
		return f.Close()
	}
	var err error
	if good {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if good && err == nil {
		return os.Rename(f.Name(), f.name)
	}
	return errors.Join(err, os.Remove(f.Name()))
}
