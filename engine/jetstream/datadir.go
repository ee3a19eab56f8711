package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

const (
	lockFile = "quadrille.lock"
	markFile = "quadrille.json"
)

// dirMark says, inside a data folder, which server's data are in it.
type dirMark struct {
	// Server is the name of the server; the members of a cluster know each other by it.
	Server string `json:"server"`
	// Cluster is the name of the cluster, empty if the server stands alone.
	Cluster string `json:"cluster"`
}

func (m dirMark) String() string {
	if m.Cluster == "" {
		return fmt.Sprintf("stand-alone server %q", m.Server)
	}
	return fmt.Sprintf("server %q of cluster %q", m.Server, m.Cluster)
}

// dirLock holds a data folder for this process.
type dirLock struct{ f *os.File }

func (l *dirLock) release() error { return l.f.Close() }

// errInUse: another process has the lock.
var errInUse = errors.New("in use by another process")

// notLocked says why a data folder can't be had.
func notLocked(dir string, err error) error {
	if errors.Is(err, errInUse) {
		return fmt.Errorf("data folder %s is %w: stop it first, or choose another folder", dir, err)
	}
	return fmt.Errorf("lock data folder %s: %w", dir, err)
}

// openDir makes, locks and checks the data folder.
func openDir(cfg ServerConfig) (*dirLock, error) {
	if err := makeDir(cfg.Dir); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cfg.Dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := lockExclusive(f); err != nil {
		return nil, errors.Join(notLocked(cfg.Dir, err), f.Close())
	}
	l := &dirLock{f}
	if err := checkMark(cfg.Dir, dirMark{cfg.Name, cfg.Cluster}); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// makeDir makes a data folder that nobody else can look into, and closes one of ours that others can. One that belongs to
// somebody else, such as a mount point, or that holds something else, is left as it is.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	ours := func(e fs.DirEntry) bool { return e.Name() == lockFile }
	if len(list) > 0 && !slices.ContainsFunc(list, ours) {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil && !errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}

// checkMark compares what is in dir with what the server is to be, and marks a fresh folder.
func checkMark(dir string, want dirMark) error {
	path := filepath.Join(dir, markFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, "jetstream")); err == nil {
			return fmt.Errorf("data folder %s holds JetStream data without %s, so nobody knows whose they are: "+
				"choose another folder, or back the data up with the server they belong to and restore them", dir, markFile)
		}
		return writeMark(path, want)
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	var have dirMark
	if err := json.Unmarshal(b, &have); err != nil {
		return fmt.Errorf("data folder: %s: %w", path, err)
	}
	if have != want {
		return fmt.Errorf("data folder %s holds the data of %v and can't be used by %v, which would not adopt them: "+
			"start it as before, or back up, start on an empty folder, and restore", dir, have, want)
	}
	return nil
}

// writeMark writes the mark so that it is there, whole, before the server writes its first byte.
func writeMark(path string, m dirMark) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return writeFile(path, append(b, '\n'))
}

// writeFile writes a file that only its owner can read. It is there whole, and on the disk, or not at all.
func writeFile(path string, text []byte) error {
	tmp := path + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// pipelineFile says, inside a data folder, that a pipeline exists.
func pipelineFile(dir, pipeline string) string {
	return filepath.Join(dir, "pipeline-"+pipeline)
}

// PipelineExists reports whether dir says that the pipeline exists: [RememberPipeline] was called there before. What is
// missing of it was lost; see [Config.Existing].
func PipelineExists(dir, pipeline string) (bool, error) {
	_, err := os.Stat(pipelineFile(dir, pipeline))
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	}
	return false, fmt.Errorf("data folder: %w", err)
}

// RememberPipeline makes dir say that the pipeline exists, for good. It makes dir if it is not there.
func RememberPipeline(dir, pipeline string) error {
	if exists, err := PipelineExists(dir, pipeline); exists || err != nil {
		return err
	}
	if err := makeDir(dir); err != nil {
		return err
	}
	f, err := os.OpenFile(pipelineFile(dir, pipeline), os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close(), syncDir(dir))
	}
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	return nil
}
