package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// trialPath is where updates are tried.
const trialPath = "/v1/delta"

var (
	trialTypes = []string{typePatch, typeBinaryPatch}
	// trialParameters are those of an update that is tried.
	trialParameters = append([]parameter{
		{name: "timeout", kind: kindTime, what: "How long it may take; no longer than the node allows."},
		{name: "now", kind: kindMoment, what: "What NOW() gives. Default: the time of the request."},
		{name: "id", kind: kindText, what: "What RAND(), UUID(), STRUUID() and the labels of new blank nodes are made of: with the same they are the same. Default: new ones."},
	}, updateParameters...)
)

// kindMoment is a point in time.
var kindMoment = kind{schema{"type": "string", "format": "date-time"}, "a time such as 2026-01-31T12:00:00Z", func(text string) (any, error) {
	return time.Parse(time.RFC3339, text)
}}

// trialEndpoints are those of updates that are tried.
func (a *API) trialEndpoints() []*endpoint {
	return []*endpoint{{method: http.MethodPost, path: trialPath,
		what: "Gives the delta that an update would have, on the shards as they were when it came, or newer, without carrying it out: one transaction, deletions " +
			"first, each row a real change. The update need not be local to a shard.",
		query: trialParameters,
		headers: map[string]string{CursorHeader: "A cursor, such as an earlier answer had: the delta knows of all that it names.",
			"Content-Encoding": "gzip, or x-gzip, which is the same, or none; once."},
		takes: []string{typeUpdate}, gives: trialTypes, statuses: []int{http.StatusOK},
		codes: []string{"syntax", "cursor", "over_budget", "not_local", "bad_event", "busy", "timeout", "canceled", "stopped", "data", "internal",
			"unsupported_media_type", "unsupported_encoding", "too_large", "body", "length_required", "slow_body"},
		needs: access.Read, compressed: true, serve: a.postTrial}}
}

// postTrial says what an update would change.
func (a *API) postTrial(w http.ResponseWriter, r *http.Request, args args) {
	media, p := acceptable(r.Header.Values("Accept"), trialTypes, trialPath)
	if p == nil {
		_, p = mediaOf(r, []string{typeUpdate})
	}
	var body []byte
	release := func() {}
	if p == nil {
		body, release, p = a.readBody(w, r)
	}
	defer release()
	var d *graph.Delta
	if p == nil {
		rc := http.NewResponseController(w)
		_, _ = rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Time{}) // the node has its own bounds
		d, p = a.try(w, r, body, args)
	}
	if p != nil {
		p.write(w)
		return
	}
	noStore(w, media)
	w.Header().Add("Vary", "Accept")
	a.setCursor(w.Header(), d.Cut)
	if err := writeDelta(&lazyWriter{w: w, rc: http.NewResponseController(w), timeout: a.cfg.WriteTimeout}, media, d); err != nil {
		panic(http.ErrAbortHandler) // what has come must not be taken for whole
	}
}

// try has an update tried.
func (a *API) try(w http.ResponseWriter, r *http.Request, body []byte, args args) (*graph.Delta, *problem) {
	if !utf8.Valid(body) {
		return nil, newProblem("body", "the body is no UTF-8")
	}
	after, p := a.after(r)
	if p != nil {
		return nil, p
	}
	t := graph.Trial{Base: baseOf(r), After: after}
	if t.Text, p = withUsing(string(body), t.Base, datasetOf(args, "using-graph-uri", "using-named-graph-uri")); p != nil {
		return nil, p
	}
	t.Time, _ = arg[time.Duration](args, "timeout")
	t.Now, _ = arg[time.Time](args, "now")
	t.ID, _ = arg[string](args, "id")
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	d, err := a.node.Try(ctx, t)
	if err != nil {
		return nil, a.trialProblem(w, err)
	}
	return d, nil
}

func (a *API) trialProblem(w http.ResponseWriter, err error) *problem {
	if local, ok := errors.AsType[*graph.NotLocalError](err); ok {
		return notLocal(local)
	}
	switch {
	case queryProblem(err) != nil: // it goes first
	case errors.Is(err, eval.ErrNoGraph), errors.Is(err, rdf.ErrInvalid):
		return newProblem("bad_event", "%v", err)
	case errors.Is(err, event.ErrTooLarge), errors.Is(err, patch.ErrTransactionSize):
		return newProblem("too_large", "%v", err)
	}
	return a.quadsProblem(w, "try an update", err)
}

// writeDelta writes a delta in a form.
func writeDelta(w io.Writer, media string, d *graph.Delta) error {
	var out interface {
		patch.Change
		Flush() error
	} = patch.NewWriter(w)
	if media == typeBinaryPatch {
		out = patch.NewBinaryWriter(w)
	}
	if err := d.Emit(out); err != nil {
		return err
	}
	return out.Flush()
}
