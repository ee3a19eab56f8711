package dataset

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/sparql"
)

// TestTexts: a tree that was put can be taken once; texts that nobody takes don't add up, and a large one isn't kept.
func TestTexts(t *testing.T) {
	var kept texts
	tree := &sparql.Update{}
	if kept.take([]byte("none")) != nil {
		t.Error("there is a tree that nobody has put")
	}
	kept.put("one", tree)
	if kept.take([]byte("one")) != tree || kept.take([]byte("one")) != nil || kept.bytes != 0 {
		t.Errorf("not taken once, %d bytes left", kept.bytes)
	}
	kept.put(strings.Repeat("x", keptText+1), tree)
	if len(kept.newer) > 0 {
		t.Error("a text that is too long is kept")
	}
	const each = 1 << 10
	number := func(i int) string { return fmt.Sprintf("%0*d", each, i) }
	for i := range 4 * mostTexts / each {
		kept.put(number(i), tree)
		if n := len(kept.newer) + len(kept.older); n > 2*mostTexts/each {
			t.Fatalf("%d texts are kept behind number %d", n, i)
		}
	}
	last := 4*mostTexts/each - 1
	for _, i := range []int{last, last - mostTexts/each} { // of the newer and the older half
		if kept.take([]byte(number(i))) != tree {
			t.Errorf("number %d is not kept", i)
		}
	}
	if kept.take([]byte(number(0))) != nil {
		t.Error("the first is kept")
	}
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for k := range 1000 {
				kept.put(number(k%7), tree)
				kept.take([]byte(number((k + i) % 7)))
			}
		})
	}
	all.Wait()
}

// TestOwnerTakesTree: the owner doesn't read again what a door of the process has read.
func TestOwnerTakesTree(t *testing.T) {
	const text = "DELETE WHERE { <urn:tree:s> <urn:tree:p> ?o }"
	if _, err := (Splitter{Key: Subject, Shards: 4}).Update([]byte(text), nil); err != nil {
		t.Fatal(err)
	}
	l := New()
	if _, err := l.prepared([]byte(text), 1000); err != nil {
		t.Fatal(err)
	}
	if read.take([]byte(text)) != nil {
		t.Error("the tree is still there: the owner has read the text")
	}
}
