package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
	"github.com/quadrille-stream/quadrille/operator"
)

// verifiedFolder is the outcome for one folder.
type verifiedFolder struct {
	Data      string              `json:"data"`
	Logs      []*verifiedLog      `json:"logs"`
	Snapshots []verifiedSnapshots `json:"snapshots"`
	Damages   []filestore.Damage  `json:"damages"`
	More      int                 `json:"more_damages,omitempty"`
	// Torn are ends of files that a crash has left; they are no damage.
	Torn []filestore.Damage `json:"torn,omitempty"`
	// SetAside are folders with what was damaged at an earlier start.
	SetAside []string `json:"set_aside,omitempty"`
}

// verifiedLog is what was found in a log.
type verifiedLog struct {
	Log     string `json:"log"`
	Records uint64 `json:"records"`
	// First and Last are the positions of the first and last record; 0 if there is none.
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	// Head is the id of a shard's last record.
	Head string `json:"head,omitempty"`
	// Epoch is that of a control log's last record.
	Epoch uint64 `json:"epoch,omitempty"`

	name    jetstream.LogName
	stream  *filestore.Stream
	chain   *operator.Chain
	sum     hash.Hash // of positions and payloads, in order
	damaged bool
}

// verifiedSnapshots counts a pipeline's snapshots.
type verifiedSnapshots struct {
	Pipeline string `json:"pipeline"`
	Count    int    `json:"count"`
	Bytes    int64  `json:"bytes"`
}

// folderCheck checks one folder.
type folderCheck struct {
	folder *jetstream.Folder
	out    *verifiedFolder
	logs   map[jetstream.LogName]*verifiedLog
	bar    *bar
	total  int64
	done   int64
	count  uint64
}

func newFolderCheck(f *jetstream.Folder) *folderCheck {
	out := &verifiedFolder{Data: f.Dir, Logs: []*verifiedLog{}, Damages: []filestore.Damage{}, SetAside: f.SetAside(),
		Snapshots: []verifiedSnapshots{}}
	return &folderCheck{folder: f, out: out, logs: map[jetstream.LogName]*verifiedLog{}}
}

func (c *folderCheck) run(ctx context.Context, std *streams) error {
	list, err := c.folder.Streams()
	if err != nil {
		return err
	}
	for _, s := range list {
		c.total += s.Size()
	}
	c.bar = newBar(std.err, filepath.Base(c.folder.Dir), "records")
	c.bar.setTotal(c.total)
	defer c.bar.end()
	for _, s := range list {
		if err := c.stream(ctx, s); err != nil {
			return err
		}
	}
	missing, err := c.folder.MissingStreams()
	if err != nil {
		return err
	}
	for _, d := range missing {
		c.damaged(d)
	}
	for _, s := range list { // when the logs' ends are known
		if err := c.blobs(ctx, s); err != nil {
			return err
		}
	}
	for _, l := range c.logs {
		c.out.Logs = append(c.out.Logs, l)
	}
	slices.SortFunc(c.out.Logs, func(a, b *verifiedLog) int { return compareLogs(a.name, b.name) })
	return nil
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

// stream checks the files of a stream or Raft group, and the logs in it.
func (c *folderCheck) stream(ctx context.Context, s *filestore.Stream) error {
	report, err := s.Check(ctx)
	if err != nil {
		return err
	}
	for _, d := range report.Damages {
		c.damaged(d)
	}
	c.out.More += report.More
	if report.Torn != nil {
		c.out.Torn = append(c.out.Torn, *report.Torn)
	}
	c.done += report.Bytes
	c.bar.show(c.done, c.count)
	if s.Raft() {
		return nil
	}
	if _, err := s.Meta(); err != nil {
		c.damaged(filestore.Damage{Stream: s.Name(), File: filepath.Join(s.Dir(), filestore.MetaFile),
			Kind: filestore.Altered, What: err.Error()})
	}
	broken := len(report.Damages) > 0
	return s.Read(ctx, func(m *filestore.Message) error {
		name, ok := jetstream.LogOf(m.Subject)
		if !ok {
			return nil
		}
		c.count++
		c.bar.show(c.done, c.count)
		c.log(name, s, broken).take(c, m)
		return nil
	})
}

// log is the log with that name. In a stream whose files are damaged it counts as damaged, too.
func (c *folderCheck) log(name jetstream.LogName, s *filestore.Stream, broken bool) *verifiedLog {
	l := c.logs[name]
	if l == nil {
		l = &verifiedLog{Log: name.String(), name: name, stream: s, sum: sha256.New(), damaged: broken}
		l.chain = &operator.Chain{Shard: name.Shard}
		c.logs[name] = l
	}
	return l
}

// take checks the next record.
func (l *verifiedLog) take(c *folderCheck, m *filestore.Message) {
	err := l.check(m)
	if err != nil {
		l.damaged = true
		c.damaged(filestore.Damage{Stream: l.stream.Name(), File: m.File, Offset: m.Offset, Kind: filestore.Altered,
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

func (l *verifiedLog) digest() string { return string(l.sum.Sum(nil)) }

func (l *verifiedLog) check(m *filestore.Message) error {
	payload := slices.Clone(m.Data) // the chain keeps parts of it
	if l.name.Control {
		return l.checkControl(payload)
	}
	if _, err := l.chain.Push(m.Seq, payload); err != nil {
		l.chain = operator.Resume(l.name.Shard, m.Seq) // what follows is checked on its own
		return err
	}
	l.Head = l.chain.Head
	return nil
}

// checkControl reads a control record; the epoch counts them.
func (l *verifiedLog) checkControl(payload []byte) error {
	state, err := coordinator.ParseRecord(l.name.Pipeline, payload)
	if err != nil {
		return err
	}
	before := l.Epoch
	l.Epoch = state.Epoch
	if state.Epoch != before+1 {
		return fmt.Errorf("epoch %d after epoch %d", state.Epoch, before)
	}
	return nil
}

// blobs checks the snapshots of a stream of them: their digests, and that none is of a position that its log hasn't.
func (c *folderCheck) blobs(ctx context.Context, s *filestore.Stream) error {
	if s.Raft() {
		return nil
	}
	list, err := jetstream.ReadBlobs(ctx, s)
	if err != nil || len(list) == 0 {
		return err
	}
	sum := verifiedSnapshots{Pipeline: list[0].Pipeline, Count: len(list)}
	for _, b := range list {
		sum.Bytes += b.Size
		if err := cmp.Or(b.Err, c.ahead(b)); err != nil {
			c.damaged(filestore.Damage{Stream: s.Name(), File: b.File, Offset: b.Offset, Kind: filestore.Altered, What: err.Error()})
		}
	}
	c.out.Snapshots = append(c.out.Snapshots, sum)
	return nil
}

// ahead returns an error for a snapshot, shard/SHARD/POSITION, whose log ends before its position.
func (c *folderCheck) ahead(b jetstream.StoredBlob) error {
	parts := strings.Split(b.Name, "/")
	if len(parts) != 3 || parts[0] != "shard" {
		return nil
	}
	shard, err1 := strconv.Atoi(parts[1])
	position, err2 := strconv.ParseUint(parts[2], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return nil
	}
	var last uint64
	if l := c.logs[jetstream.LogName{Pipeline: b.Pipeline, Shard: shard}]; l != nil {
		last = l.Last
	}
	if position > last {
		return fmt.Errorf("snapshot %s is of position %d, and the log of the shard ends at %d", b.Name, position, last)
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

// print writes the outcome as text.
func (f *verifiedFolder) print(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", f.Data)
	for _, l := range f.Logs {
		fmt.Fprintf(&b, "  %s: %d records, positions %d to %d", l.Log, l.Records, l.First, l.Last)
		if l.Head != "" {
			fmt.Fprintf(&b, ", head %s", l.Head)
		}
		if l.Epoch > 0 {
			fmt.Fprintf(&b, ", epoch %d", l.Epoch)
		}
		b.WriteByte('\n')
	}
	for _, s := range f.Snapshots {
		fmt.Fprintf(&b, "  %s snapshots: %d, %d bytes\n", s.Pipeline, s.Count, s.Bytes)
	}
	for _, d := range f.Torn {
		fmt.Fprintf(&b, "%v (no damage by itself)\n", d)
	}
	for _, dir := range f.SetAside {
		fmt.Fprintf(&b, "%s: set aside at an earlier start\n", dir)
	}
	for _, d := range f.Damages {
		fmt.Fprintf(&b, "%v\n", d)
	}
	if f.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", f.More)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
