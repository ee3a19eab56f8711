package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"github.com/quadrille-stream/quadrille/engine"
)

// Keys of the streams' metadata: what the pipeline was created with.
const (
	metaFormat  = "quadrille-format"
	metaShards  = "quadrille-shards"
	metaStreams = "quadrille-streams"
	// format is the version of the layout of streams and subjects.
	format = "1"
)

const (
	// createAttempt bounds one request to create a stream.
	createAttempt = 5 * time.Second
	// settleAttempt bounds what is left of it when nobody waits for the stream any more.
	settleAttempt = 2 * time.Second
	// infoAttempt bounds one request for a stream's configuration. One that is just being created doesn't answer.
	infoAttempt = time.Second
)

// shortestWindow is the shortest that JetStream remembers message ids; nothing here has one.
const shortestWindow = 100 * time.Millisecond

// openStreams makes sure that the streams of the pipeline are there, and as they should be. It returns those that are lost,
// by name, with the reason.
//
// Streams are created once, with the pipeline, and that of the control log last: where it is, all others have been. One
// that is missing then was lost, with all that was accepted into it; an empty one in its place would hide that. Only
// that of the snapshots is made anew, since the logs hold everything.
func openStreams(ctx context.Context, nc *nats.Conn, cfg Config) (lost map[string]error, err error) {
	js, err := natsjs.New(nc)
	if err != nil {
		return nil, err
	}
	control, shards := logStream(cfg, "control"), shardStreams(cfg)
	err = checkStream(ctx, js, control, cfg.Existing)
	if errors.Is(err, natsjs.ErrStreamNotFound) && !cfg.Existing {
		var used bool
		if used, err = areUsed(ctx, js, shards); err == nil && !used {
			return nil, createStreams(ctx, js, append(shards, blobStream(cfg), control))
		}
		if err == nil { // another node may have created it all since we looked
			err = checkStream(ctx, js, control, true)
		}
	}
	switch {
	case errors.Is(err, natsjs.ErrStreamNotFound):
		return nil, missing(control.Name)
	case err != nil:
		return nil, err
	}
	return lostStreams(ctx, js, cfg, shards)
}

// createStreams creates streams in order. Other nodes may do so at the same time.
func createStreams(ctx context.Context, js natsjs.JetStream, streams []natsjs.StreamConfig) error {
	for _, sc := range streams {
		if err := createStream(ctx, js, sc); err != nil {
			return err
		}
	}
	return nil
}

func shardStreams(cfg Config) (list []natsjs.StreamConfig) {
	for i := range cfg.Streams {
		list = append(list, logStream(cfg, strconv.Itoa(i)))
	}
	return list
}

// lostStreams checks the streams of a pipeline that exists.
func lostStreams(ctx context.Context, js natsjs.JetStream, cfg Config, shards []natsjs.StreamConfig) (map[string]error, error) {
	lost := map[string]error{}
	for _, sc := range shards {
		err := checkStream(ctx, js, sc, true)
		if errors.Is(err, natsjs.ErrStreamNotFound) {
			lost[sc.Name] = missing(sc.Name)
		} else if err != nil {
			return nil, err
		}
	}
	err := checkStream(ctx, js, blobStream(cfg), true)
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		cfg.logger().Error("the snapshots are gone; an empty store of them is made, and logs are read from their start",
			"stream", blobStream(cfg).Name)
		err = createStream(ctx, js, blobStream(cfg))
	}
	return lost, err
}

// missing is the error of a log whose stream is not there.
func missing(stream string) error {
	return fmt.Errorf("%w: stream %s is not there, though the pipeline was created with it; bring its data back (from the "+
		"folder \"damaged\" of the data folder, another replica, or a backup) and start again, or begin anew with empty data folders",
		engine.ErrDamaged, stream)
}

// areUsed reports whether a stream holds anything, or did. Then its pipeline exists.
func areUsed(ctx context.Context, js natsjs.JetStream, streams []natsjs.StreamConfig) (bool, error) {
	for _, sc := range streams {
		info, err := streamInfo(ctx, js, sc.Name)
		switch {
		case errors.Is(err, natsjs.ErrStreamNotFound):
		case err != nil:
			return false, err
		case info.State.LastSeq > 0:
			return true, nil
		}
	}
	return false, nil
}

// logStream is the configuration of a stream for logs. Nothing ever falls out of it; appends beyond a limit are refused.
func logStream(cfg Config, group string) natsjs.StreamConfig {
	sc := commonStream(cfg)
	sc.Name = streamName(cfg, group)
	sc.Description = "Logs of Quadrille pipeline " + cfg.Pipeline
	sc.Subjects = []string{subjectOf(cfg.Pipeline, group, "log", "*"), barrierSubject(cfg, group), subjectOf(cfg.Pipeline, group, "trim", "*")}
	sc.DenyDelete = true
	sc.RePublish = &natsjs.RePublish{
		Source:      subjectOf(cfg.Pipeline, group, "log", "*"),
		Destination: subjectOf(cfg.Pipeline, group, "feed", "{{wildcard(1)}}"),
	}
	return sc
}

func commonStream(cfg Config) natsjs.StreamConfig {
	return natsjs.StreamConfig{
		Retention:   natsjs.LimitsPolicy,
		Discard:     natsjs.DiscardNew,
		Storage:     natsjs.FileStorage,
		Replicas:    cfg.Replicas,
		Compression: natsjs.NoCompression,
		Duplicates:  shortestWindow,
		AllowDirect: true,
		AllowRollup: true,
		Metadata: map[string]string{
			metaFormat:  format,
			metaShards:  strconv.Itoa(cfg.Shards),
			metaStreams: strconv.Itoa(cfg.Streams),
		},
	}
}

func streamName(cfg Config, group string) string { return "quadrille_" + cfg.Pipeline + "_" + group }

func barrierSubject(cfg Config, group string) string {
	return subjectOf(cfg.Pipeline, group, "barrier")
}

// createStream tries until the servers can do it or ctx ends.
func createStream(ctx context.Context, js natsjs.JetStream, want natsjs.StreamConfig) error {
	return persist(ctx, "create stream "+want.Name, func() error { return tryCreate(ctx, js, want) })
}

// persist tries until fn succeeds, fails for good, or ctx ends.
func persist(ctx context.Context, doing string, fn func() error) error {
	var wait pause
	for {
		err := fn()
		if err == nil {
			return nil
		}
		if !passing(err) {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if ended := wait.wait(ctx); ended != nil {
			return fmt.Errorf("%s: %w; the servers' last answer: %w", doing, ended, err)
		}
	}
}

// tryCreate compares first, so that a stream with other settings is told of as such.
func tryCreate(ctx context.Context, js natsjs.JetStream, want natsjs.StreamConfig) error {
	err := tryCheck(ctx, js, want)
	if !errors.Is(err, natsjs.ErrStreamNotFound) {
		return err
	}
	once, cancel := settled(ctx)
	defer cancel()
	_, err = js.CreateStream(once, want)
	var refused *natsjs.APIError
	if errors.As(err, &refused) && refused.ErrorCode == codeNoReplicas {
		return fmt.Errorf("%d copies: the server stands alone, and keeps one; ask for one (replicas), or use servers that form a cluster",
			want.Replicas)
	}
	if err == nil || errors.Is(err, natsjs.ErrStreamNameAlreadyInUse) { // in use: another node was faster
		if err = tryCheck(ctx, js, want); errors.Is(err, natsjs.ErrStreamNotFound) {
			err = fmt.Errorf("%w: another node is just creating it", errNoAnswer)
		}
	}
	return err
}

// settled bounds an attempt to change a stream. When ctx ends, the server's answer is waited for all the same, for a while: a
// server that is shut down while it makes a stream leaves what it has made of it running.
func settled(ctx context.Context) (context.Context, context.CancelFunc) {
	once, cancel := context.WithTimeout(context.WithoutCancel(ctx), createAttempt)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(settleAttempt, cancel) })
	return once, func() {
		stop()
		cancel()
	}
}

// missingFor is how long a stream that is known to exist must be reported as missing to be believed lost: servers that
// have just started, or elected a leader, may not have read all that they know.
var missingFor = 5 * time.Second

// checkStream compares a stream that should be there, and changes what may be changed. It tries until the servers answer
// or ctx ends. An error that is natsjs.ErrStreamNotFound says that there is none; if there should be (exists), only after
// the servers have said so for a while.
func checkStream(ctx context.Context, js natsjs.JetStream, want natsjs.StreamConfig, exists bool) error {
	var since time.Time
	return persist(ctx, "open stream "+want.Name, func() error {
		err := tryCheck(ctx, js, want)
		if !exists || !errors.Is(err, natsjs.ErrStreamNotFound) {
			since = time.Time{}
			return err
		}
		if since.IsZero() {
			since = time.Now()
		}
		if time.Since(since) < missingFor {
			return fmt.Errorf("%w: it is not there yet", errNoAnswer)
		}
		return err
	})
}

func tryCheck(ctx context.Context, js natsjs.JetStream, want natsjs.StreamConfig) error {
	once, cancel := context.WithTimeout(ctx, infoAttempt)
	defer cancel()
	there, err := js.Stream(once, want.Name)
	if err != nil {
		return err
	}
	have := there.CachedInfo().Config
	if err := compare(want, have); err != nil {
		return err
	}
	return heal(ctx, js, want, have)
}

// heal changes what a stream of an earlier version has otherwise and may have changed: its subjects, and its compression,
// since the engine destroys the last block of a compressed stream when a replica is killed. Servers that run already stop
// compressing at their next start.
func heal(ctx context.Context, js natsjs.JetStream, want, have natsjs.StreamConfig) error {
	if have.Compression == want.Compression && slices.Equal(have.Subjects, want.Subjects) {
		return nil
	}
	once, cancel := settled(ctx)
	defer cancel()
	have.Compression, have.Subjects = want.Compression, want.Subjects
	_, err := js.UpdateStream(once, have)
	return err
}

// streamInfo asks until the servers answer or ctx ends.
func streamInfo(ctx context.Context, js natsjs.JetStream, name string) (info *natsjs.StreamInfo, err error) {
	err = persist(ctx, "look at stream "+name, func() error {
		once, cancel := context.WithTimeout(ctx, infoAttempt)
		defer cancel()
		there, err := js.Stream(once, name)
		if err == nil {
			info = there.CachedInfo()
		}
		return err
	})
	return info, err
}

// errSettings: a stream is there with other settings.
var errSettings = errors.New("the pipeline was created with other settings")

func compare(want, have natsjs.StreamConfig) error {
	for _, c := range []struct {
		what       string
		want, have any
	}{
		{"format version", want.Metadata[metaFormat], have.Metadata[metaFormat]},
		{"number of shards", want.Metadata[metaShards], have.Metadata[metaShards]},
		{"number of streams", want.Metadata[metaStreams], have.Metadata[metaStreams]},
		{"number of replicas", want.Replicas, have.Replicas},
		{"storage", want.Storage, have.Storage},
		{"discard policy", want.Discard, have.Discard},
		{"direct gets", want.AllowDirect, have.AllowDirect},
		{"rollups", want.AllowRollup, have.AllowRollup},
		{"limits", limits(want), limits(have)},
		{"republishing", republishing(want), republishing(have)},
	} {
		if c.want != c.have {
			return fmt.Errorf("%w: %s is %v, and %v here", errSettings, c.what, c.have, c.want)
		}
	}
	return nil
}

// limits names those limits that lose or refuse what was appended. JetStream writes -1 for none.
func limits(c natsjs.StreamConfig) string {
	return fmt.Sprintf("messages %d, bytes %d, message size %d, messages of a subject %d, age %v",
		max(c.MaxMsgs, 0), max(c.MaxBytes, 0), max(c.MaxMsgSize, 0), max(c.MaxMsgsPerSubject, 0), c.MaxAge)
}

func republishing(c natsjs.StreamConfig) string {
	if c.RePublish == nil {
		return "off"
	}
	return fmt.Sprintf("from %s to %s, headers only: %t", c.RePublish.Source, c.RePublish.Destination, c.RePublish.HeadersOnly)
}

// Error codes of JetStream; see errors.json of the NATS server.
const (
	codeIncomplete        = 10004
	codeNoPeers           = 10005 // fewer servers than replicas are there
	codeNotActive         = 10006
	codeNotAssigned       = 10007
	codeNotAvailable      = 10008 // the cluster has no leader
	codeNotLeader         = 10009
	codeAccountResources  = 10002
	codeNoResources       = 10023
	codeMemoryResources   = 10028
	codeNoMessage         = 10037
	codeRaft              = 10041
	codeNoStorage         = 10047
	codeTooLarge          = 10054
	codeNoStream          = 10059
	codeWrongLast         = 10071
	codeNoReplicas        = 10074
	codeNotEnabled        = 10076 // JetStream is only starting, or has stopped for want of room
	codeStoreFailed       = 10077 // the store did not take it, with its error as the text
	codePurgeFailed       = 10110
	codeOffline           = 10118
	codeLastNotReady      = 10163
	codeWrongLastInFlight = 10164 // another write to the subject is under way
	codeTooManyRequests   = 10167
)

// passingCodes are those of answers that may be others later.
var passingCodes = []int{
	codeIncomplete, codeNoPeers, codeNotActive, codeNotAssigned, codeNotAvailable, codeNotLeader, codeNoResources, codeRaft,
	codeNotEnabled, codePurgeFailed, codeOffline, codeTooManyRequests,
}

// noRoomCodes are those of answers that say that the servers have no room.
var noRoomCodes = []int{codeAccountResources, codeNoResources, codeMemoryResources, codeNoStorage}

// passing reports whether a request that failed may succeed later.
func passing(err error) bool {
	var ours *apiError
	var theirs *natsjs.APIError
	switch {
	case errors.As(err, &ours):
		return slices.Contains(passingCodes, ours.Code)
	case errors.As(err, &theirs):
		return slices.Contains(passingCodes, int(theirs.ErrorCode))
	}
	for _, e := range []error{
		errNoAnswer, errLost, errNewLeader, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, natsjs.ErrNoStreamResponse,
		natsjs.ErrJetStreamNotEnabled, nats.ErrDisconnected, nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
