// Package publish divides files of changes, and of RDF data whose statements are additions, into documents and sends them. SPARQL Update is
// divided at its operations.
//
// Without a name each sending is a run of its own: what a person sends again is meant. A run of a name is a sequence of files,
// and each file one of documents. Their rows, divided in the same way, are the same documents, whatever the files are called,
// however they are compressed, and in which format they are: what was accepted before is skipped. A place in the run is taken
// by the document that was first sent there, and another one is refused before anything of it is sent.
package publish

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/rdfio"
)

// Config says how files are divided.
type Config struct {
	// RequestSize is the size in bytes after which a document ends with its transaction, MaxTransaction that which one
	// transaction may have: 1 <= RequestSize <= MaxTransaction.
	RequestSize, MaxTransaction int
	// Run names a run that may be repeated: what it has sent before is skipped. Empty: it is a run that never was before.
	Run string
	// IgnorePrev leaves out the headers "prev".
	IgnorePrev bool
}

// File is what is sent.
type File struct {
	// Path is where it is; "-" is standard input. Its ending says whether it is compressed.
	Path string
	// Name is what errors call it.
	Name   string
	Format rdfio.Format
	// Source is how it is read. Name, and a prefix for its blank nodes, are put into it.
	Source rdfio.Source
	// Number is that of the files of the run before it.
	Number int
	// Reader gives its bytes. It belongs to Send until that returns, and for ever if it Hangs: then a read may wait without
	// end, as that of a terminal or a pipe does, and is left behind when the context ends. What has come is sent meanwhile,
	// unless the run has a name: then documents must be the same each time.
	Reader io.Reader
	Hangs  bool
}

// Total sums the answers of the nodes for one file.
type Total struct {
	// Requests were accepted, of which Skipped had been accepted in an earlier sending of the run.
	Requests uint64 `json:"requests"`
	Skipped  uint64 `json:"skipped"`
	// Changes are those of the file, Adds and Deletes those that have changed something now.
	Changes uint64 `json:"changes"`
	Adds    uint64 `json:"adds"`
	Deletes uint64 `json:"deletes"`
}

// Send sends the file, a document after the other, and returns what was accepted, also when there is an error. It holds at
// most three documents in memory: the one that is being read, one that waits, and the one that is being sent. After each it
// calls progress with the bytes that were read and the changes that were accepted.
func Send(ctx context.Context, session *client.Session, file File, cfg Config, progress func(read int64, changes uint64)) (Total, error) {
	p := publication{cfg: cfg, name: cmp.Or(cfg.Run, rand.Text()), file: file, session: session, progress: progress}
	err := p.run(ctx)
	return p.total, err
}

// publication is the sending of one file.
type publication struct {
	cfg      Config
	name     string // of the run
	file     File
	session  *client.Session
	progress func(read int64, changes uint64)
	read     atomic.Int64 // bytes of the file
	total    Total
}

// run reads the file in one goroutine and sends in this one.
func (p *publication) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	documents, free := make(chan document, 1), make(chan []byte, 3)
	d := newDivider(p.cfg.RequestSize, p.cfg.MaxTransaction, func(doc document) ([]byte, error) {
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
	d.ignorePrev = p.cfg.IgnorePrev
	var divided error
	go func() {
		defer close(documents)
		divided = p.divide(d)
	}()
	if !p.file.Hangs {
		defer func() { // the goroutine must have ended before the caller closes the file
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
func (p *publication) divide(d *divider) error {
	in := input{file: p.file.Reader, name: p.file.Path, read: &p.read}
	source, format := p.file.Source, p.file.Format
	source.File = p.file.Name
	if format.IsData() {
		prefix, closed, err := p.blankPrefix(&in)
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
	var from io.Reader = r
	if p.cfg.Run == "" && p.file.Hangs && format != rdfio.Update {
		from = &live{from: r, to: d}
	}
	switch {
	case format == rdfio.Update:
		err = p.updates(from, d)
	case format.IsData():
		err = source.Statements(from, format, d.Add)
	default:
		err = source.Rows(from, format, d)
	}
	if err != nil {
		return err
	}
	return d.cut()
}

// blankPrefix is that of the labels of the file's blank nodes. In a run of a name it is made of the file's place, so that the
// nodes stay the same when the file is mended or goes on. Otherwise it is made of the content; standard input that comes bit by
// bit has one that no other call has: all of it would have to be there before any of it could be sent.
func (p *publication) blankPrefix(in *input) (prefix string, closed func(), err error) {
	switch {
	case p.cfg.Run != "":
		return "q" + p.digest("blank nodes of file %d", p.file.Number)[:16], func() {}, nil
	case p.file.Hangs && !seekable(in.file):
		return "q" + strings.ToLower(rand.Text()), func() {}, nil
	}
	return in.fingerprint()
}

// inputError names the file.
func (p *publication) inputError(err error) error {
	return fmt.Errorf("%s: %w", p.file.Name, err)
}

func (p *publication) send(ctx context.Context, doc document) error {
	key, err := p.claim(ctx, doc)
	if err != nil {
		return p.sendError(err)
	}
	var tries atomic.Int64 // also those that the HTTP client makes by itself
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { tries.Add(1) }}
	a, err := p.session.Submit(httptrace.WithClientTrace(ctx, trace), cmp.Or(doc.format, rdfio.Patch).MediaType(), key, doc.body)
	if err != nil {
		return p.sendError(err)
	}
	p.total.Requests++
	p.total.Changes += doc.changes
	if tries.Load() == 1 && skipped(a) { // else it may be this very request whose answer got lost
		p.total.Skipped++
	} else {
		p.total.Adds += a.Adds
		p.total.Deletes += a.Deletes
	}
	p.progress(p.read.Load(), p.total.Changes)
	return nil
}

// skipped reports whether all of a document had been accepted before.
func skipped(a client.Accepted) bool {
	isNew := func(r client.Result) bool { return !r.Duplicate }
	return len(a.Results) > 0 && !slices.ContainsFunc(a.Results, isNew)
}

// claim takes the place of a document in a run of a name, and returns the key to send it with.
//
// The key of a place is refused for another document, but only in the shards that both have in common. So a deletion of what
// never was, which says what the document is, comes first under that key: all that can be sent at this place have its shard in
// common. A document that a header "prev" guards needs none, since its dataset is one shard, and the header stands only as long
// as nothing else is committed there.
func (p *publication) claim(ctx context.Context, doc document) (key string, err error) {
	place := p.digest("request %d of file %d", p.total.Requests, p.file.Number)
	if p.cfg.Run == "" || doc.prev {
		return keyPrefix + place, nil
	}
	content := p.digest("%s is %x", place, sha256.Sum256(doc.body))
	row := fmt.Sprintf("D <urn:quadrille:run:%s> <urn:quadrille:run:sends> %q .\n", p.digest("run"), content)
	_, err = p.session.Submit(ctx, client.TypePatch, keyPrefix+place, []byte(row))
	return keyPrefix + content, err
}

// keyPrefix is what the idempotency keys begin with.
const keyPrefix = "publish-"

// digest makes a name of a text, for this run alone.
func (p *publication) digest(format string, args ...any) string {
	h := sha256.New()
	fmt.Fprintf(h, "%q: ", p.name)
	fmt.Fprintf(h, format, args...)
	return lowerBase32(h.Sum(nil)[:20])
}

// sendError says from where on nothing was accepted.
func (p *publication) sendError(err error) error {
	if errors.Is(err, event.ErrReused) {
		err = fmt.Errorf("run %q has sent something else as request %d of its file %d: %w; a run is repeated with the same "+
			"content, files in the same order, --request-size, --max-transaction and --ignore-prev; what else is to be sent "+
			"needs another --run", p.name, p.total.Requests+1, p.file.Number+1, err)
	}
	return fmt.Errorf("%s: change %d and those after it: %w", p.file.Name, p.total.Changes+1, err)
}

func lowerBase32(b []byte) string {
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b))
}
