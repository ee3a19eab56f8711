package differential

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// member is one of an object, whose order is kept.
type member struct {
	name  string
	value any
}

// object is written as JSON with its members in their order, also those whose names come twice.
type object []member

// node is a document, or an object in one.
func (g *generator) node() object {
	g.depth++
	defer func() { g.depth-- }()
	var o object
	if g.depth == 1 || g.chance(8) {
		o = append(o, member{"@context", g.context()})
	}
	if g.chance(2) {
		o = append(o, member{g.one("@id", "@id", "id"), g.id()})
	}
	if g.chance(3) {
		o = append(o, member{g.one("@type", "type"), g.oneOrMore(func() any { return g.one("T", "ex:T", "http://e/T", "Typed", "_:t", "t u") })})
	}
	used := map[string]bool{}
	g.times(1, 4, func() {
		if name := g.property(); !used[name] { // one that comes twice is refused
			used[name] = true
			o = append(o, member{name, g.oneOrMore(g.value)})
		}
	})
	if g.chance(10) {
		o = append(o, member{"@graph", g.oneOrMore(func() any { return g.node() })})
	}
	if g.chance(12) {
		o = append(o, member{"@reverse", object{{g.property(), g.oneOrMore(func() any { return g.node() })}}})
	}
	if g.chance(14) {
		o = append(o, member{"@included", g.oneOrMore(func() any { return g.node() })})
	}
	if g.chance(14) {
		o = append(o, member{"@nest", object{{g.property(), g.oneOrMore(g.value)}}})
	}
	if g.chance(14) {
		o = append(o, member{"@index", "i"})
	}
	return o
}

func (g *generator) id() string {
	return g.one("x:s", "ex:s", "http://example.org/a", "_:a", "_:b", "", "#f", "a/b", "../c", "?q", "//h/p", "ex:", "T", "a b", "é", "x:%20", ":a", "_:")
}

// property is the name of a member that a context may define.
func (g *generator) property() string {
	return g.one("p", "q", "ex:p", "http://example.org/p", "x:p", "list", "set", "lang", "index", "ids", "types", "graph", "graphs", "json", "link",
		"vocab", "int", "back", "none", "scoped", "dir", "undefined", "rel/p", "_:p", "@unknown", "@a1", "é")
}

func (g *generator) oneOrMore(make func() any) any {
	if g.chance(2) {
		return make()
	}
	list := []any{}
	g.times(0, 3, func() { list = append(list, make()) })
	return list
}

// value is one of a property.
func (g *generator) value() any {
	if g.depth > 3 {
		return g.scalar()
	}
	switch g.IntN(12) {
	case 0, 1:
		return g.node()
	case 2:
		return object{{"@list", g.oneOrMore(g.value)}}
	case 3:
		return object{{"@set", g.oneOrMore(g.value)}}
	case 4, 5:
		return g.valueObject()
	case 6:
		return object{{"@id", g.id()}}
	case 7:
		return object{{g.one("en", "de-AT", "@none", "a", "x:k", "T"), g.oneOrMore(g.value)}, {"fr", g.oneOrMore(g.scalar)}}
	default:
		return g.scalar()
	}
}

func (g *generator) scalar() any {
	switch g.IntN(4) {
	case 0:
		return json.RawMessage(g.one("0", "-0", "1", "-17", "1.0", "1.5", "5.3e0", "1e3", "1E-7", "0.1", "123456789012", "1e21", "1.10", "true", "false",
			"null"))
	case 1:
		return g.id()
	}
	return g.some(0, 3, func() string {
		return g.one("a", "B", " ", "é", "😀", "\n", "\"", "\\", "\u0000", "\u2028", "<", "@", ":")
	})
}

func (g *generator) valueObject() object {
	o := object{{"@value", g.scalar()}}
	switch g.IntN(6) {
	case 0:
		o = append(o, member{"@language", g.one("en", "DE-at", "x-y")})
	case 1, 2:
		o = append(o, member{"@type", g.one("x:d", "ex:d", "T", "@json", "http://www.w3.org/2001/XMLSchema#double", "rel")})
	case 3:
		o = append(o, member{"@language", "ar"}, member{"@direction", g.one("rtl", "ltr")})
	}
	return o
}

// context defines what property names, with some of it left out.
func (g *generator) context() any {
	if g.chance(12) {
		return nil
	}
	o := object{{"ex", "http://example.org/ns#"}}
	add := func(name string, value any) {
		if !g.chance(4) {
			o = append(o, member{name, value})
		}
	}
	text := func(s string) any { return json.RawMessage(s) }
	add("p", "ex:p")
	add("q", g.one("http://example.org/q", "ex:q", "x:q", "p"))
	add("id", "@id")
	add("type", "@type")
	add("T", "ex:T")
	add("list", text(`{"@id": "ex:list", "@container": "@list"}`))
	add("set", text(`{"@id": "ex:set", "@container": "@set"}`))
	add("lang", text(`{"@id": "ex:lang", "@container": "@language"}`))
	add("index", text(`{"@id": "ex:index", "@container": "@index"}`))
	add("ids", text(`{"@id": "ex:ids", "@container": "@id"}`))
	add("types", text(`{"@id": "ex:types", "@container": "@type"}`))
	add("graph", text(`{"@id": "ex:graph", "@container": "@graph"}`))
	add("graphs", text(`{"@id": "ex:graphs", "@container": ["@graph", "@id"]}`))
	add("json", text(`{"@id": "ex:json", "@type": "@json"}`))
	add("link", text(`{"@id": "ex:link", "@type": "@id"}`))
	add("vocab", text(`{"@id": "ex:vocab", "@type": "@vocab"}`))
	add("int", text(`{"@id": "ex:int", "@type": "http://www.w3.org/2001/XMLSchema#integer"}`))
	add("back", text(`{"@reverse": "ex:back"}`))
	add("none", nil)
	add("scoped", text(`{"@id": "ex:scoped", "@context": {"p": "ex:scoped-p", "q": null, "@vocab": "http://scoped.example/"}}`))
	add("Typed", text(`{"@id": "ex:Typed", "@context": {"p": {"@id": "ex:typed-p", "@type": "@id"}, "T": "ex:U"}}`))
	add("dir", text(`{"@id": "ex:dir", "@direction": "rtl", "@language": "ar"}`))
	seldom := func(name string, value any) {
		if g.chance(6) {
			o = append(o, member{name, value})
		}
	}
	seldom("@vocab", g.one("http://vocab.example/", "ex:", "", "#"))
	seldom("@base", g.one("http://base.example/a/b", "sub/", ""))
	seldom("@language", g.one("en", "DE"))
	seldom("@version", text("1.1"))
	return o
}

// decode reads JSON as writeJSON writes it. It reports whether it is JSON.
func decode(text []byte) (value any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	value, err := decodeValue(d)
	return value, err == nil && d.InputOffset() == int64(len(bytes.TrimRight(text, " \t\r\n")))
}

func decodeValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	delimiter, ok := t.(json.Delim)
	if err != nil || !ok {
		return t, err
	}
	o, list := object{}, []any{}
	for d.More() {
		var name any
		if delimiter == '{' {
			if name, err = d.Token(); err != nil {
				return nil, err
			}
		}
		value, err := decodeValue(d)
		if err != nil {
			return nil, err
		}
		if delimiter == '{' {
			o = append(o, member{name.(string), value})
		} else {
			list = append(list, value)
		}
	}
	if _, err := d.Token(); err != nil || delimiter == '[' {
		return list, err
	}
	return o, nil
}

// smaller returns values that are a little smaller than this one: without a member or an item, with one of them in its place, or
// with one made smaller.
func smaller(value any) (out []any) {
	switch v := value.(type) {
	case object:
		for i, m := range v {
			out = append(out, slices.Delete(slices.Clone(v), i, i+1), m.value)
		}
		for i, m := range v {
			for _, inner := range smaller(m.value) {
				o := slices.Clone(v)
				o[i].value = inner
				out = append(out, o)
			}
		}
	case []any:
		for i, item := range v {
			out = append(out, slices.Delete(slices.Clone(v), i, i+1), item)
		}
		for i, item := range v {
			for _, inner := range smaller(item) {
				list := slices.Clone(v)
				list[i] = inner
				out = append(out, list)
			}
		}
	}
	return out
}

// shrinkJSON returns a small document that still fails.
func shrinkJSON(value any, fails func([]byte) bool) []byte {
	left := attempts
	text := func(value any) []byte {
		var b strings.Builder
		writeJSON(&b, value)
		return []byte(b.String())
	}
	for again := true; again; {
		again = false
		for _, s := range smaller(value) {
			left--
			if left >= 0 && fails(text(s)) {
				value, again = s, true
				break
			}
		}
	}
	return text(value)
}

// json writes a value.
func (g *generator) json(value any) { writeJSON(&g.text, value) }

func writeJSON(b *strings.Builder, value any) {
	switch v := value.(type) {
	case object:
		for i, m := range v {
			b.WriteString(map[bool]string{true: "{", false: ", "}[i == 0])
			writeJSON(b, m.name)
			b.WriteString(": ")
			writeJSON(b, m.value)
		}
		b.WriteString(map[bool]string{true: "{}", false: "}"}[len(v) == 0])
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			writeJSON(b, item)
		}
		b.WriteByte(']')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // a scalar of ours
		}
		b.Write(text)
	}
}
