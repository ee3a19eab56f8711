package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
)

// MaxPlaces bounds the places of one request of /v1/verify.
const MaxPlaces = 1024

// Verifier checks the copy of the logs that this node has. Both methods read as much as there is, and are not called at the
// same time as each other or themselves. Their error is that of ctx, or says why nothing can be told.
type Verifier interface {
	// Verify checks everything and says what it found. What is being written meanwhile is not taken for damage.
	Verify(ctx context.Context) (*Report, error)
	// At returns the ids of the records at the places, in their order. An id is empty where the copy has no record.
	At(ctx context.Context, places []Place) ([]string, error)
}

// ControlLog is the shard of a [Place] or [LogReport] that means the control log.
const ControlLog = -1

// Place is a position in a log.
type Place struct {
	// Shard is that of the log, or ControlLog.
	Shard    int
	Position uint64
}

// Report is what a node says of its own copy of the logs.
type Report struct {
	Node     string `json:"node"`
	Pipeline string `json:"pipeline"`
	// Replica: the logs were read from the files of this node's own replica. Otherwise they came through the engine, from
	// whichever replica answered.
	Replica bool `json:"replica"`
	// Data is the folder of the files.
	Data string `json:"data,omitempty"`
	// Replicas is how many copies of each log there should be; 0: not known.
	Replicas int `json:"replicas,omitempty"`
	// Logs are in order of shard. A log without a record, or one that this node has no replica of, is not among them.
	Logs []LogReport `json:"logs"`
	// Marks tell how far the logs go for certain, as the node knows, in order of shard. They were read before the logs.
	Marks []MarkReport `json:"marks"`
	// Snapshots are in order of name.
	Snapshots []SnapshotReport `json:"snapshots"`
	// Damages are the first that were found, More counts the others.
	Damages []DamageReport `json:"damages"`
	More    int            `json:"more_damages,omitempty"`
	// Streams are the engine's streams that the node has a replica of, Missing those of the pipeline that it has none of; with
	// more servers than replicas that is right.
	Streams []string `json:"streams,omitempty"`
	Missing []string `json:"missing,omitempty"`
	// Servers are the names of the servers that keep copies of the logs, as the engine says. With an embedded engine they are
	// those of the nodes.
	Servers []string `json:"servers,omitempty"`
	// AtStart are damages that the node found when it started, and set aside.
	AtStart []DamageReport `json:"at_start,omitempty"`
}

// LogReport is what was found in one log.
type LogReport struct {
	// Shard is that of the log, or ControlLog.
	Shard   int    `json:"shard"`
	Records uint64 `json:"records"`
	// First and Last are the positions of the first and the last record.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Head is the id of the last record. A record of the control log has the hash of its bytes as id.
	Head string `json:"head"`
	// Damaged: Damages say something of this log, or of the stream that it is in.
	Damaged bool `json:"damaged,omitempty"`
}

// MarkReport is a record that is known to be in a shard's log.
type MarkReport struct {
	Shard int `json:"shard"`
	engine.Mark
	// From says who knows it.
	From string `json:"from"`
}

// SnapshotReport is a snapshot whose digest was right.
type SnapshotReport struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	// Digest is what was compared, empty if the engine did it.
	Digest string `json:"digest,omitempty"`
	// Shard and Position say what it is of. Position 0: the name doesn't tell.
	Shard    int    `json:"shard"`
	Position uint64 `json:"position"`
}

// DamageReport is one thing that is wrong.
type DamageReport struct {
	// Stream is the engine's name of what is damaged.
	Stream string `json:"stream"`
	// File and Offset are the place, if it is in a file.
	File   string `json:"file,omitempty"`
	Offset int64  `json:"offset,omitempty"`
	// Kind is for programs, What for people.
	Kind string `json:"kind"`
	What string `json:"what"`
	// SetAside is the folder to which the damaged files were moved.
	SetAside string `json:"set_aside,omitempty"`
}

// Verification is the answer of /v1/verify: a report or, with at=SHARD:POSITION,…, the ids there. The answer begins before
// it is known how it ends: what went wrong later is Error.
type Verification struct {
	*Report
	IDs   []string     `json:"ids,omitempty"`
	Error *VerifyError `json:"error,omitempty"`
}

// VerifyError says why there is no report.
type VerifyError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// String is SHARD:POSITION.
func (p Place) String() string {
	shard := "control"
	if p.Shard != ControlLog {
		shard = strconv.Itoa(p.Shard)
	}
	return shard + ":" + strconv.FormatUint(p.Position, 10)
}

// FormatPlaces makes the value of at.
func FormatPlaces(places []Place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

func parsePlaces(text string) (places []Place, p *problem) {
	for item := range strings.SplitSeq(text, ",") {
		shard, position, _ := strings.Cut(item, ":")
		number, err1 := ControlLog, error(nil)
		if shard != "control" {
			number, err1 = strconv.Atoi(shard)
		}
		at, err2 := strconv.ParseUint(position, 10, 64)
		if err := errors.Join(err1, err2); err != nil || number < ControlLog || shard == "-1" {
			return nil, newProblem(http.StatusBadRequest, "bad_place", "at: %q is not of the form SHARD:POSITION or control:POSITION", item)
		}
		if len(places) == MaxPlaces {
			return nil, newProblem(http.StatusBadRequest, "too_many_places", "at: more than %d places", MaxPlaces)
		}
		places = append(places, Place{number, at})
	}
	return places, nil
}

// getVerify checks this node's copy of the logs; one request at a time.
func (a *API) getVerify(w http.ResponseWriter, r *http.Request) {
	if a.cfg.Verifier == nil {
		newProblem(http.StatusNotFound, "not_found", "this node has no means to verify its logs").write(w)
		return
	}
	var places []Place
	if at := r.URL.Query().Get("at"); at != "" {
		var p *problem
		if places, p = parsePlaces(at); p != nil {
			p.write(w)
			return
		}
	}
	a.oneVerify(w, r, places)
}

func (a *API) oneVerify(w http.ResponseWriter, r *http.Request, places []Place) {
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
func (a *API) answerVerify(ctx context.Context, w http.ResponseWriter, places []Place) {
	done := make(chan Verification, 1)
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
				_ = json.NewEncoder(w).Encode(v) // a client that has gone away does not hear of it
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

func (a *API) verify(ctx context.Context, places []Place) (v Verification) {
	var err error
	if places != nil {
		v.IDs, err = a.cfg.Verifier.At(ctx, places)
	} else {
		v.Report, err = a.cfg.Verifier.Verify(ctx)
	}
	if err != nil {
		a.cfg.Logger.Warn("the logs can't be verified", "err", err)
		return Verification{Error: &VerifyError{"not_verified", err.Error()}}
	}
	return v
}
