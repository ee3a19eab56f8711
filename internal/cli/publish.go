package cli

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// publishCommand sends files. It holds at most three documents in memory: the one that is being read, one that waits,
// and the one that is being sent.
type publishCommand struct {
	Files []string `arg:"" name:"file" help:"Files of changes, .rdfp and .trp (RDF Patch, text and binary), or of RDF data, .nt, .nq, .ttl, .trig and .jsonld, whose statements are additions; .gz and .zst after it are decompressed. - is standard input."`
	doors
	patienceFlag
	Type           string   `placeholder:"FORMAT" default:"auto" help:"Format: ntriples, nquads, turtle, trig, jsonld, patch, patch-binary, or a media type; auto goes by the file's name, and takes standard input for an RDF Patch."`
	RequestSize    byteSize `default:"1MiB" help:"Size after which a request ends with its transaction."`
	MaxTransaction byteSize `default:"64MiB" help:"Size that one transaction may have."`
	RunName        string   `name:"run" placeholder:"NAME" help:"Name of this run. The same content sent again has no second effect (the nodes remember it for a day), unless the run has another name."`
	IgnorePrev     bool     `help:"Leave out the headers \"prev\", as when a log is copied into another pipeline."`
	Quiet          bool     `short:"q" help:"No progress bar and no summary."`
}

// total sums the answers of the nodes for one file.
type total struct {
	requests, again        uint64 // again: requests that had been accepted before
	changes, adds, deletes uint64
}

// Run sends the files one after the other, each in its order.
func (c *publishCommand) Run(ctx context.Context, std *streams) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	defer cl.Close()
	if c.RequestSize < 1 || c.RequestSize > c.MaxTransaction {
		return usagef("--request-size=%v: expected 1 to --max-transaction (%v)", c.RequestSize, c.MaxTransaction)
	}
	seen := map[string]int{}
	for _, name := range c.Files {
		p := publication{command: c, name: name, times: seen[filepath.Base(name)],
			session: client.NewSession(cl, c.URL, 0, c.Patience)}
		seen[filepath.Base(name)]++
		if !c.Quiet {
			p.bar = terminal.NewBar(std.err, displayName(name), "changes")
		}
		err := p.run(ctx, std.in)
		p.bar.End()
		if err != nil {
			p.tellAccepted(std.err)
			return err
		}
		if !c.Quiet {
			fmt.Fprintln(std.out, p.summary())
		}
	}
	return nil
}

// publication is the sending of one file.
type publication struct {
	command *publishCommand
	name    string
	times   int // files of the same name before it in this run
	session *client.Session
	bar     *terminal.Bar
	read    atomic.Int64 // bytes of the file
	total   total
}

func (p *publication) summary() string {
	t := p.total
	text := fmt.Sprintf("%s: %d changes in %d requests: %d added, %d deleted", displayName(p.name), t.changes,
		t.requests, t.adds, t.deletes)
	if t.again > 0 {
		text += fmt.Sprintf("; %d of the requests had been accepted before and had no second effect (--run NAME sends anew)",
			t.again)
	}
	return text
}

// tellAccepted tells what was accepted before an error.
func (p *publication) tellAccepted(w io.Writer) {
	if p.total.requests > 0 {
		fmt.Fprintf(w, "%s; then:\n", p.summary())
	}
}

// run reads the file in one goroutine and sends in this one. When ctx ends, a read that hangs, as of a terminal, is
// left behind.
func (p *publication) run(ctx context.Context, stdin io.Reader) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	format, err := p.format()
	if err != nil {
		return err
	}
	in, size, closeFile, err := p.open(stdin)
	if err != nil {
		return err
	}
	defer closeFile()
	p.bar.SetTotal(size)
	documents, free := make(chan document, 1), make(chan []byte, 3)
	d := newDivider(int(p.command.RequestSize), int(p.command.MaxTransaction), func(doc document) ([]byte, error) {
		select {
		case documents <- doc:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		select {
		case buffer := <-free:
			return buffer[:0], nil
		default:
			return make([]byte, 0, len(doc.body)), nil
		}
	})
	d.ignorePrev = p.command.IgnorePrev
	var divided error
	go func() {
		defer close(documents)
		divided = p.divide(d, in, format)
	}()
	if p.name != "-" {
		defer func() { // the goroutine must have ended before the file is closed
			cancel()
			for range documents {
			}
		}()
	}
	for doc := range receive(ctx, documents) {
		if err := p.send(ctx, doc); err != nil {
			return err
		}
		select {
		case free <- doc.body:
		default:
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return divided
}

// receive gives what comes until the channel is closed or ctx ends.
func receive[T any](ctx context.Context, from <-chan T) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for {
			select {
			case v, ok := <-from:
				if !ok || !yield(v) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// divide reads the whole file. What stands before a mistake, up to the end of the document before it, has been sent.
func (p *publication) divide(d *divider, in input, format rdfio.Format) error {
	source := rdfio.Source{File: displayName(p.name)}
	if format.IsData() {
		prefix, closed, err := in.fingerprint()
		defer closed()
		if err != nil {
			return p.inputError(err)
		}
		source.BlankPrefix = prefix
	}
	r, err := in.open()
	if err != nil {
		return p.inputError(err)
	}
	defer r.Close()
	if format.IsData() {
		err = source.Statements(r, format, d.Add)
	} else {
		err = source.Rows(r, format, d)
	}
	if err != nil {
		return err
	}
	return d.cut()
}

// inputError names the file.
func (p *publication) inputError(err error) error {
	return fmt.Errorf("%s: %w", displayName(p.name), err)
}

func (p *publication) send(ctx context.Context, doc document) error {
	a, err := p.session.Submit(ctx, client.TypePatch, p.key(doc), doc.body)
	if err != nil {
		return fmt.Errorf("%s: change %d and those after it: %w", displayName(p.name), p.total.changes+1, err)
	}
	p.total.requests++
	p.total.changes += doc.changes
	p.total.adds += a.Adds
	p.total.deletes += a.Deletes
	again := len(a.Results) > 0
	for _, r := range a.Results {
		again = again && r.Duplicate
	}
	if again {
		p.total.again++
	}
	p.bar.Show(p.read.Load(), p.total.changes)
	return nil
}

// key is made of the content and its place: the run, the file's name and its number among those of that name, the
// offset and the bytes.
func (p *publication) key(doc document) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %d %d\n", p.command.RunName, filepath.Base(p.name), p.times, doc.offset)
	h.Write(doc.body)
	return "publish-" + lowerBase32(h.Sum(nil)[:20])
}

func lowerBase32(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}

func (p *publication) format() (rdfio.Format, error) {
	if p.command.Type == "auto" && p.name == "-" {
		return rdfio.Patch, nil
	}
	explicit := p.command.Type
	if explicit == "auto" {
		explicit = ""
	}
	return inputFormat(p.name, explicit, "--type")
}

// open opens the file. size is that of the file, 0 if it is not known.
func (p *publication) open(stdin io.Reader) (in input, size int64, closeFile func(), err error) {
	file, size, closeFile, err := openFile(p.name, stdin)
	return input{file: file, name: p.name, read: &p.read}, size, closeFile, err
}

// input is the bytes of a file, or of standard input.
type input struct {
	file io.Reader
	name string
	read *atomic.Int64
}

// open returns the decompressed bytes.
func (in *input) open() (io.ReadCloser, error) {
	return rdfio.Decompress(in.name, &countingReader{r: in.file, n: in.read})
}

// fingerprint reads the whole file once and makes of it the prefix of the labels of its blank nodes, which are its own:
// those of all its parts must be the same nodes, those of another file others. What can be read only once is kept in a
// temporary file until closed is called.
func (in *input) fingerprint() (prefix string, closed func(), err error) {
	h := sha256.New()
	closed = func() {}
	f, ok := in.file.(*os.File)
	var begin int64
	if ok {
		begin, err = f.Seek(0, io.SeekCurrent)
	}
	if !ok || err != nil {
		if f, err = os.CreateTemp("", "quadrille-publish-*"); err != nil {
			return "", closed, err
		}
		closed = func() {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
		_, err = io.Copy(io.MultiWriter(f, h), in.file)
		in.file = f
	} else {
		_, err = io.Copy(h, f)
	}
	if err == nil {
		_, err = f.Seek(begin, io.SeekStart)
	}
	return "q" + lowerBase32(h.Sum(nil)[:10]), closed, err
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}
