package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// Node is the node whose logs a verifier reads when it is asked.
type Node struct {
	// Name and Pipeline are those of the node, Shards is the pipeline's number of them.
	Name, Pipeline string
	Shards         int
	Engine         engine.Engine
	// Marks are those that the node keeps; nil: none.
	Marks *node.MarkFile
}

// report is one without findings, with the node's marks: those are read before the logs, which go on.
func (n *Node) report() *client.Report {
	return &client.Report{Node: n.Name, Pipeline: n.Pipeline, Logs: []client.LogReport{}, Marks: n.marks(),
		Snapshots: []client.SnapshotReport{}, Damages: []client.DamageReport{}}
}

// marks are those in the node's own file.
func (n *Node) marks() []client.MarkReport {
	list := []client.MarkReport{}
	if n.Marks == nil {
		return list
	}
	for shard := range n.Shards {
		if m := n.Marks.Mark(shard); m.Position > 0 {
			list = append(list, client.MarkReport{Shard: shard, Mark: m, From: "node " + n.Name})
		}
	}
	return list
}

// ReplicaVerifier reads the files of the embedded engine, which writes to them meanwhile.
type ReplicaVerifier struct {
	Node
	// Server is the embedded engine's.
	Server *jetstream.Server
	// Dir is the folder of its data.
	Dir string
	// Clustered says that the server is one of a cluster.
	Clustered bool
}

// Verify reports what is in the folder, and what of it is damaged.
func (v *ReplicaVerifier) Verify(ctx context.Context) (*client.Report, error) {
	dir := cmp.Or(absolute(v.Dir), v.Dir) // for who reads the report elsewhere
	r := v.report()
	r.Replica, r.Data = true, dir
	c := newFolderCheck(jetstream.RunningFolder(dir))
	c.running = true
	if err := c.run(ctx, io.Discard); err != nil {
		return nil, fmt.Errorf("verify %s: %w", dir, err)
	}
	missing, err := c.folder.MissingStreams()
	if err != nil {
		return nil, fmt.Errorf("verify %s: %w", dir, err)
	}
	for _, d := range missing {
		if of, ok := jetstream.PipelineOf(d.Stream); ok && of == v.Pipeline {
			r.Missing = append(r.Missing, d.Stream)
		}
	}
	r.Streams, r.Replicas, r.Servers = c.streams, c.replicas(v.Pipeline), v.servers(ctx)
	c.report(r)
	for _, d := range v.Server.Damages() {
		told := damageReport(d.Damage)
		told.SetAside = d.SetAside
		r.AtStart = append(r.AtStart, told)
	}
	return r, nil
}

// servers are those that keep copies of the logs.
func (v *ReplicaVerifier) servers(ctx context.Context) []string {
	if !v.Clustered {
		return []string{v.Name}
	}
	names := map[string]bool{}
	for _, s := range v.Engine.Health(ctx).Streams {
		for _, r := range s.Replicas {
			names[r.Server] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// absolute is the path from the root, empty if nobody knows where the process works.
func absolute(path string) string {
	full, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	return full
}

// report tells what is in the folder of the report's pipeline, and all that is damaged.
func (c *folderCheck) report(r *client.Report) {
	for _, l := range c.out.Logs {
		if l.name.Pipeline == r.Pipeline {
			r.Logs = append(r.Logs, client.LogReport{Shard: shardNumber(l.name), Records: l.Records, First: l.First, Last: l.Last,
				Head: l.lastID, Damaged: l.damaged})
		}
	}
	for _, m := range c.marks {
		if m.log.Pipeline == r.Pipeline && m.from == inControlLog { // those in files are the nodes'
			r.Marks = append(r.Marks, client.MarkReport{Shard: m.log.Shard, Mark: m.Mark, From: r.Node + ": " + m.from})
		}
	}
	for _, b := range c.blobs {
		if b.Pipeline == r.Pipeline && b.Err == nil {
			s := snapshotReport(b.BlobInfo)
			s.Digest = b.Digest
			r.Snapshots = append(r.Snapshots, s)
		}
	}
	for _, d := range c.out.Damages {
		r.Damages = append(r.Damages, damageReport(d))
	}
	r.More = c.out.More
}

// shardNumber is how a report names a log.
func shardNumber(n jetstream.LogName) int {
	if n.Control {
		return client.ControlLog
	}
	return n.Shard
}

func damageReport(d filestore.Damage) client.DamageReport {
	return client.DamageReport{Stream: d.Stream, File: d.File, Offset: d.Offset, Kind: string(d.Kind), What: d.What}
}

func snapshotReport(b engine.BlobInfo) client.SnapshotReport {
	s := client.SnapshotReport{Name: b.Name, Size: b.Size}
	if shard, position, ok := snapshotOf(b.Name); ok {
		s.Shard, s.Position = shard, position
	}
	return s
}

// At returns the ids of the records at these places; empty where there is none.
func (v *ReplicaVerifier) At(ctx context.Context, places []client.Place) ([]string, error) {
	list, err := jetstream.RunningFolder(v.Dir).Streams()
	if err != nil {
		return nil, err
	}
	wanted := wantedPlaces(places)
	found := map[client.Place]string{}
	for _, s := range list {
		if of, ok := jetstream.PipelineOf(s.Name()); !ok || of != v.Pipeline || strings.HasPrefix(s.Name(), "OBJ_") {
			continue
		}
		err := s.Read(ctx, func(m *filestore.Message) error {
			if name, ok := jetstream.LogOf(m.Subject); ok && wanted[client.Place{Shard: shardNumber(name), Position: m.Seq}] {
				found[client.Place{Shard: shardNumber(name), Position: m.Seq}] = storedID(name, m)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return inOrder(places, found), nil
}

func wantedPlaces(places []client.Place) map[client.Place]bool {
	wanted := map[client.Place]bool{}
	for _, p := range places {
		wanted[p] = true
	}
	return wanted
}

func inOrder(places []client.Place, found map[client.Place]string) []string {
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = found[p]
	}
	return ids
}

// EngineVerifier reads through an engine that others run, which answers from whichever replica it likes.
type EngineVerifier struct {
	Node
}

// Verify reports what the engine gives, and what of it is damaged.
func (v *EngineVerifier) Verify(ctx context.Context) (*client.Report, error) {
	r := v.report()
	for shard := client.ControlLog; shard < v.Shards; shard++ {
		if err := v.log(ctx, r, shard); err != nil {
			return nil, err
		}
	}
	return r, v.snapshots(ctx, r)
}

// open returns the log of a shard, or the control log, and its name.
func (v *EngineVerifier) open(shard int) (engine.Log, jetstream.LogName) {
	name := jetstream.LogName{Pipeline: v.Pipeline, Shard: shard}
	if shard != client.ControlLog {
		return v.Engine.Shard(shard), name
	}
	name.Control, name.Shard = true, 0
	return v.Engine.Control(), name
}

// log checks one log. What isn't damage, such as an engine without a leader, is the error of the whole.
func (v *EngineVerifier) log(ctx context.Context, r *client.Report, shard int) error {
	log, name := v.open(shard)
	l := &Log{name: name, chain: &operator.Chain{Shard: name.Shard}}
	_, err := log.Read(ctx, 1, func(e engine.Entry) error {
		if err := l.check(&filestore.Message{Seq: e.Seq, Data: e.Payload}); err != nil {
			return fmt.Errorf("position %d: %w", e.Seq, err)
		}
		l.Records, l.First, l.Last = l.Records+1, cmp.Or(l.First, e.Seq), e.Seq
		return nil
	})
	switch {
	case errors.Is(err, engine.ErrDamaged), errors.Is(err, engine.ErrTrimmed):
		r.Damages = append(r.Damages, client.DamageReport{Stream: name.String(), Kind: string(filestore.Altered),
			What: fmt.Sprintf("%s: %v", name, err)})
		l.damaged = true
	case err != nil:
		return fmt.Errorf("verify %s through the engine: %w", name, err)
	}
	if l.Records > 0 || l.damaged {
		r.Logs = append(r.Logs, client.LogReport{Shard: shard, Records: l.Records, First: l.First, Last: l.Last, Head: l.lastID,
			Damaged: l.damaged})
	}
	v.controlMarks(r, l)
	return nil
}

// controlMarks adds the marks that stand in the control log.
func (v *EngineVerifier) controlMarks(r *client.Report, l *Log) {
	if l.state == nil {
		return
	}
	for shard := range l.state.Settings.Shards {
		if m := l.state.Mark(shard); m.Position > 0 {
			r.Marks = append(r.Marks, client.MarkReport{Shard: shard, Mark: m, From: r.Node + ": " + inControlLog})
		}
	}
}

// snapshots reads all of them, which checks their digests. One that is deleted meanwhile is none, nor is what is left of one that as many
// whole ones as are kept have replaced.
func (v *EngineVerifier) snapshots(ctx context.Context, r *client.Report) error {
	blobs := v.Engine.Blobs()
	list, err := blobs.List(ctx, "")
	if err != nil {
		return fmt.Errorf("list the snapshots: %w", err)
	}
	whole := map[int]int{}                    // snapshots of a shard
	for _, b := range slices.Backward(list) { // the newest of a shard first
		shard, _, ok := snapshotOf(b.Name)
		err := readBlob(ctx, blobs, b.Name)
		switch {
		case err == nil:
			whole[shard]++
			r.Snapshots = append(r.Snapshots, snapshotReport(b))
		case errors.Is(err, engine.ErrNotFound):
		case errors.Is(err, engine.ErrDamaged) && (ok && whole[shard] >= node.KeptSnapshots || !v.listed(ctx, b.Name)):
		case errors.Is(err, engine.ErrDamaged):
			r.Damages = append(r.Damages, client.DamageReport{Stream: "snapshots", Kind: string(filestore.Altered),
				What: fmt.Sprintf("snapshot %s: %v", b.Name, err)})
		default:
			return fmt.Errorf("read snapshot %s: %w", b.Name, err)
		}
	}
	slices.Reverse(r.Snapshots)
	return nil
}

// listed reports whether the blob is still there. If that can't be told, it is.
func (v *EngineVerifier) listed(ctx context.Context, name string) bool {
	list, err := v.Engine.Blobs().List(ctx, name)
	return err != nil || slices.ContainsFunc(list, func(b engine.BlobInfo) bool { return b.Name == name })
}

func readBlob(ctx context.Context, blobs engine.Blobs, name string) error {
	blob, err := blobs.Get(ctx, name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, blob)
	return errors.Join(err, blob.Close())
}

// At returns the ids of the records at these places; empty where there is none.
func (v *EngineVerifier) At(ctx context.Context, places []client.Place) ([]string, error) {
	found := map[client.Place]string{}
	for _, p := range places {
		if p.Shard >= v.Shards {
			continue
		}
		log, name := v.open(p.Shard)
		_, err := log.Read(ctx, p.Position, func(e engine.Entry) error {
			if e.Seq == p.Position {
				found[p] = idOf(name, e.Payload)
			}
			return errEnough
		})
		if err != nil && !errors.Is(err, errEnough) {
			return nil, fmt.Errorf("read %s at %d: %w", name, p.Position, err)
		}
	}
	return inOrder(places, found), nil
}
