package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/status"
)

const (
	// roundPeriod is the time from one round of questions to the nodes to the next.
	roundPeriod = time.Second
	// roundAge is the age up to which somebody else's round is as good as a new one: under the period, since nobody's clock ticks
	// when that of others does.
	roundAge = roundPeriod / 2
	// roundBound bounds the time in which a node must answer: one that hangs is shown without an answer within two seconds.
	roundBound = 1500 * time.Millisecond
)

// overview is what the nodes said in one round.
type overview struct {
	// Time is when they had answered, by this node's clock.
	Time time.Time `json:"time"`
	// Node is the one that asked.
	Node string `json:"node"`
	status.Overview
}

// overviews are the rounds of those who watch; all methods may be called concurrently. Who watches with the same token shares its
// rounds, so that it costs the nodes the same however many do.
type overviews struct {
	mu sync.Mutex
	of map[string]*rounds // by token, of HTTP and HTTPS apart
}

// rounds are the questions with one token.
type rounds struct {
	watchers int // guarded by the mutex of overviews

	mu     sync.Mutex // guards what follows; who asks has it
	cl     *client.Client
	at     time.Time
	newest []byte
}

// join returns the rounds with a token, which leave gives back.
func (o *overviews) join(key string) *rounds {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = map[string]*rounds{}
	}
	if o.of[key] == nil {
		o.of[key] = &rounds{}
	}
	o.of[key].watchers++
	return o.of[key]
}

func (o *overviews) leave(key string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.of[key]
	if r.watchers--; r.watchers > 0 {
		return
	}
	delete(o.of, key)
	if r.cl != nil {
		r.cl.Close()
	}
}

// roundsKey is whose rounds a request shares.
func roundsKey(r *http.Request) string { return fmt.Sprint(r.TLS != nil, " ", bearer(r)) }

// round returns the newest overview as JSON, of a new round unless the last one was just now.
func (a *API) round(r *http.Request, of *rounds) ([]byte, error) {
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.newest != nil && time.Since(of.at) < roundAge {
		return of.newest, nil
	}
	if of.cl == nil && a.cfg.Peers != nil {
		of.cl = a.cfg.Peers(bearer(r))
	}
	// Others take the answer, too: it doesn't end with the request that happens to ask.
	ctx, cancel := context.WithTimeout(a.closing, roundBound)
	defer cancel()
	own, replies := a.askWith(ctx, r, of.cl)
	var err error
	of.at = time.Now()
	of.newest, err = marshal(overview{Time: of.at.UTC(), Node: own.Node, Overview: status.Merge(own, replies)})
	return of.newest, err
}

// getOverview says how all nodes are, as each says of itself; as events, each second anew. A node that doesn't answer within 1.5 s
// has an error in it. Where tokens are taken away a stream ends, too: with an event "error" of the code "unauthorized" or "forbidden".
func (a *API) getOverview(w http.ResponseWriter, r *http.Request, _ args) {
	media, p := acceptable(r.Header.Values("Accept"), []string{typeJSON, typeEvents}, "/v1/overview")
	if p != nil {
		p.write(w)
		return
	}
	release, p := take(a.watchers, "watchers of the nodes are connected")
	if p != nil {
		p.write(w)
		return
	}
	defer release()
	key := roundsKey(r)
	of := a.overviews.join(key)
	defer a.overviews.leave(key)
	w.Header().Add("Vary", "Accept")
	if media == typeEvents {
		a.watch(w, r, of)
		return
	}
	text, err := a.round(r, of)
	if err != nil {
		newProblem("internal", "%v", err).write(w)
		return
	}
	noStore(w, typeJSON)
	_, _ = w.Write(append(bytes.Clone(text), '\n')) // a client that has gone away does not hear of it
}

// watch sends an event for each round until the client goes, the server ends, or the token is no longer good.
func (a *API) watch(w http.ResponseWriter, r *http.Request, of *rounds) {
	noStore(w, typeEvents)
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not hold events back
	if r.Method == http.MethodHead {
		return
	}
	rc := http.NewResponseController(w)
	tick := time.NewTicker(roundPeriod)
	defer tick.Stop()
	for {
		kind, text := a.event(r, of)
		_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
		_, err := fmt.Fprintf(w, "%sdata: %s\n\n", kind, text)
		if err != nil || rc.Flush() != nil || kind != "" {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-a.closing.Done():
			return
		case <-tick.C:
		}
	}
}

// event is the next event, or the last one, which has a kind.
func (a *API) event(r *http.Request, of *rounds) (kind string, text []byte) {
	p := a.cfg.Access.admit(r, access.Read, false)
	if p == nil {
		text, err := a.round(r, of)
		if err == nil {
			return "", text
		}
		p = newProblem("internal", "%v", err)
	}
	text, _ = marshal(p.Problem) // of strings and numbers: it can't fail
	return "event: error\n", text
}
