package value

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxDigits is the number of digits that an integer or a decimal may have. A literal with more is of KindOther, a result with more is
// a type error (F&O: FOAR0002), so that no chain of multiplications takes all memory.
const maxDigits = 4096

// maxBits is the length of a mantissa of maxDigits digits.
const maxBits = maxDigits * 3322 / 1000

// pow10 has the powers of ten that an int64 holds.
var pow10 = func() (p [19]int64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

// digitsEnd returns the index of the first character of s, from i on, that is no digit.
func digitsEnd(s string, i int) int {
	for i < len(s) && s[i]-'0' <= 9 {
		i++
	}
	return i
}

func signEnd(s string) int {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return 1
	}
	return 0
}

// parseInteger reads the lexical form of xsd:integer.
func parseInteger(s string) (num int64, large *big.Int, ok bool) {
	from := signEnd(s)
	if digitsEnd(s, from) != len(s) || len(s) == from || len(s) > maxDigits {
		return 0, nil, false
	}
	return mantissa(s)
}

// mantissa reads a sign and digits, which are known to be well-formed.
func mantissa(s string) (num int64, large *big.Int, ok bool) {
	if len(s) <= 18 {
		return smallMantissa(s), nil, true
	}
	if num, err := strconv.ParseInt(s, 10, 64); err == nil {
		return num, nil, true
	}
	large, ok = new(big.Int).SetString(s, 10)
	return 0, large, ok
}

// smallMantissa reads at most 18 characters, which can't overflow.
func smallMantissa(s string) (num int64) {
	from := signEnd(s)
	for i := from; i < len(s); i++ {
		num = num*10 + int64(s[i]-'0')
	}
	if from > 0 && s[0] == '-' {
		return -num
	}
	return num
}

// parseDecimal reads the lexical form of xsd:decimal.
func parseDecimal(s string) (num int64, large *big.Int, scale int16, ok bool) {
	from := signEnd(s)
	point := digitsEnd(s, from)
	end := point
	if point < len(s) && s[point] == '.' {
		end = digitsEnd(s, point+1)
	}
	digits := end - from
	if end > point {
		digits--
	}
	if end != len(s) || digits == 0 || len(s) > maxDigits {
		return 0, nil, 0, false
	}
	if end == point {
		num, large, ok = mantissa(s)
		return num, large, 0, ok
	}
	fraction := strings.TrimRight(s[point+1:], "0")
	num, large, ok = joined(s[:point], fraction)
	return num, large, int16(len(fraction)), ok
}

// joined reads the mantissa of a decimal whose digits are before and behind its point.
func joined(whole, fraction string) (num int64, large *big.Int, ok bool) {
	var room [19]byte
	if len(whole)+len(fraction) <= 18 {
		text := append(append(room[:0], whole...), fraction...)
		return smallMantissa(string(text)), nil, true // the conversion stays on the stack
	}
	return mantissa(whole + fraction)
}

// parseFloat reads the lexical form of xsd:double or, with 32 bits, xsd:float.
func parseFloat(s string, bits int) (float64, bool) {
	switch s {
	case "INF", "+INF":
		return math.Inf(1), true
	case "-INF":
		return math.Inf(-1), true
	case "NaN":
		return math.NaN(), true
	}
	if !isFloat(s) {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, bits)
	return f, err == nil || math.IsInf(f, 0)
}

// isFloat reports whether s is a decimal with or without an exponent. strconv knows more notations than XSD does.
func isFloat(s string) bool {
	from := signEnd(s)
	i := digitsEnd(s, from)
	digits := i - from
	if i < len(s) && s[i] == '.' {
		end := digitsEnd(s, i+1)
		digits += end - i - 1
		i = end
	}
	if digits == 0 || len(s) > maxDigits {
		return false
	}
	if i == len(s) {
		return true
	}
	if s[i]|0x20 != 'e' {
		return false
	}
	i++
	i += signEnd(s[i:])
	end := digitsEnd(s, i)
	return end == len(s) && end > i
}

// appendDecimal appends the canonical form of a decimal (XSD, decimalCanonicalMap): without a point if it is an integer.
func appendDecimal(dst []byte, v Value) []byte {
	digits, negative := v.digits()
	if negative {
		dst = append(dst, '-')
	}
	scale := int(v.aux)
	if scale == 0 {
		return append(dst, digits...)
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale-len(digits)+1) + digits
	}
	point := len(digits) - scale
	fraction := strings.TrimRight(digits[point:], "0")
	dst = append(dst, digits[:point]...)
	if fraction == "" {
		return dst
	}
	return append(append(dst, '.'), fraction...)
}

// digits returns those of an integer or of the mantissa of a decimal, without sign.
func (v Value) digits() (digits string, negative bool) {
	if v.big != nil {
		digits = v.big.String()
	} else {
		digits = strconv.FormatInt(v.num, 10)
	}
	return strings.CutPrefix(digits, "-")
}

// appendFloat appends the canonical form of a double, or, with 32 bits, a float (XSD, doubleCanonicalMap): 1.0E0, INF.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "INF"...)
	case math.IsInf(f, -1):
		return append(dst, "-INF"...)
	}
	var room [40]byte
	mantissa, exponent, _ := strings.Cut(string(strconv.AppendFloat(room[:0], f, 'E', -1, bits)), "E")
	dst = append(dst, mantissa...)
	if !strings.Contains(mantissa, ".") {
		dst = append(dst, ".0"...)
	}
	dst = append(dst, 'E')
	if exponent[0] == '-' {
		dst = append(dst, '-')
	}
	exponent = strings.TrimLeft(exponent, "+-0")
	if exponent == "" {
		exponent = "0"
	}
	return append(dst, exponent...)
}

// integerFits reports whether an integer is in the range of a type derived from xsd:integer.
func integerFits(local string, num int64, large *big.Int) bool {
	switch local {
	case "integer":
		return true
	case "nonNegativeInteger":
		return sign(num, large) >= 0
	case "positiveInteger":
		return sign(num, large) > 0
	case "nonPositiveInteger":
		return sign(num, large) <= 0
	case "negativeInteger":
		return sign(num, large) < 0
	case "unsignedLong":
		return sign(num, large) >= 0 && (large == nil || large.IsUint64())
	}
	if large != nil {
		return false
	}
	limits := ranges[local]
	return limits[0] <= num && num <= limits[1]
}

// ranges are those of the derived types that an int64 holds.
var ranges = map[string][2]int64{
	"long":          {math.MinInt64, math.MaxInt64},
	"int":           {math.MinInt32, math.MaxInt32},
	"short":         {math.MinInt16, math.MaxInt16},
	"byte":          {math.MinInt8, math.MaxInt8},
	"unsignedInt":   {0, math.MaxUint32},
	"unsignedShort": {0, math.MaxUint16},
	"unsignedByte":  {0, math.MaxUint8},
}

func sign(num int64, large *big.Int) int {
	switch {
	case large != nil:
		return large.Sign()
	case num < 0:
		return -1
	case num > 0:
		return 1
	}
	return 0
}
