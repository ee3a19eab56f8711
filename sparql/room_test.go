package sparql_test

import (
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
)

// TestRoomOfManyOperations: what the quads of an update take grows with their number, also where each operation has few.
func TestRoomOfManyOperations(t *testing.T) {
	const operations = 2000
	for _, text := range []string{
		"INSERT DATA { <a:> <b:> <c:> } ; ",
		"DELETE { <a:> <b:> ?c } INSERT { <a:> <b:> 1 } WHERE { <a:> <b:> ?c } ; ",
		"DELETE WHERE { <a:> <b:> ?c . <a:> <d:> ?e } ; ",
	} {
		u, err := sparql.ParseUpdate(strings.Repeat(text, operations))
		if err != nil {
			t.Fatal(err)
		}
		quads, room := 0, 0
		count := func(list []sparql.Quad) { quads, room = quads+len(list), room+cap(list) }
		for _, op := range u.Operations {
			switch op := op.(type) {
			case *sparql.InsertData:
				count(op.Quads)
			case *sparql.Modify:
				count(op.Delete)
				count(op.Insert)
			}
		}
		if quads < operations || room > 5*quads {
			t.Errorf("%s: room for %d quads, of which there are %d", text, room, quads)
		}
	}
}
