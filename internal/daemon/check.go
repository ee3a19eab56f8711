package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/quadrille-stream/quadrille/connector/file"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/internal/config"
)

// maxInfo bounds the address that a node shows to the others, in bytes.
const maxInfo = 1024

// Check looks at all that can be known of a document without starting anything, the files that it names among it. An error has a
// line for each mistake.
func Check(doc *config.Document, places config.Places) error {
	m := doc.Check(places)
	checkHTTP(m, &doc.HTTP)
	for _, f := range [...]struct{ key, path string }{
		{"engine.nats-creds", doc.Engine.NATSCreds}, {"engine.nats-events-creds", doc.Engine.NATSEventsCreds},
		{"engine.nats-ca", doc.Engine.NATSCA},
	} {
		if f.path != "" {
			_, err := os.ReadFile(f.path)
			m.Add(err, f.key)
		}
	}
	checkConnectors(m, doc)
	return m.Err()
}

func checkHTTP(m *config.Mistakes, h *config.HTTP) {
	if len(h.Advertise) > maxInfo {
		m.Add(fmt.Errorf("%d bytes: expected at most %d", len(h.Advertise), maxInfo), "http.advertise")
	}
	if h.Tokens != "" {
		_, err := access.ReadFile(h.Tokens)
		m.Add(err, "http.tokens")
	}
	_, err := rootsOf(h.PeersCA)
	m.Add(err, "http.peers-ca")
	if h.Pprof != "" {
		m.Add(checkPprof(h.Pprof), "http.pprof")
	}
	if (h.TLSCert == "") != (h.TLSKey == "") {
		m.Add(errors.New("{http.tls-cert} and {http.tls-key} belong together: give both, or none"), "http.tls-cert", "http.tls-key")
		return
	}
	listen := api.ListenConfig{Addr: h.Address, Protected: h.Token != "" || h.Tokens != ""}
	if h.TLSCert != "" {
		var err error
		listen.Certificate, err = api.ReadCertificate(h.TLSCert, h.TLSKey)
		m.Add(err, "http.tls-cert", "http.tls-key")
	}
	m.Add(listen.Check(), "http.address")
}

// checkConnectors makes each source and sink, which touches nothing but the files that it names. Two sinks that write the same
// files would lock each other out, and two that write one store would undo each other's changes.
func checkConnectors(m *config.Mistakes, doc *config.Document) {
	d := &daemon{Document: doc, log: slog.New(slog.DiscardHandler)}
	for _, s := range doc.Sources {
		_, err := d.source(s, nil)
		if err == nil {
			_, err = d.mapped(s, nil)
		}
		if err != nil {
			m.AddAt(s.Place, fmt.Errorf("source %q: %w", s.Name, err))
		}
	}
	checkLoops(m, doc)
	names, targets := map[string]bool{}, map[string]string{}
	for _, s := range doc.Sinks {
		if _, err := d.sink(s, nil); err != nil {
			m.AddAt(s.Place, fmt.Errorf("sink %q: %w", s.Name, err))
		}
		if names[s.Name] {
			m.AddAt(s.Place, fmt.Errorf("two sinks are called %q; that of --sink-dir is called file", s.Name))
		}
		names[s.Name] = true
		target, called := targetOf(s)
		if target == "" {
			continue
		}
		if other, taken := targets[target]; taken && other != s.Name {
			m.AddAt(s.Place, fmt.Errorf("sink %q: sink %q writes to the %s, too: give each its own", s.Name, other, called))
		}
		targets[target] = s.Name
	}
}

// checkLoops looks for sources that read what a sink writes: what is deleted would be added again by what stands before, and so
// on for ever.
func checkLoops(m *config.Mistakes, doc *config.Document) {
	for _, source := range doc.Sources {
		reads, is := source.Settings.(*config.FileSource)
		if !is {
			continue
		}
		for _, sink := range doc.Sinks {
			writes, is := sink.Settings.(*config.FileSink)
			if is && slices.ContainsFunc(reads.Paths, func(path string) bool { return readsOwn(path, writes.Dir) }) {
				m.AddAt(source.Place, fmt.Errorf("source %q reads what sink %q writes to %s: give it another folder", source.Name,
					sink.Name, writes.Dir))
			}
		}
	}
}

// readsOwn reports that a folder, or a pattern, is of files of a sink in dir.
func readsOwn(path, dir string) bool {
	if folderOf(path) == folderOf(dir) {
		return true
	}
	return folderOf(filepath.Dir(path)) == folderOf(dir) && slices.ContainsFunc(file.Samples(), func(name string) bool {
		match, _ := filepath.Match(filepath.Base(path), name)
		return match
	})
}

// targetOf is what no other sink may write to, by its one name, and what it is called; empty if there is no such thing.
func targetOf(s config.Sink) (target, called string) {
	switch settings := s.Settings.(type) {
	case *config.FileSink:
		return "folder " + folderOf(settings.Dir), "folder " + settings.Dir
	case *config.NATSSink:
		if settings.Mode != "core" {
			target := "subjects " + settings.Subject + " of stream " + settings.Stream
			return target, target
		}
	case *config.SPARQLSink:
		update := cmp.Or(settings.Update, settings.Query)
		return "store " + update, "store " + update
	}
	return "", ""
}

// folderOf is a folder's one name, as far as it can be known.
func folderOf(dir string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if whole, err := filepath.Abs(dir); err == nil {
		dir = whole
	}
	return filepath.Clean(dir)
}
