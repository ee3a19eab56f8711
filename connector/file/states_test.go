package file

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/internal/statetable"
)

// TestScanStates goes through the table in the comment of scan.
func TestScanStates(t *testing.T) {
	good, record := testRecord(30, 3)
	mark := record.Mark
	batch := 3 * len(good)
	first, _ := testRecord(20, 3)
	again, _ := testRecord(10, 3)
	gap, _ := testRecord(35, 3)
	other := of(3, 30, otherForms["no shard"])
	torn := slices.Clone(good)
	torn[len(torn)-20] ^= 1
	zeros := slices.Clone(good)
	clear(zeros[len(zeros)/2:])
	foreign := slices.Clone(good)
	foreign = bytes.Replace(foreign, []byte("# shard 3"), []byte("# shard 4"), 1)
	later, _ := testRecord(40, 3)
	far, _ := testRecord(40, 3000)
	behind := func(name string, text []byte) statetable.State[[]byte] {
		return statetable.State[[]byte]{Name: name, Make: func(*testing.T) []byte { return text }}
	}
	stands := func(name string, text []byte) statetable.Input[[]byte] {
		return statetable.Input[[]byte]{Name: name, Give: func(behind []byte) string {
			file := slices.Concat(first, text, behind)
			whole, last, err := scan(bytes.NewReader(file), int64(len(file)), 3, batch)
			switch {
			case errors.Is(err, engine.ErrDamaged):
				return "damaged"
			case err != nil:
				return "foreign"
			case whole == int64(len(first)):
				return "cut here"
			case last == mark && whole == int64(len(first)+len(text)):
				return "cut behind it"
			case whole == int64(len(file)):
				return "whole"
			}
			return fmt.Sprint(whole)
		}}
	}
	statetable.Prove(t, "scan.go", "scan", []statetable.State[[]byte]{
		behind("nothing", nil), behind("no record", []byte("x")), behind("a record", later), behind("a record, beyond a batch", far),
	}, []statetable.Input[[]byte]{
		stands("a record", good), stands("its beginning", good[:len(good)/2]), stands("one with a bit flipped", torn),
		stands("one with zeros in it", zeros), stands("one of an earlier position", again), stands("one of another prev", gap), stands("one of another shard", foreign),
		stands("one of another version", other),
	})
}
