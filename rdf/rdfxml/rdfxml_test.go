package rdfxml_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/internal/readertest"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdf/rdfxml"
)

// head begins documents of the tests.
const head = `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="e:">`

// in puts elements into a document.
func in(elements string) string { return head + elements + "</rdf:RDF>" }

// lines reads a document, as N-Quads.
func lines(doc string, opts ...rdfxml.Option) (text string, err error) {
	quads, err := readertest.Collect(rdfxml.NewBytes([]byte(doc), opts...))
	for _, q := range quads {
		text += q.String() + "\n"
	}
	return strings.ReplaceAll(text, "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "rdf:"), err
}

// TestReads compares what documents say, beside the suites.
func TestReads(t *testing.T) {
	for _, test := range []struct{ name, doc, want string }{
		{"empty", in(""), ""},
		{"lone node", `<e:C xmlns:e="e:" xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="x:s"/>`, "<x:s> <rdf:type> <e:C> .\n"},
		{"text in pieces", in(`<e:C><e:p>a &amp; b<!-- no --><![CDATA[<c>]]]]><?no no?>&#xE9;&#10;` + "\r\nd\re</e:p></e:C>"),
			"_:anon0 <rdf:type> <e:C> .\n_:anon0 <e:p> \"a & b<c>]]é\\n\\nd\\ne\" .\n"},
		{"white space is text", in(`<rdf:Description rdf:about="x:s"><e:p> <!-- --> </e:p></rdf:Description>`), "<x:s> <e:p> \"  \" .\n"},
		{"attribute values", in(`<rdf:Description rdf:about="x:s" e:p='"&#9;` + "\t\r\n" + `x"'/>`), "<x:s> <e:p> \"\\\"\\t  x\\\"\" .\n"},
		{"white space beside rdf:resource", in(`<rdf:Description rdf:about="x:s"><e:p rdf:resource="x:o"> <!-- --> </e:p></rdf:Description>`),
			"<x:s> <e:p> <x:o> .\n"},
		{"labels", in(`<rdf:Description rdf:nodeID="a."/><e:C rdf:nodeID="anon0"/><e:C/><e:C rdf:nodeID="anon1"/><e:C rdf:nodeID="b.-"/>`),
			"_:anon0 <rdf:type> <e:C> .\n_:anon1 <rdf:type> <e:C> .\n_:anon1_ <rdf:type> <e:C> .\n_:b.-- <rdf:type> <e:C> .\n"},
		{"collection", in(`<rdf:Description rdf:about="x:s"><e:p rdf:parseType="Collection"><e:C rdf:about="x:a"/><rdf:Description rdf:about="x:b">` +
			`<e:q>1</e:q></rdf:Description></e:p></rdf:Description>`),
			"<x:s> <e:p> _:anon0 .\n_:anon0 <rdf:first> <x:a> .\n<x:a> <rdf:type> <e:C> .\n_:anon0 <rdf:rest> _:anon1 .\n" +
				"_:anon1 <rdf:first> <x:b> .\n<x:b> <e:q> \"1\" .\n_:anon1 <rdf:rest> <rdf:nil> .\n"},
		{"language", in(`<rdf:Description rdf:about="x:s" xml:lang="en-GB" e:p="a"><e:p>b</e:p><e:p xml:lang="">c</e:p>` +
			`<e:p rdf:datatype="http://www.w3.org/2001/XMLSchema#string">d</e:p></rdf:Description>`),
			"<x:s> <e:p> \"a\"@en-gb .\n<x:s> <e:p> \"b\"@en-gb .\n<x:s> <e:p> \"c\" .\n<x:s> <e:p> \"d\" .\n"},
		{"direction needs a version", in(`<rdf:Description rdf:about="x:s" xml:lang="ar" xmlns:its="http://www.w3.org/2005/11/its" its:dir="rtl">` +
			`<e:p rdf:version="1.2">a</e:p><e:p rdf:version="1.2" its:dir="rtl">b</e:p><e:p rdf:version="1.2" its:dir="rtl" xml:lang="">c</e:p>` +
			`</rdf:Description>`), "<x:s> <e:p> \"a\"@ar .\n<x:s> <e:p> \"b\"@ar--rtl .\n<x:s> <e:p> \"c\" .\n"},
		{"bases", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="e:" xml:base="http://h/a/b#f"><e:C rdf:ID="i"/>` +
			`<e:C rdf:about="" xml:base="c/d"><e:p rdf:resource="../e" xml:base="//k/l/m/n"/><e:p rdf:resource="z"/></e:C><e:C rdf:about="y"/></rdf:RDF>`,
			"<http://h/a/b#i> <rdf:type> <e:C> .\n<http://h/a/c/d> <rdf:type> <e:C> .\n<http://h/a/c/d> <e:p> <http://k/l/e> .\n" +
				"<http://h/a/c/d> <e:p> <http://h/a/c/z> .\n<http://h/a/y> <rdf:type> <e:C> .\n"},
		{"one ID, two bases", `<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="e:" xml:base="x://a/"><e:C rdf:ID="i"/>` +
			`<e:C rdf:ID="i" xml:base="x://b/"/></rdf:RDF>`, "<x://a/#i> <rdf:type> <e:C> .\n<x://b/#i> <rdf:type> <e:C> .\n"},
		{"entities", `<!DOCTYPE rdf:RDF [ <!-- ]> --> <?pi ]> ?> <!ELEMENT a ANY> <!ATTLIST a b CDATA #IMPLIED>
			<!ENTITY e "e:"> <!ENTITY f '&e;f&#x26;amp;'> <!ENTITY e "again"> <!ENTITY out SYSTEM "file:///etc/passwd"> <!ENTITY % pe "none"> ]>` +
			in(`<rdf:Description rdf:about="&e;s" e:p="&f;"><e:p>&f;</e:p></rdf:Description>`),
			"<e:s> <e:p> \"e:f&\" .\n<e:s> <e:p> \"e:f&\" .\n"},
		{"a DTD elsewhere", `<!DOCTYPE rdf:RDF PUBLIC "-//X//DTD" "http://x.example/x.dtd">` + in(""), ""},
		{"XML declaration", "\uFEFF<?xml version='1.0' encoding=\"utf-8\" standalone='yes' ?>\n<?pi?><!-- c -->" + in("") + "\n<!-- c -->\n", ""},
		{"literal of XML", in(`<rdf:Description rdf:about="x:s"><e:p rdf:parseType="Literal" xmlns="d:"> <b e:z="1" a='&lt;"&#10;' xmlns:n="n:" n:y="2" xml:lang="de">&lt;` +
			`&gt;<![CDATA[&]]><c xmlns=""><!-- c --><?p  q ?></c><e:i/></b>&#13;</e:p></rdf:Description>`),
			`<x:s> <e:p> " <b xmlns=\"d:\" xmlns:e=\"e:\" xmlns:n=\"n:\" a=\"&lt;&quot;&#xA;\" e:z=\"1\" xml:lang=\"de\" n:y=\"2\">&lt;&gt;&amp;` +
				`<c xmlns=\"\"><!-- c --><?p q ?></c><e:i></e:i></b>&#xD;"^^<rdf:XMLLiteral> .` + "\n"},
		{"unknown parseType", in(`<rdf:Description rdf:about="x:s"><e:p rdf:parseType="daml:collection"><a/></e:p></rdf:Description>`),
			"<x:s> <e:p> \"<a></a>\"^^<rdf:XMLLiteral> .\n"},
		{"nested triple terms", in(`<rdf:Description rdf:about="x:s" rdf:version="1.2"><e:p rdf:parseType="Triple"><rdf:Description rdf:about="x:t" e:q="v"/></e:p>` +
			`<e:p>w</e:p></rdf:Description>`), "<x:s> <e:p> <<( <x:t> <e:q> \"v\" )>> .\n<x:s> <e:p> \"w\" .\n"},
		{"annotated and reified", in(`<rdf:Description rdf:about="x:s"><e:p rdf:annotationNodeID="r" rdf:resource="x:o" e:q="v"/></rdf:Description>`),
			"<x:s> <e:p> <x:o> .\n_:r <rdf:reifies> <<( <x:s> <e:p> <x:o> )>> .\n<x:o> <e:q> \"v\" .\n"},
		{"members", in(`<rdf:Bag rdf:about="x:s"><rdf:li>a</rdf:li><rdf:_7>b</rdf:_7><rdf:li rdf:parseType="Resource"><rdf:li>c</rdf:li></rdf:li></rdf:Bag>`),
			"<x:s> <rdf:type> <rdf:Bag> .\n<x:s> <rdf:_1> \"a\" .\n<x:s> <rdf:_7> \"b\" .\n<x:s> <rdf:_2> _:anon0 .\n_:anon0 <rdf:_1> \"c\" .\n"},
	} {
		got, err := lines(test.doc)
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", test.name, err, diff)
		}
	}
}

// TestRefuses: each error says the place and what was expected.
func TestRefuses(t *testing.T) {
	description := func(inner string) string {
		return in("\n<rdf:Description rdf:about='x:s'>" + inner + "</rdf:Description>")
	}
	for _, test := range []struct{ doc, want string }{
		{"", `1:1: expected an element, found end of input`},
		{"text", `1:1: expected an element`},
		{in("") + in(""), `1:89: expected the end of the document behind its root element`},
		{in("") + "x", `1:89: expected the end of the document`},
		{head, `expected </rdf:RDF>, which ends the element, found end of input`},
		{in("<e:C></e:D>"), `1:84: expected </e:C>, which ends the element, found </e:D>`},
		{in("<f:C/>"), `1:80: expected a prefix that is declared, found "f"`},
		{in("<C/>"), `1:80: expected a name in a namespace, found "C"`},
		{in("<e:C rdf:about='a'/>"), `1:84: expected an absolute IRI in rdf:about, since the document has no base (xml:base), found "a"`},
		{in("<e:C rdf:ID='a'/>"), `since the document has no base`},
		{in("<e:C rdf:about='a:b c'/>"), `' ' can't stand in an IRI; percent-encode it`},
		{in("<e:C a='1'/>"), `1:84: expected an attribute in a namespace, found "a"`},
		{in("<e:C e:a='1' e:a='2'/>"), `1:92: expected each attribute once, found "a" again`},
		{in("<e:C e:a='1' xmlns:d='e:' d:a='2'/>"), `expected each attribute once, found "a" again`},
		{in("<e:C xmlns:d='d:' xmlns:d='e:'/>"), `expected each prefix to be declared once in a tag, found "d" again`},
		{in("<e:C xmlns:xmlns='d:'/>"), `which XML has for itself`},
		{in("<e:C xmlns:d=''/>"), `expected the IRI of a namespace for the prefix "d"`},
		{in("<e:C rdf:about='x:s' about='x:s'/>"), `expected rdf:about once, found it with and without a prefix`},
		{in("<e:C rdf:bagID='b'/>"), `found rdf:bagID, which was withdrawn in 2004`},
		{in("<e:C>t</e:C>"), `1:84: expected property elements in a node element, found text`},
		{in(" t"), `1:80: expected node elements in rdf:RDF, found text`},
		{in("<e:C rdf:resource='x:o'/>"), `expected no rdf:resource at a node element`},
		{description("<e:p>t<e:C/></e:p>"), `2:40: expected either text or one node element in a property element`},
		{description("<e:p><e:C/>t</e:p>"), `2:45: expected either text or one node element in a property element, found text`},
		{description("<e:p><e:C/><e:C/></e:p>"), `rdf:parseType="Collection"`},
		{description("<e:p rdf:resource='x:o'>t</e:p>"), `expected nothing in a property element whose attributes say its value, found text`},
		{description("<e:p rdf:resource='x:o'><e:C/></e:p>"), `whose attributes say its value, found an element`},
		{description("<e:p rdf:datatype='x:d'><e:C/></e:p>"), `expected either text or one node element`},
		{description("<e:p rdf:datatype='http://www.w3.org/1999/02/22-rdf-syntax-ns#langString'>x</e:p>"), `which needs xml:lang instead`},
		{description("<e:p rdf:datatype='x:d' rdf:resource='x:o'/>"), `expected no rdf:datatype where the value is a resource`},
		{description("<e:p xml:lang='en_US'>x</e:p>"), `expected a language tag in xml:lang`},
		{description("<e:p rdf:annotation='x:a' rdf:annotationNodeID='b'>x</e:p>"), `expected rdf:annotation or rdf:annotationNodeID, found both`},
		{description("<e:p rdf:version='1.2' xmlns:its='http://www.w3.org/2005/11/its' its:dir='up'>x</e:p>"), `expected "ltr", "rtl" or nothing in its:dir, found "up"`},
		{description("<e:p rdf:version='1.2' rdf:parseType='Triple'><e:C rdf:about='x:a'/><e:C rdf:about='x:b'/></e:p>"), `expected one node element where`},
		{in("<e:C e:a='&nbsp;'/>"), `expected a reference to an entity that is declared in the document, found &nbsp;`},
		{in("<e:C e:a='a & b'/>"), `write &amp; for the character itself`},
		{in("<e:C e:a='<'/>"), `expected &lt; in the value of an attribute`},
		{in("<e:C e:a=1/>"), `expected the value of the attribute in quotes, found "1"`},
		{in("<e:C e:a/>"), `expected "=" behind the name of the attribute`},
		{in("<e:C e:a='1'e:b='2'/>"), `expected a space, "/" or ">" in the tag`},
		{in("<e:C / >"), `expected ">" behind "/"`},
		{in("<:C/>"), `expected a name, found ":"`},
		{in("<e:C:D/>"), `expected the end of the name, found ":"`},
		{in("]]>"), `1:79: expected "]]&gt;" in text, found "]]>"`},
		{in("<!-- a -- b -->"), `">" behind "--", which can't stand in a comment`},
		{in("<?xml version='1.0'?>"), `expected the XML declaration at the very beginning of the document`},
		{in("<!DOCTYPE a>"), `expected one document type declaration at most, before the root element`},
		{in("<!x"), `expected <!--, <![CDATA[ or <!DOCTYPE`},
		{"<![CDATA[x]]>", `expected no CDATA section outside of the root element`},
		{head + "<e:C><e:p><![CDATA[x", `expected the end of the CDATA section, found end of input`},
		{in("&#1;"), `expected the number of a character that XML has`},
		{in("&#xD800;"), `expected the number of a character that XML has`},
		{in("\x01"), `1:79: expected a character that XML has, found "\x01"`},
		{in("\uFFFF"), `expected a character that XML has`},
		{in("\xff"), `expected text in UTF-8, found byte 0xFF`},
		{"<?xml version='2.0'?>" + in(""), `1:1: expected version 1.0 in the XML declaration, found "2.0"`},
		{"<?xml encoding='UTF-8' version='1.0'?>" + in(""), `expected version, encoding and standalone in this order`},
		{"<?xml version='1.0' encoding='EUC-JP'?>" + in(""), `iconv -f EUC-JP -t UTF-8`},
		{"<?xml version='1.0' encoding='UTF-16'?>" + in(""), `found "UTF-16", which it has not`},
		{"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" + in("&e;"), `found &e;, which is elsewhere; what is outside of the document is not read`},
		{"<!DOCTYPE a [<!ENTITY % e 'x'> %e;]>" + in(""), `1:32: expected no parameter entity, which is not read here,`},
		{"<!DOCTYPE a [<!ATTLIST a b CDATA 'x'>]>" + in(""), `expected no default of an attribute`},
		{"<!DOCTYPE a [<!ENTITY e '100%'>]>" + in(""), `"&#37;" for "%"`},
		{"<!DOCTYPE a [<!ENTITY e '&f;'><!ENTITY f '&e;'>]>" + in("&e;"), `and not themselves`},
		{"<!DOCTYPE a [<!ENTITY e '<b/>'>]>" + in("&e;"), `found one with a tag in it`},
		{"<!DOCTYPE a [", `expected the end of the document type declaration, found end of input`},
		{"\xff\xfe\x00\x00", `found UTF-32`},
		{in("<rdf:li/>"), `expected a node element, such as rdf:Description, found rdf:li`},
		{in("<e:C rdf:li='x'/>"), `expected an attribute that RDF/XML has, found rdf:li`},
		{in("<e:C rdf:about='x:s' rdf:nodeID='b'/>"), `expected rdf:nodeID or rdf:about, found both`},
		{in("<e:C rdf:nodeID='a:b'/>"), `expected a name without a colon in rdf:nodeID, such as b1, found "a:b"`},
		{in("<e:C rdf:type='a'/>"), `expected an absolute IRI in rdf:type`},
		{in("<e:C xml:base='a'/>"), `expected an absolute IRI in xml:base`},
		{in("<e:C xml:base='x:a'><e:p rdf:resource='/..//b'/></e:C>"), `whose path would begin with two slashes`},
		{in("<e:C xml:base='x:/a'><e:p rdf:ID='1'/></e:C>"), `expected a name without a colon in rdf:ID, such as pump1, found "1"`},
		{in("<e:C xml:base='x:/a' rdf:ID='a'><e:p rdf:ID='a'/></e:C>"), `expected each rdf:ID once, found "a" again`},
		{in("<f:C xmlns:f='rel/'/>"), `expected an absolute IRI, which begins with a scheme`},
		{`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" rdf:ID="a"/>`, `1:66: expected no rdf:ID at rdf:RDF`},
		{description("<rdf:Description/>"), `expected a property element, found rdf:Description; a node element stands in a property element`},
		{description("<e:p rdf:about='x:s'/>"), `expected no rdf:about at a property element`},
		{description("<e:p rdf:parseType='Resource' rdf:nodeID='a'/>"), `expected no rdf:nodeID where rdf:parseType is`},
		{description("<e:p rdf:parseType='Literal' e:q='a'/>"), `expected no e:q where rdf:parseType is`},
		{description("<e:p rdf:parseType='Resource'>t</e:p>"), `expected property elements in a node element, found text`},
		{description("<e:p rdf:parseType='Collection'>t</e:p>"), `expected node elements where rdf:parseType="Collection" is, found text`},
		{description("<e:p rdf:version='1.2' rdf:parseType='Triple'>t</e:p>"), `expected one node element where rdf:parseType="Triple" is, found text`},
		{description("<e:p rdf:version='1.2' rdf:parseType='Triple'></e:p>"), `expected one statement where rdf:parseType="Triple" is, found none`},
		{description("<e:p rdf:version='1.2' rdf:parseType='Triple'><e:C e:p='a'/></e:p>"), `is, found another one`},
		{description("<e:p rdf:resource='x:o' rdf:nodeID='b'/>"), `expected rdf:resource or rdf:nodeID, found both`},
		{"<!DOCTYPE>" + in(""), `expected a space in the document type declaration, found ">"`},
		{"<!DOCTYPE a SYSTEM 'x' y>" + in(""), `expected ">" in the document type declaration, found "y"`},
		{"<!DOCTYPE a PUBLIC 'x'>" + in(""), `expected a space in the document type declaration, found ">"`},
		{"<!DOCTYPE a SYSTEM x>" + in(""), `expected a text in quotes in the document type declaration, found "x"`},
		{"<!DOCTYPE a [<!ENTITY 1>]>" + in(""), `in the document type declaration`},
		{"<!DOCTYPE a [<!ENTITY e 'x' y>]>" + in(""), `expected ">" in the document type declaration, found "y"`},
		{"<!DOCTYPE a [<!ENTITY e '&#0;'>]>" + in(""), `expected the number of a character that XML has`},
		{"<!DOCTYPE a [<!ENTITY e '&'>]>" + in("&e;"), `expected a reference, such as &amp;`},
		{"<!DOCTYPE a [<!X>]>" + in(""), `expected a declaration in the document type declaration, found "<"`},
		{"<!DOCTYPE a [<!ELEMENT a <b>>]>" + in(""), `expected ">" in the document type declaration, found "<"`},
		{"<!DOCTYPE a>\n<!DOCTYPE a>" + in(""), `2:1: expected one document type declaration at most`},
		{"<?xml version='1.0' x='y'?>" + in(""), `expected version, encoding and standalone in this order`},
		{"<?xml version?>" + in(""), `expected an XML declaration such as <?xml version="1.0" encoding="UTF-8"?>`},
		{in("<?1?>"), `expected the name of the processing instruction, and a space behind it`},
		{in("<!-- \x02 -->"), `expected a character that XML has, found "\x02"`},
		{in("<?p \xff?>"), `expected text in UTF-8, found byte 0xFF`},
		{in("<!--"), `expected the end of a comment, found end of input`},
		{in("&#xZ;"), `expected the number of a character that XML has`},
		{in("&amp"), `expected a reference, such as &amp;`},
		{in("<e:C e:p='"), `expected the end of a tag, found end of input`},
		{"</a>", `expected no end of an element, for none is open`},
	} {
		_, err := lines(test.doc)
		syntax, ok := errors.AsType[*rdfxml.SyntaxError](err)
		if !ok {
			t.Errorf("%s: %v", test.doc, err)
			continue
		}
		if text := fmt.Sprintf("%d:%d: %s", syntax.Line, syntax.Col, syntax.Msg); !strings.Contains(text, test.want) {
			t.Errorf("%s\n got %s\nwant %s", test.doc, text, test.want)
		}
	}
}

// TestEncodings reads the same document in each.
func TestEncodings(t *testing.T) {
	const want = "<x:s> <e:p> \"é€𝄞\\n\" .\n"
	doc := func(encoding, text string) string {
		return "<?xml version='1.0' encoding='" + encoding + "'?>" + in("<rdf:Description rdf:about='x:s'><e:p>"+text+"\r\n</e:p></rdf:Description>")
	}
	for name, document := range map[string]string{
		"UTF-8":                  "\uFEFF" + doc("UTF-8", "é€𝄞"),
		"US-ASCII":               doc("us-ascii", "&#233;&#x20AC;&#x1D11E;"),
		"ISO-8859-1":             doc("ISO-8859-1", "\xe9&#x20AC;&#x1D11E;"),
		"windows-1252":           doc("windows-1252", "\xe9\x80&#x1D11E;"),
		"UTF-16, mark":           utf16(doc("UTF-16", "é€𝄞"), true, true),
		"UTF-16, little, mark":   utf16(doc("utf-16", "é€𝄞"), false, true),
		"UTF-16, no mark":        utf16(doc("UTF-16BE", "é€𝄞"), true, false),
		"UTF-16, little":         utf16(doc("UTF-16LE", "é€𝄞"), false, false),
		"UTF-16, nothing said":   utf16(in("<rdf:Description rdf:about='x:s'><e:p>é€𝄞\r\n</e:p></rdf:Description>"), true, true),
		"UTF-8, nothing is said": in("<rdf:Description rdf:about='x:s'><e:p>é€𝄞\n</e:p></rdf:Description>"),
	} {
		if got, err := lines(document); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		for _, r := range []io.Reader{iotest.OneByteReader(strings.NewReader(document)), iotest.DataErrReader(strings.NewReader(document))} {
			quads, err := readertest.Collect(rdfxml.NewReader(r))
			if err != nil || len(quads) != 1 || quads[0].String()+"\n" != want {
				t.Errorf("%s, in pieces: %v, %v", name, quads, err)
			}
		}
	}
	for name, document := range map[string]string{
		"half a unit":     utf16(doc("UTF-16", "a"), true, true) + "\x00",
		"half a pair":     utf16(in(""), true, true)[:40] + "\xd8\x00\x00a",
		"no such in 1252": doc("windows-1252", "\x81"),
	} {
		if got, err := lines(document); err == nil {
			t.Errorf("%s: read as %q", name, got)
		}
	}
}

func utf16(text string, big, mark bool) string {
	var b []byte
	unit := func(u uint16) {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	if mark {
		unit(0xFEFF)
	}
	for _, r := range text {
		if r >= 0x10000 {
			unit(uint16(0xD800 + (r-0x10000)>>10))
			r = 0xDC00 + (r-0x10000)&0x3FF
		}
		unit(uint16(r))
	}
	return string(b)
}

// TestBounds: what is over one is an error that can be tested for; what is at it is read.
func TestBounds(t *testing.T) {
	deep := strings.Repeat("<e:C><e:p>", 50) + strings.Repeat("</e:p></e:C>", 50)
	triple := `<e:p rdf:parseType="Triple"><rdf:Description rdf:about="x:s">`
	triples := `<rdf:Description rdf:about="x:s" rdf:version="1.2">` + strings.Repeat(triple, 3) + `<e:p/>` +
		strings.Repeat("</rdf:Description></e:p>", 3) + "</rdf:Description>"
	many := ""
	for i := range 20 {
		many += fmt.Sprintf(" e:a%d='1'", i)
	}
	namespaces := strings.ReplaceAll(many, " e:", " xmlns:")
	laughs := `<!DOCTYPE a [<!ENTITY a0 "` + strings.Repeat("ha", 50) + `">`
	for i := range 12 {
		laughs += fmt.Sprintf(`<!ENTITY a%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&a%d;", i), 10))
	}
	long := in("<e:C><e:p>" + strings.Repeat("a", 100) + "</e:p></e:C>")
	for _, test := range []struct {
		name, doc string
		opt       func(int) rdfxml.Option
		most      int // that is read
		err       error
	}{
		{"depth", in(deep), rdfxml.MaxDepth, 101, rdf.ErrDepthLimit},
		{"triple terms", in(triples), rdfxml.MaxDepth, 9, rdf.ErrDepthLimit},
		{"a literal", long, rdfxml.MaxTerm, 102, rdf.ErrTermLimit},
		{"a tag", in("<e:C" + strings.Repeat(" ", 1000) + "/>"), rdfxml.MaxTerm, 236, rdf.ErrTermLimit},
		{"a tag by itself", in("<e:C" + strings.Repeat(" ", 1000) + "/>"), rdfxml.MaxTag, 1006, rdf.ErrTermLimit},
		{"a comment", in("<!--" + strings.Repeat("-a", 500) + "-->"), rdfxml.MaxTerm, 236, rdf.ErrTermLimit},
		{"an IRI", in("<e:C rdf:about='x:" + strings.Repeat("a", 60) + "'/>"), rdfxml.MaxTerm, 64, rdf.ErrTermLimit},
		{"XML", in("<e:C><e:p rdf:parseType='Literal'><a><b/><c/></a></e:p></e:C>"), rdfxml.MaxTerm, 80, rdf.ErrTermLimit},
		{"attributes", in("<e:C" + many + "/>"), rdfxml.MaxAttributes, 20, rdf.ErrLimit},
		{"attributes that are namespaces", in("<e:C" + namespaces + "/>"), rdfxml.MaxAttributes, 20, rdf.ErrLimit},
		{"namespaces", in("<e:C" + namespaces + "/>"), rdfxml.MaxPrefixes, 1527, rdf.ErrLimit},
		{"the DTD", "<!DOCTYPE a [<!ENTITY a '" + strings.Repeat("a", 1000) + "'>]>" + in(""), rdfxml.MaxDTD, 1029, rdf.ErrLimit},
		{"the document", long, func(n int) rdfxml.Option { return rdfxml.MaxDocument(int64(n)) }, len(long), rdf.ErrLimit},
	} {
		for _, read := range []func(int) error{
			func(n int) error { _, err := lines(test.doc, test.opt(n)); return err },
			func(n int) error {
				_, err := readertest.Collect(rdfxml.NewReader(iotest.HalfReader(strings.NewReader(test.doc)), test.opt(n)))
				return err
			},
		} {
			if err := read(test.most); err != nil {
				t.Errorf("%s, %d: %v", test.name, test.most, err)
			}
			err := read(test.most - 1)
			if _, ok := errors.AsType[*rdfxml.SyntaxError](err); !errors.Is(err, test.err) || !ok {
				t.Errorf("%s, %d: %v", test.name, test.most-1, err)
			}
		}
	}
	for name, doc := range map[string]string{
		"ten times ten":    laughs + "]>" + in("&a12;"),
		"one many times":   laughs + "]>" + in("<rdf:Description rdf:about='x:s'>"+strings.Repeat("<e:p>&a3;</e:p>", 1000)+"</rdf:Description>"),
		"in an attribute":  laughs + "]>" + in("<e:C e:p='"+strings.Repeat("&a3;", 1000)+"'/>"),
		"one of them more": laughs + "]>" + in("<e:C e:p='&a5;'/>"),
	} {
		if _, err := lines(doc); !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTooLongLiteral: one that is over the bound ends where it gets over it, however it comes.
func TestTooLongLiteral(t *testing.T) {
	for _, test := range []struct {
		open, text string
		col        int
	}{
		{"<e:p>", "\n" + strings.Repeat("é", 100), 25},
		{"<e:p>", "\n" + strings.Repeat("é", 24) + "<![CDATA[é]]>", 34},
		{"<e:p rdf:parseType='Literal'>", "\n" + strings.Repeat("é", 20) + strings.Repeat("&amp;", 2), 26},
		{"<e:p rdf:parseType='Literal'>", "\n" + strings.Repeat(">", 20), 13},
	} {
		doc := in("<e:C>" + test.open + test.text + "</e:p></e:C>")
		for _, r := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc))} {
			_, err := readertest.Collect(rdfxml.NewReader(r, rdfxml.MaxTerm(50), rdfxml.MaxTag(1000)))
			syntax, ok := errors.AsType[*rdfxml.SyntaxError](err)
			if !ok || !errors.Is(err, rdf.ErrTermLimit) || syntax.Line != 2 || syntax.Col != test.col {
				t.Errorf("%s: %v", doc, err)
			}
		}
	}
}

// TestHeldTermsAreBounded: those of the elements that are open have four times the bound of one together.
func TestHeldTermsAreBounded(t *testing.T) {
	nested := func(n int) string {
		about := " rdf:about='x:" + strings.Repeat("a", 90) + "'"
		return in(strings.Repeat("<rdf:Description"+about+"><e:p>", n) + strings.Repeat("</e:p></rdf:Description>", n))
	}
	for n, ok := range map[int]bool{2: true, 3: false} {
		if _, err := lines(nested(n), rdfxml.MaxTerm(100)); (err == nil) != ok || err != nil && !errors.Is(err, rdf.ErrLimit) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// TestIDsAreRememberedWithinABound: the first ones of a document are compared with all others.
func TestIDsAreRememberedWithinABound(t *testing.T) {
	doc := func(ids ...string) string {
		var elements string
		for _, id := range ids {
			elements += "<e:C rdf:ID='" + id + "'/>"
		}
		return in(elements)
	}
	for _, test := range []struct {
		ids []string
		ok  bool
	}{{[]string{"a", "b", "c", "a"}, false}, {[]string{"a", "b", "c", "b"}, false}, {[]string{"a", "b", "c", "c"}, true}} {
		if _, err := lines(doc(test.ids...), rdfxml.Base("x:b"), rdfxml.MaxIDs(2)); (err == nil) != test.ok {
			t.Errorf("%v: %v", test.ids, err)
		}
	}
}

// TestOptions reads with those that are no bounds.
func TestOptions(t *testing.T) {
	doc := in(`<e:C rdf:about="s" xml:lang="de-AT" e:p="o"/><e:C/><e:C rdf:nodeID="b"/>`)
	got, err := lines(doc, rdfxml.Base("http://h/d"), rdfxml.BlankPrefix("d-"), rdfxml.LanguageCase())
	want := "<http://h/s> <rdf:type> <e:C> .\n<http://h/s> <e:p> \"o\"@de-AT .\n_:d-anon0 <rdf:type> <e:C> .\n_:d-b <rdf:type> <e:C> .\n"
	if err != nil || got != want {
		t.Errorf("%s%v", got, err)
	}
	for _, opt := range []rdfxml.Option{rdfxml.Base("relative"), rdfxml.BlankPrefix("- ")} {
		if _, err := lines(doc, opt); !errors.Is(err, rdf.ErrInvalid) {
			t.Errorf("%v", err)
		}
	}
	if _, err := lines(doc, rdfxml.File("f.rdf")); err == nil || !strings.HasPrefix(err.Error(), "f.rdf:1:84: ") {
		t.Errorf("%v", err)
	}
}

// TestSourceFails: the reader's error comes as it is, behind what was read before it.
func TestSourceFails(t *testing.T) {
	broken := errors.New("broken")
	doc := in(`<e:C rdf:about="x:s"/><e:C rdf:about="x:t"><e:p>a&amp;é]]<![CDATA[x]]></e:p><!-- c --><?p q?></e:C>`)
	complete, _ := readertest.Collect(rdfxml.NewBytes([]byte(doc)))
	for n := range len(doc) {
		got, err := readertest.Collect(rdfxml.NewReader(io.MultiReader(strings.NewReader(doc[:n]), iotest.ErrReader(broken))))
		if !errors.Is(err, broken) || len(got) > len(complete) {
			t.Fatalf("%d bytes: %v, %v", n, got, err)
		}
	}
	if err := rdfxml.Parse([]byte(doc), func(rdf.Quad) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

func TestPrefixes(t *testing.T) {
	rd := rdfxml.NewReader(strings.NewReader(`<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="d:" xmlns:_n="n:" ` +
		`xmlns:rel="rel/" xmlns:e="e:"><C xmlns:late="l:"/></rdf:RDF>`))
	var q rdf.Quad
	if err := rd.Next(&q); err != nil {
		t.Fatal(err)
	}
	want := []rdfxml.Prefix{{Name: "rdf", IRI: "http://www.w3.org/1999/02/22-rdf-syntax-ns#"}, {IRI: "d:"}, {Name: "e", IRI: "e:"}}
	if diff := cmp.Diff(want, rd.Prefixes()); diff != "" {
		t.Error(diff)
	}
}

// TestStreams: a document of any length is read in the memory that its open elements take.
func TestStreams(t *testing.T) {
	const count = 20_000
	element := []byte("<rdf:Description xmlns:n='n:' rdf:about='x:s'><n:p xml:lang='en'>value</n:p></rdf:Description><!-- c -->\n")
	source := io.MultiReader(strings.NewReader(head), &repeated{text: element, left: count}, strings.NewReader("</rdf:RDF>"))
	rd, n := rdfxml.NewReader(source), 0
	var q rdf.Quad
	allocs := testing.AllocsPerRun(1, func() {
		for err := rd.Next(&q); err == nil; err = rd.Next(&q) {
			n++
		}
	})
	if err := rd.Next(&q); !errors.Is(err, io.EOF) || n != count || allocs > 500 {
		t.Errorf("%d quads, %v allocations, %v", n, allocs, err)
	}
}

// repeated gives a text so many times.
type repeated struct {
	text []byte
	left int
	rest []byte
}

func (r *repeated) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = bytes.Clone(r.text)
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
