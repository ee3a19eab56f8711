//go:build unix

package file

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestPipe: a pipe that takes the place of a file between the look at it and its opening is not waited for.
func TestPipe(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("x.nt", rows(0, 1))
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.remove("x.nt")
	if err := unix.Mkfifo(f.path("x.nt"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, done := f.r.order[0], make(chan error, 1)
	go func() { done <- in.reopen() }()
	select {
	case err := <-done:
		if !errors.Is(err, errAway) {
			t.Errorf("%v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it waits for a writer")
		w, err := os.OpenFile(f.path("x.nt"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		<-done
		_ = w.Close()
	}
	f.has()
}
