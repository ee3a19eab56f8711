package store

import (
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Inline ids: numbers, booleans, dates and times whose text is short are ids themselves, the same in every store and for all time, so
// that no dictionary has them, and what computes with them needs no text. A literal is inline exactly if its text can be made of the id
// again, character by character: "1.50" and "1.5" are both, with ids of their own; "+1" is not, nor is what has too many digits. So
// nothing is rewritten, and ids are equal exactly if terms are, as ever.
//
//	id      = 01, type (6 bits), payload (56 bits)
//	payload = boolean: 0 or 1
//	        | integers: a signed number
//	        | decimal notation: number of digits behind the dot (4 bits, 0 without a dot), all digits as a signed number (52 bits)
//	        | scientific notation, d.d…Ed…: the same of the significand (4 and 42 bits), exponent (10 bits, signed)
//	        | time: seconds, milliseconds or microseconds from 1970 on to what the text says, as a signed number (56 bits, or 45 where
//	          there is an offset), the minutes of the offset (11 bits, signed)
//	        | date: days from 1970 on, as a signed number (45 bits), the minutes of the offset (11 bits, signed)
//
// A signed number of n bits has 1<<(n-1) added. Snapshots and stores on disk hold such ids: a type keeps its number and its form.
const inlineBit ID = 1 << 62

const (
	payloadBits = 56
	scaleBits   = 4
	exponBits   = 10
	offsetBits  = 11
	digitBits   = payloadBits - scaleBits
	signifBits  = digitBits - exponBits
	momentBits  = payloadBits - offsetBits

	maxScale  = 1<<scaleBits - 1
	maxOffset = 14 * 60
)

// inlineType is what an inline id is of.
type inlineType uint8

const (
	typeBoolean          inlineType = 1
	typeInteger          inlineType = 2 // of integerTypes the first
	typeDecimal          inlineType = 15
	typeDouble           inlineType = 16
	typeDoubleScientific inlineType = 17
	typeFloat            inlineType = 18
	typeFloatScientific  inlineType = 19
	typeTime             inlineType = 20 // the first of nine: three precisions, each with three zones
	typeDate             inlineType = 29 // the first of three, by zone
)

const xsd = "http://www.w3.org/2001/XMLSchema#"

// integerTypes are the names of those types.
var integerTypes = [...]string{"integer", "long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger",
	"negativeInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"}

// inlineTypes finds the types by the local names of datatypes; of numbers that have two, that of decimal notation.
var inlineTypes = func() map[string]inlineType {
	types := map[string]inlineType{"boolean": typeBoolean, "decimal": typeDecimal, "double": typeDouble, "float": typeFloat,
		"dateTime": typeTime, "date": typeDate}
	for i, name := range integerTypes {
		types[name] = typeInteger + inlineType(i)
	}
	return types
}()

// timeZone says how a date or a time names its time zone.
type timeZone uint8

const (
	noZone     timeZone = iota
	utcZone             // "Z"
	offsetZone          // such as "+01:00"
)

// inlineLiteral is a literal as its id says it.
type inlineLiteral struct {
	// datatype is its IRI.
	datatype string
	// number is 0 or 1 for a boolean; an integer; the digits of a decimal, float or double; days from 1970 on; or for a time so many
	// units from 1970 on. Of dates and times it is that of what the text says, as if its zone were UTC.
	number int64
	// scale is the number of digits behind the dot; exponent that behind "E" if scientific, 0 otherwise.
	scale, exponent int
	scientific      bool
	// unit is how many of the unit of number are a second: 1, 1,000 or 1,000,000 for a time, 0 for others.
	unit int64
	// zone and offset, in minutes, are those of a date or a time.
	zone   timeZone
	offset int
}

// IsInline reports whether the id is that of a literal which no dictionary has.
func (id ID) IsInline() bool { return id>>62 == 1 }

// signed is a number in so many bits; ok is false if it needs more.
func signed(n int64, bits int) (payload uint64, ok bool) {
	half := int64(1) << (bits - 1)
	return uint64(n + half), -half <= n && n < half
}

func unsigned(payload uint64, bits int) int64 { return int64(payload&(1<<bits-1)) - 1<<(bits-1) }

func inlineID(t inlineType, payload uint64) ID { return inlineBit | ID(t)<<payloadBits | ID(payload) }

// InlineID returns the id of a literal that is inline; ok is false for all other terms.
func InlineID(t rdf.Term) (id ID, ok bool) {
	text := t.String()
	if len(text) < len(`"1"^^<`+xsd+`int>`) || text[0] != '"' || text[len(text)-1] != '>' {
		return 0, false
	}
	quote := strings.IndexByte(text[1:], '"') + 1
	name, ok := strings.CutPrefix(text[quote:len(text)-1], `"^^<`+xsd)
	if !ok {
		return 0, false
	}
	lexical := text[1:quote]
	kind, ok := inlineTypes[name]
	switch {
	case !ok:
		return 0, false
	case kind == typeBoolean:
		return inlineBooleanID(lexical)
	case kind < typeDecimal:
		return inlineInteger(kind, lexical)
	case kind < typeTime:
		return inlineNumber(kind, lexical)
	case kind < typeDate:
		return inlineTime(lexical)
	}
	return inlineDate(lexical)
}

func inlineBooleanID(lexical string) (ID, bool) {
	switch lexical {
	case "false":
		return inlineID(typeBoolean, 0), true
	case "true":
		return inlineID(typeBoolean, 1), true
	}
	return 0, false
}

// digits reads digits, at most 18 and without leading zeros beside others, from the start of a text.
func digits(text string) (n int64, rest string, ok bool) {
	i := 0
	for i < len(text) && i < 18 && '0' <= text[i] && text[i] <= '9' {
		n = n*10 + int64(text[i]-'0')
		i++
	}
	return n, text[i:], i == 1 || i > 1 && text[0] != '0'
}

// minus reads a sign.
func minus(text string) (sign int64, rest string) {
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		return -1, rest
	}
	return 1, text
}

// wholeNumber reads a number in the only way that it can be written from its value.
func wholeNumber(text string) (n int64, rest string, ok bool) {
	sign, text := minus(text)
	n, rest, ok = digits(text)
	return sign * n, rest, ok && (n != 0 || sign > 0)
}

func inlineInteger(kind inlineType, lexical string) (ID, bool) {
	n, rest, ok := wholeNumber(lexical)
	payload, fits := signed(n, payloadBits)
	return inlineID(kind, payload), ok && fits && rest == ""
}

// inlineNumber is for decimal and scientific notation.
func inlineNumber(kind inlineType, lexical string) (ID, bool) {
	sign, text := minus(lexical)
	n, rest, ok := digits(text)
	if !ok {
		return 0, false
	}
	scale := 0
	if behind, dot := strings.CutPrefix(rest, "."); dot {
		for rest = behind; scale < maxScale && scale < len(behind) && '0' <= behind[scale] && behind[scale] <= '9' && n < 1<<52; scale++ {
			n = n*10 + int64(behind[scale]-'0')
		}
		if rest = behind[scale:]; scale == 0 {
			return 0, false
		}
	}
	if n == 0 && sign < 0 {
		return 0, false
	}
	if rest == "" {
		payload, fits := signed(sign*n, digitBits)
		return inlineID(kind, uint64(scale)<<digitBits|payload), fits
	}
	if rest[0] != 'E' || kind == typeDecimal || scale == 0 || text[1] != '.' {
		return 0, false
	}
	exponent, rest, ok := wholeNumber(rest[1:])
	digits, fits := signed(sign*n, signifBits)
	payload, small := signed(exponent, exponBits)
	return inlineID(kind+1, uint64(scale)<<digitBits|digits<<exponBits|payload), ok && fits && small && rest == ""
}

// fixed is the number that a text of digits alone is, -1 for others.
func fixed(text string) (n int64) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return -1
		}
		n = n*10 + int64(text[i]-'0')
	}
	return n
}

// date reads a date as the number of days from 1970 on.
func date(text string) (days int64, rest string, ok bool) {
	if len(text) < len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return 0, text, false
	}
	y, m, d := fixed(text[:4]), fixed(text[5:7]), fixed(text[8:10])
	if y < 1 || m < 1 || m > 12 || d < 1 || d > 31 {
		return 0, text, false
	}
	days = daysOf(y, m, d)
	if d > 28 {
		if _, month, _ := civil(days); month != m { // no 30th of February
			return 0, text, false
		}
	}
	return days, text[10:], true
}

// clock reads a time of day as the number of seconds from midnight on.
func clock(text string) (seconds int64, rest string, ok bool) {
	if len(text) < len("15:04:05") || text[2] != ':' || text[5] != ':' {
		return 0, text, false
	}
	h, m, s := fixed(text[:2]), fixed(text[3:5]), fixed(text[6:8])
	return h*3600 + m*60 + s, text[8:], h >= 0 && h <= 23 && m >= 0 && m <= 59 && s >= 0 && s <= 59
}

// zone reads a time zone, up to the end.
func zone(text string) (z timeZone, minutes int64, ok bool) {
	switch {
	case text == "":
		return noZone, 0, true
	case text == "Z":
		return utcZone, 0, true
	case text[0] != '+' && text[0] != '-' || len(text) != len("+01:00") || text[3] != ':':
		return 0, 0, false
	}
	hours, minutes := fixed(text[1:3]), fixed(text[4:])
	if hours < 0 || minutes < 0 || minutes > 59 {
		return 0, 0, false
	}
	ok = true
	if minutes += hours * 60; text[0] == '-' {
		minutes = -minutes
		ok = minutes != 0 // "-00:00" can't be told from "+00:00"
	}
	return offsetZone, minutes, ok && -maxOffset <= minutes && minutes <= maxOffset
}

func inlineDate(lexical string) (ID, bool) {
	days, rest, ok := date(lexical)
	if !ok {
		return 0, false
	}
	z, minutes, ok := zone(rest)
	payload, _ := signed(days, momentBits)
	offset, _ := signed(minutes, offsetBits)
	return inlineID(typeDate+inlineType(z), payload<<offsetBits|offset), ok
}

// units are the precisions of times, by the number of digits behind the dot.
var units = [...]struct {
	unit   int64
	digits int
}{{1, 0}, {1000, 3}, {1_000_000, 6}}

func inlineTime(lexical string) (ID, bool) {
	days, rest, ok := date(lexical)
	rest, t := strings.CutPrefix(rest, "T")
	if !ok || !t {
		return 0, false
	}
	seconds, rest, ok := clock(rest)
	if !ok {
		return 0, false
	}
	n := days*86_400 + seconds
	precision, fraction := 0, int64(0)
	if behind, dot := strings.CutPrefix(rest, "."); dot {
		width := 0
		for width < len(behind) && '0' <= behind[width] && behind[width] <= '9' {
			width++
		}
		if width != units[1].digits && width != units[2].digits {
			return 0, false
		}
		precision = width / units[1].digits
		fraction, rest = fixed(behind[:width]), behind[width:]
	}
	z, minutes, ok := zone(rest)
	if !ok {
		return 0, false
	}
	kind := typeTime + inlineType(precision*3) + inlineType(z)
	n = n*units[precision].unit + fraction
	if z != offsetZone {
		payload, fits := signed(n, payloadBits)
		return inlineID(kind, payload), fits
	}
	payload, fits := signed(n, momentBits)
	offset, _ := signed(minutes, offsetBits)
	return inlineID(kind, payload<<offsetBits|offset), fits
}

// daysOf counts days from 1970 on, in the Gregorian calendar, by years that begin in March (so that a leap day is the last).
func daysOf(y, m, d int64) int64 {
	if m <= 2 {
		y, m = y-1, m+12
	}
	return 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + d - 1 - 719_468
}

// civil is the date of a day, from year 1 on.
func civil(days int64) (y, m, d int64) {
	n := days + 719_468
	era := n / 146_097
	n -= era * 146_097
	y = (n - n/1460 + n/36_524 - n/146_096) / 365
	n -= 365*y + y/4 - y/100
	m = (5*n + 2) / 153
	d = n - (153*m+2)/5 + 1
	if y += era * 400; m < 10 {
		return y, m + 3, d
	}
	return y + 1, m - 9, d
}

// inline returns what an inline id says; ok is false for all other ids.
func (id ID) inline() (v inlineLiteral, ok bool) {
	if !id.IsInline() {
		return inlineLiteral{}, false
	}
	kind, payload := inlineType(id&^inlineBit>>payloadBits), uint64(id)&(1<<payloadBits-1)
	switch {
	case kind == typeBoolean:
		return inlineLiteral{datatype: xsd + "boolean", number: int64(payload)}, payload <= 1
	case kind >= typeInteger && kind < typeDecimal:
		return inlineLiteral{datatype: integerIRIs[kind-typeInteger], number: unsigned(payload, payloadBits)}, true
	case kind >= typeDecimal && kind < typeTime:
		return number(kind, payload), true
	case kind >= typeTime && kind < typeDate:
		return moment(kind-typeTime, payload), true
	case kind >= typeDate && kind < typeDate+3:
		return inlineLiteral{datatype: xsd + "date", number: unsigned(payload>>offsetBits, momentBits), zone: timeZone(kind - typeDate),
			offset: int(unsigned(payload, offsetBits))}, true
	}
	return inlineLiteral{}, false
}

var integerIRIs = func() (iris [len(integerTypes)]string) {
	for i, name := range integerTypes {
		iris[i] = xsd + name
	}
	return iris
}()

func number(kind inlineType, payload uint64) inlineLiteral {
	v := inlineLiteral{datatype: xsd + "decimal", scale: int(payload >> digitBits)}
	switch kind {
	case typeDouble, typeDoubleScientific:
		v.datatype = xsd + "double"
	case typeFloat, typeFloatScientific:
		v.datatype = xsd + "float"
	}
	if v.scientific = kind == typeDoubleScientific || kind == typeFloatScientific; v.scientific {
		v.number, v.exponent = unsigned(payload>>exponBits, signifBits), int(unsigned(payload, exponBits))
	} else {
		v.number = unsigned(payload, digitBits)
	}
	return v
}

func moment(form inlineType, payload uint64) inlineLiteral {
	v := inlineLiteral{datatype: xsd + "dateTime", unit: units[form/3].unit, zone: timeZone(form % 3)}
	if v.zone == offsetZone {
		v.number, v.offset = unsigned(payload>>offsetBits, momentBits), int(unsigned(payload, offsetBits))
	} else {
		v.number = unsigned(payload, payloadBits)
	}
	return v
}

// InlineTerm returns the literal of an inline id; ok is false for all other ids.
func InlineTerm(id ID) (t rdf.Term, ok bool) {
	v, ok := id.inline()
	if !ok {
		return rdf.Term{}, false
	}
	text := append(make([]byte, 0, 80), '"')
	switch v.datatype {
	case xsd + "boolean":
		text = strconv.AppendBool(text, v.number == 1)
	case xsd + "date":
		text = v.appendZone(appendDate(text, v.number))
	case xsd + "dateTime":
		text = v.appendZone(v.appendTime(text))
	default:
		text = v.appendNumber(text)
	}
	text = append(append(append(text, `"^^<`...), v.datatype...), '>')
	return rdf.Trusted(string(text)), true
}

func (v *inlineLiteral) appendNumber(text []byte) []byte {
	n := v.number
	if n < 0 {
		text, n = append(text, '-'), -n
	}
	text = appendFixed(text, n, v.scale+1)
	if v.scale > 0 {
		text = append(text, 0)
		dot := len(text) - 1 - v.scale
		copy(text[dot+1:], text[dot:])
		text[dot] = '.'
	}
	if v.scientific {
		text = strconv.AppendInt(append(text, 'E'), int64(v.exponent), 10)
	}
	return text
}

// appendFixed appends a number of at least so many digits.
func appendFixed(text []byte, n int64, width int) []byte {
	from := len(text)
	text = strconv.AppendInt(text, n, 10)
	for len(text)-from < width {
		text = append(text, '0')
		copy(text[from+1:], text[from:])
		text[from] = '0'
	}
	return text
}

func appendDate(text []byte, days int64) []byte {
	y, m, d := civil(days)
	text = append(appendFixed(text, y, 4), '-')
	text = append(appendFixed(text, m, 2), '-')
	return appendFixed(text, d, 2)
}

func (v *inlineLiteral) appendTime(text []byte) []byte {
	day := 86_400 * v.unit
	days, rest := v.number/day, v.number%day
	if rest < 0 {
		days, rest = days-1, rest+day
	}
	text = append(appendDate(text, days), 'T')
	seconds := rest / v.unit
	text = append(appendFixed(text, seconds/3600, 2), ':')
	text = append(appendFixed(text, seconds/60%60, 2), ':')
	text = appendFixed(text, seconds%60, 2)
	for _, u := range units[1:] {
		if u.unit == v.unit {
			text = appendFixed(append(text, '.'), rest%v.unit, u.digits)
		}
	}
	return text
}

func (v *inlineLiteral) appendZone(text []byte) []byte {
	switch v.zone {
	case utcZone:
		return append(text, 'Z')
	case offsetZone:
		sign, minutes := byte('+'), int64(v.offset)
		if minutes < 0 {
			sign, minutes = '-', -minutes
		}
		text = append(appendFixed(append(text, sign), minutes/60, 2), ':')
		return appendFixed(text, minutes%60, 2)
	}
	return text
}
