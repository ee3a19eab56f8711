package patch_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

func TestRows(t *testing.T) {
	const doc = "H id <urn:x> .\nTX .\nPA \"p\" \"http://e/\" .\nA <urn:s> <urn:p> \"1\" .\nD <urn:s> <urn:p> \"2\" <urn:g> .\nTC .\nTX .\nA <urn:t> <urn:p> \"3\" .\nTC .\n"
	for most := range 5 {
		got := ""
		for row, err := range patch.Rows([]byte(doc)) {
			if err != nil {
				t.Fatal(err)
			}
			if most == 0 {
				break
			}
			got += fmt.Sprint(row.Deleted, row.Quad.O.Value(), row.Quad.G.Value(), " ")
			if most--; most == 0 {
				break
			}
		}
		if want := "false1 true2urn:g false3 "; len(got) > len(want) || want[:len(got)] != got {
			t.Errorf("%q", got)
		}
	}
	count := 0
	for row, err := range patch.Rows([]byte("A <urn:s> <urn:p> \"1\" .\nA oops .\n")) {
		var syntax *rdf.SyntaxError
		if count++; count == 2 && (!errors.As(err, &syntax) || syntax.Line != 2 || row != patch.Row{}) {
			t.Errorf("%+v, %v", row, err)
		}
	}
	if count != 2 {
		t.Errorf("%d rows", count)
	}
	for _, err := range patch.Rows([]byte("A <urn:s> <urn:p> \"1\" .\n"), patch.MaxRow(5)) {
		if err == nil {
			t.Error("the options are not used")
		}
	}
}

func TestCountRows(t *testing.T) {
	const row = " <urn:s> <urn:p> \"A D\" .\n"
	for body, want := range map[string][2]int{
		"":                        {},
		"TX .\nTC .\n":            {},
		"A" + row:                 {1, 0},
		"A" + row + "A" + row[:9]: {2, 0},
		"H id <urn:x> .\nTX .\nPA \"p\" <urn:p> .\nPD \"p\" .\nA" + row + "D" + row + "D" + row + "TC .\n": {1, 2},
	} {
		if adds, deletes := patch.CountRows([]byte(body)); adds != want[0] || deletes != want[1] {
			t.Errorf("%q: %d, %d, want %v", body, adds, deletes, want)
		}
	}
}

func ExampleRows() {
	body := []byte("TX .\nD <http://e/pump1> <http://e/state> \"off\" .\nA <http://e/pump1> <http://e/state> \"on\" .\nTC .\n")
	for row, err := range patch.Rows(body) {
		if err != nil {
			panic(err)
		}
		fmt.Println(row.Deleted, row.Quad.O.Value())
	}
	// Output:
	// true off
	// false on
}
