package file

import (
	"testing"
	"time"
)

// behind is how many bytes of all files aren't committed, as the pipeline counts them.
func (f *folder) behind() (bytes uint64) {
	f.Helper()
	list, err := f.r.Extents(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range list {
		next, _, _ := f.progress.Next(f.Context(), e.Stream)
		if !e.Bytes || e.End == 0 {
			f.Fatalf("%+v", e)
		}
		if e.End > next {
			bytes += e.End/e.Per - next/e.Per
		}
	}
	return bytes
}

// lags fails the test unless so many bytes are behind.
func (f *folder) lags(want int) {
	f.Helper()
	if got := f.behind(); got != uint64(want) {
		f.Errorf("%d bytes are behind, want %d", got, want)
	}
}

// TestExtents: the bytes that are behind are those that are in the files and not committed: of a file that is followed, of one that is
// not, and of what was read and isn't committed. What is no whole message yet, or none at all, isn't among them.
func TestExtents(t *testing.T) {
	f := newFolder(t, SourceConfig{})
	f.write("a.nt", rows(0, 4))
	f.write("b.nt", "")
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.lags(len(rows(0, 4)))
	if _, err := f.read(false); err != nil {
		t.Fatal(err)
	}
	f.lags(len(rows(0, 4)))
	f.stop()
	f.has(row(0), row(1), row(2), row(3))
	f.lags(0)
	f.add("a.nt", "# a comment\n\n<urn:half")
	f.has()
	f.lags(0)
	f.stop()
	f.add("a.nt", "> <urn:p> <urn:o> .\n")
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.lags(len("# a comment\n\n<urn:half> <urn:p> <urn:o> .\n"))
	f.has("<urn:half> <urn:p> <urn:o> .")
	f.lags(0)
}

// TestExtentsOfWhole: a file that isn't followed lags by its bytes until it is read and committed, and not again after a restart.
func TestExtentsOfWhole(t *testing.T) {
	text := "@prefix e: <urn:> .\ne:s e:p e:o .\n"
	f := newFolder(t, SourceConfig{Settle: -time.Second})
	f.write("a.ttl", text)
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.lags(len(text))
	f.has(text[:len(text)-1])
	f.lags(0)
	f.stop()
	if err := f.start(); err != nil {
		t.Fatal(err)
	}
	f.lags(0)
	f.has()
	f.lags(0)
}
