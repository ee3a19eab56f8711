// Package labels makes labels of blank nodes that a document has given none, so that they meet none that it has, and those
// stay as they are written wherever that is possible in one pass.
package labels

import (
	"slices"
	"strconv"
	"strings"
)

// Issuer makes labels of a name and a number, for one document. Its zero value with a Name is ready. It is used by one
// goroutine at a time.
//
// A written label stays, and its number is not issued any more, unless it was issued before it was seen: then it gets an
// underscore more. So a document that leaves no label out, such as what the writers of this module make, keeps all.
type Issuer struct {
	// Name is what the labels begin with: letters.
	Name string

	next   uint64
	issued []run // in their order
}

// run is numbers that were issued: from to end, without it.
type run struct{ from, end uint64 }

// most is the highest number that a written label keeps from being issued. Those above are never reached.
const most = 1 << 62

// Next issues a number.
func (i *Issuer) Next() uint64 {
	n := i.next
	i.next++
	if last := len(i.issued) - 1; last >= 0 && i.issued[last].end == n {
		i.issued[last].end++
	} else {
		i.issued = append(i.issued, run{n, n + 1})
	}
	return n
}

// Taken reports whether a written label, which then has to get an underscore more, could be one that was issued, and else
// keeps it from being one.
func (i *Issuer) Taken(label string) bool {
	digits, ok := strings.CutPrefix(label, i.Name)
	if !ok {
		return false
	}
	digits = strings.TrimRight(digits, "_")
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n >= most || digits[0] == '0' && digits != "0" {
		return false
	}
	if n >= i.next {
		i.next = n + 1
		return false
	}
	_, issued := slices.BinarySearchFunc(i.issued, n, func(r run, n uint64) int {
		switch {
		case r.end <= n:
			return -1
		case r.from > n:
			return 1
		}
		return 0
	})
	return issued
}
