package expr

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/iri"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

func lang(_ *compiler, v value.Value) (value.Value, error) {
	if !v.IsLiteral() {
		return value.Value{}, value.ErrType
	}
	return value.Str(v.Lang()), nil
}

func langDir(_ *compiler, v value.Value) (value.Value, error) {
	if !v.IsLiteral() {
		return value.Value{}, value.ErrType
	}
	return value.Str(string(v.Direction())), nil
}

// iri makes an IRI of a string, relative to the base.
func (c *compiler) iri(v value.Value) (value.Value, error) {
	switch v.Kind() {
	case value.KindIRI:
		return v, nil
	case value.KindString:
	default:
		return value.Value{}, value.ErrType
	}
	text := v.Lexical()
	if !c.base.Known() || !iri.IsReference(text) {
		return value.IRI(text)
	}
	resolved, ok := c.base.Resolve(nil, text)
	if !ok {
		return value.Value{}, value.ErrType
	}
	return value.IRI(string(resolved))
}

func strDT(_ *compiler, lexical, datatype value.Value) (value.Value, error) {
	if lexical.Kind() != value.KindString || datatype.Kind() != value.KindIRI {
		return value.Value{}, value.ErrType
	}
	return value.Typed(lexical.Lexical(), datatype.Lexical())
}

func strLang(_ *compiler, lexical, tag value.Value) (value.Value, error) {
	if lexical.Kind() != value.KindString || tag.Kind() != value.KindString {
		return value.Value{}, value.ErrType
	}
	return value.Lang(lexical.Lexical(), tag.Lexical(), rdf.NoDirection)
}

func strLangDir(_ *compiler, lexical, tag, direction value.Value) (value.Value, error) {
	if lexical.Kind() != value.KindString || tag.Kind() != value.KindString || direction.Kind() != value.KindString {
		return value.Value{}, value.ErrType
	}
	dir := direction.Lexical()
	if dir == "" {
		return value.Value{}, value.ErrType
	}
	return value.Lang(lexical.Lexical(), tag.Lexical(), rdf.Direction(dir))
}

func timezone(_ *compiler, v value.Value) (value.Value, error) {
	minutes, has, err := v.Zone()
	if err != nil || !has {
		return value.Value{}, value.ErrType
	}
	return value.DayTimeDuration(minutes), nil
}

// tz gives the timezone as it is written.
func tz(_ *compiler, v value.Value) (value.Value, error) {
	_, has, err := v.Zone()
	text := v.Lexical()
	switch {
	case err != nil:
		return value.Value{}, err
	case !has:
		return value.Str(""), nil
	case strings.HasSuffix(text, "Z"):
		return value.Str("Z"), nil
	}
	return value.Str(text[len(text)-len("+00:00"):]), nil
}

// site numbers a call that gives something new for each solution.
func (c *compiler) site() uint64 {
	c.env.calls++
	return c.env.calls
}

// fresh returns bytes that only the seed, the solution, the call's number and its argument decide.
func (c *compiler) fresh(s Solution, site uint64, argument string) [sha256.Size]byte {
	text := make([]byte, 0, 64+len(argument))
	text = append(text, c.env.Seed[:]...)
	text = binary.BigEndian.AppendUint64(text, s.Number())
	text = binary.BigEndian.AppendUint64(text, site)
	return sha256.Sum256(append(text, argument...))
}

func compileRand(c *compiler, _ *sparql.Call, _ []code) code {
	site := c.site()
	return code{fn: func(s Solution) (value.Value, error) {
		sum := c.fresh(s, site, "")
		return value.Double(float64(binary.BigEndian.Uint64(sum[:])>>11) / (1 << 53)), nil
	}}
}

func compileUUID(c *compiler, _ *sparql.Call, _ []code) code {
	site := c.site()
	return code{fn: func(s Solution) (value.Value, error) { return value.IRI("urn:uuid:" + uuid(c.fresh(s, site, ""))) }}
}

func compileStrUUID(c *compiler, _ *sparql.Call, _ []code) code {
	site := c.site()
	return code{fn: func(s Solution) (value.Value, error) { return value.Str(uuid(c.fresh(s, site, ""))), nil }}
}

// uuid writes a UUID of version 4 (RFC 9562) with the random bits of b.
func uuid(b [sha256.Size]byte) string {
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	var text [36]byte
	hex.Encode(text[:], b[:4])
	for i, at := range [...]int{9, 14, 19} {
		text[at-1] = '-'
		hex.Encode(text[at:], b[4+2*i:6+2*i])
	}
	text[23] = '-'
	hex.Encode(text[24:], b[10:16])
	return string(text[:])
}

// namedSite is the call number of all BNODE("label"): one label is one blank node, wherever in the query.
const namedSite = 0

// compileBNode compiles BNODE, with and without a label.
func compileBNode(c *compiler, _ *sparql.Call, args []code) code {
	if len(args) == 0 {
		site := c.site()
		return code{fn: func(s Solution) (value.Value, error) { return blank(c.fresh(s, site, "")), nil }}
	}
	return code{fn: func(s Solution) (value.Value, error) {
		label, err := args[0].fn(s)
		if err == nil && label.Kind() != value.KindString {
			err = value.ErrType
		}
		if err != nil {
			return value.Value{}, err
		}
		return blank(c.fresh(s, namedSite, label.Lexical())), nil
	}}
}

// blank labels a blank node with 128 bits, so that none is in the data already.
func blank(b [sha256.Size]byte) value.Value {
	return value.Of(rdf.Trusted("_:b" + new(big.Int).SetBytes(b[:16]).Text(36)))
}
