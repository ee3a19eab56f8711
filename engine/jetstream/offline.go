package jetstream

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/jetstream/filestore"
)

// Folder is the data folder of an embedded server. It is only read. One that [OpenFolder] returns is held, so that no server
// starts on it meanwhile.
type Folder struct {
	// Dir is its path.
	Dir string

	lock *dirLock
}

// OpenFolder holds a data folder. It fails if there are no data, or if a process uses them.
func OpenFolder(dir string) (*Folder, error) {
	if _, err := os.Stat(filepath.Join(dir, "jetstream")); err != nil {
		return nil, fmt.Errorf("data folder %s holds no data of an embedded engine: %w", dir, err)
	}
	f := &Folder{Dir: dir}
	file, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil // a copy, which no server has opened
	}
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := lockExclusive(file); err != nil {
		return nil, errors.Join(notLocked(dir, err), file.Close())
	}
	f.lock = &dirLock{file}
	return f, nil
}

// RunningFolder is the data folder of a server that runs in this process. What is read there may be changing: what looks
// damaged is looked at again before it is believed.
func RunningFolder(dir string) *Folder { return &Folder{Dir: dir} }

// Close lets others use the folder.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.release()
}

// Streams lists the streams and Raft groups in the folder, by name.
func (f *Folder) Streams() ([]*filestore.Stream, error) { return Stores(f.Dir) }

// SetAside lists what was set aside at earlier starts: folders.
func (f *Folder) SetAside() []string {
	files, _ := os.ReadDir(filepath.Join(f.Dir, damagedDir)) // without damage there is no such folder
	var found []string
	for _, file := range files {
		found = append(found, filepath.Join(f.Dir, damagedDir, file.Name()))
	}
	return found
}

// LogName names a log of a pipeline: its control log, or that of a shard.
type LogName struct {
	// Pipeline is the pipeline's name.
	Pipeline string
	// Control says that it is the control log, otherwise it is that of Shard.
	Control bool
	// Shard is the number of the shard; 0 for the control log.
	Shard int
}

// String is "PIPELINE control" or "PIPELINE shard N".
func (n LogName) String() string {
	if n.Control {
		return n.Pipeline + " control"
	}
	return fmt.Sprintf("%s shard %d", n.Pipeline, n.Shard)
}

// MissingStreams lists the streams of pipelines that should be in the folder and aren't: those of a pipeline have in their
// metadata how many there are, and are created together. What is missing because a node ended while it created them is
// missing, too. Damage in the metadata is not told of here.
func (f *Folder) MissingStreams() ([]filestore.Damage, error) {
	list, err := f.Streams()
	if err != nil {
		return nil, err
	}
	there, pipelines := map[string]bool{}, map[string]Config{}
	for _, s := range list {
		there[s.Name()] = true
		name, ok := PipelineOf(s.Name())
		meta, err := s.Meta()
		if n, bad := strconv.Atoi(meta.Metadata[metaStreams]); ok && err == nil && bad == nil {
			pipelines[name] = Config{Pipeline: name, Streams: n}
		}
	}
	var missing []filestore.Damage
	for _, cfg := range pipelines {
		for _, want := range streamNames(cfg) {
			if !there[want] {
				missing = append(missing, filestore.Damage{Stream: want, File: streamDir(f.Dir, want), Kind: filestore.Missing,
					What: "the stream isn't there, and others of its pipeline are"})
			}
		}
	}
	slices.SortFunc(missing, func(a, b filestore.Damage) int { return strings.Compare(a.Stream, b.Stream) })
	return missing, nil
}

// PipelineOf is the pipeline of a stream: quadrille_PIPELINE_GROUP or OBJ_quadrille_PIPELINE.
func PipelineOf(stream string) (string, bool) {
	if name, ok := strings.CutPrefix(stream, "OBJ_quadrille_"); ok {
		return name, true
	}
	name, ok := strings.CutPrefix(stream, "quadrille_")
	end := strings.LastIndexByte(name, '_')
	if !ok || end < 0 {
		return "", false
	}
	return name[:end], true
}

// Proposed gives fn the records of logs that are in the Raft logs in the folder, committed or not: a server that was killed
// finds there at its next start what it had not yet written to the streams. upTo is the highest position that the record can
// have got. Damage is left out. payload is fn's until it returns; fn's error ends the reading and is returned.
func (f *Folder) Proposed(ctx context.Context, fn func(name LogName, upTo uint64, payload []byte) error) error {
	list, err := f.Streams()
	if err != nil {
		return err
	}
	for _, s := range list {
		if !s.Raft() {
			continue
		}
		err := s.ReadProposals(ctx, func(p filestore.Proposal) error {
			if name, ok := LogOf(p.Subject); ok {
				payload, err := StoredPayload(&filestore.Message{Header: p.Header, Data: p.Data})
				if err != nil {
					return nil // it is no record of ours
				}
				return fn(name, p.UpTo, payload)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// streamNames are the streams of a pipeline.
func streamNames(cfg Config) []string {
	names := []string{streamName(cfg, "control"), "OBJ_" + bucketName(cfg)}
	for i := range cfg.Streams {
		names = append(names, streamName(cfg, strconv.Itoa(i)))
	}
	return names
}

// LogOf tells which log a message of a stream belongs to, and false if none, such as a barrier.
func LogOf(subject string) (LogName, bool) {
	t := strings.Split(subject, ".") // quadrille.PIPELINE.GROUP.log.NAME
	if len(t) != 5 || t[0] != "quadrille" || t[3] != "log" {
		return LogName{}, false
	}
	n, err := strconv.Atoi(t[4])
	return LogName{Pipeline: t[1], Control: t[2] == "control", Shard: n}, err == nil
}

// StoredBlob is a blob as it lies in the files of a stream that doesn't run.
type StoredBlob struct {
	engine.BlobInfo
	// Pipeline is whose it is.
	Pipeline string
	// Digest is that of what was put, as the engine writes it; empty if the description can't be read.
	Digest string
	// Err says what is wrong with it; it wraps engine.ErrDamaged. nil: its bytes are those that were put.
	Err error
	// Missing counts its chunks that are not there.
	Missing uint32
	// File and Offset are the place of its description.
	File   string
	Offset int64
}

// storedChunks are the chunks of one blob while they are read.
type storedChunks struct {
	sum  hash.Hash
	size int64
	n    uint32
}

// ReadBlobs checks the blobs in a stream of them against their digests; for another stream it returns none. It needs the
// memory of one block of the stream and of the descriptions.
func ReadBlobs(ctx context.Context, s *filestore.Stream) ([]StoredBlob, error) {
	bucket, ok := strings.CutPrefix(s.Name(), "OBJ_")
	if !ok {
		return nil, nil
	}
	chunks := map[string]*storedChunks{}
	blobs := map[string]*StoredBlob{} // by the subject of the name; the last description counts
	described := map[string]*description{}
	err := s.Read(ctx, func(m *filestore.Message) error {
		if id, ok := strings.CutPrefix(m.Subject, "$O."+bucket+".C."); ok {
			c := chunks[id]
			if c == nil {
				c = &storedChunks{sum: sha256.New()}
				chunks[id] = c
			}
			c.sum.Write(m.Data)
			c.size += int64(len(m.Data))
			c.n++
			return nil
		}
		if strings.HasPrefix(m.Subject, "$O."+bucket+".M.") {
			blobs[m.Subject], described[m.Subject] = storedBlob(m, bucket)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []StoredBlob
	for subject, b := range blobs {
		d := described[subject]
		if d != nil && d.Deleted {
			continue
		}
		if d != nil {
			c := cmp.Or(chunks[d.ID], &storedChunks{sum: sha256.New()})
			b.Err, b.Missing = c.compare(d), d.Chunks-min(c.n, d.Chunks)
		}
		list = append(list, *b)
	}
	slices.SortFunc(list, func(a, b StoredBlob) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func storedBlob(m *filestore.Message, bucket string) (*StoredBlob, *description) {
	b := &StoredBlob{Pipeline: strings.TrimPrefix(bucket, "quadrille_"), File: m.File, Offset: m.Offset}
	d := new(description)
	if err := json.Unmarshal(bytes.Clone(m.Data), d); err != nil {
		b.Err = fmt.Errorf("%w: description of a blob: %w", engine.ErrDamaged, err)
		return b, nil
	}
	b.Digest = d.Digest
	b.BlobInfo = engine.BlobInfo{Name: d.Name, Size: d.Size, Time: m.Time}
	return b, d
}

// compare tells whether the chunks are what was put.
func (c *storedChunks) compare(d *description) error {
	if digest := digestOf(c.sum); c.n != d.Chunks || c.size != d.Size || digest != d.Digest {
		return fmt.Errorf("%w: blob %s: %d chunks, %d bytes with digest %s; it had %d chunks, %d bytes with %s",
			engine.ErrDamaged, d.Name, c.n, c.size, digest, d.Chunks, d.Size, d.Digest)
	}
	return nil
}
