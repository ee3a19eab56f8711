package jsonld

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// IndexFile is the name of the file that says which context is where in a folder.
const IndexFile = "contexts.json"

// maxContext is the number of bytes that a document of contexts may have.
const maxContext = 4 << 20

// folder gives contexts from files.
type folder struct {
	files fs.FS
	index map[string]string
}

// Folder returns a loader of the contexts in a folder: for one on disk, [os.DirFS] of it. Its file contexts.json (see
// [IndexFile]) is an object whose members are IRIs of contexts, each with the name of a file in the folder, slashes
// between its parts:
//
//	{"https://schema.org/": "schema.jsonld", "https://www.w3.org/ns/activitystreams": "as.jsonld"}
//
// Index and files have at most 4 MiB. Files are read when they are asked for. Any number of goroutines may call at
// once.
func Folder(files fs.FS) (Loader, error) {
	text, err := readFile(files, IndexFile)
	if err != nil {
		return nil, fmt.Errorf("index of contexts: %w", err)
	}
	f := &folder{files: files}
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte(byteOrderMark)), &f.index); err != nil {
		return nil, fmt.Errorf("index of contexts %s: expected an object of IRIs and file names: %w", IndexFile, err)
	}
	for iri, name := range f.index {
		if !fs.ValidPath(name) {
			return nil, fmt.Errorf("index of contexts %s: %s: %q is no file name in the folder", IndexFile, iri, name)
		}
	}
	return f, nil
}

// Load implements [Loader].
func (f *folder) Load(iri string) ([]byte, error) {
	name, ok := f.index[iri]
	if !ok {
		return nil, notFound(iri)
	}
	text, err := readFile(f.files, name)
	if err != nil {
		return nil, fmt.Errorf("context %s: %w", iri, err)
	}
	return text, nil
}

func readFile(files fs.FS, name string) (text []byte, err error) {
	file, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return readBounded(file, name)
}
