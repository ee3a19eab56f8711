//go:build unix

package faults

import (
	"cmp"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// blocks lists the engine's files with the records of a stream, of node i, from the oldest to the newest. An empty name
// means all streams of shards.
func (r *rig) blocks(i int, stream string) (files []string) {
	r.Helper()
	err := filepath.WalkDir(r.nodes.Data(i), func(path string, d fs.DirEntry, err error) error {
		of := filepath.Base(filepath.Dir(filepath.Dir(path)))
		shards := stream == "" && strings.HasPrefix(of, "quadrille_main_") && of[len(of)-1] >= '0' && of[len(of)-1] <= '9'
		if err == nil && filepath.Ext(path) == ".blk" && filepath.Base(filepath.Dir(path)) == "msgs" && (of == stream || shards) {
			files = append(files, path)
		}
		if errors.Is(err, fs.ErrNotExist) { // a node that runs has removed a folder meanwhile
			return nil
		}
		return err
	})
	r.must(err)
	slices.SortFunc(files, func(a, b string) int {
		return cmp.Or(cmp.Compare(filepath.Dir(a), filepath.Dir(b)), cmp.Compare(number(a), number(b)))
	})
	return files
}

// number is that of a block.
func number(path string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(filepath.Base(path), ".blk"))
	return n
}

// bytes is how much the blocks of a stream hold at node i.
func (r *rig) bytes(i int, stream string) (total int64) {
	r.Helper()
	for _, f := range r.blocks(i, stream) {
		info, err := os.Stat(f)
		if err == nil {
			total += info.Size()
		} else if !errors.Is(err, fs.ErrNotExist) { // which a node that runs has removed meanwhile
			r.Fatal(err)
		}
	}
	return total
}

func (r *rig) size(file string) int64 { return r.info(file).Size() }

func (r *rig) info(file string) fs.FileInfo {
	r.Helper()
	info, err := os.Stat(file)
	r.must(err)
	return info
}

// fillBlocks adds changes until the stream has several blocks at each server that are written to no more, however the
// records are compressed.
func (r *rig) fillBlocks(stream string, fill func()) {
	r.Helper()
	for sent := 0; ; sent++ {
		fill()
		small := false
		for i := range r.nodes.Size() {
			small = small || len(r.blocks(i, stream)) < 4 || r.bytes(i, stream) < onDisk
		}
		if !small {
			return
		}
		if sent == 4*bulk/(rows*literal) {
			r.Fatalf("stream %s has fewer than four blocks, or less than %d bytes, at some server", stream, onDisk)
		}
	}
}

// cutsSealed reports whether each server's newest snapshot of the stream's Raft log was taken before its newest block was
// begun, and that one holds little: nothing will be added to it before the next snapshot.
func (r *rig) cutsSealed(stream string) bool {
	r.Helper()
	for i := range r.nodes.Size() {
		files := r.blocks(i, stream)
		newest := files[len(files)-1]
		if r.size(newest) > 2_000_000 || !r.snapshotTime(i).Before(r.info(files[len(files)-2]).ModTime()) {
			return false
		}
	}
	return true
}

// snapshotTime is when the newest snapshot was taken of the Raft log that has 20 entries before it, as only that of the
// stream with the changes has.
func (r *rig) snapshotTime(i int) (newest time.Time) {
	r.Helper()
	all, err := filepath.Glob(filepath.Join(r.nodes.Data(i), "jetstream", "$SYS", "_js_", "S-*", "snapshots", "snap.*.*"))
	r.must(err)
	for _, f := range all {
		index, _ := strconv.Atoi(strings.TrimPrefix(filepath.Ext(f), "."))
		if info, err := os.Stat(f); err == nil && index >= 20 && info.ModTime().After(newest) { // else it has gone meanwhile
			newest = info.ModTime()
		}
	}
	return newest
}

// flip changes one bit of a file, at so much of its length.
func (r *rig) flip(file string, at float64) {
	r.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	r.must(err)
	defer f.Close()
	offset, b := int64(float64(r.size(file))*at), make([]byte, 1)
	_, err = f.ReadAt(b, offset)
	r.must(err)
	b[0] ^= 8
	_, err = f.WriteAt(b, offset)
	r.must(err)
}

// cut leaves so much of a file's length.
func (r *rig) cut(file string, at float64) {
	r.Helper()
	r.must(os.Truncate(file, int64(float64(r.size(file))*at)))
}

// damage does to all blocks of node i, which doesn't run, what kind says: flip, trunc or del.
func (r *rig) damage(i int, kind string, random *rand.Rand) {
	r.Helper()
	for _, file := range r.blocks(i, "") {
		at := 0.3 + 0.68*random.Float64()
		switch {
		case r.size(file) < 100: // it holds nothing
		case kind == "flip":
			r.flip(file, at)
		case kind == "trunc":
			r.cut(file, at)
		default:
			r.must(os.Remove(file))
		}
	}
}
