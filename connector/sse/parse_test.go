package sse

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// show reads a stream to its end.
func show(r io.Reader, limit int) (list []string) {
	p := newParser(r, limit, func(d time.Duration) { list = append(list, fmt.Sprint("retry ", d)) })
	for {
		e, err := p.next()
		if err != nil {
			if err != io.EOF {
				list = append(list, err.Error())
			}
			return list
		}
		list = append(list, fmt.Sprintf("%s[%s,%v]%q%v", e.name, e.id, e.own, e.data, e.large))
	}
}

// TestParse has the rules of the HTML standard, 9.2.6, and its examples, whichever pieces a stream comes in.
func TestParse(t *testing.T) {
	for text, want := range map[string][]string{
		"data: a\n\n":                                       {`[,false]"a"false`},
		"data:a\r\n\r\ndata: b\r\rdata:  c\n\n":             {`[,false]"a"false`, `[,false]"b"false`, `[,false]" c"false`},
		"\xef\xbb\xbfdata: a\n\n":                           {`[,false]"a"false`},
		"data: \xef\xbb\xbfa\n\n":                           {"[,false]\"\\ufeffa\"false"},
		": comment\n\ndata: a\n:\ndata: b\n\n":              {`[,false]"a\nb"false`},
		"data\n\ndata\ndata\n\ndata:":                       {`[,false]""false`, `[,false]"\n"false`},
		"data: a\nid: 1\n\ndata:b\nid\n\ndata: c\n\n":       {`[1,true]"a"false`, `[,true]"b"false`, `[,false]"c"false`},
		"id: 7\n\ndata: a\n\n":                              {`[7,false]"a"false`},
		"id: 7\nid: 8\x00\ndata: a\n\n":                     {`[7,true]"a"false`},
		"id: 7\nid: \x008\ndata: a\n\n":                     {`[7,true]"a"false`},
		"event: x\n\ndata: a\n\n":                           {`[,false]"a"false`},
		"event: x\ndata: a\nevent: y\n\ndata: b\n\n":        {`y[,false]"a"false`, `[,false]"b"false`},
		"retry: 1500\nretry: 1s\nretry: -1\n":               {"retry 1.5s"},
		"other: x\nDATA: y\n\n":                             nil,
		"data: a\n":                                         nil,
		"data: 12345678\n\ndata: a\n\n":                     {`[,false]"12345678"false`, `[,false]"a"false`},
		"data: 123456789\n\ndata: a\n\n":                    {`[,false]"12345678"true`, `[,false]"a"false`},
		"data: 1234567\ndata:\n\n":                          {`[,false]"1234567\n"false`},
		"data: 1234567\ndata:8\ndata: 9\n\n":                {`[,false]"1234567\n"true`},
		"data: 12345678\ndata:\n\n":                         {`[,false]"12345678"true`},
		"data: " + strings.Repeat("x", 100) + "\nid: 3\n\n": {`[3,true]"xxxxxxxx"true`},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(text), "by bytes": iotest.OneByteReader(strings.NewReader(text))} {
			if got := show(r, 8); !slices.Equal(got, want) {
				t.Errorf("%q, %s:\n%q\nwant\n%q", text, name, got, want)
			}
		}
	}
	if got := show(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("data: a\n\n"))), 8); !slices.Equal(got, []string{iotest.ErrTimeout.Error()}) {
		t.Errorf("%q", got)
	}
}

// FuzzParse: what is held stays within the bound, and pieces change nothing.
func FuzzParse(f *testing.F) {
	f.Add("data: a\r\n\r\nid: 1\rdata\r\r")
	f.Fuzz(func(t *testing.T, text string) {
		whole, pieces := show(strings.NewReader(text), 8), show(iotest.OneByteReader(strings.NewReader(text)), 8)
		if !slices.Equal(whole, pieces) {
			t.Errorf("%q\n%q", whole, pieces)
		}
		p := newParser(strings.NewReader(text), 8, func(time.Duration) {})
		for {
			e, err := p.next()
			if err != nil {
				return
			}
			if len(e.data) > 8 || len(p.line) > 8+names {
				t.Errorf("%d bytes of data, %d of a line", len(e.data), len(p.line))
			}
		}
	})
}
