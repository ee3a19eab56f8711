package fragment_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql/fragment"
	"github.com/quadrille-stream/quadrille/store"
)

// terms are those of ids from 1.
var terms = []string{"", "<http://e/a>", `"x"@en`, "_:b", `"a\nb"`, "<<( <http://e/a> <http://e/p> _:b )>>"}

func term(id store.ID) (rdf.Term, error) { return rdf.Trusted(terms[id]), nil }

// sample is a block with a row for each of numbers.
func sample(t testing.TB, numbered bool, rows ...[]store.ID) []byte {
	t.Helper()
	b := fragment.Block{Numbered: numbered}
	for i, row := range rows {
		if err := b.Add(uint64(i), row, term); err != nil {
			t.Fatal(err)
		}
	}
	return b.Take(nil)
}

func inline(t testing.TB) store.ID {
	t.Helper()
	id, ok := store.InlineID(rdf.Trusted(`"21.5"^^<` + rdf.XSDDecimal + `>`))
	if !ok {
		t.Fatal("not inline")
	}
	return id
}

// read reads a block; ids are those of terms.
func read(r *fragment.Reader, block []byte) (rows [][]store.ID, err error) {
	err = r.Read(block, func(_ uint64, cells []fragment.Cell) error {
		row := make([]store.ID, len(cells))
		for i, c := range cells {
			if row[i] = c.ID; c.Term >= 0 {
				for id, text := range terms {
					if text == r.Terms[c.Term].String() {
						row[i] = store.ID(id)
					}
				}
			}
		}
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// TestBlock: what is written is read, and a term is there once.
func TestBlock(t *testing.T) {
	rows := [][]store.ID{{1, store.Any, inline(t)}, {1, 2, 3}, {4, 5, 1}}
	for _, numbered := range []bool{false, true} {
		r := &fragment.Reader{Width: 3, Numbered: numbered, Numbers: 3}
		got, err := read(r, sample(t, numbered, rows...))
		if err != nil || !reflect.DeepEqual(got, rows) || len(r.Terms) != 5 {
			t.Errorf("%v, %d terms, %v", got, len(r.Terms), err)
		}
	}
	var empty fragment.Block
	if got, err := read(&fragment.Reader{Width: 3}, empty.Take(nil)); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestMalformed: each way in which bytes can be no block is an error.
func TestMalformed(t *testing.T) {
	good := sample(t, true, []store.ID{1, 2}, []store.ID{3, inline(t)})
	for i := range good {
		if _, err := read(&fragment.Reader{Width: 2, Numbered: true, Numbers: 2}, good[:i]); !errors.Is(err, fragment.ErrEncoding) {
			t.Errorf("the first %d bytes: %v", i, err)
		}
	}
	for name, block := range map[string]string{
		"more":              string(good) + "x",
		"too many rows":     "\x00\xff\xff\x7f",
		"no such term":      "\x00\x01\x00\x05\x00",
		"no such binding":   "\x00\x01\x02\x00\x00",
		"no inline id":      "\x00\x01\x00\x01\x01\x02\x03\x04\x05\x06\x07\x08\x00",
		"no term":           "\x01\x00\x03<a>\x00",
		"an empty term":     "\x01\x00\x00\x00",
		"two terms in one":  "\x01\x00\x08_:a _:b \x00",
		"an escape":         "\x01\x00\x08\"\\u0041\"\x00",
		"none before":       "\x01\x01\x00\x05<e:a>\x00",
		"not so many":       "\x02\x00\x05<e:a>\x02\x03\x02b>\x00",
		"not so long":       "\x02\x00\x05<e:a>\x01\x06\x02b>\x00",
		"no term together":  "\x02\x00\x05<e:a>\x01\x02\x02b>\x00",
		"an endless number": "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		if _, err := read(&fragment.Reader{Width: 2, Numbered: true, Numbers: 2}, []byte(block)); !errors.Is(err, fragment.ErrEncoding) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAlike: a term that begins as the one before in its column does is written without that, and read with it.
func TestAlike(t *testing.T) {
	long := "<http://e/" + strings.Repeat("x", 300)
	var texts []string
	for i := range 200 {
		texts = append(texts, fmt.Sprintf("<http://e/measurement/%d>", i), fmt.Sprintf(`"value %d"@en`, i%7), long+strconv.Itoa(i)+">")
	}
	var b fragment.Block
	whole := 0
	for i := 0; i < len(texts); i += 3 {
		row := []store.ID{store.ID(i + 1), store.ID(i + 2), store.ID(i + 3)}
		if err := b.Add(0, row, func(id store.ID) (rdf.Term, error) { return rdf.Trusted(texts[id-1]), nil }); err != nil {
			t.Fatal(err)
		}
		whole += len(texts[i]) + len(texts[i+1]) + len(texts[i+2])
	}
	block := b.Take(nil)
	r, got := &fragment.Reader{Width: 3}, []string(nil)
	err := r.Read(block, func(_ uint64, cells []fragment.Cell) error {
		for _, c := range cells {
			got = append(got, r.Terms[c.Term].String())
		}
		return nil
	})
	if err != nil || !slices.Equal(got, texts) {
		t.Errorf("%q, want %q, %v", got, texts, err)
	}
	if len(block) > whole*2/3 {
		t.Errorf("%d bytes for terms of %d", len(block), whole)
	}
	if err := b.Add(0, []store.ID{1}, term); err != nil {
		t.Fatal(err)
	}
	if got, err := read(&fragment.Reader{Width: 1}, b.Take(nil)); err != nil || len(got) != 1 {
		t.Errorf("the next block: %v, %v", got, err)
	}
}

// TestExpanded: terms that say little and come to much are refused.
func TestExpanded(t *testing.T) {
	block := binary.AppendUvarint(nil, 200_000)
	block = append(block, "\x00\x80\x01<e:"+strings.Repeat("x", 124)+">"...)
	for range 200_000 - 1 {
		block = append(block, "\x01\x7f\x01>"...)
	}
	if _, err := read(&fragment.Reader{Width: 1}, append(block, 0)); !errors.Is(err, fragment.ErrEncoding) || !strings.Contains(err.Error(), "terms have more than") {
		t.Errorf("%v", err)
	}
}

// TestFull: a block is full by its rows and by its bytes.
func TestFull(t *testing.T) {
	var b fragment.Block
	for !b.Full() {
		if err := b.Add(0, nil, term); err != nil {
			t.Fatal(err)
		}
	}
	if b.Rows() != fragment.MaxRows {
		t.Errorf("%d rows of nothing", b.Rows())
	}
	b.Take(nil)
	wide := make([]store.ID, fragment.FullBlock/9)
	for i := range wide {
		wide[i] = inline(t)
	}
	for !b.Full() {
		if err := b.Add(0, wide, term); err != nil {
			t.Fatal(err)
		}
	}
	if b.Rows() != 2 {
		t.Errorf("%d wide rows", b.Rows())
	}
}

// request is one with everything.
func request() *fragment.Request {
	return &fragment.Request{
		Query: "ASK { }", Key: "subject", Base: "http://e/", Union: true, Once: true, ID: "event", Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Fingerprint: [16]byte{1, 2, 3}, Fragment: 7, Bound: []int{3, 1}, Bindings: []byte("bindings"),
	}
}

// TestRequest: what is written is read, and what is cut off before the bindings is an error.
func TestRequest(t *testing.T) {
	r := request()
	text := r.Append(nil)
	got, err := fragment.Parse(text)
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%+v, %v", got, err)
	}
	for i := range len(text) - len(r.Bindings) {
		if _, err := fragment.Parse(text[:i]); !errors.Is(err, fragment.ErrEncoding) {
			t.Errorf("the first %d bytes: %v", i, err)
		}
	}
	text[0]++
	if _, err := fragment.Parse(text); !errors.Is(err, fragment.ErrEncoding) {
		t.Errorf("another version: %v", err)
	}
}

// TestEstimates: what is written is read, and no other number of them, and none that is no number.
func TestEstimates(t *testing.T) {
	all := []fragment.Estimate{{Rows: 1.5, Keys: 2}, {}}
	text := fragment.AppendEstimates(nil, all)
	if got, err := fragment.ParseEstimates(text, 2); err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("%v, %v", got, err)
	}
	nan := append([]byte(nil), text...)
	copy(nan[1:], "\xff\xff\xff\xff\xff\xff\xff\xff")
	for _, bad := range [][]byte{nan, text[:20], append(text, 0)} {
		if got, err := fragment.ParseEstimates(bad, 2); !errors.Is(err, fragment.ErrEncoding) {
			t.Errorf("%v, %v", got, err)
		}
	}
	if _, err := fragment.ParseEstimates(text, 3); !errors.Is(err, fragment.ErrEncoding) {
		t.Errorf("of 3: %v", err)
	}
}

// FuzzBlock: any bytes are a block or an [fragment.ErrEncoding], and a block is written as one that gives the same rows.
func FuzzBlock(f *testing.F) {
	f.Add(sample(f, false, []store.ID{1, 2}, []store.ID{3, store.Any}), uint8(2), false)
	f.Add(sample(f, true, []store.ID{4}, []store.ID{inline(f)}), uint8(1), true)
	f.Fuzz(func(t *testing.T, block []byte, width uint8, numbered bool) {
		r := &fragment.Reader{Width: int(width % 8), Numbered: numbered, Numbers: 10}
		again := fragment.Block{Numbered: numbered}
		var first, second []string
		err := r.Read(block, func(number uint64, cells []fragment.Cell) error {
			row := make([]store.ID, len(cells))
			for i, c := range cells {
				if row[i] = c.ID; c.Term >= 0 {
					row[i] = store.ID(c.Term) + 1
				}
			}
			first = append(first, show(number, cells, r.Terms))
			return again.Add(number, row, func(id store.ID) (rdf.Term, error) { return r.Terms[id-1], nil })
		})
		if err != nil {
			if !errors.Is(err, fragment.ErrEncoding) {
				t.Fatal(err)
			}
			return
		}
		err = r.Read(again.Take(nil), func(number uint64, cells []fragment.Cell) error {
			second = append(second, show(number, cells, r.Terms))
			return nil
		})
		if err != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%q, then %q, %v", first, second, err)
		}
	})
}

// FuzzRequest: any bytes are a request or an [fragment.ErrEncoding], and a request is written as an equal one.
func FuzzRequest(f *testing.F) {
	f.Add(request().Append(nil))
	f.Add((&fragment.Request{Fragment: fragment.Describe}).Append(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := fragment.Parse(text)
		if err != nil {
			if !errors.Is(err, fragment.ErrEncoding) {
				t.Fatal(err)
			}
			return
		}
		again, err := fragment.Parse(r.Append(nil))
		if err != nil || !again.Time.Equal(r.Time) {
			t.Fatalf("%+v, then %+v, %v", r, again, err)
		}
		again.Time = r.Time
		if !reflect.DeepEqual(again, r) {
			t.Errorf("%+v, then %+v", r, again)
		}
	})
}

func show(number uint64, cells []fragment.Cell, terms []rdf.Term) (text string) {
	text = string(rune(number))
	for _, c := range cells {
		if c.Term >= 0 {
			text += terms[c.Term].String()
		} else {
			text += string(rune(c.ID >> 40))
		}
		text += "|"
	}
	return text
}
