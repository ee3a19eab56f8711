package xml

import (
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Namespaces are those that hold at a place, each with the prefix that stands for it. It is used by one goroutine at a time. Its
// zero value has none.
type Namespaces struct {
	list []binding
	// last has the place in the list of the innermost of each prefix, once there are many.
	last  map[string]int
	bytes int
}

// binding is a namespace, and the place of the one of the same prefix that it hides; -1: none.
type binding struct {
	Binding
	hides int
}

const (
	// few is how many are looked at one by one, which is faster.
	few = 12
	// bindingCost is what one takes besides its text.
	bindingCost = 64
)

var errNamespaces = fmt.Errorf("namespaces %w", rdf.ErrLimit)

// Declare adds one, of which it keeps a copy. It hides another one of the prefix.
func (n *Namespaces) Declare(prefix, space string) {
	i := len(n.list)
	n.bytes += len(prefix) + len(space) + bindingCost
	hides := n.find(prefix)
	if i < cap(n.list) {
		// What stood there is most often the same: of the element before this one.
		n.list = n.list[:i+1]
	} else {
		n.list = append(n.list, binding{})
	}
	if b := &n.list[i]; b.Prefix != prefix || b.Space != space {
		b.Binding = Binding{strings.Clone(prefix), strings.Clone(space)}
	}
	n.list[i].hides = hides
	if n.last != nil {
		n.last[n.list[i].Prefix] = i
	} else if i == few {
		n.index()
	}
}

// Len is how many there are, with those that are hidden.
func (n *Namespaces) Len() int { return len(n.list) }

func (n *Namespaces) index() {
	n.last = map[string]int{}
	for i, b := range n.list {
		n.last[b.Prefix] = i
	}
}

// Leave drops those that were declared behind the first ones.
func (n *Namespaces) Leave(first int) {
	for i := len(n.list) - 1; i >= first; i-- {
		b := &n.list[i]
		n.bytes -= len(b.Prefix) + len(b.Space) + bindingCost
		if n.last == nil {
			continue
		}
		if b.hides < 0 {
			delete(n.last, b.Prefix)
		} else {
			n.last[n.list[b.hides].Prefix] = b.hides
		}
	}
	n.list = n.list[:first]
}

// find returns the place of the innermost one of a prefix, -1 if there is none.
func (n *Namespaces) find(prefix string) int {
	if n.last != nil {
		if i, ok := n.last[prefix]; ok {
			return i
		}
		return -1
	}
	for i := len(n.list) - 1; i >= 0; i-- {
		if n.list[i].Prefix == prefix {
			return i
		}
	}
	return -1
}

// Lookup returns what a prefix stands for; ok is false if that isn't known. The empty one stands for nothing unless it is declared.
func (n *Namespaces) Lookup(prefix string) (b Binding, ok bool) {
	if i := n.find(prefix); i >= 0 {
		return n.list[i].Binding, true
	}
	if prefix == "xml" {
		return Binding{"xml", Namespace}, true
	}
	return Binding{}, prefix == ""
}
