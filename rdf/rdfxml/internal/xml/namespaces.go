package xml

import (
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// namespaces are those that hold where the document is.
type namespaces struct {
	list []binding
	// last has the place in the list of the innermost of each prefix, once there are many.
	last  map[string]int
	bytes int
	most  int
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

// declare adds one. It reports false if that is over the bound.
func (n *namespaces) declare(prefix, space string) bool {
	i := len(n.list)
	if n.bytes += len(prefix) + len(space) + bindingCost; n.bytes > n.most {
		return false
	}
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
	return true
}

func (n *namespaces) index() {
	n.last = map[string]int{}
	for i, b := range n.list {
		n.last[b.Prefix] = i
	}
}

// leave drops those that were declared behind the first ones.
func (n *namespaces) leave(first int) {
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
func (n *namespaces) find(prefix string) int {
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

// lookup returns what a prefix stands for.
func (n *namespaces) lookup(prefix string) (Binding, bool) {
	if i := n.find(prefix); i >= 0 {
		return n.list[i].Binding, true
	}
	if prefix == "xml" {
		return Binding{"xml", Namespace}, true
	}
	return Binding{}, prefix == ""
}
