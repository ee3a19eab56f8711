package cli

import (
	"context"
	"fmt"

	"github.com/quadrille-stream/quadrille/internal/status"
	"github.com/quadrille-stream/quadrille/shard"
)

// shardOfCommand tells where a key falls.
type shardOfCommand struct {
	questionFlags
	Key    string `arg:"" help:"The key: an IRI without angle brackets, _:LABEL, or any text."`
	Shards *int   `placeholder:"N" help:"Number of shards of the pipeline. Default: a node is asked."`
}

// shardOfKey is the answer for programs.
type shardOfKey struct {
	Key    string `json:"key"`
	Shard  int    `json:"shard"`
	Shards int    `json:"shards"`
}

// Run prints the number alone.
func (c *shardOfCommand) Run(ctx context.Context, io *streams) error {
	shards, err := c.count(ctx)
	if err != nil {
		return err
	}
	of := shard.Of(c.Key, shards)
	if c.JSON {
		return writeJSON(io.out, shardOfKey{Key: c.Key, Shard: of, Shards: shards})
	}
	_, err = fmt.Fprintln(io.out, of)
	return err
}

// count is the number of shards: what was said, or what a node says.
func (c *shardOfCommand) count(ctx context.Context) (int, error) {
	if c.Shards != nil {
		if *c.Shards < 1 || *c.Shards > shard.Max {
			return 0, usagef("--shards=%d: expected 1 to %d", *c.Shards, shard.Max)
		}
		return *c.Shards, nil
	}
	cl, err := c.client()
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	_, s, err := status.First(ctx, cl, c.URL, c.Patience)
	if err != nil {
		return 0, fmt.Errorf("ask how many shards there are, which --shards=N says without a node: %w", err)
	}
	return len(s.Shards), nil
}
