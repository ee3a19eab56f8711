package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quadrille-stream/quadrille/client"
)

// The request that makes an ext4 file system forget what is not on the disk, as when the power goes, and its argument:
// not even the journal is written (linux/fs/ext4/ext4.h, EXT4_IOC_SHUTDOWN, EXT4_GOING_FLAGS_NOLOGFLUSH).
const (
	ext4Shutdown  = 0x8004587d
	ext4NoFlush   = 2
	diskOfANode   = 400 << 20
	unsyncedName  = "not synced"
	powerTrickles = 40
)

// disk is an ext4 file system in a file, which can lose its power.
type disk struct{ image, dir string }

func newDisk(t *testing.T) disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting a file system needs root")
	}
	d := disk{image: filepath.Join(t.TempDir(), "image")}
	f, err := os.Create(d.image)
	if err == nil {
		err = f.Truncate(diskOfANode)
		_ = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if text, err := exec.Command("mkfs.ext4", "-q", "-F", d.image).CombinedOutput(); err != nil {
		t.Skipf("no ext4 file system can be made here: %v: %s", err, text)
	}
	d.dir = mount(t, d.image, "ext4", "loop")
	return d
}

// powerOff drops what is not on the disk. Nothing can be written any more.
func (d disk) powerOff() error {
	f, err := os.Open(d.dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.IoctlSetPointerInt(int(f.Fd()), ext4Shutdown, ext4NoFlush); err != nil {
		return fmt.Errorf("take the power from the file system at %s: %w", d.dir, err)
	}
	return nil
}

// powerOn mounts what is on the disk.
func (d disk) powerOn() error {
	if err := unix.Unmount(d.dir, 0); err != nil {
		return fmt.Errorf("unmount %s: %w", d.dir, err)
	}
	return mountAt(d.dir, d.image, "ext4", "loop")
}

// TestPowerLoss takes the power from the disks of all nodes, in the middle of a stream of changes: what was written, but
// not fsynced, is gone. What was accepted isn't.
func TestPowerLoss(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprintf("%d nodes", nodes), func(t *testing.T) {
			cfg := oneLog(nodes)
			disks := make([]disk, nodes)
			for i := range disks {
				disks[i] = newDisk(t)
				cfg.Data = append(cfg.Data, filepath.Join(disks[i].dir, "data"))
			}
			r := start(t, cfg)
			r.fillLog()
			for range rounds(1, 3) {
				r.powerLoss(disks)
				r.verifiesFolders(false) // what isn't in the streams' files is in the Raft logs
				r.restartAll()
				r.balanced()
				r.whole()
			}
			r.trickle(5)
			r.good()
		})
	}
}

// powerLoss takes the power from the disks while changes stream in, and gives it back. The nodes are killed then.
func (r *rig) powerLoss(disks []disk) {
	r.Helper()
	half := make(chan struct{})
	var off atomic.Bool
	var writer sync.WaitGroup
	writer.Go(func() { r.stream(half, &off) })
	<-half
	off.Store(true)
	for _, d := range disks { // right before, so that the system has no time to write it by itself
		r.must(errors.Join(os.WriteFile(filepath.Join(d.dir, unsyncedName), make([]byte, 1<<20), 0o600), d.powerOff()))
	}
	r.killAll()
	writer.Wait()
	for _, d := range disks {
		r.must(d.powerOn())
		if info, err := os.Stat(filepath.Join(d.dir, unsyncedName)); err == nil && info.Size() > 0 {
			r.Fatal("what was not synced has survived the loss of power: the test shows nothing")
		}
	}
}

// stream adds small requests until one fails, and tells when it has done some. From then on it gives no request a second try. What is
// accepted when the power is about to go may be there or not: who has no power answers nothing, but here the nodes live on for a
// moment, and a file system that is asked to forget can tell an fsync that is under way that all is well.
func (r *rig) stream(half chan<- struct{}, off *atomic.Bool) {
	ctx, cancel := context.WithTimeout(r.ctx, recovery)
	defer cancel()
	for n := 0; ; n++ {
		if n == powerTrickles {
			close(half)
		}
		quads := r.request(5, 500)
		r.doubt(quads)
		patient := patience
		if n >= powerTrickles {
			patient = 0
		}
		session := client.NewSession(r.http, r.nodes.Doors(), n, patient)
		if _, err := session.Submit(ctx, client.TypePatch, fmt.Sprintf("stream-%d", r.sent), additions(quads)); err != nil {
			if n < powerTrickles {
				r.Errorf("change %d before the loss of power: %v", n, err)
				close(half)
			}
			return
		}
		if !off.Load() {
			r.accept(quads)
		}
	}
}
