package jetstream

import (
	"context"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/quadrille-stream/quadrille/engine"
)

// pipeline is an [engine.Engine].
type pipeline struct {
	cfg     Config
	nc      *nats.Conn
	streams []*stream
	control *log
	shards  []*log
	beats   *heartbeats
	blobs   *blobs
}

// Open opens the logs of a pipeline, and creates them if they are not there; any number of nodes may do so at the same
// time. It waits until the servers can do it - a cluster needs a majority that has elected a leader - or ctx ends.
//
// It fails at once if the pipeline was created with another configuration; the error names both values. Streams are created
// together, once: of a pipeline that exists a stream that is missing was lost. Its logs then answer every call with
// engine.ErrDamaged, and the others work; without the control log Open fails with it.
//
// The connection stays the caller's, who closes it when nothing uses the engine any more; until then calls in progress
// outlive reconnects. No goroutine outlives the call that
// needs it, but the one that listens to elections, which ends with the connection.
func Open(ctx context.Context, nc *nats.Conn, cfg Config) (engine.Engine, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	lost, err := openStreams(ctx, nc, cfg)
	if err != nil {
		return nil, fmt.Errorf("open pipeline %q: %w", cfg.Pipeline, err)
	}
	p := &pipeline{
		cfg:     cfg,
		nc:      nc,
		control: newStream(nc, cfg, "control").log("0"),
		beats:   &heartbeats{nc: nc, subject: subjectOf(cfg.Pipeline, "beat")},
		blobs:   newBlobs(nc, cfg),
	}
	if cfg.Server != nil {
		cfg.Server.pipelines.Add(1)
	}
	streams := make([]*stream, cfg.Streams)
	for i := range streams {
		streams[i] = newStream(nc, cfg, strconv.Itoa(i))
		if err := lost[streams[i].name]; err != nil {
			cfg.logger().Error("the logs of a stream are lost; their shards halt, the others go on", "stream", streams[i].name, "err", err)
			streams[i].lost.Store(&err)
		}
	}
	p.streams = append(streams, p.control.stream, p.blobs.stream)
	if err := watchElections(nc, p.streams...); err != nil {
		return nil, fmt.Errorf("open pipeline %q: %w", cfg.Pipeline, err)
	}
	for s := range cfg.Shards {
		p.shards = append(p.shards, streams[s%cfg.Streams].log(strconv.Itoa(s)))
	}
	return p, nil
}

// Limits tells the number of shards, and what a message of the servers can hold besides its headers.
func (p *pipeline) Limits() engine.Limits {
	return engine.Limits{Pipeline: p.cfg.Pipeline, Shards: len(p.shards), MaxRecord: int(max(p.nc.MaxPayload()-headroom, 0))}
}

// Control is the control log.
func (p *pipeline) Control() engine.Log { return p.control }

// Shard is the log of shard s.
func (p *pipeline) Shard(s int) engine.ShardLog { return p.shards[s] }

// Heartbeats is the heartbeat channel.
func (p *pipeline) Heartbeats() engine.Heartbeats { return p.beats }

// Blobs is the blob store.
func (p *pipeline) Blobs() engine.Blobs { return p.blobs }

// subjectOf is quadrille.{pipeline}.{tokens…}.
func subjectOf(pipeline string, tokens ...string) string {
	s := "quadrille." + pipeline
	for _, t := range tokens {
		s += "." + t
	}
	return s
}
