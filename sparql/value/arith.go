package value

import (
	"math"
	"math/big"
)

// divisionDigits is the number of digits, at least, that the quotient of two decimals is computed to, from its first one that isn't
// zero, and behind its point (F&O, 4.2.4, asks for 18 in all).
const divisionDigits = 18

// Add computes a + b.
func Add(a, b Value) (Value, error) {
	if smallIntegers(a, b) {
		if sum, ok := add(a.num, b.num); ok {
			return Int(sum), nil
		}
	}
	switch promoted(a, b) {
	case KindInteger, KindDecimal:
		return addExact(a, b)
	case KindFloat:
		return Float(a.float32() + b.float32()), nil
	case KindDouble:
		return Double(a.float() + b.float()), nil
	}
	return Value{}, ErrType
}

// Sub computes a - b.
func Sub(a, b Value) (Value, error) {
	switch promoted(a, b) {
	case KindInteger, KindDecimal:
		negative, err := Neg(b)
		if err != nil {
			return Value{}, err
		}
		return Add(a, negative)
	case KindFloat:
		return Float(a.float32() - b.float32()), nil
	case KindDouble:
		return Double(a.float() - b.float()), nil
	}
	return Value{}, ErrType
}

// Mul computes a * b.
func Mul(a, b Value) (Value, error) {
	switch promoted(a, b) {
	case KindInteger, KindDecimal:
		return mulExact(a, b)
	case KindFloat:
		return Float(a.float32() * b.float32()), nil
	case KindDouble:
		return Double(a.float() * b.float()), nil
	}
	return Value{}, ErrType
}

// Div computes a / b. Of two integers it is a decimal. Integers and decimals by zero are a type error.
func Div(a, b Value) (Value, error) {
	switch promoted(a, b) {
	case KindInteger, KindDecimal:
		return divExact(a, b)
	case KindFloat:
		return Float(a.float32() / b.float32()), nil
	case KindDouble:
		return Double(a.float() / b.float()), nil
	}
	return Value{}, ErrType
}

// Neg computes -a.
func Neg(a Value) (Value, error) {
	switch a.kind {
	case KindInteger, KindDecimal:
		if a.big == nil && a.num != math.MinInt64 {
			return Value{kind: a.kind, num: -a.num, aux: a.aux}, nil
		}
		return a.exact(new(big.Int).Neg(a.mantissa(0)), int(a.aux))
	case KindFloat:
		return Float(-a.float32()), nil
	case KindDouble:
		return Double(-a.float()), nil
	}
	return Value{}, ErrType
}

// Plus computes +a: a number as a value of one of the four types that operators give.
func Plus(a Value) (Value, error) {
	if !a.IsNumeric() {
		return Value{}, ErrType
	}
	a.text, a.held = "", false
	return a, nil
}

// Abs computes ABS.
func Abs(a Value) (Value, error) {
	switch a.kind {
	case KindInteger, KindDecimal:
		if sign(a.num, a.big) < 0 {
			return Neg(a)
		}
	case KindFloat, KindDouble:
		return a.mapFloat(math.Abs), nil
	}
	return Plus(a)
}

// Ceil computes CEIL.
func Ceil(a Value) (Value, error) { return a.round(math.Ceil, false, true) }

// Floor computes FLOOR.
func Floor(a Value) (Value, error) { return a.round(math.Floor, false, false) }

// Round computes ROUND: to the nearest integer, of two the greater one.
func Round(a Value) (Value, error) { return a.round(roundFloat, true, false) }

// roundFloat keeps -0 and what has no fraction: adding a half would change the latter.
func roundFloat(f float64) float64 {
	floor := math.Floor(f)
	switch {
	case f-floor < 0.5 || math.IsInf(f, 0):
		return floor
	case f < 0 && floor == -1:
		return math.Copysign(0, -1)
	}
	return floor + 1
}

// round rounds a float by float, a decimal down or, if up, up; with half, after half of one was added.
func (v Value) round(float func(float64) float64, half, up bool) (Value, error) {
	switch v.kind {
	case KindFloat, KindDouble:
		return v.mapFloat(float), nil
	case KindDecimal:
		return v.roundDecimal(half, up)
	}
	return Plus(v)
}

func (v Value) roundDecimal(half, up bool) (Value, error) {
	if v.aux == 0 {
		return Plus(v)
	}
	one := power(int(v.aux))
	m := new(big.Int).Set(v.mantissa(0))
	switch {
	case half:
		m.Add(m, new(big.Int).Rsh(one, 1)) // a power of ten is even
	case up:
		m.Add(m, one).Sub(m, big.NewInt(1))
	}
	return decimal(m.Div(m, one), 0) // Div rounds down, since the divisor is positive
}

// mapFloat applies fn to a float or double.
func (v Value) mapFloat(fn func(float64) float64) Value {
	if v.kind == KindFloat {
		return Float(float32(fn(v.float())))
	}
	return Double(fn(v.float()))
}

func smallIntegers(a, b Value) bool {
	return a.kind == KindInteger && b.kind == KindInteger && a.big == nil && b.big == nil
}

// promoted is the type that both operands are promoted to, KindNone if one is no number.
func promoted(a, b Value) Kind {
	if !a.IsNumeric() || !b.IsNumeric() {
		return KindNone
	}
	return max(a.kind, b.kind)
}

// exact returns an integer if v is one, a decimal otherwise.
func (v Value) exact(m *big.Int, scale int) (Value, error) {
	if v.kind == KindInteger {
		return integer(m)
	}
	return decimal(m, scale)
}

func addExact(a, b Value) (Value, error) {
	wide := a
	if b.kind > a.kind {
		wide = b
	}
	if x, y, ok := smallAligned(a, b); ok && wide.kind == KindDecimal {
		if sum, ok := add(x, y); ok {
			return smallDecimal(sum, int(max(a.aux, b.aux)))
		}
	}
	x, y, scale := aligned(a, b)
	return wide.exact(new(big.Int).Add(x, y), scale)
}

func mulExact(a, b Value) (Value, error) {
	wide := a
	if b.kind > a.kind {
		wide = b
	}
	scale := int(a.aux) + int(b.aux)
	if a.big == nil && b.big == nil {
		if product, ok := mul(a.num, b.num); ok && wide.kind == KindInteger {
			return Int(product), nil
		} else if ok {
			return smallDecimal(product, scale)
		}
	}
	return wide.exact(new(big.Int).Mul(a.mantissa(0), b.mantissa(0)), scale)
}

// divExact divides so that the quotient has divisionDigits digits, at least, and rounds to the nearest, of two to the even one.
func divExact(a, b Value) (Value, error) {
	if sign(b.num, b.big) == 0 {
		return Value{}, ErrType
	}
	if a.big == nil && b.big == nil && a.aux == b.aux && a.num%b.num == 0 && a.num != math.MinInt64 {
		return smallDecimal(a.num/b.num, 0)
	}
	x, y := a.mantissa(0), b.mantissa(0)
	by := max(divisionDigits-int(a.aux)+int(b.aux), (y.BitLen()-x.BitLen())*3/10+divisionDigits+1, 0)
	quotient, rest := new(big.Int).QuoRem(a.mantissa(by), y, new(big.Int))
	roundHalfEven(quotient, rest, y)
	return decimal(quotient, int(a.aux)-int(b.aux)+by)
}

// roundHalfEven adds or subtracts one if the rest of a division by y asks for it.
func roundHalfEven(quotient, rest, y *big.Int) {
	c := new(big.Int).Lsh(rest, 1).CmpAbs(y)
	if c < 0 || c == 0 && quotient.Bit(0) == 0 {
		return
	}
	quotient.Add(quotient, big.NewInt(int64(rest.Sign()*y.Sign())))
}

func add(a, b int64) (int64, bool) {
	sum := a + b
	return sum, (sum > a) == (b > 0)
}

func mul(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	product := a * b
	if product/b != a || a == -1 && b == math.MinInt64 || b == -1 && a == math.MinInt64 {
		return 0, false
	}
	return product, true
}
