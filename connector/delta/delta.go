// Package delta is a [connector.Source] that follows a log of an RDF Delta patch log server: each patch is a message, whose
// stream is the id of the log's data source, and whose offset is the patch's version. Versions of a log begin with 1 and have
// no gaps. So each patch has its effect once, in order, and a log that was made anew is another one.
//
// The server's protocol is that of its sources (afs/rdf-delta, July 2026), where it isn't documented: POST $/rpc with JSON for
// what there is, GET LOG/VERSION for a patch.
package delta

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/endpoint"
	"github.com/quadrille-stream/quadrille/connector/internal/ending"
	"github.com/quadrille-stream/quadrille/connector/internal/entry"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/patch"
)

// Config configures a [Source].
type Config struct {
	// Config is the address of the server, and how it is asked.
	endpoint.Config
	// Log is the name of the log. Required.
	Log string
	// Every is the pause between two questions for what is new. Default 1 s.
	Every time.Duration
	// MaxPatch bounds a patch in bytes. Default 64 MiB.
	MaxPatch int64
	// MaxBatch bounds the bytes that are read at once, unless a patch is larger. Default 4 MiB.
	MaxBatch int
}

// Source follows a log. Make it with [New]. It may be used concurrently.
type Source struct {
	cfg   Config
	pause endpoint.Pause
}

var _ connector.Source = (*Source)(nil)

// logName is what logs may be called.
var logName = regexp.MustCompile(`^[\w$][\w\-.$]*$`)

// New checks the configuration and returns a source; it connects to nothing.
func New(cfg Config) (*Source, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if u, err := url.Parse(cfg.URL); err != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("address %q: expected one without a query", cfg.URL)
	}
	if !logName.MatchString(cfg.Log) {
		return nil, fmt.Errorf("log %q: expected letters, digits, '_', '$', '-' and '.'", cfg.Log)
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/") + "/"
	if cfg.Every == 0 {
		cfg.Every = time.Second
	}
	if cfg.MaxPatch == 0 {
		cfg.MaxPatch = 64 << 20
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 4 << 20
	}
	if cfg.Every < 0 || cfg.MaxPatch < 0 || cfg.MaxBatch < 0 {
		return nil, fmt.Errorf("a pause of %v, patches of %d bytes, %d at once: expected more than 0", cfg.Every, cfg.MaxPatch,
			cfg.MaxBatch)
	}
	return &Source{cfg: cfg}, nil
}

// Open looks the log up, and begins after what is committed.
func (s *Source) Open(ctx context.Context, progress connector.Progress) (_ connector.Reader, err error) {
	if err := s.pause.Wait(ctx); err != nil {
		return nil, err
	}
	client := s.cfg.Connect()
	defer func() {
		if err != nil {
			client.Close()
			s.pause.Note(err)
		}
	}()
	r := &reader{source: s, client: client, ending: ending.New(ctx)}
	if err := r.lookUp(ctx); err != nil {
		return nil, err
	}
	next, _, err := progress.Next(ctx, r.log)
	if err != nil {
		return nil, err
	}
	r.next = max(next, 1)
	if err := r.look(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// reader reads one log, by one request at a time, beside those for what there is.
type reader struct {
	source *Source
	client *endpoint.Client
	log    string // id of its data source
	newest uint64 // the newest version that the log has, 0 if there is none
	next   uint64 // the version to read
	before string // id of the patch before the next one, "" if that isn't known

	missing uint64 // the version that wasn't found when it was last asked for, though the log has it
	ending  *ending.Ending
}

// description is what the server says of a log.
type description struct {
	ID     string `json:"id"`
	Oldest int64  `json:"min_version"`
	Newest int64  `json:"max_version"`
}

// lookUp asks which log has the name.
func (r *reader) lookUp(ctx context.Context) error {
	var source description
	name := r.source.cfg.Log
	if err := r.call(ctx, "describe_datasource", map[string]string{"name": name}, &source); err != nil {
		return err
	}
	if source.ID == "" {
		return connector.GiveUpf("%s has no log %s: make it there, or put log right", r.source.cfg.URL, name)
	}
	r.log = strings.TrimPrefix(source.ID, "id:")
	return nil
}

// look asks which versions there are. A log that lacks what was read of it, or what is to be read, is none to wait for: what it
// gets later may be another's.
func (r *reader) look(ctx context.Context) error {
	oldest, newest, err := r.versions(ctx)
	if err != nil {
		return err
	}
	r.newest = newest
	switch name := r.source.cfg.Log; {
	case r.newest < r.next-1:
		return connector.GiveUpf("the log %s ends with version %d, and %d was read of it: it was made anew, which a source of another name reads from its start", name, r.newest, r.next-1)
	case oldest > r.next:
		return connector.GiveUpf("the log %s begins with version %d, and the next to read is %d: what is missing can't be had; a source of another name begins with what is there", name, oldest, r.next)
	}
	return nil
}

// versions asks for the oldest and the newest version of the log, which are 0 if there is none.
func (r *reader) versions(ctx context.Context) (oldest, newest uint64, err error) {
	var d description
	if err := r.call(ctx, "describe_log", map[string]string{"datasource": r.log}, &d); err != nil {
		return 0, 0, err
	}
	if d.ID == "" {
		return 0, 0, connector.GiveUpf("%s has no log %s any more: take the source out, or put log right", r.source.cfg.URL, r.source.cfg.Log)
	}
	return uint64(max(d.Oldest, 0)), uint64(max(d.Newest, 0)), nil // -1, too, says that there is none
}

var _ connector.Lagger = (*reader)(nil)

// Extents asks which versions there are.
func (r *reader) Extents(ctx context.Context) ([]connector.Extent, error) {
	asking, done := r.ending.Within(ctx)
	defer done()
	oldest, newest, err := r.versions(asking)
	if err != nil {
		return nil, err
	}
	return []connector.Extent{{Stream: r.log, First: max(oldest, 1), End: newest + 1}}, nil
}

// maxAnswer bounds what the server says of a log, in bytes.
const maxAnswer = 1 << 20

// call asks the server by its RPC. What it knows nothing of is an object without members, or no answer.
func (r *reader) call(ctx context.Context, operation string, arg map[string]string, answer any) error {
	body, err := json.Marshal(map[string]any{"operation": operation, "opid": "1", "arg": arg})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.source.cfg.URL+"$/rpc", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	answered, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer answered.Body.Close()
	if answered.StatusCode == http.StatusNoContent {
		return nil
	}
	text, err := endpoint.Document(req, answered, maxAnswer)
	if err != nil || len(text) == 0 {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s: %s: %w", r.source.cfg.URL, operation, err)
	}
	return nil
}

// Read returns the next patches, and waits until there are some.
func (r *reader) Read(ctx context.Context) ([]connector.Message, error) {
	asking, done := r.ending.Within(ctx)
	defer done()
	list, err := r.wait(asking)
	if len(list) > 0 || err == nil {
		return list, nil // an error comes again
	}
	if why := r.ending.Why(ctx); why != nil {
		return nil, why
	}
	r.source.pause.Note(err)
	return nil, err
}

// wait asks until there are patches.
func (r *reader) wait(ctx context.Context) ([]connector.Message, error) {
	for {
		if list, err := r.patches(ctx); len(list) > 0 || err != nil {
			return list, err
		}
		if err := clock.Sleep(ctx, r.source.cfg.Every); err != nil {
			return nil, err
		}
		if err := r.look(ctx); err != nil {
			return nil, err
		}
	}
}

// patches reads those that are known to be there, within the bound.
func (r *reader) patches(ctx context.Context) (list []connector.Message, err error) {
	for size := 0; r.next <= r.newest && size < r.source.cfg.MaxBatch; {
		m, found, err := r.patch(ctx)
		if err != nil || !found {
			return list, err
		}
		list, size = append(list, m), size+len(m.Body)
		r.next++
	}
	return list, nil
}

// patch reads the next one. One that isn't found though the log has it may be on its way to where the server keeps it: it is
// asked for once more, and then that it is missing is an error, which shows.
func (r *reader) patch(ctx context.Context) (m connector.Message, found bool, err error) {
	at := r.source.cfg.URL + r.log + "/" + strconv.FormatUint(r.next, 10)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return m, false, err
	}
	req.Header.Set("Accept", patch.MediaType)
	text, err := r.document(req)
	if e, ok := errors.AsType[*endpoint.StatusError](err); ok && e.Status == http.StatusNotFound {
		if r.missing == r.next {
			return m, false, fmt.Errorf("the log %s ends with version %d, and %s isn't found", r.source.cfg.Log, r.newest, at)
		}
		r.missing = r.next
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	m = connector.Message{Stream: r.log, Offset: r.next, MediaType: patch.MediaType, Body: text}
	e, err := entry.Of(text)
	if err == nil && e.ID == "" {
		err = errors.New("it has no id: it is no patch of a log")
	}
	if err != nil {
		m.Reason = err.Error()
		r.before = ""
		return m, true, nil
	}
	if r.before != "" && e.Prev != r.before {
		return m, false, connector.GiveUpf("%s builds on %q, and the patch before it is %q: the server's log is damaged, or was changed", at, e.Prev, r.before)
	}
	m.Body, r.before = e.Rows, e.ID
	m.Vars = func(yield func(string, string) bool) {
		_ = yield("log", r.source.cfg.Log) && yield("id", e.ID)
	}
	return m, true, nil
}

// document asks for a document.
func (r *reader) document(req *http.Request) ([]byte, error) {
	answer, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return endpoint.Document(req, answer, r.source.cfg.MaxPatch)
}

// Ack has nothing to tell: the server keeps its log for all.
func (r *reader) Ack(context.Context, []connector.Message) error { return nil }

// Close ends a request under way.
func (r *reader) Close() error {
	r.ending.Close()
	r.client.Close()
	return nil
}
