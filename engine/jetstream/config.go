package jetstream

import (
	"cmp"
	"fmt"
	"log/slog"
	"strings"
)

// Bounds and defaults of [Config].
const (
	// DefaultStreams is over how many streams the shards are spread, where there are as many shards.
	DefaultStreams = 4
	// MaxReplicas is the most that JetStream keeps.
	MaxReplicas = 5
	// MaxPipelineName bounds the name of a pipeline, in bytes.
	MaxPipelineName = 64
)

// Config says which pipeline's logs to open. All engines of a pipeline must be opened with the same one.
type Config struct {
	// Pipeline is the name: 1 to 64 ASCII letters, digits, '-' and '_'. Required.
	Pipeline string
	// Shards is the number of shard logs, 1 or more; fixed when the pipeline is created. Required.
	Shards int
	// Streams is over how many streams the shards' logs are spread; fixed when the pipeline is created. Default: 4,
	// or the number of shards if there are fewer.
	Streams int
	// Replicas is how many servers keep each log, 1 to 5; fixed when the pipeline is created. Default: 1.
	Replicas int
	// Compress: records of 1 KiB and more are compressed with S2 where that pays, and their messages say so in a header.
	// It is no property of the pipeline: whoever reads takes both.
	Compress bool
	// Existing: the pipeline is known to exist, so nothing of it is created, and what is missing was lost.
	Existing bool
	// Server is the server of this process that keeps the logs, nil if others do. Its disk is looked at before each append
	// that may not use the reserve (see engine.WithReserve), and shown by Health.
	Server *Server
	// Logger gets alarms: what is found damaged, and what is done about it. Default: slog.Default().
	Logger *slog.Logger
}

// room is nil where nothing is known of the disk.
func (cfg Config) room() func() error {
	if cfg.Server == nil {
		return nil
	}
	return cfg.Server.Room
}

func (cfg Config) logger() *slog.Logger { return cmp.Or(cfg.Logger, slog.Default()) }

// withDefaults checks cfg and fills in what is left out.
func (cfg Config) withDefaults() (Config, error) {
	if err := CheckPipeline(cfg.Pipeline); err != nil {
		return cfg, fmt.Errorf("engine configuration: pipeline %w", err)
	}
	if cfg.Shards < 1 {
		return cfg, fmt.Errorf("engine configuration: %d shards, expected 1 or more", cfg.Shards)
	}
	cfg.Streams = cmp.Or(cfg.Streams, min(cfg.Shards, DefaultStreams))
	cfg.Replicas = cmp.Or(cfg.Replicas, 1)
	if cfg.Streams < 1 || cfg.Streams > cfg.Shards {
		return cfg, fmt.Errorf("engine configuration: %d streams, expected 1 to %d, the number of shards",
			cfg.Streams, cfg.Shards)
	}
	if cfg.Replicas < 1 || cfg.Replicas > MaxReplicas {
		return cfg, fmt.Errorf("engine configuration: %d replicas, expected 1 to %d", cfg.Replicas, MaxReplicas)
	}
	return cfg, nil
}

// CheckPipeline reports what is wrong with the name of a pipeline, which stands in the names of subjects, streams and buckets.
func CheckPipeline(name string) error {
	bad := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	}
	if name == "" || len(name) > MaxPipelineName || strings.ContainsFunc(name, bad) {
		return fmt.Errorf("%q: expected 1 to %d letters, digits, '-' and '_'", name, MaxPipelineName)
	}
	return nil
}
