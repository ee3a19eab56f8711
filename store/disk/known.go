package disk

import (
	"strings"

	"github.com/quadrille-stream/quadrille/store"
)

const (
	// maxKnown is how many texts are remembered in each half, maxKnownBytes how many bytes they may have, and maxKnownText how long one
	// may be: up to 4 MiB of texts, and as much besides.
	maxKnown      = 1 << 14
	maxKnownBytes = 2 << 20
	maxKnownText  = 512
)

// known are ids of texts that were in use lately. Where one half is full it takes the place of the older one, so what is in use stays.
// Its zero value is empty.
type known struct {
	young, old map[string]store.ID
	bytes      int // of young
}

func (k *known) get(text string) (store.ID, bool) {
	if id, ok := k.young[text]; ok {
		return id, true
	}
	id, ok := k.old[text]
	if ok {
		k.put(text, id)
	}
	return id, ok
}

// put remembers a copy of the text, and returns the copy.
func (k *known) put(text string, id store.ID) string {
	if len(text) > maxKnownText {
		return ""
	}
	text = strings.Clone(text)
	if k.young == nil || len(k.young) >= maxKnown || k.bytes+len(text) > maxKnownBytes {
		k.young, k.old, k.bytes = map[string]store.ID{}, k.young, 0
	}
	k.young[text] = id
	k.bytes += len(text)
	return text
}

// forget forgets a text that may have no id any more.
func (k *known) forget(text string) {
	delete(k.young, text)
	delete(k.old, text)
}
