package memory

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/store"
)

// What the format of snapshots is made of, as store.WriteSnapshot has it.
const (
	magicName = "quadrille snapshot "
	magic     = magicName + "2\n"
	endBlock  = 0
	termBlock = 1
	quadBlock = 2
)

// content is what a view has, by the text of each quad.
func content(v store.View) map[string]bool {
	all := map[string]bool{}
	for q, err := range store.Quads(v, store.Pattern{}) {
		if err != nil {
			panic(err)
		}
		all[q.String()] = true
	}
	return all
}

// write returns the snapshot of a store.
func write(t testing.TB, v store.View, extra string) []byte {
	t.Helper()
	var file bytes.Buffer
	if err := store.WriteSnapshot(&file, v, writes(extra)); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// writes is an extra that writes the text in pieces.
func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		half := len(text) / 2
		_, err := io.WriteString(w, text[:half])
		_, err2 := io.WriteString(w, text[half:])
		return errors.Join(err, err2)
	}
}

// read is ReadSnapshot with an extra that is read whole.
func read(r io.Reader) (*Store, []byte, error) {
	var extra []byte
	m, err := ReadSnapshot(r, func(r io.Reader) (err error) {
		extra, err = io.ReadAll(r)
		return err
	})
	if err != nil {
		extra = nil
	}
	return m, extra, err
}

// foreign is a view of which WriteSnapshot knows nothing.
type foreign struct{ store.View }

// checkSnapshot fails unless the snapshot has what the view has.
func checkSnapshot(t testing.TB, file []byte, v store.View, extra string) *Store {
	t.Helper()
	m, gotExtra, err := read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	got := m.View()
	defer got.Close()
	if m.Position() != v.Position() || m.Len() != v.Len() || string(gotExtra) != extra {
		t.Errorf("position %d, %d quads, %d bytes extra; expected %d, %d, %d",
			m.Position(), m.Len(), len(gotExtra), v.Position(), v.Len(), len(extra))
	}
	if want, got := content(v), content(got); !maps.Equal(want, got) || len(want) != v.Len() {
		t.Errorf("got  %.1000s\nwant %.1000s", fmt.Sprint(got), fmt.Sprint(want))
	}
	return m
}

// worn is a store with gaps among the ids, all kinds of terms, and an open transaction.
func worn() *Store {
	m := New()
	tx := m.Begin()
	for i := range 3000 {
		tx.Add(numbered(i, i))
	}
	long := rdf.Trusted(`"` + strings.Repeat("ü", 100_000) + `"`)
	tx.Add(rdf.Quad{S: rdf.Trusted("_:a"), P: rdf.Trusted("<p:>"), O: long})
	tx.Commit(1, nil)
	tx = m.Begin()
	for i := range 2000 {
		tx.Delete(numbered(i, i))
	}
	tx.Commit(1<<60, nil)
	tx = m.Begin()
	for i := range 500 {
		tx.Delete(numbered(2500+i, 2500+i))
		tx.Add(numbered(-i, -i))
	}
	return m
}

func TestSnapshot(t *testing.T) {
	m := worn()
	v := m.View()
	defer v.Close()
	for _, extra := range []string{"", "x", strings.Repeat("extra", 100_000)} {
		for name, view := range map[string]store.View{"memory": v, "foreign": foreign{v}} {
			restored := checkSnapshot(t, write(t, view, extra), v, extra)
			invariants(t, restored)
			if last := restored.terms.last; last > 2*(1000+500)+10 { // the gaps are gone
				t.Errorf("%s: %d ids", name, last)
			}
		}
	}
	m.tx.Rollback()
	invariants(t, m)
	checkSnapshot(t, write(t, v, ""), v, "") // the view stays
}

// A restored store goes on like any other.
func TestRestoredGoesOn(t *testing.T) {
	v := worn().View()
	defer v.Close()
	m := checkSnapshot(t, write(t, v, ""), v, "")
	tx := m.Begin()
	if did(tx.Add(numbered(2600, 2600))) || !did(tx.Delete(numbered(2600, 2600))) || !did(tx.Add(numbered(1, 1))) {
		t.Error("wrong about a change")
	}
	tx.Commit(1<<60+1, nil)
	if m.Len() != 1001 || m.Position() != 1<<60+1 {
		t.Errorf("%d quads at %d", m.Len(), m.Position())
	}
	invariants(t, m)
}

// letters has so many quads of a few terms that there are several blocks of quads for one of terms.
func letters() *Store {
	m := New()
	tx := m.Begin()
	term := func(i int) rdf.Term { return rdf.Trusted("_:" + string(rune('a'+i))) }
	for i := range 26 * 26 * 26 * 2 {
		tx.Add(rdf.Quad{S: term(i % 26), P: term(i / 26 % 26), O: term(i / 26 / 26 % 26), G: term(i / 26 / 26 / 26)})
	}
	tx.Commit(1, nil)
	return m
}

func TestSnapshotOfFewTerms(t *testing.T) {
	v := letters().View()
	defer v.Close()
	checkSnapshot(t, write(t, v, ""), v, "")
	checkSnapshot(t, write(t, foreign{v}, ""), v, "")
}

// endless has quads without end.
type endless struct{ store.View }

func (endless) Match(store.Pattern) iter.Seq2[store.Quad, error] {
	return func(yield func(store.Quad, error) bool) {
		for id := store.ID(1); yield(store.Quad{S: id, P: id, O: id, G: id}, nil); id++ {
		}
	}
}

func (endless) Term(id store.ID) (rdf.Term, error) { return numbered(int(id), int(id)).S, nil }

// The first error of the writer ends the writing.
func TestWriteEndsWithAnError(t *testing.T) {
	v := New().View()
	defer v.Close()
	full := errors.New("the disk is full")
	r, w := io.Pipe()
	r.CloseWithError(full)
	if err := store.WriteSnapshot(writerAfter(len(magic), w), endless{v}, nil); !errors.Is(err, full) {
		t.Error(err)
	}
}

// failing is a view that can't be read.
type failing struct {
	store.View
	matches, terms error
}

func (f failing) Match(p store.Pattern) iter.Seq2[store.Quad, error] {
	if f.matches == nil {
		return f.View.Match(p)
	}
	return func(yield func(store.Quad, error) bool) { yield(store.Quad{}, f.matches) }
}

func (f failing) Term(id store.ID) (rdf.Term, error) {
	t, err := f.View.Term(id)
	return t, errors.Join(err, f.terms)
}

// failingDense can list its terms, but for an error.
type failingDense struct{ failing }

func (f failingDense) Terms() iter.Seq2[rdf.Term, error] {
	return func(yield func(rdf.Term, error) bool) { yield(rdf.Term{}, f.terms) }
}

// A view that can't be read ends the writing.
func TestWriteEndsWithTheViewsError(t *testing.T) {
	v := letters().View()
	defer v.Close()
	broken := errors.New("the disk is gone")
	for i, view := range []store.View{
		failing{v, broken, nil}, failing{v, nil, broken}, failingDense{failing{v, broken, nil}}, failingDense{failing{v, nil, broken}},
	} {
		if err := store.WriteSnapshot(io.Discard, view, nil); !errors.Is(err, broken) {
			t.Errorf("view %d: %v", i, err)
		}
	}
}

// writerAfter writes to w what comes after so many bytes.
func writerAfter(bytes int, w io.Writer) io.Writer {
	return writerFunc(func(p []byte) (int, error) {
		if bytes -= len(p); bytes >= 0 {
			return len(p), nil
		}
		return w.Write(p)
	})
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestEmptySnapshot(t *testing.T) {
	v := New().View()
	defer v.Close()
	checkSnapshot(t, write(t, v, ""), v, "")
	checkSnapshot(t, write(t, foreign{v}, ""), v, "")
}

// small returns the snapshot of a few quads.
func small(t testing.TB) []byte {
	m := New()
	tx := m.Begin()
	for i := range 5 {
		tx.Add(numbered(i, i/2))
	}
	tx.Commit(77, nil)
	v := m.View()
	defer v.Close()
	return write(t, v, "extra")
}

// Whatever the source does, the end of the file is found.
func TestReaders(t *testing.T) {
	file := small(t)
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data with EOF": iotest.DataErrReader,
	} {
		m, extra, err := read(wrap(bytes.NewReader(file)))
		if err != nil || m.Len() != 5 || string(extra) != "extra" {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("the connection is gone")
	for size := range len(file) + 1 {
		r := io.MultiReader(bytes.NewReader(file[:size]), iotest.ErrReader(broken))
		if _, _, err := read(r); !errors.Is(err, broken) || errors.Is(err, store.ErrDamaged) {
			t.Fatalf("an error after %d bytes: %v", size, err)
		}
	}
}

// expectDamage fails unless the file is refused.
func expectDamage(t *testing.T, what string, file []byte) {
	t.Helper()
	if m, extra, err := read(bytes.NewReader(file)); err == nil || m != nil || extra != nil {
		t.Errorf("%s: store %v, extra %q, error %v", what, m, extra, err)
	} else if !errors.Is(err, store.ErrDamaged) && !strings.Contains(err.Error(), "its version is") {
		t.Errorf("%s: %v", what, err)
	}
}

func TestDamage(t *testing.T) {
	file := small(t)
	for size := range file {
		expectDamage(t, fmt.Sprintf("%d of %d bytes", size, len(file)), file[:size])
	}
	for i := range file {
		for bit := range 8 {
			b := bytes.Clone(file)
			b[i] ^= 1 << bit
			expectDamage(t, fmt.Sprintf("bit %d of byte %d", bit, i), b)
		}
		expectDamage(t, fmt.Sprintf("without byte %d", i), append(bytes.Clone(file[:i]), file[i+1:]...))
	}
	for _, more := range []string{"\x00", "\n", string(file), strings.Repeat("\x00", 40)} {
		expectDamage(t, "garbage behind it", append(bytes.Clone(file), more...))
	}
}

// TestExtra: what goes beside the quads is streamed, however much it is, and need not be read.
func TestExtra(t *testing.T) {
	v := New().View()
	defer v.Close()
	large := strings.Repeat("0123456789", 30_000)
	file := write(t, v, large)
	checkSnapshot(t, file, v, large)
	broken := errors.New("it is broken")
	for name, extra := range map[string]func(io.Reader) error{
		"none": nil, "unread": func(io.Reader) error { return nil },
		"half": func(r io.Reader) error {
			_, err := io.CopyN(io.Discard, r, int64(len(large)/2))
			return err
		},
		"error": func(io.Reader) error { return broken },
	} {
		if _, err := ReadSnapshot(bytes.NewReader(file), extra); name == "error" != errors.Is(err, broken) || name != "error" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := store.WriteSnapshot(io.Discard, v, func(io.Writer) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestVersion(t *testing.T) {
	_, _, err := read(strings.NewReader(magicName + "7\nand what that version has, which we don't know"))
	want := `its version is "7", this program reads 2 and 3`
	if err == nil || errors.Is(err, store.ErrDamaged) || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
}

// seal makes a file of any content, with the right checksum.
func seal(t testing.TB, content []byte) []byte { return sealAs(t, magic, content) }

func sealAs(t testing.TB, magic string, content []byte) []byte {
	var file bytes.Buffer
	file.WriteString(magic)
	z, err := zstd.NewWriter(&file, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(file.Bytes())
	return append(file.Bytes(), sum[:]...)
}

// numbers makes content of varints.
func numbers(list ...uint64) (b []byte) {
	for _, n := range list {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// A file whose checksum is right may still be wrong, and reserves no memory by what it says.
func TestWrongContent(t *testing.T) {
	const huge = 1<<63 - 1
	term := func(text string) []byte { return append(numbers(uint64(len(text))), text...) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string][]byte{
		"nothing":                 nil,
		"no end":                  numbers(1, 0, 0),
		"varint without end":      bytes.Repeat([]byte{0xff}, 20),
		"huge extra":              numbers(1, 0, huge, 'x'),
		"larger extra":            numbers(1, 0, 1<<64-1, 'x'),
		"huge number of quads":    numbers(1, huge, 0, endBlock),
		"huge block of quads":     numbers(1, huge, 0, quadBlock, huge, 0, 0, 0, 0),
		"huge block of terms":     numbers(1, 0, 0, termBlock, huge, 0),
		"huge term":               numbers(1, 0, 0, termBlock, 1, huge, 'x'),
		"term cut off":            numbers(1, 0, 0, termBlock, 1, 4, 'x'),
		"unknown block":           numbers(1, 0, 0, 3, 0, endBlock),
		"more behind the end":     numbers(1, 0, 0, endBlock, endBlock),
		"unknown term":            numbers(1, 1, 0, quadBlock, 1, 0, 0, 0, 1, endBlock),
		"unknown large term":      numbers(1, 1, 0, quadBlock, 1, 0, 0, 0, 1<<32, endBlock),
		"unknown object":          numbers(1, 1, 0, quadBlock, 1, 0, 0, 2, 0, endBlock),
		"inline id of nothing":    numbers(1, 1, 0, quadBlock, 1, 0, 0, 63<<57|1, 0, endBlock),
		"inline date after 9999":  numbers(1, 1, 0, quadBlock, 1, 0, 0, (29<<56|(1<<44+10_000_000)<<11|1<<10)*2+1, 0, endBlock),
		"inline id too long":      numbers(1, 1, 0, quadBlock, 1, 0, 0, 1<<63|1, 0, endBlock),
		"inline graph":            numbers(1, 1, 0, quadBlock, 1, 0, 0, 0, 1<<62|2<<56, endBlock),
		"gap as term":             numbers(1, 1, 0, termBlock, 1, 0, quadBlock, 1, 0, 0, 0, 1, endBlock),
		"term twice":              join(numbers(1, 0, 0, termBlock, 2), term("_:a"), term("_:a"), numbers(endBlock)),
		"quad twice":              numbers(1, 2, 0, quadBlock, 2, 0, 0, 0, 0, 0, 0, 0, 0, endBlock),
		"fewer quads than it has": numbers(1, 0, 0, quadBlock, 1, 0, 0, 0, 0, endBlock),
	} {
		t.Run(name, func(t *testing.T) {
			file := seal(t, c)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			expectDamage(t, name, file)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
		})
	}
}

// A snapshot of version 2 has numbers as terms like any other; they become inline.
func TestVersion2(t *testing.T) {
	c := numbers(5, 1, 0, termBlock, 2)
	for _, text := range []string{"<http://example.org/s>", `"1"^^<http://www.w3.org/2001/XMLSchema#integer>`} {
		c = append(append(c, byte(len(text))), text...)
	}
	c = append(c, numbers(quadBlock, 1, 1, 1, 2, 0, endBlock)...)
	m, _, err := read(bytes.NewReader(sealAs(t, magicName+"2\n", c)))
	if err != nil || m.Position() != 5 || m.terms.len != 1 {
		t.Fatal(err)
	}
	invariants(t, m)
	v := m.View()
	defer v.Close()
	want := `<http://example.org/s> <http://example.org/s> "1"^^<http://www.w3.org/2001/XMLSchema#integer> .`
	if got := content(v); len(got) != 1 || !got[want] {
		t.Errorf("%v", got)
	}
	checkSnapshot(t, write(t, v, ""), v, "")
	c[len(c)-3], c[len(c)-5] = 1, 2 // as the subject
	if _, _, err := read(bytes.NewReader(sealAs(t, magicName+"2\n", c))); !errors.Is(err, store.ErrDamaged) {
		t.Errorf("a number as a subject: %v", err)
	}
}

// Terms that no quad has are no harm.
func TestUnusedTerms(t *testing.T) {
	c := append(numbers(5, 0, 0, termBlock, 3, 0, 3), "_:a"...)
	m, _, err := read(bytes.NewReader(seal(t, append(append(c, 3), "_:b\x00"...))))
	if err != nil || m.Position() != 5 || m.terms.len != 0 {
		t.Fatalf("%v", err)
	}
	invariants(t, m)
}

// FuzzReadSnapshot reads files, and files with the content but the right checksum. What can be read can be written, and
// is then the same.
func FuzzReadSnapshot(f *testing.F) {
	f.Add(small(f))
	f.Add(numbers(1, 0, 0, endBlock))
	f.Add(numbers(1, 1, 0, quadBlock, 1, 0, 0, 0, 0, endBlock))
	terms := append(numbers(300, 1, 2, 'x', 'y', 0, termBlock, 2, 0, 3), "_:a"...)
	f.Add(append(terms, numbers(quadBlock, 1, 2, 2, 2, 0, endBlock)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, file := range [][]byte{data, seal(t, data)} {
			m, extra, err := read(bytes.NewReader(file))
			if err != nil {
				continue
			}
			invariants(t, m)
			v := m.View()
			checkSnapshot(t, write(t, v, string(extra)), v, string(extra))
			v.Close()
		}
	})
}
