package main

import (
	_ "embed"
	"errors"
	"os"
	"path/filepath"
)

// jsonldScript is what node runs.
//
//go:embed jsonld.mjs
var jsonldScript []byte

// findJSONLD returns the command that reads JSON-LD documents with the context in a file, by the jsonld.js that
// test/differential/peers/install has installed. The script is written into dir.
func findJSONLD(dir, context string) ([]string, error) {
	node := installed("node")
	folder := os.Getenv("QUADRILLE_READER_PEERS")
	if cache, err := os.UserCacheDir(); folder == "" && err == nil {
		folder = filepath.Join(cache, "quadrille-readers")
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "jsonld")); node == nil || err != nil {
		return nil, errors.New("jsonld.js: it is not installed; test/differential/peers/install does that")
	}
	script := filepath.Join(dir, "jsonld.mjs")
	return append(node, script, folder, context), os.WriteFile(script, jsonldScript, 0o600)
}
