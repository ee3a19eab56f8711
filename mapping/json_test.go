package mapping

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// standard is what encoding/json says that a text is, if it is one value.
func standard(text string) (value any, ok bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if d.Decode(&value) != nil {
		return nil, false
	}
	_, err := d.Token()
	return value, err == io.EOF
}

// plainTexts are documents: those that are read fast, and others.
var plainTexts = []string{
	`{"node":"ns=2;s=x","value":221.5,"code":0,"gap":{"to":"2026"},"list":[1,-0,1e5,0.5E-3,true,false,null],"ü":"é"}`, ` [ ] `, `{}`,
	`{"a":1,"a":{"b":2}}`, `"x"`, "1", "-", "01", "1.", ".5", "1e", "+1", "[1,]", `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, "[", "tru", "nul",
	"truex", "1 2", "[] []", `"a\nb"`, "\"a\tb\"", `"a`, "", " ", "\x00", "NaN", `{"a":1 "b":2}`, "[1 2]", `{1:2}`, "1\u00a0",
	strings.Repeat("[", 102) + strings.Repeat("]", 102), strings.Repeat("[", 90) + strings.Repeat("]", 90),
}

// FuzzPlain: what is read fast is what encoding/json reads; what that refuses is not read fast.
func FuzzPlain(f *testing.F) {
	for _, text := range plainTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		got, fast := plain(text)
		want, ok := standard(text)
		if fast && (!ok || !reflect.DeepEqual(got, want)) {
			t.Errorf("%q is %#v, and not %#v (%v)", text, got, want, ok)
		}
	})
}

// TestPlain: what needs no escapes is read fast.
func TestPlain(t *testing.T) {
	for i, text := range plainTexts {
		_, fast := plain(text)
		_, ok := standard(text)
		if want := ok && !strings.Contains(text, `\`) && i != len(plainTexts)-2; fast != want {
			t.Errorf("%q: read fast: %v, want %v", text, fast, want)
		}
	}
}

// BenchmarkDocument measures how a document of a machine is read, beside how encoding/json does it.
func BenchmarkDocument(b *testing.B) {
	body := []byte(`{"node":"ns=2;s=Oven.Temperature","namespace":"urn:plant","path":"/Objects/2:Oven/2:Temperature",` +
		`"name":"Temperature","unit":"°C","unitCode":"CEL","type":"Double","value":221.5,"status":"Good","code":0,` +
		`"sourceTime":"2026-01-31T08:00:00.5Z","serverTime":"2026-01-31T08:00:00.51Z"}`)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			if _, ok := plain(string(body)); !ok {
				b.Fatal("it isn't read")
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader(body))
			d.UseNumber()
			var value any
			if err := d.Decode(&value); err != nil {
				b.Fatal(err)
			}
		}
	})
}
