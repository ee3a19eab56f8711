// Package web holds the console, the pages that a node shows in a browser: a bundle made of src and of the modules in modules by
// ./build, which "make console" runs. What comes of it is committed, so that Go alone builds a node; a test fails when it isn't what
// the sources make.
//
// The pages ask the HTTP API of the node that gave them out, and nobody else.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"path"
	"sync"
)

//go:embed dist
var bundle embed.FS

// File is a file of the console.
type File struct {
	// Text is its content, which nobody changes; Type its media type.
	Text []byte
	Type string
	// ETag changes with the content. It is weak: the file may go out compressed.
	ETag string
}

// types are the media types by suffix.
var types = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// files are all of them, by name.
var files = sync.OnceValue(func() map[string]File {
	all := map[string]File{}
	list, err := bundle.ReadDir("dist")
	if err != nil {
		panic(err) // it is in the program
	}
	for _, entry := range list {
		text, err := bundle.ReadFile("dist/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(text)
		all[entry.Name()] = File{Text: text, Type: types[path.Ext(entry.Name())], ETag: `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`}
	}
	return all
})

// Find returns a file by name, "" for the page itself. It may be called concurrently.
func Find(name string) (f File, ok bool) {
	if name == "" {
		name = "index.html"
	}
	f, ok = files()[name]
	return f, ok
}
