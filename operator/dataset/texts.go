package dataset

import (
	"sync"

	"github.com/quadrille-stream/quadrille/sparql"
)

// mostTexts bounds the texts of one half of [texts], in bytes. Their trees take some ten times as much, at worst, if they are nothing but variables, 40 times.
const mostTexts = 1 << 20

// texts holds the trees of updates that a door has read until the owner of their shard takes them, which mostly is in the same process: reading is
// the largest part of what a small update takes. Whoever doesn't find one reads the text. It is bounded: of what nobody takes, since
// its shard is owned elsewhere, the older half goes when the newer is full. It may be used concurrently.
type texts struct {
	mu           sync.Mutex
	newer, older map[string]*sparql.Update
	bytes        int // of newer
}

// read are those of all doors and owners of the process: what a text is read as depends on nothing but the text.
var read texts

// put keeps the tree of a text, which nobody changes any more.
func (t *texts) put(text string, tree *sparql.Update) {
	if len(text) > keptText {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes += len(text); t.newer == nil || t.bytes > mostTexts {
		t.newer, t.older, t.bytes = map[string]*sparql.Update{}, t.newer, len(text)
	}
	t.newer[text] = tree
}

// take returns the tree of a text, and forgets it; nil if it isn't there.
func (t *texts) take(text []byte) *sparql.Update {
	t.mu.Lock()
	defer t.mu.Unlock()
	if tree := t.newer[string(text)]; tree != nil {
		delete(t.newer, string(text))
		t.bytes -= len(text)
		return tree
	}
	tree := t.older[string(text)]
	delete(t.older, string(text))
	return tree
}
