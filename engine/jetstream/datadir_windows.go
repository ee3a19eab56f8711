package jetstream

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// lockExclusive takes the lock or fails at once, with errInUse if another process has it. Windows frees it when the
// process ends, however it ends.
func lockExclusive(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return errInUse
	}
	return err
}

// syncDir does nothing: Windows can't fsync a folder, and journals its names.
func syncDir(string) error { return nil }

// diskSpace returns what the disk of a folder has left for this user, and its size, in bytes.
func diskSpace(dir string) (free, size int64, err error) {
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, 0, err
	}
	var available, total uint64
	err = windows.GetDiskFreeSpaceEx(name, &available, &total, nil)
	return int64(available), int64(total), err
}
