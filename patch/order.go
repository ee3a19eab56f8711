package patch

import (
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// order is what the readers of both forms know of the rows that came, and the rules for what may come next. Its methods
// return what is wrong, "" if nothing is.
//
// This is what comes of each row in each state: outside a transaction, after a header id "a", inside a transaction; and the same
// with the options that each transaction has an id, changes are in transactions, and the document has one prev, which is "b". A
// cell has the next state; "." is nothing new.
//
//	input                   outside  headed  inside   strictly outside  strictly headed  strictly inside
//	A, D, PA, PD            .        .       .        error             error            .
//	TX                      inside   inside  error    error             inside           error
//	TC, TA                  error    error   outside  error             error            outside
//	H id                    headed   .       error    error             .                error
//	H prev, the same as id  .        error   error    error             error            error
//	H prev, another         .        .       error    error             error            error
//	another H               .        .       error    .                 .                error
type order struct {
	transactions, id bool // see the options RequireTransactions and RequireID
	onePrev          bool // see the option OnePrev
	hasPrev          bool // a prev came; with onePrev
	prev             string
	open             bool // a transaction is open
	head             head
}

// head keeps what the check of id against prev needs. Both are those of the current patch of the stream.
type head struct{ id, prev []byte }

// change is for A, D, PA and PD.
func (o *order) change() string {
	if o.transactions && !o.open {
		return "expected TX before changes, found a change outside a transaction"
	}
	return ""
}

// begin is for TX.
func (o *order) begin() string {
	if o.open {
		return "expected TC or TA, found TX inside a transaction"
	}
	if o.id && len(o.head.id) == 0 {
		return "expected the header id (H id … .) before TX, found a transaction without it"
	}
	o.open = true
	o.head.reset()
	return ""
}

// end is for TC and TA.
func (o *order) end(code string) string {
	if !o.open {
		return fmt.Sprintf("expected TX, found %s without TX", code)
	}
	o.open = false
	return ""
}

// header is for H; name is normal.
func (o *order) header(name string, value rdf.Term) string {
	if o.open {
		return "expected changes, TC or TA, found a header inside a transaction"
	}
	if same := o.head.add(name, value); same {
		return "expected id and prev to differ, found " + shortTerm(value) + " for both"
	}
	if name == "prev" && o.onePrev {
		return o.onlyPrev(value)
	}
	return ""
}

// onlyPrev checks that a document has one value of prev.
func (o *order) onlyPrev(value rdf.Term) string {
	if !o.hasPrev {
		o.hasPrev, o.prev = true, strings.Clone(value.Value())
	} else if o.prev != value.Value() {
		return "expected one prev for the whole document, found " + shortTerm(value) + " after another"
	}
	return ""
}

func shortTerm(t rdf.Term) string {
	const most = 80
	text := t.String()
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// normal returns the name by which a header of the patch log is known; other names stay as they are.
func normal(name string) string {
	switch {
	case strings.EqualFold(name, HeaderID):
		return HeaderID
	case strings.EqualFold(name, HeaderPrev), strings.EqualFold(name, "previous"):
		return HeaderPrev
	case strings.EqualFold(name, HeaderShard):
		return HeaderShard
	}
	return name
}

// add keeps an id or prev and reports whether both are the same. A header that is there already begins the next patch
// of the stream.
func (h *head) add(name string, value rdf.Term) (same bool) {
	switch name {
	case HeaderID:
		if len(h.id) > 0 {
			h.reset()
		}
		h.id = append(h.id, value.String()...)
	case HeaderPrev:
		if len(h.prev) > 0 {
			h.reset()
		}
		h.prev = append(h.prev, value.String()...)
	default:
		return false
	}
	return string(h.id) == string(h.prev)
}

func (h *head) reset() { h.id, h.prev = h.id[:0], h.prev[:0] }
