package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/mapping"
)

// Control changes what sources and sinks do, wherever they run. Its methods may be called concurrently; what they return for is
// committed. They are called for names alone that this node's configuration has.
type Control interface {
	// TurnSource pauses a source, or has it run; by is who asks. TurnSink does so with a sink.
	TurnSource(ctx context.Context, name, by string, paused bool) (client.Switch, error)
	TurnSink(ctx context.Context, name, by string, paused bool) (client.Switch, error)
	// SeekSource has a source read on from another place, SeekSink a sink go on at one. An error that is an [ErrCannot] says that it
	// can't be done as it is asked for.
	SeekSource(ctx context.Context, name string, to client.SourceSeek) error
	SeekSink(ctx context.Context, name string, to client.SinkSeek) error
}

// Desk handles dead letters. Its methods may be called concurrently. Errors: [ErrNoLetter], [ErrSettled], [ErrCannot], and those of
// [Submitter].
type Desk interface {
	// List returns letters that are open, behind a place, and the place of the last one that was looked at if there may be more.
	List(ctx context.Context, f client.LetterFilter, after client.Place) ([]client.Letter, *client.Place, error)
	// Show returns one with its content.
	Show(ctx context.Context, at client.Place) (client.Letter, error)
	// Retry takes one in again, and returns those that it has become instead; Drop settles it without an effect.
	Retry(ctx context.Context, at client.Place, by string) ([]client.Place, error)
	Drop(ctx context.Context, at client.Place, by string) error
}

// Errors of a [Desk].
var (
	// ErrNoLetter: there is none at that place.
	ErrNoLetter = errors.New("there is no such dead letter")
	// ErrSettled: somebody has settled it before.
	ErrSettled = errors.New("the dead letter was settled before")
)

// ErrCannot: what is asked for can't be done as it is asked for.
var ErrCannot = errors.New("that can't be done")

// controlBound bounds the time in which a change of a source or sink must be committed.
const controlBound = 20 * time.Second

// maxOffset bounds the offset of a source's stream: of a larger one nothing could be told to be behind it.
const maxOffset = 1 << 61

// maxOrder bounds the body of a request that changes a source or sink.
const maxOrder = 64 << 10

// connectorEndpoints are those of sources and sinks.
func (a *API) connectorEndpoints() (list []*endpoint) {
	for _, of := range []struct {
		one, many string
		list, get func(http.ResponseWriter, *http.Request, args)
		turn      func(context.Context, string, string, bool) (client.Switch, error)
	}{
		{"source", "sources", a.getSources, a.getSource, func(ctx context.Context, name, by string, paused bool) (client.Switch, error) {
			return a.cfg.Control.TurnSource(ctx, name, by, paused)
		}},
		{"sink", "sinks", a.getSinks, a.getSink, func(ctx context.Context, name, by string, paused bool) (client.Switch, error) {
			return a.cfg.Control.TurnSink(ctx, name, by, paused)
		}},
	} {
		path := "/v1/" + of.many
		list = append(list,
			&endpoint{method: http.MethodGet, path: path, what: fmt.Sprintf("Says how the %s of the pipeline are, as all its nodes say.", of.many),
				gives: []string{typeJSON}, statuses: []int{http.StatusOK}, compressed: true, needs: access.Read, serve: of.list},
			&endpoint{method: http.MethodGet, path: path + "/" + itemParam, segments: named, what: fmt.Sprintf("Says how a %s is.", of.one),
				gives: []string{typeJSON}, statuses: []int{http.StatusOK}, codes: []string{"not_found"}, compressed: true, needs: access.Read,
				serve: of.get},
			a.order(path+"/"+itemParam+"/pause", fmt.Sprintf("Pauses a %s until it is resumed, on whichever node it runs.", of.one), turn(of.turn, true)),
			a.order(path+"/"+itemParam+"/resume", fmt.Sprintf("Has a %s run again.", of.one), turn(of.turn, false)),
		)
	}
	return append(list,
		a.order("/v1/sources/"+itemParam+"/seek", "Has a source read on from another place; what is read again is applied again.", a.seekSource),
		a.order("/v1/sinks/"+itemParam+"/seek", "Has a sink go on at another place of the logs.", a.seekSink))
}

func (a *API) seekSource(ctx context.Context, name, _ string, body []byte) (any, error) {
	var to client.SourceSeek
	if err := strict(body, &to); err != nil {
		return nil, err
	}
	if (to.Offset != nil) == to.Start || to.Offset != nil && (to.Stream == "" || *to.Offset == 0 || *to.Offset > maxOffset) {
		return nil, &orderError{errors.New(`expected {"stream": …, "offset": …} with an offset of 1 or more, or {"start": true} with a stream or for all`)}
	}
	return to, a.cfg.Control.SeekSource(ctx, name, to)
}

func (a *API) seekSink(ctx context.Context, name, _ string, body []byte) (any, error) {
	var to client.SinkSeek
	if err := strict(body, &to); err != nil {
		return nil, err
	}
	if (to.Position != nil) == to.Start || to.Position != nil && to.Shard == nil {
		return nil, &orderError{errors.New(`expected {"shard": …, "position": …}, or {"start": true} with a shard or for all`)}
	}
	if shards := len(a.node.Status().Shards); to.Shard != nil && (*to.Shard < 0 || *to.Shard >= shards) {
		return nil, &orderError{fmt.Errorf("shard %d: the pipeline has shards 0 to %d", *to.Shard, shards-1)}
	}
	return to, a.cfg.Control.SeekSink(ctx, name, to)
}

// turn is the order to pause or to resume.
func turn(do func(context.Context, string, string, bool) (client.Switch, error), paused bool) orderFunc {
	return func(ctx context.Context, name, by string, body []byte) (any, error) {
		if err := strict(body, &struct{}{}); err != nil {
			return nil, err
		}
		return do(ctx, name, by, paused)
	}
}

// orderFunc does what is asked for with what is named, and returns the answer.
type orderFunc func(ctx context.Context, name, by string, body []byte) (any, error)

// order is an endpoint that changes something. Its body is JSON, which no web page of others can send without being asked first.
func (a *API) order(path, what string, do orderFunc) *endpoint {
	return &endpoint{method: http.MethodPost, path: path, segments: named, what: what, takes: []string{typeJSON}, gives: []string{typeJSON},
		statuses: []int{http.StatusOK},
		codes: []string{"not_found", "unsupported_media_type", "body", "bad_order", "settled", "not_mapped", "too_large", "key_reused", "bad_event", "syntax", "not_local", "prev_needs_dataset", "halted", "stopped", "no_room", "no_leader", "busy",
			"no_owner", "timeout", "canceled", "internal"},
		needs: access.Admin, serve: func(w http.ResponseWriter, r *http.Request, args args) { a.serveOrder(w, r, args, do) }}
}

func (a *API) serveOrder(w http.ResponseWriter, r *http.Request, args args, do orderFunc) {
	name, _ := arg[string](args, itemArg)
	body, p := a.orderBody(r, name)
	if p != nil {
		w.Header().Set("Connection", "close") // what is left of the body would be read as the next request
		p.write(w)
		return
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // the order has its own bound
	ctx, cancel := context.WithTimeout(r.Context(), controlBound)
	defer cancel()
	answer, err := do(ctx, name, a.cfg.Access.who(r), body)
	_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
	var bad *orderError
	var unmapped *mapping.Error
	switch {
	case errors.As(err, &unmapped):
		newProblem("not_mapped", "%v", err).write(w)
	case errors.Is(err, ErrNoLetter):
		newProblem("not_found", "%v", err).write(w)
	case errors.Is(err, ErrSettled):
		newProblem("settled", "%v", err).write(w)
	case errors.As(err, &bad), errors.Is(err, ErrCannot):
		newProblem("bad_order", "%v", err).write(w)
	case err != nil:
		a.submitProblem(w, err).write(w)
	default:
		a.log(w).Info("order", "path", r.URL.Path, "by", a.cfg.Access.who(r))
		writeJSON(w, answer)
	}
}

// orderBody reads the body of an order, which may be empty.
func (a *API) orderBody(r *http.Request, name string) ([]byte, *problem) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != typeJSON {
		p := newProblem("unsupported_media_type", "Content-Type %q: expected %s", r.Header.Get("Content-Type"), typeJSON)
		p.header.Set("Accept-Post", typeJSON)
		return nil, p
	}
	if p := a.knows(r.URL.Path, name); p != nil {
		return nil, p
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxOrder+1))
	switch {
	case err != nil:
		return nil, newProblem("body", "%v", err)
	case len(body) > maxOrder:
		return nil, newProblem("too_large", "the body has more than %d bytes", maxOrder)
	}
	return body, nil
}

// knows returns a problem for a source or sink that the configuration doesn't have.
func (a *API) knows(path, name string) *problem {
	if strings.HasPrefix(path, "/v1/letters/") {
		_, p := placeOf(name)
		return p
	}
	names, what := []string{}, "source"
	for _, of := range a.cfg.Sources {
		names = append(names, of().Name)
	}
	if strings.HasPrefix(path, "/v1/sinks/") {
		names, what = nil, "sink"
		for _, of := range a.cfg.Sinks {
			names = append(names, of().Name)
		}
	}
	if slices.Contains(names, name) && a.cfg.Control != nil {
		return nil
	}
	return unknown(what, name, names)
}

func unknown(what, name string, names []string) *problem {
	there := "this pipeline has none"
	if len(names) > 0 {
		there = "there is " + strings.Join(slices.Sorted(slices.Values(names)), ", ")
	}
	return newProblem("not_found", "no %s is called %q; %s", what, name, there)
}

// orderError is an order that can't be carried out as it stands.
type orderError struct{ error }

// strict reads an order; an empty body is one without anything.
func strict(body []byte, to any) error {
	if len(strings.TrimSpace(string(body))) == 0 {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return &orderError{fmt.Errorf("the body: %w", err)}
	}
	if d.More() {
		return &orderError{errors.New("the body has more than one object")}
	}
	return nil
}

// ask asks all nodes how they are, with the token of who asks.
func (a *API) ask(r *http.Request) (own client.Status, replies map[string]status.Reply) {
	if a.cfg.Peers == nil {
		return a.askWith(r.Context(), r, nil)
	}
	cl := a.cfg.Peers(bearer(r))
	defer cl.Close()
	return a.askWith(r.Context(), r, cl)
}

// askWith asks all nodes by a client that sends the token of the request; nil: none but this one.
func (a *API) askWith(ctx context.Context, r *http.Request, cl *client.Client) (own client.Status, replies map[string]status.Reply) {
	own = a.status()
	if cl == nil || len(own.Members) < 2 {
		return own, map[string]status.Reply{own.Node: {Status: own}}
	}
	base := "http:"
	if r.TLS != nil {
		base = "https:"
	}
	return own, status.Others(ctx, cl, base, own)
}

func (a *API) getSources(w http.ResponseWriter, r *http.Request, _ args) {
	_, replies := a.ask(r)
	writeJSON(w, client.Sources{Sources: append([]client.Source{}, status.Sources(replies)...), Missing: status.Missing(replies)})
}

func (a *API) getSinks(w http.ResponseWriter, r *http.Request, _ args) {
	own, replies := a.ask(r)
	writeJSON(w, client.Sinks{Sinks: append([]client.Sink{}, status.Sinks(replies, len(own.Shards))...), Missing: status.Missing(replies)})
}

func (a *API) getSource(w http.ResponseWriter, r *http.Request, args args) {
	_, replies := a.ask(r)
	byName := map[string]client.Source{}
	for _, s := range status.Sources(replies) {
		byName[s.Name] = s
	}
	writeNamed(w, args, "source", byName)
}

func (a *API) getSink(w http.ResponseWriter, r *http.Request, args args) {
	own, replies := a.ask(r)
	byName := map[string]client.Sink{}
	for _, s := range status.Sinks(replies, len(own.Shards)) {
		byName[s.Name] = s
	}
	writeNamed(w, args, "sink", byName)
}

// writeNamed answers with the one that is asked for.
func writeNamed[T any](w http.ResponseWriter, args args, what string, byName map[string]T) {
	name, _ := arg[string](args, itemArg)
	if of, ok := byName[name]; ok {
		writeJSON(w, of)
		return
	}
	unknown(what, name, slices.Collect(maps.Keys(byName))).write(w)
}
