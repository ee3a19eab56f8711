//go:build unix

package jetstream

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lockExclusive takes the lock or fails at once, with errInUse if another process has it. The kernel frees it when the
// process ends, however it ends.
func lockExclusive(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errInUse
	}
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// diskSpace returns what the disk of a folder has left for this user, and its size, in bytes.
func diskSpace(dir string) (free, size int64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, 0, err
	}
	size = int64(st.Bsize) //nolint:unconvert // 32 bits wide elsewhere than on Linux
	return int64(st.Bavail) * size, int64(st.Blocks) * size, nil
}
