package file

import (
	"os"

	"golang.org/x/sys/windows"
)

// identify tells which file stands at a path.
func identify(path string, _ os.FileInfo) (identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return identity{}, err
	}
	defer f.Close()
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return identity{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return identity{inode: uint64(info.FileIndexHigh)<<32 | uint64(info.FileIndexLow), birth: info.CreationTime.Nanoseconds()}, nil
}
