package verify

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"time"

	"github.com/quadrille-stream/quadrille/engine/jetstream"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
	"github.com/quadrille-stream/quadrille/internal/clock"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator"
)

const (
	// believed is how often the same place of a stream must be found damaged in a row while a server writes to it: a block
	// that is just being appended to, rewritten or removed is another one at the next look, or whole.
	believed = 3
	// maxLooks bounds the looks at a stream. After the last one counts what that found.
	maxLooks = 20
	// lookPause is the time before the second look; the one before each further look is longer by as much.
	lookPause = 100 * time.Millisecond
)

// look is what one reading of a stream or Raft group has found.
type look struct {
	damages []filestore.Damage
	more    int
	torn    *filestore.Damage
	remains []filestore.Damage // of what was deleted; no damage
	bytes   int64
	count   uint64
	logs    map[jetstream.LogName]*Log
	blobs   []jetstream.StoredBlob
}

// place is where something was found damaged.
type place struct {
	file   string
	offset int64
	kind   filestore.Kind
}

func (l *look) damaged(d filestore.Damage) {
	if len(l.damages) == filestore.MaxDamages {
		l.more++
		return
	}
	l.damages = append(l.damages, d)
}

// settle looks at a stream until what it finds can be believed.
func (c *folderCheck) settle(ctx context.Context, s *filestore.Stream) (*look, error) {
	seen := map[place]int{}
	for n := 1; ; n++ {
		l, err := c.look(ctx, filestore.Open(s.Dir()))
		if err != nil || !c.running || len(l.damages) == 0 || n == maxLooks {
			return l, err
		}
		again := map[place]int{}
		stands := false
		for _, d := range l.damages {
			at := place{d.File, d.Offset, d.Kind}
			again[at] = seen[at] + 1
			stands = stands || again[at] >= believed
		}
		if stands {
			return l.keep(func(d filestore.Damage) bool { return again[place{d.File, d.Offset, d.Kind}] >= believed }), nil
		}
		seen = again
		if err := clock.Sleep(ctx, time.Duration(n)*lookPause); err != nil {
			return nil, err
		}
	}
}

// keep leaves out the other damages.
func (l *look) keep(fn func(filestore.Damage) bool) *look {
	var kept []filestore.Damage
	for _, d := range l.damages {
		if fn(d) {
			kept = append(kept, d)
		}
	}
	l.damages = kept
	return l
}

// look checks the files of a stream or Raft group once, and the logs or snapshots in it.
func (c *folderCheck) look(ctx context.Context, s *filestore.Stream) (*look, error) {
	report, err := s.Check(ctx)
	if err != nil {
		return nil, err
	}
	l := &look{damages: report.Damages, more: report.More, torn: report.Torn, bytes: report.Bytes,
		logs: map[jetstream.LogName]*Log{}}
	c.bar.Show(c.done+l.bytes, c.count)
	if s.Raft() {
		return l, nil
	}
	if _, err := s.Meta(); err != nil {
		l.damaged(filestore.Damage{Stream: s.Name(), File: filepath.Join(s.Dir(), filestore.MetaFile),
			Kind: filestore.Altered, What: err.Error()})
	}
	broken := len(report.Damages) > 0
	err = s.Read(ctx, func(m *filestore.Message) error {
		name, ok := jetstream.LogOf(m.Subject)
		if !ok {
			return nil
		}
		l.count++
		c.bar.Show(c.done+l.bytes, c.count+l.count)
		l.log(name, s, broken).take(l, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, l.readBlobs(ctx, s)
}

// log is the log with that name. In a stream whose files are damaged it counts as damaged, too.
func (l *look) log(name jetstream.LogName, s *filestore.Stream, broken bool) *Log {
	log := l.logs[name]
	if log == nil {
		log = &Log{Log: name.String(), name: name, stream: s, sum: sha256.New(), damaged: broken}
		log.chain = &operator.Chain{Shard: name.Shard}
		l.logs[name] = log
	}
	return log
}

// readBlobs checks the digests of the snapshots of a stream of them.
func (l *look) readBlobs(ctx context.Context, s *filestore.Stream) error {
	blobs, err := jetstream.ReadBlobs(ctx, s)
	for _, b := range blobs {
		if b.Err == nil {
			l.blobs = append(l.blobs, b)
			continue
		}
		d := filestore.Damage{Stream: s.Name(), File: b.File, Offset: b.Offset, Kind: filestore.Altered, What: b.Err.Error()}
		if b.Missing > 0 && replaced(b.Name, blobs) {
			d.Kind, d.What = filestore.Undeleted, fmt.Sprintf("snapshot %s was deleted, and is there again without its content", b.Name)
			l.remains = append(l.remains, d)
			continue
		}
		l.blobs = append(l.blobs, b)
		l.damaged(d)
	}
	return err
}

// replaced reports whether there are as many newer whole snapshots of the same shard as are kept, so that this one is to be
// deleted.
func replaced(name string, blobs []jetstream.StoredBlob) bool {
	shard, position, ok := snapshotOf(name)
	newer := 0
	for _, b := range blobs {
		if s, p, is := snapshotOf(b.Name); is && s == shard && p > position && b.Err == nil {
			newer++
		}
	}
	return ok && newer >= node.KeptSnapshots
}
