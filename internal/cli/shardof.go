package cli

import (
	"fmt"

	"github.com/quadrille-stream/quadrille/shard"
)

// shardOfCommand tells where a key falls. It needs no node.
type shardOfCommand struct {
	Key    string `arg:"" help:"The key: an IRI without angle brackets, _:LABEL, or any text."`
	Shards int    `required:"" placeholder:"N" help:"Number of shards of the pipeline."`
}

// Run prints the number alone.
func (c *shardOfCommand) Run(io *streams) error {
	if c.Shards < 1 || c.Shards > shard.Max {
		return usagef("--shards=%d: expected 1 to %d", c.Shards, shard.Max)
	}
	_, err := fmt.Fprintln(io.out, shard.Of(c.Key, c.Shards))
	return err
}
