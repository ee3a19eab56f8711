package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// Verifier checks the copy of the logs that this node has. Both methods read as much as there is, and are not called at the
// same time as each other or themselves. Their error is that of ctx, or says why nothing can be told.
type Verifier interface {
	// Verify checks everything and says what it found. What is being written meanwhile is not taken for damage.
	Verify(ctx context.Context) (*client.Report, error)
	// At returns the ids of the records at the places, in their order. An id is empty where the copy has no record.
	At(ctx context.Context, places []client.Place) ([]string, error)
}

func parsePlaces(text string) (places []client.Place, p *problem) {
	for item := range strings.SplitSeq(text, ",") {
		shard, position, _ := strings.Cut(item, ":")
		number, err1 := client.ControlLog, error(nil)
		if shard != "control" {
			number, err1 = strconv.Atoi(shard)
		}
		at, err2 := strconv.ParseUint(position, 10, 64)
		if err := errors.Join(err1, err2); err != nil || number < client.ControlLog || shard == "-1" {
			return nil, newProblem(http.StatusBadRequest, "bad_place", "at: %q is not of the form SHARD:POSITION or control:POSITION", item)
		}
		if len(places) == client.MaxPlaces {
			return nil, newProblem(http.StatusBadRequest, "too_many_places", "at: more than %d places", client.MaxPlaces)
		}
		places = append(places, client.Place{Shard: number, Position: at})
	}
	return places, nil
}

// getVerify checks this node's copy of the logs; one request at a time.
func (a *API) getVerify(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Verifier == nil {
		newProblem(http.StatusNotFound, "not_found", "this node has no means to verify its logs").write(w)
		return
	}
	var places []client.Place
	if at := r.URL.Query().Get("at"); at != "" {
		var p *problem
		if places, p = parsePlaces(at); p != nil {
			p.write(w)
			return
		}
	}
	a.oneVerify(w, r, places)
}

func (a *API) oneVerify(w http.ResponseWriter, r *http.Request, places []client.Place) {
	select {
	case a.verifying <- struct{}{}:
		defer func() { <-a.verifying }()
	default:
		p := newProblem(http.StatusServiceUnavailable, codeBusy, "this node is verifying its logs for somebody else; try again later")
		p.header.Set("Retry-After", "5")
		p.write(w)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.closing, cancel)()
	a.answerVerify(ctx, w, places)
}

// answerVerify keeps the connection open with white space while the work goes on.
func (a *API) answerVerify(ctx context.Context, w http.ResponseWriter, places []client.Place) {
	done := make(chan client.Verification, 1)
	go func() { done <- a.verify(ctx, places) }()
	beat := time.NewTicker(a.cfg.Heartbeat)
	defer beat.Stop()
	rc := http.NewResponseController(w)
	for begun := false; ; begun = true {
		select {
		case v := <-done:
			_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout)) // a writer of a test knows no deadlines
			if !begun && v.Error != nil {
				newProblem(http.StatusInternalServerError, v.Error.Code, "%s", v.Error.Message).write(w)
			} else if !begun {
				writeJSON(w, http.StatusOK, v)
			} else {
				text, _ := marshal(v) // of strings and numbers: it can't fail
				_, _ = w.Write(text)  // a client that has gone away does not hear of it
			}
			return
		case <-beat.C:
			_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write([]byte(" ")) // who has gone away ends ctx
			_ = rc.Flush()
		}
	}
}

func (a *API) verify(ctx context.Context, places []client.Place) (v client.Verification) {
	var err error
	if places != nil {
		v.IDs, err = a.cfg.Verifier.At(ctx, places)
	} else {
		v.Report, err = a.cfg.Verifier.Verify(ctx)
	}
	if err != nil {
		a.cfg.Logger.Warn("the logs can't be verified", "err", err)
		return client.Verification{Error: &client.VerifyError{Code: "not_verified", Message: err.Error()}}
	}
	return v
}
