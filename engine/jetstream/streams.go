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
	// infoAttempt bounds one request for a stream's configuration. One that is just being created doesn't answer.
	infoAttempt = time.Second
)

// shortestWindow is the shortest that JetStream remembers message ids; nothing here has one.
const shortestWindow = 100 * time.Millisecond

// createStreams creates what is missing, and compares what is there.
func createStreams(ctx context.Context, nc *nats.Conn, cfg Config) error {
	js, err := natsjs.New(nc)
	if err != nil {
		return err
	}
	groups := []string{"control"} // first, since it tells of the numbers of shards and streams
	for i := range cfg.Streams {
		groups = append(groups, strconv.Itoa(i))
	}
	for _, group := range groups {
		if err := createStream(ctx, js, logStream(cfg, group)); err != nil {
			return err
		}
	}
	return createStream(ctx, js, blobStream(cfg))
}

// logStream is the configuration of a stream for logs. Nothing ever falls out of it; appends beyond a limit are refused.
func logStream(cfg Config, group string) natsjs.StreamConfig {
	sc := commonStream(cfg)
	sc.Name = streamName(cfg, group)
	sc.Description = "Logs of Quadrille pipeline " + cfg.Pipeline
	sc.Subjects = []string{subjectOf(cfg.Pipeline, group, "log", "*"), barrierSubject(cfg, group)}
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
	var wait pause
	for {
		err := tryCreate(ctx, js, want)
		if err == nil || !passing(err) {
			return err
		}
		if ended := wait.wait(ctx); ended != nil {
			return fmt.Errorf("create stream %s: %w; the servers' last answer: %w", want.Name, ended, err)
		}
	}
}

// tryCreate compares first, so that a stream with other settings is told of as such.
func tryCreate(ctx context.Context, js natsjs.JetStream, want natsjs.StreamConfig) error {
	err := tryCompare(ctx, js, want)
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		once, cancel := context.WithTimeout(ctx, createAttempt)
		defer cancel()
		_, err = js.CreateStream(once, want)
		if err == nil || errors.Is(err, natsjs.ErrStreamNameAlreadyInUse) { // in use: another node was faster
			if err = tryCompare(ctx, js, want); errors.Is(err, natsjs.ErrStreamNotFound) {
				err = fmt.Errorf("%w: another node is just creating it", errNoAnswer)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("create stream %s: %w", want.Name, err)
	}
	return nil
}

func tryCompare(ctx context.Context, js natsjs.JetStream, want natsjs.StreamConfig) error {
	once, cancel := context.WithTimeout(ctx, infoAttempt)
	defer cancel()
	there, err := js.Stream(once, want.Name)
	if err != nil {
		return err
	}
	return compare(want, there.CachedInfo().Config)
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
		{"subjects", fmt.Sprint(want.Subjects), fmt.Sprint(have.Subjects)},
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
	codeNoResources       = 10023
	codeRaft              = 10041
	codeTooLarge          = 10054
	codeWrongLast         = 10071
	codeNotEnabled        = 10076 // JetStream is only starting
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
		errNoAnswer, errLost, context.DeadlineExceeded, nats.ErrTimeout, nats.ErrNoResponders, natsjs.ErrNoStreamResponse,
		natsjs.ErrJetStreamNotEnabled, nats.ErrDisconnected, nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
