package value

import (
	"cmp"
	"math"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Order returns -1, 0 or 1 as a comes before, beside or behind b in the order of ORDER BY (15.1): no value, blank nodes, IRIs,
// literals, triple terms. It is total, and says what [Compare] says wherever that has a result, but for two numbers that become the
// same only by promotion, which are ordered by what they are. Literals that have no order among each other are ordered by their kind
// (strings, strings with a tag, booleans, numbers with NaN as the least, dateTimes, dates, times, others), then by their value or
// their text. Values that are equal, such as 1 and 1.0, are beside each other.
func Order(a, b Value) int {
	if r := cmp.Compare(rank(a.kind), rank(b.kind)); r != 0 {
		return r
	}
	switch a.kind {
	case KindNone:
		return 0
	case KindString:
		return compareStrings(a, b)
	case KindBoolean:
		return cmp.Compare(a.num, b.num)
	case KindInteger, KindDecimal, KindFloat, KindDouble:
		return orderNumbers(a, b)
	case KindDateTime, KindDate, KindTime:
		return compareTimes(a, b)
	case KindGregorian:
		return cmp.Or(cmp.Compare(a.Datatype(), b.Datatype()), cmp.Compare(a.num, b.num))
	case KindDuration:
		return orderDurations(a, b)
	case KindTriple:
		return orderTriples(a, b)
	case KindLang, KindOther:
		return orderTexts(a, b)
	}
	return cmp.Compare(rdf.Trusted(a.text).Key(), rdf.Trusted(b.text).Key())
}

// rank is that of a kind; all numbers have the same.
func rank(k Kind) Kind {
	if k >= KindInteger && k <= KindDouble {
		return KindInteger
	}
	return k
}

func orderTexts(a, b Value) int {
	return cmp.Or(cmp.Compare(a.Lexical(), b.Lexical()), cmp.Compare(a.Datatype(), b.Datatype()), cmp.Compare(a.text, b.text))
}

// orderDurations orders yearMonthDurations and dayTimeDurations among themselves as [Compare] does.
func orderDurations(a, b Value) int { return a.duration().compare(b.duration()) }

func orderTriples(a, b Value) int {
	as, ap, ao, _ := a.Parts()
	bs, bp, bo, _ := b.Parts()
	if r := cmp.Or(Order(as, bs), Order(ap, bp)); r != 0 {
		return r
	}
	return Order(ao, bo)
}

// orderNumbers orders numbers by what they are, without promotion: promoted, three numbers can be a = b = c with a < c.
func orderNumbers(a, b Value) int {
	exactA, exactB := a.kind <= KindDecimal, b.kind <= KindDecimal
	if exactA && exactB {
		return compareExact(a, b)
	}
	x, y := a.float(), b.float()
	switch r := cmp.Compare(x, y); { // NaN is the least
	case r != 0 || exactA == exactB:
		return r
	case math.IsInf(x, 0) && exactA == (x > 0):
		return -1 // the exact one is finite, however large
	case math.IsInf(x, 0):
		return 1
	}
	return a.rational().Cmp(b.rational())
}
