package jetstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// The check before the start. nats-server 2.15.2 cuts a block off at the first record that it can't read, removes blocks,
// and leaves out streams, then starts as if nothing had been there (filestore.go: rebuildStateFromBufLocked, recoverMsgs;
// jetstream.go: EnableJetStream). So every file is read before the server is, and what is damaged is set aside:
//
// A member of a cluster keeps what is before the first damage, and sets the rest aside with index.db. That ends the
// store before the damage, and the engine does the rest. What it does was read and tried (scrub_test.go):
//
//   - The server that was stopped well has a Raft snapshot that names the stream's last sequence. If the store ends before
//     it, the replica asks the leader for what is missing (processSnapshot). It can't become the leader before: the
//     snapshot is committed and not processed (raft.go, switchToCandidate), and while it catches up it is paused. If it
//     were the leader nevertheless, it steps down.
//   - The server that was killed truncates its store to its last snapshot anyway (prepareStreamRecovery) and replays its
//     own Raft log, which was fsynced for each entry. What was not fsynced in the store before a power loss is therefore
//     no loss, even if it is damaged on every replica: the cut is behind the snapshot, before which the store is fsynced.
//     This is why not all of a store is set aside: three such stores would be empty, and no Raft log complete.
//   - The cut is right behind a message, with no tombstone after it: the server would take the sequence of a tombstone for
//     the store's end, and never ask for what lies between. For the same reason index.db goes, which knows of messages
//     behind the cut (newFileStoreWithCreatedAndMode; it does so today only where each message is flushed at once).
//   - A store that merely ends early, or is empty, needs nothing done to it.
//   - The folder of the Raft group stays as it is: votes, term and log. Damage in it is told of; the server truncates its
//     log there, and gets the rest from the leader. What two of three have lost at the same time is lost.
//
// A server that stands alone has nobody to ask. It sets the whole stream aside; the stream is then missing, which is
// damage where the pipeline is known to exist. What is set aside is complete, and can be put back.

const (
	// damagedDir is where in the data folder damaged stores are kept.
	damagedDir = "damaged"
	// slowCheck is how many bytes are worth a word before and after they are checked.
	slowCheck = 1 << 30
)

// Damage is something that was found wrong in the data folder before the server opened it.
type Damage struct {
	filestore.Damage
	// SetAside is the folder to which the damaged files were moved; empty if they were left to the server.
	SetAside string `json:"set_aside,omitempty"`
}

// String is "stream S: FILE:OFFSET: what; set aside in FOLDER".
func (d Damage) String() string {
	text := fmt.Sprintf("stream %s: %v", d.Stream, d.Damage)
	if d.SetAside != "" {
		text += "; set aside in " + d.SetAside
	}
	return text
}

// scrubber checks a data folder. Its methods may be called concurrently.
type scrubber struct {
	cfg   ServerConfig
	log   *slog.Logger
	stamp string // of the folders to which things are set aside

	mu    sync.Mutex
	found []Damage
	bytes int64
}

// scrub checks the streams of Quadrille in the data folder, which is locked, and sets damaged ones aside. An error means
// that the server must not start: a folder can't be read, or something damaged can't be moved. The check needs the memory
// of one block per core.
func scrub(ctx context.Context, cfg ServerConfig, log *slog.Logger) ([]Damage, error) {
	c := &scrubber{cfg: cfg, log: log, stamp: time.Now().UTC().Format("20060102T150405.000Z")}
	stores, err := Stores(cfg.Dir)
	if err != nil {
		return nil, err
	}
	size := sizeOf(stores)
	if size >= slowCheck {
		log.Info("checking the data before the engine opens them", "streams", len(stores), "bytes", size)
	}
	begin := time.Now()
	err = c.all(ctx, stores)
	if size >= slowCheck {
		log.Info("the data are checked", "bytes", c.bytes, "took", time.Since(begin).Round(time.Millisecond))
	}
	slices.SortStableFunc(c.found, func(a, b Damage) int { return cmp.Compare(a.Stream, b.Stream) })
	return c.found, err
}

// Stores lists what there is to check in the data folder of an embedded server: the streams of Quadrille's pipelines, and
// the Raft groups. It reads the names of folders only.
func Stores(dir string) ([]*filestore.Stream, error) {
	var list []*filestore.Stream
	for _, parent := range []string{
		streamDir(dir, ""),
		filepath.Join(dir, "jetstream", "$SYS", "_js_"),
	} {
		entries, err := os.ReadDir(parent)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("check the data folder: %w", err)
		}
		for _, e := range entries {
			s := filestore.Open(filepath.Join(parent, e.Name()))
			if e.IsDir() && (s.Raft() || ours(s.Name())) {
				list = append(list, s)
			}
		}
	}
	return list, nil
}

// streamDir is the folder of a stream, in the one account that there is.
func streamDir(dir, stream string) string {
	return filepath.Join(dir, "jetstream", "$G", "streams", stream)
}

// ours reports whether a stream is one of a pipeline.
func ours(stream string) bool {
	return strings.HasPrefix(strings.TrimPrefix(stream, "OBJ_"), "quadrille_")
}

func sizeOf(stores []*filestore.Stream) (n int64) {
	for _, s := range stores {
		n += s.Size()
	}
	return n
}

// all checks the stores, as many at a time as there are cores.
func (c *scrubber) all(ctx context.Context, stores []*filestore.Stream) error {
	next := make(chan *filestore.Stream, len(stores))
	for _, s := range stores {
		next <- s
	}
	close(next)
	errs := make(chan error, len(stores))
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(stores)) {
		workers.Go(func() {
			for s := range next {
				errs <- c.store(ctx, s)
			}
		})
	}
	workers.Wait()
	close(errs)
	var all []error
	for err := range errs {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// store checks one store, and sets it aside if it is damaged.
func (c *scrubber) store(ctx context.Context, s *filestore.Stream) error {
	report, err := s.Check(ctx)
	if err != nil {
		return fmt.Errorf("check the data folder: %w", err)
	}
	c.mu.Lock()
	c.bytes += report.Bytes
	c.mu.Unlock()
	if report.Torn != nil {
		c.log.Info("a stream ends as a crash leaves it", "stream", s.Name(), "file", report.Torn.File,
			"offset", report.Torn.Offset, "what", report.Torn.What)
		if c.cfg.Cluster != "" {
			if err := forgetIndex(s); err != nil {
				return err
			}
		}
	}
	if s.Raft() {
		c.tell(report, "")
		return nil
	}
	return c.judge(s, report)
}

// forgetIndex removes the state file of a member's stream whose blocks end too early. The server would believe it: it takes
// the messages of which only that file knows for deleted, holds the stream to be complete, and can be elected to lead it.
// Without the file it sees that its blocks end before the others', and gets the rest from them or from its Raft log.
func forgetIndex(s *filestore.Stream) error {
	err := os.Remove(s.IndexPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err = errors.Join(err, syncDir(filepath.Dir(s.IndexPath()))); err != nil {
		return fmt.Errorf("stream %s: remove a state file that the blocks contradict: %w", s.Name(), err)
	}
	return nil
}

// judge adds what is wrong with a stream's configuration, and sets the stream aside if anything is.
func (c *scrubber) judge(s *filestore.Stream, report *filestore.Report) error {
	meta, metaErr := s.Meta()
	if errors.Is(metaErr, fs.ErrNotExist) && report.Messages == 0 && s.Size() == 0 {
		return nil // the server ended while it created the stream, and will begin again
	}
	if metaErr != nil {
		report.Damages = append(report.Damages, filestore.Damage{Stream: s.Name(),
			File: filepath.Join(s.Dir(), filestore.MetaFile), Kind: filestore.Altered, What: metaErr.Error()})
	}
	if len(report.Damages) == 0 {
		return nil
	}
	to := filepath.Join(c.cfg.Dir, damagedDir, s.Name()+"-"+c.stamp)
	// A configuration that can't be read leaves out how many replicas there are; in a cluster there are several.
	alone := c.cfg.Cluster == "" || metaErr == nil && meta.Replicas <= 1
	err := c.setAside(s, report, alone, metaErr != nil, to)
	if os.Remove(to) == nil { // it is empty: what is missing can't be moved
		to = ""
	}
	c.tell(report, to)
	if err != nil {
		return fmt.Errorf("stream %s is damaged, and can't be set aside, so the engine, which would remove what is damaged, "+
			"isn't started: %w", s.Name(), err)
	}
	return nil
}

// tell logs what was found, each a line, and keeps it for Damages.
func (c *scrubber) tell(report *filestore.Report, to string) {
	for _, d := range report.Damages {
		c.log.Error("the data are damaged", "stream", d.Stream, "file", d.File, "offset", d.Offset, "what", d.What,
			"set_aside", to)
	}
	if report.More > 0 {
		c.log.Error("the data are damaged in more places", "stream", report.Stream, "places", report.More)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range report.Damages {
		c.found = append(c.found, Damage{d, to})
	}
}

func (c *scrubber) setAside(s *filestore.Stream, report *filestore.Report, alone, meta bool, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	if alone {
		// Renamed as a whole, so that the server sees all of it or nothing.
		return move(s.Dir(), filepath.Join(to, "stream"))
	}
	if meta { // the server writes both anew, from what the cluster has agreed on
		for _, name := range []string{filestore.MetaFile, filestore.MetaSum} {
			if err := move(filepath.Join(s.Dir(), name), filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	if report.Cut == nil {
		return nil
	}
	return cutStore(s, *report.Cut, to)
}

// move renames what is there, and makes that durable.
func move(from, to string) error {
	err := os.Rename(from, to)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, syncDir(filepath.Dir(from)), syncDir(filepath.Dir(to)))
}

// cutStore ends a stream at the cut, and keeps what stood behind it in the folder to. After a crash in between the store is
// still damaged, at the same place or before, and is cut again.
func cutStore(s *filestore.Stream, cut filestore.Cut, to string) error {
	if err := move(s.IndexPath(), filepath.Join(to, filestore.IndexFile)); err != nil {
		return err
	}
	numbers, err := s.Blocks()
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(numbers) {
		path := s.BlockPath(n)
		aside := filepath.Join(to, filepath.Base(path))
		switch {
		case n > cut.Block:
			err = move(path, aside)
		case n == cut.Block:
			err = cutBlock(s, cut, path, aside)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cutBlock replaces a block by its good part. It becomes the one that the server appends to, and must not be compressed:
// the server would append to the compressed bytes what isn't.
func cutBlock(s *filestore.Stream, cut filestore.Cut, path, aside string) error {
	content, compressed, err := s.ReadBlock(cut.Block)
	if err != nil {
		return err
	}
	if int64(len(content)) == cut.Offset && !compressed {
		return nil
	}
	part := path + ".part" // the server leaves such a name alone
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content[:cut.Offset])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(path, aside); err != nil { // no such links here: for a moment the block isn't there
		if err := move(path, aside); err != nil {
			return err
		}
	}
	return errors.Join(move(part, path), syncDir(filepath.Dir(aside)))
}
