package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/access"
)

// usualLetters is the number of letters in an answer unless it is asked for another.
const usualLetters = 100

// letterEndpoints are those of dead letters.
func (a *API) letterEndpoints() []*endpoint {
	const path = "/v1/letters"
	return []*endpoint{
		{method: http.MethodGet, path: path, what: "Lists dead letters that are open: messages that could not be taken in.",
			query: []parameter{
				{name: "shard", kind: kindInt, what: "Only those in the log of this shard."},
				{name: "source", kind: kindText, what: "Only those of this source."},
				{name: "from", kind: kindAt, what: "Go on behind this place, one: the next of the answer before."},
				{name: "limit", kind: kindInt, what: "Most letters in the answer, 1 to 1000. Default: 100. There may be more though fewer are given: next says so."},
			},
			gives: []string{typeJSON}, statuses: []int{http.StatusOK}, codes: letterCodes, compressed: true, needs: access.Read,
			serve: a.getLetters},
		{method: http.MethodGet, path: path + "/" + itemParam, segments: named, what: "Gives a dead letter, SHARD:POSITION, with its content.",
			gives: []string{typeJSON}, statuses: []int{http.StatusOK}, codes: letterCodes, compressed: true, needs: access.Read,
			serve: a.getLetter},
		a.order(path+"/"+itemParam+"/retry", "Takes a dead letter in again, through the mapping of its source if it has one, and settles it. It has its "+
			"effect once, however often this is asked for.", a.retryLetter),
		a.order(path+"/"+itemParam+"/drop", "Settles a dead letter without an effect.", a.dropLetter),
	}
}

var letterCodes = []string{"not_found", "halted", "stopped", "no_leader", "no_room", "busy", "no_owner", "timeout", "canceled", "internal"}

// placeOf reads the place of one letter.
func placeOf(text string) (client.Place, *problem) {
	places, err := parsePlaces(text)
	list, _ := places.([]client.Place)
	if err != nil || len(list) != 1 || list[0].Shard == client.ControlLog {
		return client.Place{}, newProblem("not_found", "no dead letter is called %.100q; expected SHARD:POSITION", text)
	}
	return list[0], nil
}

func (a *API) getLetters(w http.ResponseWriter, r *http.Request, args args) {
	f := client.LetterFilter{Limit: usualLetters}
	if shard, ok := arg[int](args, "shard"); ok {
		f.Shard = &shard
	}
	f.Source, _ = arg[string](args, "source")
	if limit, ok := arg[int](args, "limit"); ok {
		f.Limit = limit
	}
	from, _ := arg[[]client.Place](args, "from")
	var after client.Place
	if len(from) > 0 {
		after = from[0]
	}
	shards := len(a.node.Status().Shards)
	switch {
	case f.Limit < 1 || f.Limit > client.MaxLetters:
		newProblem("bad_parameter", "limit: expected 1 to %d", client.MaxLetters).write(w)
		return
	case f.Shard != nil && *f.Shard >= shards:
		newProblem("bad_parameter", "shard=%d: the pipeline has shards 0 to %d", *f.Shard, shards-1).write(w)
		return
	case len(from) > 1 || after.Shard == client.ControlLog:
		newProblem("bad_parameter", "from: expected one SHARD:POSITION").write(w)
		return
	case a.cfg.Desk == nil:
		newProblem("not_found", "this node handles no dead letters").write(w)
		return
	}
	list, more, err := a.cfg.Desk.List(r.Context(), f, after)
	if err != nil {
		a.submitProblem(w, err).write(w)
		return
	}
	answer := client.Letters{Letters: append([]client.Letter{}, list...)}
	if more != nil {
		answer.Next = more.String()
	}
	writeJSON(w, answer)
}

func (a *API) getLetter(w http.ResponseWriter, r *http.Request, args args) {
	name, _ := arg[string](args, itemArg)
	at, p := a.letterPlace(name)
	if p != nil {
		p.write(w)
		return
	}
	l, err := a.cfg.Desk.Show(r.Context(), at)
	switch {
	case errors.Is(err, ErrNoLetter):
		newProblem("not_found", "%v", err).write(w)
	case err != nil:
		a.submitProblem(w, err).write(w)
	default:
		writeJSON(w, l)
	}
}

func (a *API) letterPlace(name string) (client.Place, *problem) {
	if a.cfg.Desk == nil {
		return client.Place{}, newProblem("not_found", "this node handles no dead letters")
	}
	return placeOf(name)
}

func (a *API) retryLetter(ctx context.Context, name, by string, body []byte) (any, error) {
	at, err := a.letterOrder(name, body)
	if err != nil {
		return nil, err
	}
	again, err := a.cfg.Desk.Retry(ctx, at, by)
	answer := client.Retried{ID: at.String()}
	for _, place := range again {
		answer.Again = append(answer.Again, place.String())
	}
	return answer, err
}

func (a *API) dropLetter(ctx context.Context, name, by string, body []byte) (any, error) {
	at, err := a.letterOrder(name, body)
	if err != nil {
		return nil, err
	}
	return client.Retried{ID: at.String()}, a.cfg.Desk.Drop(ctx, at, by)
}

// letterOrder reads an order about a letter, which says nothing besides.
func (a *API) letterOrder(name string, body []byte) (client.Place, error) {
	at, p := a.letterPlace(name)
	if p != nil {
		return at, ErrNoLetter
	}
	return at, strict(body, &struct{}{})
}
