package api

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/mapping"
	"github.com/quadrille-stream/quadrille/patch"
)

// Media types that mean something of their own here.
const (
	typePatch       = patch.MediaType
	typeBinaryPatch = patch.BinaryMediaType
)

var (
	documentTypes = graph.MediaTypes()
	postTypes     = append(graph.MediaTypes(), typeParts)
	acceptPost    = strings.Join(postTypes, ", ")
)

func (a *API) postChanges(w http.ResponseWriter, r *http.Request, args args) {
	through, p := a.mapping(args)
	var media, key string
	if p == nil {
		media, p = changesType(r, through)
	}
	if p == nil {
		key, p = a.idempotencyKey(w, r)
	}
	if p != nil {
		p.write(w)
		return
	}
	body, release, p := a.readBody(w, r)
	defer release()
	if p != nil {
		p.write(w)
		return
	}
	if media == typeParts {
		a.postParts(w, r, key, body)
		return
	}
	if through != nil {
		mapped, made, err := through.Append(nil, mapping.Message{Body: body})
		if err != nil {
			newProblem("not_mapped", "%v", err).write(w)
			return
		}
		if !a.bodies.take(int64(len(mapped))) {
			a.bodiesBusy().write(w)
			return
		}
		defer a.bodies.give(int64(len(mapped)))
		media, body = made, mapped
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Time{}) // the node has its own bound
	results, err := a.node.Submit(r.Context(), graph.Submission{
		MediaType: media, Body: body, Key: key,
	})
	_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
	if err != nil {
		a.submitProblem(w, err).write(w)
		return
	}
	writeJSON(w, acceptedOf(results))
}

// acceptedOf says what became of a document.
func acceptedOf(results []graph.Result) client.Accepted {
	answer := client.Accepted{Results: resultsOf(results)}
	for _, result := range results {
		answer.Adds += result.Adds
		answer.Deletes += result.Deletes
	}
	return answer
}

// idempotencyKey returns the key of a request, empty if it has none. A header that is empty, or there twice, is a mistake
// of a sender that believes to be safe.
func (a *API) idempotencyKey(w http.ResponseWriter, r *http.Request) (string, *problem) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	err := graph.CheckKey(keys[0])
	switch {
	case len(keys) > 1:
		err = fmt.Errorf("%w: %d headers Idempotency-Key, send one", event.ErrKey, len(keys))
	case keys[0] == "":
		err = fmt.Errorf("%w: the header Idempotency-Key is empty; leave it out, or send a key", event.ErrKey)
	}
	if err != nil {
		return "", a.causeProblem(w, err)
	}
	return keys[0], nil
}

// mapping returns the one that the document goes through, nil if it says what it is itself.
func (a *API) mapping(args args) (*mapping.Mapping, *problem) {
	name, given := arg[string](args, "mapping")
	if !given {
		return nil, nil
	}
	m, err := a.cfg.Mappings.Get(name)
	if err != nil {
		return nil, newProblem("bad_parameter", "mapping: %v", err)
	}
	return m, nil
}

// changesType returns the media type without its parameters, if it is one that is read, by the mapping if there is one.
func changesType(r *http.Request, through *mapping.Mapping) (string, *problem) {
	types := postTypes
	if through != nil {
		types = through.MediaTypes()
	}
	return mediaOf(r, types)
}
