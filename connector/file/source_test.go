package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
)

// folder is a folder whose files are read.
type folder struct {
	*testing.T
	dir      string
	cfg      SourceConfig
	identify func(string, os.FileInfo) (identity, error)
	progress conntest.Progress
	r        *reader
}

// newFolder makes one that is read with the configuration, but without waiting.
func newFolder(t *testing.T, cfg SourceConfig) *folder {
	t.Helper()
	f := &folder{T: t, dir: t.TempDir(), cfg: cfg}
	f.cfg.Logger = slog.New(slog.DiscardHandler)
	if f.cfg.Settle == 0 {
		f.cfg.Settle = -1
	}
	if len(cfg.Paths) == 0 {
		f.cfg.Paths = []string{f.dir}
	} else {
		f.cfg.Paths = []string{filepath.Join(f.dir, cfg.Paths[0])}
	}
	t.Cleanup(f.stop)
	return f
}

// start opens a reader, as a process does that has just started.
func (f *folder) start() error {
	f.Helper()
	s, err := NewSource(f.cfg)
	if err != nil {
		f.Fatal(err)
	}
	if f.identify != nil {
		s.identify = f.identify
	}
	r, err := s.Open(f.Context(), &f.progress)
	if err == nil {
		f.r = r.(*reader) //nolint:forcetypeassert // it is this package's
	}
	return err
}

func (f *folder) stop() {
	if f.r == nil {
		return
	}
	if err := f.r.Close(); err != nil {
		f.Error(err)
	}
	f.r = nil
}

// read returns all that there is, without waiting; commit says whether it is committed then.
func (f *folder) read(commit bool) ([]connector.Message, error) {
	f.Helper()
	if f.r == nil {
		if err := f.start(); err != nil {
			return nil, err
		}
	}
	var all []connector.Message
	for {
		messages, err := f.r.round(f.Context())
		for _, m := range messages {
			if commit {
				f.progress.Commit(m)
			}
		}
		if all = append(all, messages...); len(messages) == 0 {
			return all, err
		}
	}
}

// has reads and commits, and compares the bodies; of dead letters it compares the reasons, after "!".
func (f *folder) has(want ...string) {
	f.Helper()
	messages, err := f.read(true)
	if err != nil {
		f.Fatal(err)
	}
	if got := texts(messages); !slices.EqualFunc(got, want, sameText) {
		f.Fatalf("%q\nwant %q", got, want)
	}
}

func texts(messages []connector.Message) (list []string) {
	for _, m := range messages {
		if m.Reason != "" {
			list = append(list, "!"+m.Reason)
		} else {
			list = append(list, string(m.Body))
		}
	}
	return list
}

// sameText reports that a text is the one that is wanted or, of a reason, has it in it.
func sameText(got, want string) bool {
	if why, is := strings.CutPrefix(want, "!"); is {
		return strings.HasPrefix(got, "!") && strings.Contains(got, why)
	}
	return got == want
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) write(name, text string) {
	f.Helper()
	if err := os.WriteFile(f.path(name), []byte(text), 0o600); err != nil {
		f.Fatal(err)
	}
}

// add appends to a file.
func (f *folder) add(name, text string) {
	f.Helper()
	file, err := os.OpenFile(f.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = file.WriteString(text)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		f.Fatal(err)
	}
}

func (f *folder) rename(from, to string) {
	f.Helper()
	if err := os.Rename(f.path(from), f.path(to)); err != nil {
		f.Fatal(err)
	}
}

func (f *folder) remove(name string) {
	f.Helper()
	if err := os.Remove(f.path(name)); err != nil {
		f.Fatal(err)
	}
}

// row is a statement of N-Triples.
func row(n int) string { return fmt.Sprintf("<urn:s%d> <urn:p> <urn:o> .", n) }

// rows are some of them, each with its line end.
func rows(from, to int) (text string) {
	for n := from; n < to; n++ {
		text += row(n) + "\n"
	}
	return text
}

// peer is a folder for the suite.
type peer struct {
	dir string
	n   int
	cut func(n int) (text, body string)
}

func (p *peer) Source(t *testing.T) connector.Source {
	t.Helper()
	s, err := NewSource(SourceConfig{Paths: []string{p.dir}, Poll: 2 * time.Millisecond, MaxMessages: 3, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *peer) Send(t *testing.T, n int) (bodies []string) {
	t.Helper()
	f := folder{T: t, dir: p.dir}
	for range n {
		text, body := p.cut(p.n)
		name := "in.nt"
		if strings.HasPrefix(body, "TX") {
			name = "in.rdfp"
		}
		f.add(name, text)
		p.n, bodies = p.n+1, append(bodies, body)
	}
	return bodies
}

func TestSource(t *testing.T) {
	for name, cut := range map[string]func(int) (string, string){
		"lines": func(n int) (string, string) { return "# comment\n" + row(n) + "\n", row(n) },
		"transactions": func(n int) (string, string) {
			body := "TX .\nA " + row(n) + "\nD " + row(n+1) + "\nTC ."
			return fmt.Sprintf("H id <urn:id%d> .\nH prev <urn:id%d> .\n%s\n", n, n-1, body), body
		},
	} {
		t.Run(name, func(t *testing.T) {
			conntest.TestSource(t, func(t *testing.T) conntest.Peer { return &peer{dir: t.TempDir(), cut: cut} })
		})
	}
}

// TestWhichFiles: folders, patterns, order, and what is left out.
func TestWhichFiles(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	if err := os.Mkdir(f.path("sub.nt"), 0o700); err != nil {
		t.Fatal(err)
	}
	f.write("b.nt", rows(2, 3))
	f.write("a.nt", rows(1, 2))
	f.write(".hidden.nt", rows(9, 10))
	f.write("README", "read me")
	f.pack("c.nt.gz", rows(3, 4))
	if err := os.Symlink(f.path("a.nt"), f.path("z.nt")); err != nil {
		t.Fatal(err)
	}
	f.has("!README: what format is it?", row(1), row(2), row(3))
	f.has()
	f.stop()
	f.has()
	for pattern, want := range map[string][]string{
		"*.nt": {row(1), row(2)}, "*.gz": {row(3)}, "*": {"!what format", row(1), row(2)}, ".h*": {row(9)}, "none*": nil,
	} {
		g := newFolder(t, SourceConfig{Paths: []string{"x"}})
		g.cfg.Paths = []string{f.path(pattern)}
		g.has(want...)
	}
}

// TestBounds: too many files, a folder that isn't there, and files that are not held open.
func TestBounds(t *testing.T) {
	f := newFolder(t, SourceConfig{MaxFiles: 3, MaxOpen: 1})
	for n := range 3 {
		f.write(fmt.Sprintf("%d.nt", n), rows(n, n+1))
	}
	f.has(row(0), row(1), row(2))
	for n := range 3 {
		f.add(fmt.Sprintf("%d.nt", n), rows(n+10, n+11))
	}
	f.has(row(10), row(11), row(12))
	f.has()
	open := 0
	for _, in := range f.r.order {
		if in.file != nil {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d files are open", open)
	}
	f.write("3.nt", "")
	if _, err := f.read(true); !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), "max-files is 3") {
		t.Errorf("%v", err)
	}
	g := newFolder(t, SourceConfig{Paths: []string{"none/*.nt"}})
	if err := g.start(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that isn't there: %v", err)
	}
}

// TestSourceConfig: what can't be is refused.
func TestSourceConfig(t *testing.T) {
	for want, cfg := range map[string]SourceConfig{
		"needs paths":             {},
		"expected a folder":       {Paths: []string{"a["}},
		"in one folder":           {Paths: []string{"a/*/b.nt"}},
		"expected the media type": {Paths: []string{"a"}, MediaType: "text/plain"},
		"a mapping takes":         {Paths: []string{"a"}, MediaType: "text/turtle", Mapped: true},
		"1 or more":               {Paths: []string{"a"}, MaxOpen: -1},
	} {
		if _, err := NewSource(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", cfg, err, want)
		}
	}
}

// interrupted is a progress that is asked while the context ends.
type interrupted struct {
	*conntest.Progress
	left int // answers until then
	end  context.CancelFunc
}

func (p *interrupted) Next(ctx context.Context, stream string) (uint64, bool, error) {
	if p.left--; p.left == -1 {
		p.end()
		return 0, false, ctx.Err()
	}
	return p.Progress.Next(ctx, stream)
}

// TestInterruptedLook: files that were found while the context ended are found again.
func TestInterruptedLook(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.write("1.nt", rows(0, 1))
	f.write("2.nt", rows(1, 2))
	ctx, cancel := context.WithCancel(t.Context())
	f.r.progress = &interrupted{Progress: &f.progress, left: 1, end: cancel}
	if messages, err := f.r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", texts(messages), err)
	}
	f.has(row(0), row(1))
}

// TestCantBeOpened: a file that can't be opened is an error, and not one that was moved.
func TestCantBeOpened(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("1.nt", rows(0, 1))
	f.write("1.nt.gz", "x")
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	for _, in := range f.r.order {
		in.path += "/below" // a file
		if _, err := in.read(&batch{cfg: &f.r.s.cfg}); err == nil || errors.Is(err, errAway) || !strings.Contains(err.Error(), "below") {
			t.Errorf("%v", err)
		}
	}
}

// TestEndsWithContext: a reading ends when its context does, and nothing is lost.
func TestEndsWithContext(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.write("x.nt", rows(0, 1))
	if messages, err := f.r.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%q, %v", texts(messages), err)
	}
	f.has(row(0))
}

// TestMissingIsTold: a path that isn't there is told, since it may be misspelt; a pattern, or what is there, is not.
func TestMissingIsTold(t *testing.T) {
	dir := t.TempDir()
	var said bytes.Buffer
	s, err := NewSource(SourceConfig{Paths: []string{filepath.Join(dir, "later.rdfp"), filepath.Join(dir, "*.rdfp"), dir},
		Logger: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context(), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if text := said.String(); strings.Count(text, "nothing is there yet") != 1 || !strings.Contains(text, "later.rdfp") {
		t.Error(text)
	}
}
