package value

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// duration is what durations are compared by (XSD, section 3.3.6): months, seconds and nanoseconds, all of one sign.
type duration struct {
	months, seconds int64
	nano            int32
}

func (d duration) compare(other duration) int {
	return cmp.Or(cmp.Compare(d.months, other.months), cmp.Compare(d.seconds, other.seconds), cmp.Compare(d.nano, other.nano))
}

// maxDuration is the most that one number of a duration may be, so that no sum of them overflows.
const maxDuration = 1e12

// duration reads that of a value of KindDuration.
func (v Value) duration() duration {
	d, _ := parseDuration(v.Lexical(), strings.TrimPrefix(v.Datatype(), xsd))
	return d
}

// parseDuration reads the lexical form of a type of durations, named without its namespace: -P1Y2M3DT4H5M6.7S, each part only if
// there is one.
func parseDuration(s, local string) (d duration, ok bool) {
	r := durationReader{reader: reader{rest: s, ok: true}}
	negative := strings.HasPrefix(s, "-")
	if negative {
		r.rest = s[1:]
	}
	r.skip("P")
	if local != "dayTimeDuration" {
		d.months = r.part('Y')*12 + r.part('M')
	}
	if local != "yearMonthDuration" {
		d.seconds = r.part('D') * daySeconds
		if strings.HasPrefix(r.rest, "T") {
			r.time(&d)
		}
	}
	if negative {
		d = duration{-d.months, -d.seconds, -d.nano}
	}
	return d, r.ok && r.rest == "" && r.parts > 0
}

// durationReader counts the parts that it has read.
type durationReader struct {
	reader
	parts int
}

func (r *durationReader) time(d *duration) {
	r.rest = r.rest[1:]
	before := r.parts
	d.seconds += r.part('H')*3600 + r.part('M')*60
	r.seconds(d)
	r.ok = r.ok && r.parts > before
}

// part reads a number and its letter, if it is the one that comes next.
func (r *durationReader) part(letter byte) int64 {
	end := digitsEnd(r.rest, 0)
	if end == 0 || end == len(r.rest) || r.rest[end] != letter {
		return 0
	}
	n := r.number(r.rest[:end])
	r.rest = r.rest[end+1:]
	r.parts++
	return n
}

func (r *durationReader) number(digits string) int64 {
	if len(digits) > 18 || smallMantissa(digits) > maxDuration {
		r.ok = false
		return 0
	}
	return smallMantissa(digits)
}

// seconds reads seconds with or without a fraction.
func (r *durationReader) seconds(d *duration) {
	end := digitsEnd(r.rest, 0)
	if end == 0 {
		return
	}
	d.seconds += r.number(r.rest[:end])
	r.rest = r.rest[end:]
	d.nano = r.fraction()
	r.skip("S")
	r.parts++
}

// DayTimeDuration returns the xsd:dayTimeDuration of a number of minutes, as TIMEZONE gives it.
func DayTimeDuration(minutes int) Value {
	text := make([]byte, 0, 80)
	text = duration{seconds: int64(minutes) * 60}.appendLexical(append(text, '"'), "dayTimeDuration")
	text = append(text, `"^^<`+XSDDayTimeDuration+`>`...)
	return Of(rdf.Trusted(string(text)))
}

// appendLexical appends the canonical form of a duration (XSD, durationCanonicalMap).
func (d duration) appendLexical(dst []byte, local string) []byte {
	if d.months < 0 || d.seconds < 0 || d.nano < 0 {
		dst = append(dst, '-')
		d = duration{-d.months, -d.seconds, -d.nano}
	}
	dst = append(dst, 'P')
	dst = appendPart(dst, d.months/12, 'Y')
	dst = appendPart(dst, d.months%12, 'M')
	dst = appendPart(dst, d.seconds/daySeconds, 'D')
	if rest := d.seconds % daySeconds; rest != 0 || d.nano != 0 {
		dst = appendPart(append(dst, 'T'), rest/3600, 'H')
		dst = appendPart(dst, rest/60%60, 'M')
		if rest%60 != 0 || d.nano != 0 {
			dst = append(appendFraction(strconv.AppendInt(dst, rest%60, 10), d.nano), 'S')
		}
	}
	switch {
	case d != (duration{}):
		return dst
	case local == "yearMonthDuration":
		return append(dst, "0M"...)
	}
	return append(dst, "T0S"...)
}

func appendPart(dst []byte, n int64, letter byte) []byte {
	if n == 0 {
		return dst
	}
	return append(strconv.AppendInt(dst, n, 10), letter)
}
