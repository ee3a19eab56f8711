package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quadrille-stream/quadrille/client"
)

// mount mounts a file system at a folder of its own until the test ends.
func mount(t *testing.T, source, kind, options string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	dir := t.TempDir()
	if err := mountAt(dir, source, kind, options); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil && !errors.Is(err, unix.EINVAL) { // not mounted any more
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// mountAt uses the command, which finds a loop device for a file.
func mountAt(dir, source, kind, options string) error {
	text, err := exec.Command("mount", "-t", kind, "-o", options, source, dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount %s %s: %w: %s", kind, dir, err, text)
	}
	return nil
}

// free is the room of a file system in bytes.
func free(t *testing.T, dir string) int64 {
	t.Helper()
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}

// occupy takes room, and returns the file that holds it.
func occupy(t *testing.T, dir string, size int64) string {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestDiskFull: the disk of a node that stands alone is full. It says so, is not ready, and goes on by itself when there
// is room. What was accepted is there, then and after a restart.
func TestDiskFull(t *testing.T) {
	for _, test := range []struct {
		name, size string
		// before is how much is taken before the node starts, left how much it is left with afterwards.
		before, left int64
	}{
		{name: "from the start", size: "60m", before: 20 << 20},
		{name: "in the middle", size: "90m", left: 40 << 20},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := mount(t, "tmpfs", "tmpfs", "size="+test.size)
			ballast := ""
			if test.before > 0 {
				ballast = occupy(t, dir, test.before)
			}
			cfg := oneLog(1)
			cfg.Data = []string{filepath.Join(dir, "data")}
			r := start(t, cfg)
			if test.left > 0 {
				ballast = occupy(t, dir, free(t, dir)-test.left)
			}
			key, quads := r.fillUp(0)
			r.until("a node with a full disk is not ready", recovery, func() error {
				if r.ready(0) == nil {
					return errors.New("it says that it is")
				}
				return nil
			})
			if answers := r.never(); answers == 0 {
				t.Log("nothing is read while the disk is full")
			}
			r.must(os.Remove(ballast))
			r.add(0, key, quads) // by itself, within the patience
			r.until("it is ready again", recovery, func() error { return r.ready(0) })
			r.trickle(5)
			r.whole()
			r.killAll()
			r.restartAll()
			r.balanced()
			r.good()
		})
	}
}

// fillUp adds quads through one door until that is refused, which must be answered, and returns the request that was.
func (r *rig) fillUp(door int) (string, []string) {
	r.Helper()
	for n := range 500 {
		key, quads := fmt.Sprintf("until it is full %d", n), r.request(100, literal)
		r.doubt(quads)
		ctx, cancel := context.WithTimeout(r.ctx, recovery)
		_, err := r.http.Submit(ctx, r.nodes.Doors()[door], client.TypePatch, key, additions(quads))
		cancel()
		if err == nil {
			r.accept(quads)
			continue
		}
		if answer, ok := errors.AsType[*client.Error](err); !ok || answer.Status < 500 {
			r.Errorf("a change that the disk has no room for: %v; want an answer with status 5xx", err)
		}
		r.Logf("%d quads were accepted before: %v", len(r.accepted), err)
		return key, quads
	}
	r.Fatal("50 MB have room on a disk that has less")
	return "", nil
}

// TestOneDiskOfThreeFull: two of three go on, and the third catches up when it has room.
func TestOneDiskOfThreeFull(t *testing.T) {
	dir := mount(t, "tmpfs", "tmpfs", "size=90m")
	cfg := oneLog(3)
	cfg.Data = []string{filepath.Join(dir, "data")}
	r := start(t, cfg)
	ballast := occupy(t, dir, free(t, dir)-(15<<20))
	r.fill(bulk)
	r.whole(1, 2)
	r.must(os.Remove(ballast))
	r.balanced()
	r.trickle(5)
	r.good()
}
