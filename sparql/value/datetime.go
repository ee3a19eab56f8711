package value

import (
	"math"
	"strconv"
	"strings"
)

// noZone is the timezone of a value without one. It is compared as if it were in UTC, the implicit timezone.
const noZone = math.MinInt16

const (
	daySeconds = 24 * 60 * 60
	// yearDigits is the most that a year has; a literal with more is of KindOther.
	yearDigits = 9
	// referenceDay is the day that times are on, to be compared: the 31st of December 1972 (F&O, 9.4).
	referenceYear, referenceMonth, referenceDay = 1972, 12, 31
)

// civil is a date and a time of day, as they are written.
type civil struct {
	year                 int64
	month, day           int
	hour, minute, second int
	nano                 int32
	zone                 int16
}

// decodeTime reads the lexical form of a type of dates or times, named without its namespace.
func (v *Value) decodeTime(lexical, local string) bool {
	r := reader{rest: lexical, ok: true}
	c := r.civil(local)
	c.zone = r.zone()
	if !r.ok || r.rest != "" || local == "dateTimeStamp" && c.zone == noZone {
		return false
	}
	if c.day > daysIn(c.year, c.month) {
		return false
	}
	v.setCivil(c)
	return true
}

// setCivil sets the point in time.
func (v *Value) setCivil(c civil) {
	v.num = daysFromCivil(c.year, c.month, c.day)*daySeconds + int64(c.hour*3600+c.minute*60+c.second)
	v.nano, v.aux = c.nano, c.zone
	if c.zone != noZone {
		v.num -= int64(c.zone) * 60
	}
}

// civil returns the date and time of day in the value's timezone.
func (v Value) civil() civil {
	local := v.num
	if v.aux != noZone {
		local += int64(v.aux) * 60
	}
	days := floorDiv(local, daySeconds)
	seconds := int(local - days*daySeconds)
	c := civil{hour: seconds / 3600, minute: seconds / 60 % 60, second: seconds % 60, nano: v.nano, zone: v.aux}
	c.year, c.month, c.day = civilFromDays(days)
	return c
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// daysFromCivil returns the days since the 1st of January 1970 in the proleptic Gregorian calendar, which has a year 0. A year is
// counted from March, so that the leap day is its last; 400 years have 146,097 days.
func daysFromCivil(year int64, month, day int) int64 {
	if month <= 2 {
		year--
	}
	era := floorDiv(year, 400)
	ofEra := year - era*400
	ofYear := int64((153*((month+9)%12)+2)/5 + day - 1)
	return era*146097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719468
}

// civilFromDays is the inverse of daysFromCivil.
func civilFromDays(days int64) (year int64, month, day int) {
	days += 719468
	era := floorDiv(days, 146097)
	ofEra := days - era*146097
	years := (ofEra - ofEra/1460 + ofEra/36524 - ofEra/146096) / 365
	ofYear := int(ofEra - (365*years + years/4 - years/100))
	shifted := (5*ofYear + 2) / 153
	day = ofYear - (153*shifted+2)/5 + 1
	month = shifted + 3
	year = years + era*400
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}

func daysIn(year int64, month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// reader reads a lexical form from its beginning. After a mistake ok is false.
type reader struct {
	rest string
	ok   bool
}

// civil reads what stands before the timezone. What the type doesn't have is that of the reference day, or the first month or day.
func (r *reader) civil(local string) civil {
	c := civil{year: referenceYear, month: referenceMonth, day: referenceDay}
	switch local {
	case "time":
		r.timeOfDay(&c)
	case "gMonth":
		r.skip("--")
		c.month, c.day = r.two(1, 12), 1
	case "gMonthDay":
		r.skip("--")
		c.month = r.two(1, 12)
		r.skip("-")
		c.day = r.two(1, 31)
	case "gDay":
		r.skip("---")
		c.day = r.two(1, 31)
	default:
		r.date(&c, local)
	}
	return c
}

func (r *reader) date(c *civil, local string) {
	c.year, c.month, c.day = r.year(), 1, 1
	if local == "gYear" {
		return
	}
	r.skip("-")
	c.month = r.two(1, 12)
	if local == "gYearMonth" {
		return
	}
	r.skip("-")
	c.day = r.two(1, 31)
	if local == "date" {
		return
	}
	r.skip("T")
	r.timeOfDay(c)
}

func (r *reader) skip(s string) {
	rest, ok := strings.CutPrefix(r.rest, s)
	r.rest, r.ok = rest, r.ok && ok
}

// two reads two digits.
func (r *reader) two(least, most int) int {
	if !r.ok || digitsEnd(r.rest, 0) < 2 {
		r.ok = false
		return least
	}
	n := int(r.rest[0]-'0')*10 + int(r.rest[1]-'0')
	r.rest = r.rest[2:]
	r.ok = least <= n && n <= most
	return n
}

// year reads four digits or more, without zeros before them if more, and with a sign if before the year 0.
func (r *reader) year() int64 {
	sign := int64(1)
	if strings.HasPrefix(r.rest, "-") {
		sign, r.rest = -1, r.rest[1:]
	}
	end := digitsEnd(r.rest, 0)
	if end < 4 || end > 4 && r.rest[0] == '0' || end > yearDigits {
		r.ok = false
		return 0
	}
	n := smallMantissa(r.rest[:end])
	r.rest = r.rest[end:]
	return sign * n
}

// timeOfDay reads hh:mm:ss with a fraction, of which nine digits count. 24:00:00 is the beginning of the next day.
func (r *reader) timeOfDay(c *civil) {
	c.hour = r.two(0, 24)
	r.skip(":")
	c.minute = r.two(0, 59)
	r.skip(":")
	c.second = r.two(0, 59)
	c.nano = r.fraction()
	if c.hour == 24 && (c.minute != 0 || c.second != 0 || c.nano != 0) {
		r.ok = false
	}
}

func (r *reader) fraction() int32 {
	if !strings.HasPrefix(r.rest, ".") {
		return 0
	}
	end := digitsEnd(r.rest, 1)
	if end == 1 {
		r.ok = false
		return 0
	}
	digits := r.rest[1:min(end, 10)]
	r.rest = r.rest[end:]
	return int32(smallMantissa(digits) * pow10[9-len(digits)])
}

// zone reads Z or an offset of at most 14 hours, or nothing.
func (r *reader) zone() int16 {
	switch {
	case r.rest == "" || !r.ok:
		return noZone
	case r.rest[0] == 'Z':
		r.rest = r.rest[1:]
		return 0
	}
	sign := 1
	if r.rest[0] == '-' {
		sign = -1
	} else if r.rest[0] != '+' {
		r.ok = false
		return noZone
	}
	r.rest = r.rest[1:]
	hours := r.two(0, 14)
	r.skip(":")
	minutes := hours*60 + r.two(0, 59)
	r.ok = r.ok && minutes <= 14*60
	return int16(sign * minutes)
}

// appendTime appends the canonical form of a computed date, time or both.
func (v Value) appendTime(dst []byte) []byte {
	c := v.civil()
	if v.kind != KindTime {
		dst = appendDate(dst, c)
	}
	if v.kind == KindDateTime {
		dst = append(dst, 'T')
	}
	if v.kind != KindDate {
		dst = appendTwo(dst, c.hour)
		dst = appendTwo(append(dst, ':'), c.minute)
		dst = appendTwo(append(dst, ':'), c.second)
		dst = appendFraction(dst, c.nano)
	}
	return appendZone(dst, c.zone)
}

func appendDate(dst []byte, c civil) []byte {
	year := c.year
	if year < 0 {
		dst, year = append(dst, '-'), -year
	}
	for least := int64(1000); year < least && least > 1; least /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, year, 10)
	dst = appendTwo(append(dst, '-'), c.month)
	return appendTwo(append(dst, '-'), c.day)
}

func appendTwo(dst []byte, n int) []byte { return append(dst, byte('0'+n/10), byte('0'+n%10)) }

// appendFraction appends nanoseconds with their point, without zeros at the end.
func appendFraction(dst []byte, nano int32) []byte {
	if nano == 0 {
		return dst
	}
	digits := strconv.Itoa(int(pow10[9]) + int(nano))[1:]
	return append(append(dst, '.'), strings.TrimRight(digits, "0")...)
}

// appendZone appends Z, an offset, or nothing.
func appendZone(dst []byte, zone int16) []byte {
	switch {
	case zone == noZone:
		return dst
	case zone == 0:
		return append(dst, 'Z')
	case zone < 0:
		dst, zone = append(dst, '-'), -zone
	default:
		dst = append(dst, '+')
	}
	dst = appendTwo(dst, int(zone)/60)
	return appendTwo(append(dst, ':'), int(zone)%60)
}

// Part names what [Value.Part] takes of a date or time.
type Part uint8

// The parts.
const (
	Year Part = iota
	Month
	Day
	Hours
	Minutes
	Seconds
)

// partRange returns the first and the last part that a value has; ok is false if it is no date or time, or part of one.
func (v Value) partRange() (first, last Part, ok bool) {
	switch v.kind {
	case KindDateTime:
		return Year, Seconds, true
	case KindDate:
		return Year, Day, true
	case KindTime:
		return Hours, Seconds, true
	case KindGregorian:
		switch strings.TrimPrefix(v.Datatype(), xsd) {
		case "gYear":
			return Year, Year, true
		case "gYearMonth":
			return Year, Month, true
		case "gMonth":
			return Month, Month, true
		case "gMonthDay":
			return Month, Day, true
		}
		return Day, Day, true
	}
	return 0, 0, false
}

// Part returns a part of a dateTime, in its own timezone (17.4.5): an integer, for Seconds a decimal. Of a date, a time, and what is
// part of a date, such as a gYear, it returns those parts that it has (the additional operators of 17.3.1). Anything else is a type
// error.
func (v Value) Part(p Part) (Value, error) {
	if first, last, ok := v.partRange(); !ok || p < first || p > last {
		return Value{}, ErrType
	}
	c := v.civil()
	switch p {
	case Year:
		return Int(c.year), nil
	case Month:
		return Int(int64(c.month)), nil
	case Day:
		return Int(int64(c.day)), nil
	case Hours:
		return Int(int64(c.hour)), nil
	case Minutes:
		return Int(int64(c.minute)), nil
	}
	return smallDecimal(int64(c.second)*pow10[9]+int64(c.nano), 9)
}

// Zone returns the timezone of a dateTime, date or time, or of a part of a date, in minutes from UTC; has is false if it has none.
// Anything else is a type error.
func (v Value) Zone() (minutes int, has bool, err error) {
	if _, _, ok := v.partRange(); !ok {
		return 0, false, ErrType
	}
	return int(v.aux), v.aux != noZone, nil
}
