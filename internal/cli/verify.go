package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
)

// verifyCommand looks for damage: in the data folders of nodes that are stopped, or in those of all nodes of a pipeline while
// they run.
type verifyCommand struct {
	Data []string `env:"-" placeholder:"DIR" help:"Data folder of a node that is stopped; several are compared. Without it nodes that run are asked."`
	doors
	JSON bool `name:"json" env:"-" help:"Print a JSON object instead of text."`
}

// Help implements [kong.HelpProvider].
func (verifyCommand) Help() string {
	return `Reads every log on every replica: the checksum of each record in the engine's files, that each names the one before it, the
hash chain of the shards' logs, the control log, the snapshots, and whether the logs go as far as nodes know for certain
(marks). It writes nothing.

  quadrille verify --url http://127.0.0.1:7375
  quadrille verify --data n1-data
  quadrille verify --data n1-data --data n2-data --data n3-data --json

With --data the nodes are stopped, and of several folders, which are the copies of one cluster, the logs are compared.
Otherwise one node is asked, and then every member at the address that it shows, while they run: each reads its own replica
from its own files, and the reports are compared. A node whose engine others run (--nats) reads through that, which doesn't
tell replicas apart.

A copy that ends before another is behind, which is no damage: it catches up. Exit status 1 if anything is damaged, or if a
member did not answer, as it is not verified then. What is damaged is set aside when the node is started; see its log.`
}

// Run checks folders, or asks nodes.
func (c *verifyCommand) Run(ctx context.Context, std *streams) error {
	if len(c.Data) == 0 {
		return c.verifyNodes(ctx, std)
	}
	return c.verifyFolders(ctx, std)
}

// verified is the outcome for all folders.
type verified struct {
	Good    bool              `json:"good"`
	Folders []*verifiedFolder `json:"folders"`
	// Differing are logs that have other records in other folders, Behind such as end before those of another.
	Differing []logDifference `json:"differing,omitempty"`
	Behind    []logDifference `json:"behind,omitempty"`
}

// logDifference is a log of which two folders hold different things.
type logDifference struct {
	Log   string `json:"log"`
	Data  string `json:"data"`
	Other string `json:"other"`
	What  string `json:"what"`
}

// verifyFolders checks the folders one after the other, then compares them.
func (c *verifyCommand) verifyFolders(ctx context.Context, std *streams) error {
	done := &verified{Good: true}
	var folders []*folderCheck
	for _, dir := range slices.Compact(c.Data) {
		f, err := jetstream.OpenFolder(dir)
		if err != nil {
			return err
		}
		defer f.Close()
		check := newFolderCheck(f)
		if err := cmp.Or(check.run(ctx, std.err), check.missing()); err != nil {
			return fmt.Errorf("verify %s: %w", dir, err)
		}
		folders = append(folders, check)
		done.Folders = append(done.Folders, check.out)
	}
	if err := done.compare(ctx, folders); err != nil {
		return err
	}
	places := len(done.Differing)
	for _, f := range done.Folders {
		places += len(f.Damages) + f.More
	}
	done.Good = places == 0
	if err := c.tell(std, done); err != nil {
		return err
	}
	if !done.Good {
		return fmt.Errorf("verify: %w: places: %d", errVerify, places)
	}
	return nil
}

var errVerify = errors.New("the data are damaged")

func (c *verifyCommand) tell(std *streams, done *verified) error {
	if c.JSON {
		return writeJSON(std.out, done)
	}
	for _, f := range done.Folders {
		if err := f.print(std.out); err != nil {
			return err
		}
	}
	for _, d := range done.Differing {
		if _, err := fmt.Fprintf(std.out, "%s: %s\n", d.Log, d.What); err != nil {
			return err
		}
	}
	for _, d := range done.Behind {
		if _, err := fmt.Fprintf(std.out, "%s: %s\n", d.Log, d.What); err != nil {
			return err
		}
	}
	return nil
}

// compare holds each log of each folder against that of the folder where it is longest.
func (v *verified) compare(ctx context.Context, folders []*folderCheck) error {
	longest := map[jetstream.LogName]*folderCheck{}
	for _, f := range folders {
		for name, l := range f.logs {
			if best := longest[name]; best == nil || l.Last > best.logs[name].Last {
				longest[name] = f
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(longest), compareLogs) {
		for _, f := range folders {
			if err := v.compareLog(ctx, name, f, longest[name]); err != nil {
				return err
			}
		}
	}
	return v.checkMarks(ctx, folders, longest)
}

// compareLog compares two copies of a log as far as both go. Damaged ones were told of already.
func (v *verified) compareLog(ctx context.Context, name jetstream.LogName, f, best *folderCheck) error {
	long := best.logs[name]
	short := f.logs[name]
	d := logDifference{Log: name.String(), Data: f.out.Data, Other: best.out.Data}
	switch {
	case f == best:
		return nil
	case short == nil:
		d.What = fmt.Sprintf("it is in %s and not in %s", d.Other, d.Data)
		v.Behind = append(v.Behind, d)
		return nil
	case short.damaged || long.damaged:
		return nil
	}
	sum := long.digest()
	if short.Last < long.Last {
		records, s, err := best.upTo(ctx, name, short.Last)
		if err != nil {
			return err
		}
		sum = s
		d.What = fmt.Sprintf("%s is behind %s by %d records: it ends at position %d, and not at %d", d.Data, d.Other,
			long.Records-records, short.Last, long.Last)
		v.Behind = append(v.Behind, d)
	}
	if sum != short.digest() {
		d.What = fmt.Sprintf("%s and %s hold different records up to position %d", d.Data, d.Other, short.Last)
		v.Differing = append(v.Differing, d)
	}
	return nil
}
