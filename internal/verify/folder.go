package verify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
	"github.com/quadrille-stream/quadrille/internal/terminal"
	"github.com/quadrille-stream/quadrille/operator"
)

// Folder is the outcome for one folder.
type Folder struct {
	// Data is the folder; what follows was found in it. More counts damages beyond those that are listed.
	Data      string             `json:"data"`
	Logs      []*Log             `json:"logs"`
	Snapshots []Snapshots        `json:"snapshots"`
	Damages   []filestore.Damage `json:"damages"`
	More      int                `json:"more_damages,omitempty"`
	// Torn are ends of files, and deleted snapshots, that a crash has left; they are no damage.
	Torn []filestore.Damage `json:"torn,omitempty"`
	// SetAside are folders with what was damaged at an earlier start.
	SetAside []string `json:"set_aside,omitempty"`
}

// Log is what was found in a log.
type Log struct {
	// Log is the name, Records the number of records.
	Log     string `json:"log"`
	Records uint64 `json:"records"`
	// First and Last are the positions of the first and last record; 0 if there is none.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Head is the id of a shard's last record.
	Head string `json:"head,omitempty"`
	// Epoch is that of a control log's last record.
	Epoch uint64 `json:"epoch,omitempty"`

	name   jetstream.LogName
	stream *filestore.Stream
	chain  *operator.Chain
	lastID string             // of the last record; see controlID
	state  *coordinator.State // that of the last control record
	sum    hash.Hash          // of positions and payloads, in order
	// damaged: something is wrong with it, or with the stream that it is in.
	damaged bool
}

// Snapshots counts a pipeline's snapshots.
type Snapshots struct {
	// Count is their number, Bytes that of all of them.
	Pipeline string `json:"pipeline"`
	Count    int    `json:"count"`
	Bytes    int64  `json:"bytes"`
}

// folderCheck checks one folder.
type folderCheck struct {
	folder *jetstream.Folder
	// running: a server writes to the folder meanwhile.
	running bool
	out     *Folder
	logs    map[jetstream.LogName]*Log
	streams []string // names of those that are there
	blobs   []jetstream.StoredBlob
	marks   []knownMark
	bar     *terminal.Bar
	total   int64
	done    int64
	count   uint64
}

func newFolderCheck(f *jetstream.Folder) *folderCheck {
	out := &Folder{Data: f.Dir, Logs: []*Log{}, Damages: []filestore.Damage{}, SetAside: f.SetAside(),
		Snapshots: []Snapshots{}}
	return &folderCheck{folder: f, out: out, logs: map[jetstream.LogName]*Log{}}
}

// run checks everything that the folder tells by itself. Progress goes to w, if that is a terminal.
func (c *folderCheck) run(ctx context.Context, w io.Writer) error {
	c.readMarks() // before the logs, which go further each moment if a server runs
	list, err := c.folder.Streams()
	if err != nil {
		return err
	}
	for _, s := range list {
		c.total += s.Size()
	}
	c.bar = terminal.NewBar(w, filepath.Base(c.folder.Dir), "record")
	c.bar.SetTotal(c.total)
	defer c.bar.End()
	for _, s := range list {
		l, err := c.settle(ctx, s)
		if err != nil {
			return err
		}
		c.add(l)
		if !s.Raft() {
			c.streams = append(c.streams, s.Name())
		}
	}
	for _, l := range c.logs {
		c.out.Logs = append(c.out.Logs, l)
	}
	slices.SortFunc(c.out.Logs, func(a, b *Log) int { return compareLogs(a.name, b.name) })
	for _, l := range c.out.Logs {
		c.marksOf(l)
	}
	return nil
}

// missing adds the streams that aren't there and should be.
func (c *folderCheck) missing() error {
	missing, err := c.folder.MissingStreams()
	for _, d := range missing {
		c.damaged(d)
	}
	return err
}

// add takes what was found in a stream.
func (c *folderCheck) add(l *look) {
	for _, d := range l.damages {
		if d.Kind == filestore.Unsynced {
			c.out.Torn = append(c.out.Torn, d)
		} else {
			c.damaged(d)
		}
	}
	c.out.More += l.more
	if l.torn != nil {
		c.out.Torn = append(c.out.Torn, *l.torn)
	}
	c.out.Torn = append(c.out.Torn, l.remains...)
	c.done += l.bytes
	c.count += l.count
	maps.Copy(c.logs, l.logs)
	c.blobs = append(c.blobs, l.blobs...)
	if len(l.blobs) > 0 {
		sum := Snapshots{Pipeline: l.blobs[0].Pipeline, Count: len(l.blobs)}
		for _, b := range l.blobs {
			sum.Bytes += b.Size
		}
		c.out.Snapshots = append(c.out.Snapshots, sum)
	}
}

// compareLogs orders logs by pipeline, the control log first.
func compareLogs(a, b jetstream.LogName) int {
	control := func(n jetstream.LogName) int {
		if n.Control {
			return -1
		}
		return n.Shard
	}
	return cmp.Or(strings.Compare(a.Pipeline, b.Pipeline), cmp.Compare(control(a), control(b)))
}

func (c *folderCheck) damaged(d filestore.Damage) {
	if len(c.out.Damages) == filestore.MaxDamages {
		c.out.More++
		return
	}
	c.out.Damages = append(c.out.Damages, d)
}

// take checks the next record.
func (l *Log) take(to *look, m *filestore.Message) {
	err := l.check(m)
	if err != nil {
		l.damaged = true
		to.damaged(filestore.Damage{Stream: l.stream.Name(), File: m.File, Offset: m.Offset, Kind: filestore.Altered,
			What: fmt.Sprintf("%s, position %d: %v", l.Log, m.Seq, err)})
	}
	if l.Records++; l.First == 0 {
		l.First = m.Seq
	}
	l.Last = m.Seq
	digestRecord(l.sum, m)
}

func digestRecord(sum hash.Hash, m *filestore.Message) {
	sum.Write(binary.BigEndian.AppendUint64(nil, m.Seq))
	sum.Write(binary.BigEndian.AppendUint64(nil, uint64(len(m.Data))))
	sum.Write(m.Data)
}

func (l *Log) digest() string { return string(l.sum.Sum(nil)) }

func (l *Log) check(m *filestore.Message) error {
	payload, err := jetstream.StoredPayload(m)
	if err != nil {
		return err
	}
	payload = slices.Clone(payload) // the chain keeps parts of it
	if l.name.Control {
		return l.checkControl(payload)
	}
	if _, err := l.chain.Push(m.Seq, payload); err != nil {
		l.chain = operator.Resume(l.name.Shard, m.Seq) // what follows is checked on its own
		return err
	}
	l.Head, l.lastID = l.chain.Head, l.chain.Head
	return nil
}

// controlID is what stands for the id of a control record, which has none: its hash, as the ids of shards are written (RFC 6920).
func controlID(payload []byte) string {
	return operator.ID(sha256.Sum256(payload))
}

// checkControl reads a control record; the epoch counts them.
func (l *Log) checkControl(payload []byte) error {
	state, err := coordinator.ParseRecord(l.name.Pipeline, payload)
	if err != nil {
		return err
	}
	before := l.Epoch
	l.Epoch, l.state, l.lastID = state.Epoch, state, controlID(payload)
	if state.Epoch != before+1 {
		return fmt.Errorf("%w: epoch %d after epoch %d", engine.ErrDamaged, state.Epoch, before)
	}
	return nil
}

// upTo counts the records of a log up to a position, and digests them.
func (c *folderCheck) upTo(ctx context.Context, name jetstream.LogName, last uint64) (records uint64, digest string, err error) {
	sum := sha256.New()
	err = c.logs[name].stream.Read(ctx, func(m *filestore.Message) error {
		if of, ok := jetstream.LogOf(m.Subject); !ok || of != name {
			return nil
		}
		if m.Seq > last {
			return errEnough
		}
		records++
		digestRecord(sum, m)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return records, string(sum.Sum(nil)), err
}

var errEnough = errors.New("enough was read")
