package value

import (
	"math"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Of decodes a term. The value shares the term's memory. The zero Term gives the zero Value.
func Of(t rdf.Term) Value {
	v := Value{text: t.String(), held: true}
	switch t.Kind() {
	case rdf.KindBlank:
		v.kind = KindBlank
	case rdf.KindIRI:
		v.kind = KindIRI
	case rdf.KindTriple:
		v.kind = KindTriple
	case rdf.KindLiteral:
		v.literal(t)
	default:
		return Value{}
	}
	return v
}

func (v *Value) literal(t rdf.Term) {
	if strings.HasSuffix(v.text, `"`) {
		v.kind = KindString
		return
	}
	local, ok := strings.CutPrefix(t.Datatype(), xsd)
	switch {
	case ok:
		v.kind = kindOf(local)
		if v.kind > KindLang && v.kind < KindOther && !v.decode(t.Value(), local) {
			*v = Value{text: v.text, held: true, kind: KindOther}
		}
	case t.Lang() != "":
		v.kind = KindLang
	default:
		v.kind = KindOther
	}
}

// decode reads a lexical form as one of v's kind; false if it isn't.
func (v *Value) decode(lexical, local string) (ok bool) {
	switch v.kind {
	case KindBoolean:
		v.num, ok = parseBoolean(lexical)
	case KindInteger:
		v.num, v.big, ok = parseInteger(lexical)
		ok = ok && integerFits(local, v.num, v.big)
	case KindDecimal:
		v.num, v.big, v.aux, ok = parseDecimal(lexical)
	case KindFloat:
		ok = v.decodeFloat(lexical, 32)
	case KindDouble:
		ok = v.decodeFloat(lexical, 64)
	case KindDuration:
		_, ok = parseDuration(lexical, local)
	default:
		ok = v.decodeTime(lexical, local)
	}
	return ok
}

func (v *Value) decodeFloat(lexical string, bits int) bool {
	f, ok := parseFloat(lexical, bits)
	v.num = int64(math.Float64bits(f))
	return ok
}

func parseBoolean(lexical string) (num int64, ok bool) {
	switch lexical {
	case "true", "1":
		return 1, true
	case "false", "0":
		return 0, true
	}
	return 0, false
}
