package jetstream

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockExclusive takes the lock or fails at once. Windows frees it when the process ends, however it ends.
func lockExclusive(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()),
		windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
}

// syncDir does nothing: Windows can't fsync a folder, and journals its names.
func syncDir(string) error { return nil }
