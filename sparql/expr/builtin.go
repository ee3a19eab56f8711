package expr

import (
	"crypto/md5"  //nolint:gosec // SPARQL has these functions
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"

	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/value"
)

// builtin is a function of the grammar. One of its functions is set.
type builtin struct {
	// least and most are the numbers of arguments that it takes; most -1 is any.
	least, most int
	one         func(c *compiler, a value.Value) (value.Value, error)
	two         func(c *compiler, a, b value.Value) (value.Value, error)
	three       func(c *compiler, a, b, d value.Value) (value.Value, error)
	// special compiles what isn't a function of its arguments' values alone.
	special func(c *compiler, call *sparql.Call, args []code) code
}

func (c *compiler) call(call *sparql.Call) (code, error) {
	f, ok := builtins[call.Name]
	if !ok {
		return code{}, fmt.Errorf("%w: there is no function %s (%s)", ErrCompile, call.Name, place(call.Pos))
	}
	if n := len(call.Args); n < f.least || f.most >= 0 && n > f.most {
		return code{}, fmt.Errorf("%w: %s at %s has %d arguments, and takes %s", ErrCompile, call.Name, place(call.Pos), n, f.takes())
	}
	if call.Name == "BOUND" {
		return c.bound(call)
	}
	args, err := c.exprs(call.Args)
	if err != nil {
		return code{}, err
	}
	made := c.apply(f, call, args)
	for _, arg := range args {
		if arg.constant {
			made.reads += arg.v.Size() / textOfWork
		}
	}
	return made, nil
}

func (f builtin) takes() string {
	switch {
	case f.most < 0:
		return fmt.Sprintf("%d or more", f.least)
	case f.least == f.most:
		return fmt.Sprint(f.least)
	}
	return fmt.Sprintf("%d to %d", f.least, f.most)
}

func (c *compiler) apply(f builtin, call *sparql.Call, args []code) code {
	switch {
	case f.one != nil:
		return unaryOf(func(a value.Value) (value.Value, error) { return f.one(c, a) }, args[0])
	case f.two != nil:
		return binaryOf(func(a, b value.Value) (value.Value, error) { return f.two(c, a, b) }, args[0], args[1])
	case f.three != nil:
		return ternary(func(a, b, d value.Value) (value.Value, error) { return f.three(c, a, b, d) }, args[0], args[1], args[2])
	}
	return f.special(c, call, args)
}

// builtins are all functions of the grammar, by their names in capitals. It is set once, since compiling some of them compiles
// others.
var builtins = map[string]builtin{
	"BOUND":    {least: 1, most: 1},
	"IF":       {least: 3, most: 3, special: func(_ *compiler, _ *sparql.Call, args []code) code { return condition(args) }},
	"COALESCE": {least: 0, most: -1, special: func(_ *compiler, _ *sparql.Call, args []code) code { return coalesce(args) }},

	"SAMETERM":   two(func(_ *compiler, a, b value.Value) (value.Value, error) { return value.Bool(value.SameTerm(a, b)), nil }),
	"ISIRI":      is(func(v value.Value) bool { return v.Kind() == value.KindIRI }),
	"ISURI":      is(func(v value.Value) bool { return v.Kind() == value.KindIRI }),
	"ISBLANK":    is(func(v value.Value) bool { return v.Kind() == value.KindBlank }),
	"ISLITERAL":  is(value.Value.IsLiteral),
	"ISNUMERIC":  is(value.Value.IsNumeric),
	"ISTRIPLE":   is(func(v value.Value) bool { return v.Kind() == value.KindTriple }),
	"HASLANG":    is(func(v value.Value) bool { return v.Lang() != "" }),
	"HASLANGDIR": is(func(v value.Value) bool { return v.Direction() != "" }),

	"STR":        one(func(_ *compiler, v value.Value) (value.Value, error) { return v.Str() }),
	"LANG":       one(lang),
	"LANGDIR":    one(langDir),
	"DATATYPE":   one(func(_ *compiler, v value.Value) (value.Value, error) { return v.DatatypeIRI() }),
	"IRI":        one((*compiler).iri),
	"URI":        one((*compiler).iri),
	"STRDT":      two(strDT),
	"STRLANG":    two(strLang),
	"STRLANGDIR": three(strLangDir),
	"TRIPLE":     three(func(_ *compiler, s, p, o value.Value) (value.Value, error) { return value.Triple(s, p, o) }),
	"SUBJECT":    part(func(s, _, _ value.Value) value.Value { return s }),
	"PREDICATE":  part(func(_, p, _ value.Value) value.Value { return p }),
	"OBJECT":     part(func(_, _, o value.Value) value.Value { return o }),

	"STRLEN":         one(strLen),
	"UCASE":          one((*compiler).upper),
	"LCASE":          one((*compiler).lower),
	"ENCODE_FOR_URI": one((*compiler).encodeForURI),
	"CONTAINS":       two(contains),
	"STRSTARTS":      two(startsWith),
	"STRENDS":        two(endsWith),
	"STRBEFORE":      two(before),
	"STRAFTER":       two(after),
	"LANGMATCHES":    two(langMatches),
	"SUBSTR":         {least: 2, most: 3, special: compileSubstr},
	"CONCAT":         {least: 0, most: -1, special: (*compiler).concat},
	"REGEX":          {least: 2, most: 3, special: compileRegex},
	"REPLACE":        {least: 3, most: 4, special: compileReplace},

	"ABS":   one(func(_ *compiler, v value.Value) (value.Value, error) { return value.Abs(v) }),
	"ROUND": one(func(_ *compiler, v value.Value) (value.Value, error) { return value.Round(v) }),
	"CEIL":  one(func(_ *compiler, v value.Value) (value.Value, error) { return value.Ceil(v) }),
	"FLOOR": one(func(_ *compiler, v value.Value) (value.Value, error) { return value.Floor(v) }),

	"NOW":      {special: func(c *compiler, _ *sparql.Call, _ []code) code { return constant(c.now, nil) }},
	"YEAR":     partOf(value.Year),
	"MONTH":    partOf(value.Month),
	"DAY":      partOf(value.Day),
	"HOURS":    partOf(value.Hours),
	"MINUTES":  partOf(value.Minutes),
	"SECONDS":  partOf(value.Seconds),
	"TIMEZONE": one(timezone),
	"TZ":       one(tz),

	"MD5":    hashed(md5.New),
	"SHA1":   hashed(sha1.New),
	"SHA256": hashed(sha256.New),
	"SHA384": hashed(sha512.New384),
	"SHA512": hashed(sha512.New),

	"RAND":    {special: compileRand},
	"UUID":    {special: compileUUID},
	"STRUUID": {special: compileStrUUID},
	"BNODE":   {least: 0, most: 1, special: compileBNode},
}

func one(fn func(c *compiler, a value.Value) (value.Value, error)) builtin {
	return builtin{least: 1, most: 1, one: fn}
}

func two(fn func(c *compiler, a, b value.Value) (value.Value, error)) builtin {
	return builtin{least: 2, most: 2, two: fn}
}

func three(fn func(c *compiler, a, b, d value.Value) (value.Value, error)) builtin {
	return builtin{least: 3, most: 3, three: fn}
}

func is(holds func(v value.Value) bool) builtin {
	return one(func(_ *compiler, v value.Value) (value.Value, error) { return value.Bool(holds(v)), nil })
}

func part(of func(s, p, o value.Value) value.Value) builtin {
	return one(func(_ *compiler, v value.Value) (value.Value, error) {
		s, p, o, ok := v.Parts()
		if !ok {
			return value.Value{}, value.ErrType
		}
		return of(s, p, o), nil
	})
}

func partOf(p value.Part) builtin {
	return one(func(_ *compiler, v value.Value) (value.Value, error) { return v.Part(p) })
}

// hashed makes a function that gives the digest of a string's UTF-8 in hexadecimal (17.4.6).
func hashed(newHash func() hash.Hash) builtin {
	return one(func(_ *compiler, v value.Value) (value.Value, error) {
		if v.Kind() != value.KindString {
			return value.Value{}, value.ErrType
		}
		h := newHash()
		_, _ = h.Write([]byte(v.Lexical())) // a hash has no error
		return value.Str(hex.EncodeToString(h.Sum(nil))), nil
	})
}
