package graph

import (
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/eval"
)

// TestPreparedIsBounded: what is asked again and again stays prepared, and no more is kept than the bounds say, whatever is asked.
func TestPreparedIsBounded(t *testing.T) {
	var p prepared
	of := func(q Question) *preparedQuery {
		t.Helper()
		made, err := p.of(&q, eval.Options{Base: q.Base})
		if err != nil {
			t.Fatal(err)
		}
		length := 0
		for _, generation := range []map[preparedKey]*preparedQuery{p.young, p.old} {
			for key := range generation {
				length += len(key.text) + len(key.base)
			}
		}
		if length > 2*keptTexts {
			t.Fatalf("%d bytes of texts are kept, the bound is twice %d", length, keptTexts)
		}
		return made
	}
	often := Question{Text: `ASK { ?s ?p "often" }`}
	first := of(often)
	for i := range 2000 {
		once := of(Question{Text: fmt.Sprintf("ASK { ?s ?p %d } #%s", i, strings.Repeat("x", i%2000))})
		if again := of(often); again != first || once == first {
			t.Fatalf("after %d others: it was prepared again", i)
		}
	}
	large := Question{Text: "ASK {} #" + strings.Repeat("x", maxKept)}
	other := Question{Text: often.Text, Dataset: sparql.Dataset{Default: []rdf.Term{rdf.Trusted("<urn:g>")}}}
	for name, q := range map[string]Question{"large": large, "of other graphs": other} {
		if once, again := of(q), of(q); once == again {
			t.Errorf("one that is %s is kept", name)
		}
	}
	if based := of(Question{Text: often.Text, Base: "http://x/"}); based == first {
		t.Error("another base has the same query")
	}
	if _, err := p.of(&Question{Text: "nothing"}, eval.Options{}); err == nil {
		t.Error("a mistake is prepared")
	}
}
