package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
)

// Code is a kind of error of the API.
type Code struct {
	// Name is for programs: it is the member "code" of a [Problem], and the end of its "type".
	Name string
	// Status is that of HTTP.
	Status int
	// Title says in a few words what happened.
	Title string

	cause error
}

// Type is the URI that names the kind of error (RFC 9457).
func (c Code) Type() string { return "urn:quadrille:problem:" + c.Name }

// codes are all kinds of errors. Those that stand for an error of this module are in the order in which they are looked for:
// what can't succeed before what may.
var codes = []Code{
	{"unsupported_media_type", http.StatusUnsupportedMediaType, "The media type of the body is not read", event.ErrMediaType},
	{"too_large", http.StatusRequestEntityTooLarge, "Something is over its limit", event.ErrTooLarge},
	{"bad_key", http.StatusBadRequest, "The Idempotency-Key can't be used", event.ErrKey},
	{"key_reused", http.StatusUnprocessableEntity, "The Idempotency-Key was used for another body", event.ErrReused},
	{"bad_event", http.StatusUnprocessableEntity, "The owner of the shard can't evaluate the changes", event.ErrBad},
	{"not_local", http.StatusUnprocessableEntity, "The update can't be carried out by one shard alone", event.ErrNotLocal},
	{"prev_needs_dataset", http.StatusBadRequest, "H prev needs a pipeline with key: dataset", event.ErrPrev},
	{"halted", http.StatusServiceUnavailable, "The owner has stopped the shard, for damage or a store that can't be written: its log says which, quadrille verify where", event.ErrHalted},
	{"stopped", http.StatusServiceUnavailable, "The node is shutting down", event.ErrStopped},
	{"no_room", http.StatusServiceUnavailable, "The disk, or what the engine may use of it, is full", engine.ErrNoRoom},
	{"no_leader", http.StatusServiceUnavailable, "Too few servers reach each other", engine.ErrNoLeader},
	{"busy", http.StatusServiceUnavailable, "A queue is full, or somebody else is served", event.ErrBusy},
	{"no_owner", http.StatusServiceUnavailable, "The shard has no owner that answers", event.ErrNoOwner},
	{"timeout", http.StatusServiceUnavailable, "The time for the request is over", context.DeadlineExceeded},
	{"canceled", http.StatusServiceUnavailable, "The request was ended", context.Canceled},

	{"bad_parameter", http.StatusBadRequest, "A parameter is unknown, or has a value that it can't have", nil},
	{"precondition_failed", http.StatusPreconditionFailed, "The graph is not what If-Match or If-None-Match says", nil},
	{"other_graph", http.StatusUnprocessableEntity, "The document is about another graph", nil},
	{"over_budget", http.StatusUnprocessableEntity, "The query takes more steps, or memory, than it may", nil},
	{"no_service", http.StatusUnprocessableEntity, "SERVICE is off, or has failed", nil},
	{"settled", http.StatusConflict, "The dead letter was settled before", nil},
	{"bad_order", http.StatusBadRequest, "What is asked for can't be done as it is asked for", nil},
	{"syntax", http.StatusBadRequest, "The document is not in its format", nil},
	{"not_mapped", http.StatusUnprocessableEntity, "The mapping can make no changes of the document", nil},
	{"body", http.StatusBadRequest, "The body can't be read", nil},
	{"length_required", http.StatusLengthRequired, "The request doesn't tell how long its body is", nil},
	{"slow_body", http.StatusRequestTimeout, "The body comes too slowly", nil},
	{"unauthorized", http.StatusUnauthorized, "The request has no token that is known", nil},
	{"forbidden", http.StatusForbidden, "The token isn't good for this request", nil},
	{"cross_site", http.StatusForbidden, "A browser sends this for a page of another site, which may not ask", nil},
	{"not_found", http.StatusNotFound, "There is nothing at this path", nil},
	{"method_not_allowed", http.StatusMethodNotAllowed, "The path has no such method", nil},
	{"not_acceptable", http.StatusNotAcceptable, "The answer can't be had in any accepted form", nil},
	{"prev_not_head", http.StatusConflict, "H prev is not the head of the dataset", nil},
	{"cursor", http.StatusGone, "No reader can go on from this cursor", nil},
	{"unsupported_encoding", http.StatusUnsupportedMediaType, "The Content-Encoding is not read", nil},
	{"wrong_host", http.StatusMisdirectedRequest, "The request is for another host", nil},
	{"internal", http.StatusInternalServerError, "Something went wrong in the node", nil},
	{"damaged", http.StatusInternalServerError, "A log is damaged", nil},
	{"follow", http.StatusInternalServerError, "The logs can't be followed", nil},
	{"not_verified", http.StatusInternalServerError, "The logs can't be verified", nil},
	{"not_ready", http.StatusServiceUnavailable, "The node can't commit to every shard that it owns", nil},
	{"starting", http.StatusServiceUnavailable, "The node waits for its engine", nil},
	{"too_many_streams", http.StatusServiceUnavailable, "As many readers as may be are connected", nil},
	{"tails", http.StatusServiceUnavailable, "The ends of the logs can't be read", nil},
	{"incomplete", http.StatusServiceUnavailable, "Shards are missing", nil},
	{"data", http.StatusServiceUnavailable, "The quads can't be read", nil},
}

// Codes returns all kinds of errors.
func Codes() []Code { return append([]Code(nil), codes...) }

// CodeNamed returns the kind of that name; ok is false if there is none.
func CodeNamed(name string) (c Code, ok bool) {
	for _, c := range codes {
		if c.Name == name {
			return c, true
		}
	}
	return Code{}, false
}

// CodeOf returns the kind that stands for an error of this module; ok is false if none does.
func CodeOf(err error) (c Code, ok bool) {
	for _, c := range codes {
		if c.cause != nil && errors.Is(err, c.cause) {
			return c, true
		}
	}
	return Code{}, false
}

// Cause returns the error that a code of the API stands for, nil if it stands for none.
func Cause(code string) error {
	c, _ := CodeNamed(code)
	return c.cause
}
