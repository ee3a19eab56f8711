package connectors

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/config"
	"github.com/quadrille-stream/quadrille/internal/daemon"
	"github.com/quadrille-stream/quadrille/internal/peer"
	"github.com/quadrille-stream/quadrille/internal/ports"
)

// patience bounds the time for a node and its peer to do what they are waited for.
const patience = 2 * time.Minute

// runExample runs a node with the file of an example, changed where it must not meet another test, and returns its address.
func runExample(t *testing.T, name string, change func(*config.Document)) (address string) {
	t.Helper()
	return runFile(t, filepath.Join("../../examples", name, "quadrille.yaml"), change)
}

// run runs a node with a configuration, and returns its address.
func run(t *testing.T, text string) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quadrille.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return runFile(t, path, func(*config.Document) {})
}

// runFile runs a node with a file that is changed.
func runFile(t *testing.T, path string, change func(*config.Document)) (address string) {
	t.Helper()
	file, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := file.Document()
	if err != nil {
		t.Fatal(err)
	}
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	doc.Engine.Data, doc.HTTP.Address = t.TempDir(), fmt.Sprintf("127.0.0.1:%d", free[0])
	change(doc)
	if err := daemon.Check(doc, func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := daemon.Run(ctx, doc, in, io.Discard)
		in.CloseWithError(cmp.Or(err, io.EOF))
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if _, err := out.Read(make([]byte, 1000)); err != nil { // it says that it is ready
		t.Fatal(err)
	}
	return "http://" + doc.HTTP.Address
}

// post sends a body, and returns the answer's.
func post(t *testing.T, address, mediaType, body string) string {
	t.Helper()
	answer, err := http.Post(address, mediaType, strings.NewReader(body)) //nolint:noctx // the test's deadline bounds it
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("%s: %s %s, %v", address, answer.Status, text, err)
	}
	return string(text)
}

// data returns the quads of a node.
func data(t *testing.T, node string) string {
	t.Helper()
	return get(t, node+"/v1/data")
}

// get returns what there is at an address.
func get(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address) //nolint:noctx // the test's deadline bounds it
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("%s: %s %s, %v", address, answer.Status, text, err)
	}
	return string(text)
}

// sameLines reports whether two texts have the same lines, in any order.
func sameLines(a, b string) bool {
	return slices.Equal(slices.Sorted(strings.Lines(a)), slices.Sorted(strings.Lines(b)))
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v not: %s", patience, what)
		}
	}
}

// TestExampleSPARQL: what is published comes into the store, and goes out of it.
func TestExampleSPARQL(t *testing.T) {
	p := peer.Start(t, "fuseki", 1, "memory")
	store := fmt.Sprintf("http://127.0.0.1:%d/ds", p.Ports[0])
	node := runExample(t, "sparql", func(d *config.Document) {
		settings := d.Sinks[0].Settings.(*config.SPARQLSink) //nolint:forcetypeassert // the example's
		settings.Query = strings.Replace(settings.Query, "http://127.0.0.1:3030/ds", store, 1)
	})
	has := func(triple string) bool {
		answer := post(t, store, "application/x-www-form-urlencoded", url.Values{"query": {"ASK { " + triple + " }"}}.Encode())
		return strings.Contains(answer, "true")
	}
	for _, speed := range []string{`"17"`, `"18"`} {
		change := "TX .\nD <urn:pump> <urn:speed> \"17\" .\nA <urn:pump> <urn:speed> " + speed + " .\nTC .\n"
		post(t, node+"/v1/changes", "application/rdf-patch", change)
		eventually(t, speed, func() bool { return has("<urn:pump> <urn:speed> " + speed) })
	}
	if has(`<urn:pump> <urn:speed> "17"`) {
		t.Error("what was deleted is in the store")
	}
}

// TestExampleSPARQLCopy: what is in the store comes into the pipeline, and what goes there goes here.
func TestExampleSPARQLCopy(t *testing.T) {
	p := peer.Start(t, "oxigraph", 1, "memory")
	store := fmt.Sprintf("http://127.0.0.1:%d", p.Ports[0])
	update := func(text string) { post(t, store+"/update", "application/sparql-update", text) }
	update(`INSERT DATA { <urn:pump> <urn:speed> "17" . GRAPH <urn:plant> { <urn:pump> <urn:in> <urn:hall> } }`)
	node := runExample(t, "sparql-copy", func(d *config.Document) {
		settings := d.Sources[0].Settings.(*config.SPARQLSource) //nolint:forcetypeassert // the example's
		settings.Query, settings.Every = strings.Replace(settings.Query, "http://127.0.0.1:7878", store, 1), 100*time.Millisecond
	})
	hall := "<urn:pump> <urn:in> <urn:hall> <urn:plant> .\n"
	eventually(t, "the copy", func() bool {
		return sameLines(data(t, node), "<urn:pump> <urn:speed> \"17\" .\n"+hall)
	})
	update(`DELETE DATA { <urn:pump> <urn:speed> "17" }`)
	eventually(t, "what was deleted", func() bool { return data(t, node) == hall })
}

// rows are the lines of a text that begin so.
func rows(text, begin string) (list []string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, begin) {
			list = append(list, line)
		}
	}
	return list
}
