package patch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// Types of the compact protocol.
const (
	cTrue = iota + 1
	cFalse
	cByte
	cI16
	cI32
	cI64
	cDouble
	cString
	cList
	cSet
	cMap
	cStruct
	cUUID
)

// raw makes a field: how far its number is from that of the last one, its type, its value.
func raw(delta, typ int, value ...byte) []byte { return append([]byte{byte(delta<<4 | typ)}, value...) }

func str(delta int, s string) []byte {
	return append(binary.AppendUvarint(raw(delta, cString), uint64(len(s))), s...)
}

func num(delta, typ int, n int64) []byte { return binary.AppendVarint(raw(delta, typ), n) }

func nest(delta int, fields ...[]byte) []byte {
	return append(raw(delta, cStruct, bytes.Join(fields, nil)...), 0)
}

func iri(delta int, s string) []byte { return nest(delta, nest(1, str(1, s))) }

// value is the row that adds an object.
func value(object []byte) []byte {
	return append(nest(2, iri(1, "x:s"), iri(1, "x:p"), nest(1, object)), 0)
}

func lit(fields ...[]byte) []byte { return nest(3, fields...) }

func txn(kind int64) []byte { return append(num(6, cI32, kind), 0) }

func head(name, value string) []byte { return append(nest(1, str(1, name), iri(1, value)), 0) }

// binaryText reads a patch in binary form and returns the rows that came before the end or the error, as text.
func binaryText(doc []byte, opts ...patch.Option) (string, error) {
	var b bytes.Buffer
	w := patch.NewWriter(&b)
	err := patch.ParseBinary(doc, w, opts...)
	if err := w.Flush(); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	return b.String(), err
}

// toBinary writes rows in binary form.
func toBinary(t interface{ Fatal(...any) }, rows []row, opts ...patch.BinaryOption) []byte {
	var b bytes.Buffer
	w := patch.NewBinaryWriter(&b, opts...)
	if err := errors.Join(drive(rows, w), w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	doc, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// What Apache Jena wrote reads as the text that it was made from, and our writer makes the same bytes of that.
func TestBinaryJena(t *testing.T) {
	text, doc := file(t, "jena.rdfp"), file(t, "jena.trp")
	if got, err := binaryText(doc); err != nil || got != string(text) {
		t.Errorf("%v\n got %s\nwant %s", err, got, text)
	}
	if got := toBinary(t, read(t, text)); !bytes.Equal(got, doc) {
		t.Errorf("\n got %q\nwant %q", got, doc)
	}
	const api = "H id <urn:uuid:a> .\nH prev <urn:uuid:b> .\nTX .\n" +
		"A _:8b1f5c6e-2b7a-4f0e-9a55-0c6a3f3f2a11 <http://example/p> \"colour\"@en-gb .\n" +
		"A <http://example/s> <http://example/p> \"1.0E3\"^^<" + long +
		"double> _:8b1f5c6e-2b7a-4f0e-9a55-0c6a3f3f2a11 .\n" +
		"D <http://example/s> <http://example/p> \"\" <http://example/g> .\nTC .\n"
	if got, err := binaryText(file(t, "jena-api.trp"), patch.RequireID(), patch.RequireTransactions()); err != nil ||
		got != api {
		t.Errorf("%v\n got %s\nwant %s", err, got, api)
	}
}

// What Jena's writer of text makes of it reads the same.
func TestTextJena(t *testing.T) {
	if got, want := read(t, file(t, "jena-text.rdfp")), read(t, file(t, "jena.rdfp")); !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

// Jena writes some things that no patch may have, and of a base direction only that there was one.
func TestBinaryJenaRefused(t *testing.T) {
	for name, want := range map[string]string{
		"jena-segment.trp":   "row 2, byte 3: expected TX, TC or TA, found a segment",
		"jena-variable.trp":  "row 2, byte 49: expected an IRI, blank node, literal, triple term or number, found a variable",
		"jena-direction.trp": "row 2, byte 49: invalid RDF term: literal with language tag \"he\" and base direction \"\"",
	} {
		got, err := binaryText(file(t, name))
		if err == nil || !strings.HasPrefix(err.Error(), want) || got != "TX .\n" {
			t.Errorf("%s: %v, rows %q", name, err, got)
		}
	}
}

func TestBinaryAccepts(t *testing.T) {
	add := func(object string) string { return "A <x:s> <x:p> " + object + " .\n" }
	unknown := bytes.Join([][]byte{ // fields that no term or row has, of every type
		raw(9, cTrue), raw(1, cFalse), raw(1, cByte, 7), num(1, cI16, 300), num(1, cI32, -1), num(1, cI64, math.MinInt64),
		raw(1, cDouble, make([]byte, 8)...), str(1, "x"), raw(1, cList, 2<<4|cTrue, 1, 2),
		raw(1, cSet, append([]byte{15<<4 | cByte, 16}, make([]byte, 16)...)...), raw(1, cMap, 0),
		raw(1, cMap, 1, cString<<4|cStruct, 1, 'k', 0), nest(1, str(1, "x"), nest(1)), raw(1, cUUID, make([]byte, 16)...),
		raw(0, cI32, 0xd0, 0x0f, 1), raw(0, cByte, 3, 5), // numbers in full: 1000, then -2
	}, nil)
	for _, c := range []struct {
		name string
		doc  []byte
		want string
	}{
		{"nothing", nil, ""},
		{"header", head("ID", "x:1"), "H id <x:1> .\n"},
		{"transaction", bytes.Join([][]byte{txn(0), txn(1), txn(0), txn(2)}, nil), "TX .\nTC .\nTX .\nTA .\n"},
		{"long form of a field's number", append(append(raw(0, cStruct, 4), append(append(append(raw(0, cStruct, 2),
			iri(1, "x:s")[1:]...), iri(1, "x:p")...), iri(1, "x:o")...)...), 0, 0), "A <x:s> <x:p> <x:o> .\n"},
		{"prefixes", bytes.Join([][]byte{nest(4, str(2, "a"), str(1, "x:y")), {0}, nest(5, iri(1, "x:g"), str(1, "")),
			{0}}, nil),
			"PA \"a\" <x:y> .\nPD \"\" <x:g> .\n"},
		{"unknown fields of a quad", append(nest(2, iri(1, "x:s"), iri(1, "x:p"), iri(1, "x:o"), unknown), 0),
			add("<x:o>")},
		{"unknown fields of a literal", value(lit(str(1, "a"), unknown)), add(`"a"`)},
		{"unknown fields of a decimal", value(nest(12, num(1, cI64, 5), num(1, cI32, 0), unknown)),
			add(`"5"^^<` + long + `decimal>`)},
		{"fields in any order", append(nest(3, iri(3, "x:o"), raw(0, cStruct, 2), iri(1, "x:s")[1:], raw(0, cStruct, 4),
			iri(1, "x:p")[1:]), 0), "D <x:s> <x:p> <x:o> .\n"},
		{"string", value(lit(str(1, "a\"\n"), str(2, long+"string"))), add(`"a\"\n"`)},
		{"language", value(lit(str(1, "a"), str(1, "En-GB"))), add(`"a"@en-gb`)},
		{"language with its datatype", value(lit(str(1, "a"), str(1, "en"), str(1, rdf.LangString))), add(`"a"@en`)},
		{"direction", value(lit(str(1, "a"), str(1, "ar"), str(3, "rtl"))), add(`"a"@ar--rtl`)},
		{"direction with its datatype", value(lit(str(1, "a"), str(1, "ar"), str(1, rdf.DirLangString), str(2, "ltr"))),
			add(`"a"@ar--ltr`)},
		{"label beyond ASCII", value(nest(2, str(1, "é.1"))), add("_:é.1")},
		{"integer", value(num(10, cI64, math.MinInt64)), add(`"-9223372036854775808"^^<` + long + `integer>`)},
	} {
		got, err := binaryText(c.doc)
		if err != nil || got != c.want {
			t.Errorf("%s: %q\n got %q\nwant %q\nerror %v", c.name, c.doc, got, c.want, err)
		}
	}
}

func TestBinaryValues(t *testing.T) {
	double := func(f float64) []byte {
		return raw(11, cDouble, binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))...)
	}
	decimal := func(n, scale int64) []byte { return nest(12, num(1, cI64, n), num(1, cI32, scale)) }
	for _, c := range []struct {
		doc            []byte
		lexical, xsd   string
		again          bool // the writer makes the same form of it
		others, except string
	}{
		{doc: num(10, cI64, 7), lexical: "7", xsd: "integer", again: true, others: "+7 007 07"},
		{doc: num(10, cI64, -1), lexical: "-1", xsd: "integer", again: true, others: "-01"},
		{doc: double(21.5), lexical: "2.15E1", xsd: "double", again: true, others: "21.5 +21.50 2150e-2 .215E2 21.5E+0"},
		{doc: double(1000), lexical: "1.0E3", xsd: "double", again: true, others: "1000 1e3"},
		{doc: double(-1e-300), lexical: "-1.0E-300", xsd: "double", again: true},
		{doc: double(math.Copysign(0, -1)), lexical: "-0.0E0", xsd: "double", again: true, others: "-0"},
		{doc: double(math.Inf(1)), lexical: "INF", xsd: "double", again: true, others: "+INF"},
		{doc: double(math.Inf(-1)), lexical: "-INF", xsd: "double", again: true},
		{doc: double(math.NaN()), lexical: "NaN", xsd: "double", again: true},
		{doc: decimal(150, 2), lexical: "1.50", xsd: "decimal", again: true, others: "+1.50 01.50"},
		{doc: decimal(-5, 3), lexical: "-0.005", xsd: "decimal", again: true, others: "-.005"},
		{doc: decimal(5, 0), lexical: "5", xsd: "decimal", again: true, others: "5."},
		{doc: decimal(0, 2), lexical: "0.00", xsd: "decimal", again: true},
		{doc: decimal(5, -3), lexical: "5000", xsd: "decimal"},
		{doc: decimal(0, -3), lexical: "0", xsd: "decimal"},
		{doc: decimal(math.MinInt64, 19), lexical: "-0.9223372036854775808", xsd: "decimal", again: true},
		{doc: decimal(math.MaxInt64, 18), lexical: "9.223372036854775807", xsd: "decimal", again: true},
	} {
		want := must(rdf.TypedLiteral(c.lexical, long+c.xsd))
		var got recorder
		if err := patch.ParseBinary(value(c.doc), &got); err != nil || len(got.rows) != 1 || got.rows[0].quad.O != want {
			t.Errorf("%s: %v, %v", want, got.rows, err)
			continue
		}
		lexicals := strings.Fields(c.others)
		if c.again {
			lexicals = append(lexicals, c.lexical)
		}
		for _, lexical := range lexicals {
			q := rdf.Quad{S: node, P: node, O: must(rdf.TypedLiteral(lexical, long+c.xsd))}
			q.P = rdf.Trusted("<x:p>")
			if doc := toBinary(t, []row{{code: "A", quad: q}}, patch.ValueForms()); !bytes.Equal(doc, value(c.doc)) {
				t.Errorf("%s: written %q, expected %q", q.O, doc, value(c.doc))
			}
		}
	}
}

// What is no number of 64 bits, or no number at all, stays a literal when value forms are asked for.
func TestBinaryNoValues(t *testing.T) {
	for datatype, lexicals := range map[string]string{
		"integer": "9223372036854775808 1.0 1e3 0x10 1_000 a + -",
		"double":  "1e999 0x1p3 inf Infinity nan -NaN 1e 1e1.5 . 1_0 1e+ e5",
		"decimal": "9223372036854775808 1e3 . 1.2.3 1,5 INF",
		"boolean": "true",
		"int":     "5",
	} {
		for _, lexical := range append(strings.Fields(lexicals), "", " 1") {
			o := must(rdf.TypedLiteral(lexical, long+datatype))
			rows := []row{{code: "A", quad: rdf.Quad{S: node, P: node, O: o}}}
			if got, want := toBinary(t, rows, patch.ValueForms()), toBinary(t, rows); !bytes.Equal(got, want) {
				t.Errorf("%s: written %q, expected %q", o, got, want)
			}
		}
	}
}

func TestBinaryRefuses(t *testing.T) {
	spoFields := bytes.Join([][]byte{iri(1, "x:s"), iri(1, "x:p"), iri(1, "x:o")}, nil)
	deep := nest(1, str(1, "x:o"))
	for range patch.DefaultMaxDepth + 1 {
		deep = nest(9, iri(1, "x:s"), iri(1, "x:p"), nest(1, deep))
	}
	lists := []byte{}
	for range 40 {
		lists = append(lists, 1<<4|cList)
	}
	blankNode := func(delta int) []byte { return nest(delta, nest(2, str(1, "b"))) }
	const object = 20 // where that of value begins
	for _, c := range []struct {
		name    string
		doc     []byte
		offset  int64
		message string
	}{
		{"unknown row", raw(7, cStruct, 0, 0), 0,
			"expected a header, addition, deletion, prefix or transaction, found field 7"},
		{"empty row", []byte{0}, 0, "found nothing"},
		{"row of another type", num(2, cI32, 0), 0, "expected a struct for the row, found an integer"},
		{"transaction of another type", nest(6), 0, "expected an integer of 32 bits for the row, found a struct"},
		{"two fields in a row", append(append(num(6, cI32, 0), num(1, cI32, 0)...), 0), 2, "expected the end of the row"},
		{"unknown transaction", txn(4), 0, "found transaction row 4"},
		{"negative transaction", txn(-1), 0, "found transaction row -1"},
		{"segment", txn(3), 0, "found a segment"},
		{"TC without TX", txn(1), 0, "found TC without TX"},
		{"TA without TX", txn(2), 0, "found TA without TX"},
		{"field without a type", []byte{0x10}, 0, "expected a field, found byte 0x10"},
		{"type that Thrift has not", []byte{0x2e}, 0, "found type 14"},
		{"no object", append(nest(2, iri(1, "x:s"), iri(1, "x:p")), 0), 19, "expected the object, which is missing"},
		{"no subject", append(nest(2, iri(2, "x:p"), iri(1, "x:o")), 0), 19, "expected the subject, which is missing"},
		{"graph of another type", append(nest(2, spoFields, str(1, "x:g")), 0), 28,
			"expected a struct for the graph, found a string"},
		{"subject twice", append(nest(2, iri(1, "x:s"), raw(0, cStruct, 2), iri(1, "x:s")[1:], iri(1, "x:p"), iri(1,
			"x:o")), 0), 10,
			"expected the subject once, found it twice"},
		{"literal as subject", append(nest(2, nest(1, lit(str(1, "s"))), iri(1, "x:p"), iri(1, "x:o")), 0), 0, "subject"},
		{"literal in a triple term", value(nest(9, nest(1, lit(str(1, "s"))), iri(1, "x:p"), iri(1, "x:o"))), object,
			"subject"},
		{"blank node as predicate", append(nest(2, iri(1, "x:s"), blankNode(1), iri(1, "x:o")), 0), 0, "predicate"},
		{"no term", append(nest(2, nest(1)), 0), 2, "found nothing"},
		{"two terms in one", value(append(nest(1, str(1, "x:o")), nest(1, str(1, "b"))...)), object + 7,
			"expected the end of the term"},
		{"prefixed name", value(nest(4, str(1, "a"), str(1, "b"))), object, "found a prefixed name"},
		{"variable", value(nest(5, str(1, "a"))), object, "found a variable"},
		{"any", value(nest(6)), object, "found ANY"},
		{"undefined", value(nest(7)), object, "found UNDEFINED"},
		{"repeat", value(nest(8)), object, "found REPEAT"},
		{"unknown term", value(nest(13)), object, "found field 13, which is unknown"},
		{"negative field", value(raw(0, cStruct, 1, 0)), object, "found field -1, which is unknown"},
		{"term of another type", value(str(1, "x:o")), object, "expected a struct for the IRI, found a string"},
		{"integer of another type", value(num(10, cI32, 1)), object,
			"expected an integer of 64 bits for the integer, found an integer of 32 bits"},
		{"relative IRI", value(nest(1, str(1, "o"))), object, "expected an absolute IRI"},
		{"IRI not UTF-8", value(nest(1, str(1, "x:\xff"))), object, "UTF-8"},
		{"no label", value(nest(2, str(1, ""))), object, "blank node label"},
		{"bad label", value(nest(2, str(1, "a:b"))), object, "blank node label"},
		{"label with hyphen first", value(nest(2, str(1, "-a"))), object, "blank node label"},
		{"lexical form not UTF-8", value(lit(str(1, "\xff"))), object, "UTF-8"},
		{"relative datatype", value(lit(str(1, "a"), str(2, "d"))), object, "expected an absolute IRI"},
		{"datatype as prefixed name", value(lit(str(1, "a"), nest(3, str(1, "a"), str(1, "b")))), object + 4,
			"found a prefixed name"},
		{"langString without tag", value(lit(str(1, "a"), str(2, rdf.LangString))), object, "without a language tag"},
		{"tag and datatype", value(lit(str(1, "a"), str(1, "en"), str(1, "x:d"))), object, "expected the datatype"},
		{"tag and datatype of a direction", value(lit(str(1, "a"), str(1, "en"), str(1, rdf.DirLangString))), object,
			"expected the datatype"},
		{"long tag", value(lit(str(1, "a"), str(1, "abcdefghi"))), object, "language tag"},
		{"digits in the tag", value(lit(str(1, "a"), str(1, "e1"))), object, "language tag"},
		{"tag with an empty part", value(lit(str(1, "a"), str(1, "en-"))), object, "language tag"},
		{"direction without tag", value(lit(str(1, "a"), str(4, "ltr"))), object, "language tag"},
		{"direction", value(lit(str(1, "a"), str(1, "en"), str(3, "up"))), object, "base direction"},
		{"no scale", value(nest(12, num(1, cI64, 1))), object, "decimal without value or scale"},
		{"value twice", value(nest(12, num(1, cI64, 1), num(0, cI64, 1), num(1, cI32, 1))), object, "twice"},
		{"scale of another type", value(nest(12, num(1, cI64, 1), num(1, cI64, 1))), object + 3, "expected an integer"},
		{"scale too high", value(nest(12, num(1, cI64, 1), num(1, cI32, math.MaxInt32))), object, "over its limit"},
		{"scale too low", value(nest(12, num(1, cI64, 1), num(1, cI32, math.MinInt32))), object, "over its limit"},
		{"integer of more than 64 bits", value(raw(10, cI64, bytes.Repeat([]byte{0xff}, 10)...)), object + 1, "of 64 bits"},
		{"length of more than 32 bits", value(nest(1, raw(1, cString, 0xff, 0xff, 0xff, 0xff, 0x7f))), object + 2,
			"of 32 bits"},
		{"negative length", value(nest(1, raw(1, cString, 0xff, 0xff, 0xff, 0xff, 0x0f))), object + 2, "length 4294967295"},
		{"too deep", value(deep), 0, "nested triple terms"},
		{"unknown fields too deep", append(nest(2, spoFields, raw(9, cList, lists...)), 0), 0, "nested values"},
		{"list of nothing", append(nest(2, spoFields, raw(9, cList, 1<<4)), 0), 29, "type of an element"},
		{"map of what Thrift has not", append(nest(2, spoFields, raw(9, cMap, 1, cString<<4|15)), 0), 30,
			"type of an element, found 15"},
		{"same id and prev", append(head("id", "x:1"), head("PREVIOUS", "x:1")...), 16, "expected id and prev to differ"},
		{"header inside a transaction", append(txn(0), head("id", "x:1")...), 3, "header inside a transaction"},
		{"header name not UTF-8", head("\xff", "x:1"), 0, "UTF-8"},
		{"prefix with colon", append(nest(4, str(2, "a:"), str(1, "x:y")), 0), 0, "without colon"},
		{"relative prefix IRI", append(nest(4, str(2, "a"), str(1, "y")), 0), 0, "absolute IRI"},
		{"literal as the graph of a prefix", append(nest(5, nest(1, lit(str(1, "g"))), str(1, "a")), 0), 0,
			"graph of prefix"},
		{"open transaction at the end", txn(0), 3, "expected TC or TA for the open transaction"},
		{"text", []byte("TX .\n"), 0, "expected a struct for the row"},
	} {
		got, err := binaryText(c.doc, patch.File("f.trp"))
		var fault *patch.BinaryError
		if !errors.As(err, &fault) {
			t.Errorf("%s: %q: error %v, rows %q", c.name, c.doc, err, got)
			continue
		}
		anywhere := strings.Contains(c.name, "too deep")
		if fault.File != "f.trp" || !anywhere && fault.Offset != c.offset || !strings.Contains(fault.Msg, c.message) {
			t.Errorf("%s: %q\n got %v\nwant byte %d: … %s …", c.name, c.doc, err, c.offset, c.message)
		}
	}
}

// The document that ends anywhere inside is an error at its end, and the rows before it have come.
func TestBinaryCutOff(t *testing.T) {
	doc := append(bytes.Join([][]byte{txn(0), value(lit(str(1, strings.Repeat("x", 200)), str(1, "en"))), txn(1)}, nil),
		txn(0)...)
	doc = append(doc, txn(1)...)
	ends := map[int]string{0: "", len(doc) - 6: ""} // outside a transaction
	for n := range len(doc) {
		_, err := binaryText(doc[:n])
		var fault *patch.BinaryError
		if _, good := ends[n]; good {
			if err != nil {
				t.Errorf("%d bytes: %v", n, err)
			}
		} else if !errors.As(err, &fault) || fault.Offset != int64(n) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestBinaryBounds(t *testing.T) {
	row := value(lit(str(1, "a")))
	two := append(bytes.Clone(row), row...)
	nested := value(nest(9, iri(1, "x:s"), iri(1, "x:p"), nest(1, nest(9, iri(1, "x:s"), iri(1, "x:p"), iri(1, "x:o")))))
	long := value(lit(str(1, strings.Repeat("x", 2<<20))))
	for _, c := range []struct {
		name string
		doc  []byte
		opt  patch.Option
		row  int64 // 0: no error
	}{
		{"row that fits", two, patch.MaxRow(len(row)), 0},
		{"row too long", two, patch.MaxRow(len(row) - 1), 1},
		{"long by default", long, patch.MaxRow(0), 0},
		{"row by the bound of a term", long, patch.MaxTerm(1 << 18), 1},
		{"term that fits", row, patch.MaxTerm(5), 0},
		{"term too long", value(lit(str(1, "abcd"))), patch.MaxTerm(5), 1},
		{"term too long in text", value(lit(str(1, "\x01"))), patch.MaxTerm(7), 1},
		{"boundless row", long, patch.MaxRow(math.MaxInt), 0},
		{"depth that fits", nested, patch.MaxDepth(2), 0},
		{"too deep", nested, patch.MaxDepth(1), 1},
		{"document that fits", two, patch.MaxDocument(int64(len(two))), 0},
		{"document too long", two, patch.MaxDocument(int64(len(two) - 1)), 1},
		{"rows that fit", two, patch.MaxRows(2), 0},
		{"too many rows", two, patch.MaxRows(1), 2},
	} {
		var n patch.Counter
		stream := patch.NewBinaryReader(iotest.DataErrReader(bytes.NewReader(c.doc)), c.opt)
		for way, err := range map[string]error{"whole": patch.ParseBinary(c.doc, &n, c.opt), "stream": stream.Run(&n)} {
			var fault *patch.BinaryError
			switch {
			case c.row == 0:
				if err != nil {
					t.Errorf("%s, %s: %v", c.name, way, err)
				}
			case !errors.As(err, &fault) || !errors.Is(err, rdf.ErrLimit) || fault.Row != c.row:
				t.Errorf("%s, %s: %v, expected ErrLimit in row %d", c.name, way, err, c.row)
			}
		}
	}
}

// A length that promises much makes nobody hold more than what has come.
func TestBinaryLengthPromised(t *testing.T) {
	doc := value(nest(1, append(binary.AppendUvarint(raw(1, cString), 1<<30-100), "x:"...)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := patch.NewBinaryReader(bytes.NewReader(doc), patch.MaxRow(1<<30)).Run(&patch.Counter{})
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes were allocated", allocated)
	}
}

// The options of the text reader hold.
func TestBinaryOptions(t *testing.T) {
	row := value(lit(str(1, "a")))
	for _, doc := range [][]byte{row, append(nest(4, str(2, "a"), str(1, "x:y")), 0), append(nest(5, str(2, "a")), 0)} {
		if _, err := binaryText(doc, patch.RequireTransactions()); err == nil || !strings.Contains(err.Error(),
			"outside a transaction") {
			t.Errorf("%q: %v", doc, err)
		}
	}
	if _, err := binaryText(append(txn(0), txn(1)...), patch.RequireID()); err == nil || !strings.Contains(err.Error(),
		"header id") {
		t.Errorf("without id: %v", err)
	}
	got, err := binaryText(value(nest(9, nest(1, nest(2, str(1, "a"))), iri(1, "x:p"), nest(1, nest(2, str(1, "b"))))),
		patch.BlankPrefix("m7-"))
	if want := "A <x:s> <x:p> <<( _:m7-a <x:p> _:m7-b )>> .\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := binaryText(nil, patch.BlankPrefix("a:b")); !errors.Is(err, rdf.ErrInvalid) {
		t.Errorf("prefix that can't be written: %v", err)
	}
}

// An error of the source or of the Change comes back as it is.
func TestBinaryForeignErrors(t *testing.T) {
	broken := errors.New("broken")
	for cut := range 4 {
		source := io.MultiReader(bytes.NewReader(append(txn(0), txn(1)[:cut]...)), iotest.ErrReader(broken))
		var n patch.Counter
		if err := patch.NewBinaryReader(source).Run(&n); err != broken || n.Begins != 1 {
			t.Errorf("source: %v after %+v", err, n)
		}
	}
	for _, doc := range [][]byte{txn(0), head("id", "x:1"), value(lit(str(1, "a"))), append(nest(4, str(2, "a"), str(1,
		"x:y")), 0),
		append(nest(5, str(2, "a")), 0)} {
		if err := patch.ParseBinary(doc, failing{broken}); err != broken {
			t.Errorf("change: %v", err)
		}
	}
	if err := patch.NewBinaryReader(empty{}).Run(&patch.Counter{}); err != io.ErrNoProgress {
		t.Errorf("source that gives nothing: %v", err)
	}
}

// empty is a source that never gives anything.
type empty struct{}

func (empty) Read([]byte) (int, error) { return 0, nil }

// A live stream is followed: a row is handed over with its last byte, though the source has not ended.
func TestBinaryRowsComeAtOnce(t *testing.T) {
	r, w := io.Pipe()
	got := make(chan rdf.Quad)
	done := make(chan error, 1)
	go func() { done <- patch.NewBinaryReader(r).Run(follower{got}) }()
	for _, object := range []string{"a", "b"} {
		if _, err := w.Write(value(lit(str(1, object)))); err != nil {
			t.Fatal(err)
		}
		if q := <-got; q.O.Value() != object {
			t.Errorf("got %v, expected object %s", q, object)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// What is written reads the same, in whatever pieces it comes, and is the same as text.
func TestBinaryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := patches.Draw(t, "rows")
		doc := toBinary(t, rows)
		var whole, cut recorder
		if err := patch.ParseBinary(doc, &whole); err != nil || !reflect.DeepEqual(whole.rows, rows) {
			t.Fatalf("%q: %v\n got %v\nwant %v", doc, err, whole.rows, rows)
		}
		source := &readertest.Pieces{Text: bytes.Clone(doc), Cuts: rapid.SliceOf(rapid.Byte()).Draw(t, "cuts")}
		if err := patch.NewBinaryReader(source).Run(&cut); err != nil || !reflect.DeepEqual(cut.rows, rows) {
			t.Fatalf("in pieces: error %v\n got %v\nwant %v", err, cut.rows, rows)
		}
	})
}

// Rows that are longer than a read buffer, and rows that lie across two, come whole.
func TestBinaryLongRows(t *testing.T) {
	var rows []row
	for i := range 300 {
		text := strings.Repeat(string(rune('a'+i%26)), 1+i*i*5%(300<<10))
		rows = append(rows, row{code: "A", quad: rdf.Quad{S: rdf.Trusted("<x:" + text[:min(len(text), 1000)] + ">"),
			P: node,
			O: rdf.Trusted(`"` + text + `"`)}})
	}
	doc := toBinary(t, rows)
	for _, size := range []int{1 << 10, 60_000, 1 << 20} {
		var got recorder
		if err := patch.NewBinaryReader(&sized{bytes.NewReader(doc), size}).Run(&got); err != nil ||
			!reflect.DeepEqual(got.rows, rows) {
			t.Errorf("reads of %d bytes: %v, %d rows", size, err, len(got.rows))
		}
	}
}

// sized gives at most so many bytes a read.
type sized struct {
	io.Reader
	size int
}

func (s *sized) Read(b []byte) (int, error) { return s.Reader.Read(b[:min(len(b), s.size)]) }

// No memory is allocated per row.
func TestBinaryAllocations(t *testing.T) {
	doc := toBinary(t, read(t, document(6000)))
	allocations := testing.AllocsPerRun(5, func() {
		var n patch.Counter
		if err := patch.NewBinaryReader(bytes.NewReader(doc)).Run(&n); err != nil || n.Adds+n.Deletes != 6000 {
			t.Error(n, err)
		}
	})
	if allocations > 50 {
		t.Errorf("%v allocations for 6000 rows", allocations)
	}
}
