package patch

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// The ends of the literals that Thrift has value forms for.
const (
	integerSuffix = `"^^<` + rdf.XSDInteger + ">"
	doubleSuffix  = `"^^<` + rdf.XSDDouble + ">"
	decimalSuffix = `"^^<` + rdf.XSDDecimal + ">"
)

// appendDouble appends the canonical lexical form of xsd:double.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "INF"...)
	case math.IsInf(f, -1):
		return append(dst, "-INF"...)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'E', -1, 64) // such as 2.15E+01
	e := from
	for dst[e] != 'E' {
		e++
	}
	exponent, _ := strconv.Atoi(string(dst[e+1:]))
	dst = dst[:e]
	if !strings.Contains(string(dst[from:]), ".") {
		dst = append(dst, ".0"...)
	}
	return strconv.AppendInt(append(dst, 'E'), int64(exponent), 10)
}

// decimal reads a number of 64 bits and the digits behind its point. Less than none are zeros before it.
func (rd *BinaryReader) decimal() error {
	d := &rd.d
	var value, scale int64
	var seen uint
	for last := int16(0); ; {
		at := d.offset()
		id, w := d.field(last)
		if last = id; w == wireStop {
			break
		}
		if id != 1 && id != 2 {
			d.skip(w, 0)
			continue
		}
		if seen&(1<<id) != 0 {
			return fmt.Errorf("%w: decimal with a value or scale that comes twice", rdf.ErrInvalid)
		}
		seen |= 1 << id
		switch {
		case id == 1 && w == wireI64:
			value = d.integer(64, "the value of a decimal")
		case id == 2 && w == wireI32:
			scale = d.integer(32, "the scale of a decimal")
		default:
			_ = d.fail(at, nil, "expected an integer for the value or scale of the decimal, found %v", w)
		}
	}
	if d.err == nil && seen != 1<<1|1<<2 {
		return fmt.Errorf("%w: decimal without value or scale", rdf.ErrInvalid)
	}
	if digits := max(scale, -scale); digits > int64(d.limit) {
		return fmt.Errorf("decimal of the scale %d is %w", scale, rdf.ErrLimit)
	}
	rd.scratch = append(appendDecimal(append(rd.scratch, '"'), value, int(scale)), decimalSuffix...)
	return nil
}

// appendDecimal appends value / 10^scale.
func appendDecimal(dst []byte, value int64, scale int) []byte {
	if value < 0 {
		dst = append(dst, '-')
	}
	from := len(dst)
	dst = strconv.AppendUint(dst, uint64(max(value, -value)), 10)
	for ; scale < 0 && value != 0; scale++ {
		dst = append(dst, '0')
	}
	if scale <= 0 {
		return dst
	}
	var room [20]byte
	digits := append(room[:0], dst[from:]...)
	dst = dst[:from]
	whole := max(len(digits)-scale, 0)
	if whole == 0 {
		dst = append(dst, '0')
	}
	dst = append(append(dst, digits[:whole]...), '.')
	for ; scale > len(digits); scale-- {
		dst = append(dst, '0')
	}
	return append(dst, digits[whole:]...)
}

// isNumber reports whether s is a sign, digits, a point, and an exponent, as XSD writes them: what comes after the
// digits only where it is allowed.
func isNumber(s string, point, exponent bool) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	mantissa, power, found := cutExponent(s)
	if found && (!exponent || !isNumber(power, false, false)) {
		return false
	}
	digits := 0
	for i := range len(mantissa) {
		switch c := mantissa[i]; {
		case isDigit(c):
			digits++
		case c == '.' && point:
			point = false
		default:
			return false
		}
	}
	return digits > 0
}

func cutExponent(s string) (mantissa, power string, found bool) {
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func parseInteger(s string) (int64, bool) {
	if !isNumber(s, false, false) {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func parseDouble(s string) (float64, bool) {
	switch s {
	case "INF", "+INF":
		return math.Inf(1), true
	case "-INF":
		return math.Inf(-1), true
	case "NaN":
		return math.NaN(), true
	}
	if !isNumber(s, true, true) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// parseDecimal returns the number without its point, and the digits behind the point.
func parseDecimal(s string) (n int64, scale int, ok bool) {
	if !isNumber(s, true, false) {
		return 0, 0, false
	}
	whole, fraction, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	return n, len(fraction), err == nil
}
