package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

// knownMark is how far a log goes for certain, at least, and who says so.
type knownMark struct {
	log jetstream.LogName
	engine.Mark
	// from is a file, or the log that it stands in, for people.
	from string
	// file, offset are the place of what says it.
	file   string
	offset int64
}

// inControlLog is where such a mark stands.
const inControlLog = "in the control log"

// readMarks reads what the nodes that used the folder knew of their logs.
func (c *folderCheck) readMarks() {
	for path, pipeline := range node.MarksIn(c.folder.Dir) {
		marks, err := node.ReadMarks(path, pipeline)
		if err != nil {
			c.damaged(filestore.Damage{File: path, Kind: filestore.Altered, What: err.Error()})
		}
		for shard, m := range marks {
			if m.Position > 0 {
				c.marks = append(c.marks, knownMark{jetstream.LogName{Pipeline: pipeline, Shard: shard}, m, "in " + path, path, 0})
			}
		}
	}
}

// marksOf takes the marks that stand in the last record of a control log.
func (c *folderCheck) marksOf(l *Log) {
	if l.state == nil {
		return
	}
	for shard := range l.state.Settings.Shards {
		if m := l.state.Mark(shard); m.Position > 0 {
			name := jetstream.LogName{Pipeline: l.name.Pipeline, Shard: shard}
			c.marks = append(c.marks, knownMark{name, m, inControlLog, l.stream.Dir(), 0})
		}
	}
}

// snapshotMarks are the positions of the snapshots, which their logs must have reached.
func (c *folderCheck) snapshotMarks() (marks []knownMark) {
	for _, b := range c.blobs {
		if shard, position, ok := snapshotOf(b.Name); ok && b.Err == nil {
			marks = append(marks, knownMark{jetstream.LogName{Pipeline: b.Pipeline, Shard: shard},
				engine.Mark{Position: position}, "as snapshot " + b.Name + " is of it", b.File, b.Offset})
		}
	}
	return marks
}

// snapshotOf reads the name of a snapshot, shard/SHARD/POSITION.
func snapshotOf(name string) (shard int, position uint64, ok bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 3 || parts[0] != "shard" {
		return 0, 0, false
	}
	shard, err1 := strconv.Atoi(parts[1])
	position, err2 := strconv.ParseUint(parts[2], 10, 64)
	if errors.Join(err1, err2) != nil {
		return 0, 0, false
	}
	return shard, position, true
}

// storedID is the id of a record that was read from a file; empty for what is none.
func storedID(name jetstream.LogName, m *filestore.Message) string {
	payload, err := jetstream.StoredPayload(m)
	if err != nil {
		return ""
	}
	return idOf(name, payload)
}

// idOf is the id of a record, of a control record that which stands for it. It is empty for what is no record.
func idOf(name jetstream.LogName, payload []byte) string {
	if name.Control {
		return controlID(payload)
	}
	r, err := operator.Decode(payload)
	if err != nil {
		return ""
	}
	return r.ID
}

// at reads the ids of the records of a log at the positions. Where there is no record it holds nothing.
func at(ctx context.Context, s *filestore.Stream, name jetstream.LogName, positions map[uint64]bool) (map[uint64]string, error) {
	ids := map[uint64]string{}
	err := s.Read(ctx, func(m *filestore.Message) error {
		if of, ok := jetstream.LogOf(m.Subject); ok && of == name && positions[m.Seq] {
			ids[m.Seq] = storedID(name, m)
		}
		return nil
	})
	return ids, err
}

// checkMarks holds the longest copy of each log to what is known of it in any of the folders.
func (v *Folders) checkMarks(ctx context.Context, folders []*folderCheck, longest map[jetstream.LogName]*folderCheck) error {
	of := map[jetstream.LogName][]knownMark{}
	for _, f := range folders {
		for _, m := range slices.Concat(f.marks, f.snapshotMarks()) {
			of[m.log] = append(of[m.log], m)
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(of), compareLogs) {
		best := longest[name]
		if best == nil { // no folder has a record of it
			best = folders[0]
		}
		if err := v.checkLogMarks(ctx, folders, best, name, of[name]); err != nil {
			return err
		}
	}
	return nil
}

func (v *Folders) checkLogMarks(ctx context.Context, folders []*folderCheck, best *folderCheck, name jetstream.LogName, marks []knownMark) error {
	l := best.logs[name]
	if l == nil {
		l = &Log{name: name}
	}
	if l.damaged { // what is read of it is not all
		return nil
	}
	ids := map[uint64]string{l.Last: l.lastID}
	within := map[uint64]bool{}
	for _, m := range marks {
		if m.Position < l.Last {
			within[m.Position] = true
		}
	}
	if len(within) > 0 {
		found, err := at(ctx, l.stream, name, within)
		if err != nil {
			return err
		}
		maps.Copy(ids, found)
	}
	told := map[engine.Mark]bool{}
	for _, m := range marks {
		why := wrong(m.Mark, l.Last, ids[m.Position])
		if why == nil || told[m.Mark] {
			continue
		}
		told[m.Mark] = true
		if err := v.markMissed(ctx, folders, best, l, m, why); err != nil {
			return err
		}
	}
	return nil
}

// wrong returns an error if a log that ends at the position last, and has the record id at that of the mark, empty for none,
// is not the log that the mark is of.
func wrong(m engine.Mark, last uint64, id string) error {
	switch {
	case last < m.Position:
		return fmt.Errorf("a record is known to be at position %d%s, and the log ends at %d", m.Position, called(m.ID), last)
	case id == "":
		return fmt.Errorf("a record is known to be at position %d%s, and there is none", m.Position, called(m.ID))
	case m.ID != "" && id != m.ID:
		return fmt.Errorf("record %s is known to be at position %d, and %s is there", m.ID, m.Position, id)
	}
	return nil
}

func called(id string) string {
	if id == "" {
		return ""
	}
	return ", " + id
}

// markMissed tells of a log that isn't as it is known to be. One that ends too early is whole if the rest is in a Raft log,
// from which the engine takes it when it starts; and if not all of its copies are here, another one may go further.
func (v *Folders) markMissed(ctx context.Context, folders []*folderCheck, best *folderCheck, l *Log, m knownMark, why error) error {
	what := why.Error()
	if m.Position <= l.Last {
		best.damaged(filestore.Damage{Stream: l.name.String(), File: m.file, Offset: m.offset, Kind: filestore.Altered,
			What: fmt.Sprintf("%s: %s: so it says %s", l.name, what, m.from)})
		return nil
	}
	proposed := false
	for _, f := range folders {
		there, err := f.proposed(ctx, m)
		if err != nil {
			return err
		}
		proposed = proposed || there
	}
	copies, replicas := copiesOf(folders, l.name)
	d := Difference{Log: l.name.String(), Data: best.out.Data, What: best.out.Data + ": " + what}
	switch {
	case proposed:
		d.What += "; the rest is in the Raft log, and comes from there when the engine starts"
		v.Behind = append(v.Behind, d)
	case copies < replicas:
		d.What += fmt.Sprintf("; copies of it: %d, of which %d here: give all folders to know more", replicas, copies)
		v.Behind = append(v.Behind, d)
	default:
		best.damaged(filestore.Damage{Stream: l.name.String(), File: m.file, Offset: m.offset, Kind: filestore.Short,
			What: fmt.Sprintf("%s: %s: so it says %s", l.name, what, m.from)})
	}
	return nil
}

var errFound = errors.New("it was found")

// proposed reports whether the record of the mark is in a Raft log of the folder.
func (c *folderCheck) proposed(ctx context.Context, m knownMark) (bool, error) {
	err := c.folder.Proposed(ctx, func(name jetstream.LogName, upTo uint64, payload []byte) error {
		if name == m.log && upTo >= m.Position && (m.ID == "" || m.ID == idOf(name, payload)) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// copiesOf counts the folders that have a stream of the log's pipeline, and tells how many copies there should be.
func copiesOf(folders []*folderCheck, name jetstream.LogName) (copies, replicas int) {
	for _, f := range folders {
		if r := f.replicas(name.Pipeline); r > 0 {
			copies, replicas = copies+1, max(replicas, r)
		}
	}
	return copies, replicas
}

// replicas is how many copies the logs of a pipeline should have, as one of its streams says; 0 if there is none.
func (c *folderCheck) replicas(pipeline string) (n int) {
	list, _ := c.folder.Streams()
	for _, s := range list {
		if of, ok := jetstream.PipelineOf(s.Name()); ok && of == pipeline {
			if meta, err := s.Meta(); err == nil {
				n = max(n, meta.Replicas)
			}
		}
	}
	return n
}
