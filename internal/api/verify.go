package api

import (
	"context"
	"log/slog"
	"net/http"
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

// getVerify checks this node's copy of the logs; one request at a time.
func (a *API) getVerify(w http.ResponseWriter, r *http.Request, args args) {
	if a.cfg.Verifier == nil {
		newProblem("not_found", "this node has no means to verify its logs").write(w)
		return
	}
	places, _ := arg[[]client.Place](args, "at")
	a.oneVerify(w, r, places)
}

func (a *API) oneVerify(w http.ResponseWriter, r *http.Request, places []client.Place) {
	select {
	case a.verifying <- struct{}{}:
		defer func() { <-a.verifying }()
	default:
		newProblem("busy", "this node is verifying its logs for somebody else; try again later").retry("5").write(w)
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
	log := a.log(w)
	go func() { done <- a.verify(ctx, log, places) }()
	beat := time.NewTicker(a.cfg.Heartbeat)
	defer beat.Stop()
	rc := http.NewResponseController(w)
	for begun := false; ; begun = true {
		select {
		case v := <-done:
			_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout)) // a writer of a test knows no deadlines
			if !begun && v.Error != nil {
				(&problem{Problem: *v.Error}).write(w)
			} else if !begun {
				writeJSON(w, v)
			} else {
				text, _ := marshal(v) // of strings and numbers: it can't fail
				_, _ = w.Write(text)  // a client that has gone away does not hear of it
			}
			return
		case <-beat.C:
			_ = rc.SetWriteDeadline(time.Now().Add(a.cfg.WriteTimeout))
			noStore(w, typeJSON)
			_, _ = w.Write([]byte(" ")) // who has gone away ends ctx
			_ = rc.Flush()
		}
	}
}

func (a *API) verify(ctx context.Context, log *slog.Logger, places []client.Place) (v client.Verification) {
	var err error
	if places != nil {
		v.IDs, err = a.cfg.Verifier.At(ctx, places)
	} else {
		v.Report, err = a.cfg.Verifier.Verify(ctx)
	}
	if err != nil {
		log.Warn("the logs can't be verified", "err", err)
		return client.Verification{Error: &newProblem("not_verified", "%v", err).Problem}
	}
	return v
}
