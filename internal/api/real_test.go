package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/quadrille-stream/quadrille/client"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/operator/dataset"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

// realNode starts a node of four shards, with documents in it.
func realNode(t *testing.T, cfg api.Config, documents ...string) string {
	t.Helper()
	return keyedNode(t, graph.Subject, cfg, documents...)
}

// keyedNode is realNode with a key.
func keyedNode(t *testing.T, key graph.Key, cfg api.Config, documents ...string) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	g, err := graph.New(graph.Config{Key: key, Config: node.Config{Name: "n1", Pipeline: "plant", Engine: memory.New(4), Transport: shipper.NewInProcess(64),
		Logger: quiet}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if err := g.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	base := serve(t, g, cfg)
	for _, document := range documents {
		post(t, base, patchType, document)
	}
	return base
}

func post(t *testing.T, base, mediaType, document string) {
	t.Helper()
	if answer, body := call(t, "POST", base+"/v1/changes", document, "Content-Type", mediaType); answer.StatusCode != 200 {
		t.Fatalf("%s: %d %s", mediaType, answer.StatusCode, body)
	}
}

func sorted(text string) string {
	lines := slices.Sorted(strings.Lines(text))
	return strings.Join(lines, "")
}

const (
	inDefault = "<http://e/a> <http://e/p> \"1\" .\n"
	inOther   = "<http://e/b> <http://e/p> \"2\" .\n"
	withQ     = "<http://e/a> <http://e/q> \"3\" .\n"
	inNamed   = "<http://e/a> <http://e/p> \"4\" <http://e/g> .\n"
	inBlank   = "_:b <http://e/p> \"5\" _:h .\n"
)

// some are changes with something to find by each parameter.
const some = "TX .\nA <http://e/a> <http://e/p> \"1\" .\nA <http://e/b> <http://e/p> \"2\" .\nA <http://e/a> <http://e/q> \"3\" .\nTC .\n" +
	"TX .\nA <http://e/a> <http://e/p> \"4\" <http://e/g> .\nA _:b <http://e/p> \"5\" _:h .\nTC .\n"

var selections = []struct{ query, want string }{
	{"", inDefault + inOther + withQ + inNamed + inBlank},
	{"subject=http://e/a", inDefault + withQ + inNamed},
	{"subject=" + url.QueryEscape("<http://e/a>"), inDefault + withQ + inNamed},
	{"subject=_:b", inBlank},
	{"predicate=http://e/q", withQ},
	{"graph=default", inDefault + inOther + withQ},
	{"graph=http://e/g", inNamed},
	{"graph=_:h", inBlank},
	{"graph=default&subject=http://e/a&predicate=http://e/p", inDefault},
	{"subject=http://e/nothing", ""},
	{"graph=http://e/g&predicate=http://e/q", ""},
}

func TestDataIsSelected(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	for _, test := range selections {
		answer, body := call(t, "GET", base+"/v1/data?"+test.query, "")
		if answer.StatusCode != 200 || sorted(body) != sorted(test.want) {
			t.Errorf("%s: %d\n%s", test.query, answer.StatusCode, cmp.Diff(sorted(test.want), sorted(body)))
		}
	}
}

// TestChangesAreSelected: as text and binary, a patch of the part; the cursor is that of all.
func TestChangesAreSelected(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	all, _ := call(t, "GET", base+"/v1/changes", "")
	for _, test := range selections[1:] {
		for _, media := range []string{patchType, patch.BinaryMediaType} {
			answer, body := call(t, "GET", base+"/v1/changes?"+test.query, "", "Accept", media)
			text := body
			if media == patch.BinaryMediaType {
				text = asText(t, body)
			}
			var rows strings.Builder
			for row, err := range patch.Rows([]byte(text)) {
				if err != nil {
					t.Fatal(err)
				}
				rows.WriteString(row.Quad.String() + "\n")
			}
			if sorted(rows.String()) != sorted(test.want) || strings.Contains(text, "H id") || strings.Contains(text, "TX .\nTC .") {
				t.Errorf("%s: %s\n%s", test.query, text, cmp.Diff(sorted(test.want), sorted(rows.String())))
			}
			if cursor := answer.Trailer.Get(api.CursorHeader); cursor != all.Trailer.Get(api.CursorHeader) || !strings.HasPrefix(cursor, "plant@") {
				t.Errorf("%s: cursor %s, of all %s", test.query, cursor, all.Trailer.Get(api.CursorHeader))
			}
		}
	}
}

func asText(t *testing.T, binary string) string {
	t.Helper()
	var text bytes.Buffer
	w := patch.NewWriter(&text)
	if err := patch.NewBinaryReader(strings.NewReader(binary)).Run(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestBinaryChangesAreTheSame: whole records have the headers that link them.
func TestBinaryChangesAreTheSame(t *testing.T) {
	base := realNode(t, api.Config{}, some, "A <http://e/a> <http://e/p> \"6\" .\n")
	_, text := call(t, "GET", base+"/v1/changes", "")
	_, binary := call(t, "GET", base+"/v1/changes", "", "Accept", patch.BinaryMediaType)
	kept := func(text string) (lines []string) {
		for line := range strings.Lines(text) {
			for _, begin := range []string{"H id", "H prev", "TX", "TC", "A ", "D "} {
				if strings.HasPrefix(line, begin) {
					lines = append(lines, line)
				}
			}
		}
		slices.Sort(lines) // shards come in no order
		return lines
	}
	if diff := cmp.Diff(kept(text), kept(asText(t, binary))); diff != "" {
		t.Error(diff)
	}
	answer, body := call(t, "GET", base+"/v1/changes?live=true", "", "Accept", patch.BinaryMediaType)
	if answer.StatusCode != 400 || !strings.Contains(body, "heartbeats") {
		t.Errorf("live: %d %s", answer.StatusCode, body)
	}
}

// TestCursorMovesPastWhatIsLeftOut: it comes in an event without data.
func TestCursorMovesPastWhatIsLeftOut(t *testing.T) {
	base := realNode(t, api.Config{Heartbeat: 10 * time.Millisecond}, some)
	c := client.New("")
	defer c.Close()
	ctx, enough := context.WithTimeout(t.Context(), time.Minute)
	defer enough()
	begin := answerCursor(t, base, "/v1/changes")
	post(t, base, patchType, "A <http://e/a> <http://e/p> \"left out\" .\n")
	end := answerCursor(t, base, "/v1/changes")
	moved := ""
	err := c.Changes(ctx, base, url.Values{"from": {begin}, "predicate": {"http://e/q"}}, client.Reader{
		Change: func(change client.Change, _ client.Cursor) error {
			t.Errorf("%+v", change)
			return nil
		},
		Moved: func(cursor client.Cursor) error {
			if moved = cursor.String(); moved == end {
				enough()
			}
			return nil
		},
	})
	if moved != end {
		t.Errorf("moved to %s, %v; want %s", moved, err, end)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", base+"/v1/changes?live=true&predicate=http://e/q&from="+begin, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	buffer := make([]byte, 4096)
	for text := ""; !strings.Contains(text, "# Quadrille-Cursor: "+end+"\n"); {
		n, err := answer.Body.Read(buffer)
		if text += string(buffer[:n]); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
}

func answerCursor(t *testing.T, base, path string) string {
	t.Helper()
	answer, _ := call(t, "GET", base+path, "")
	return answer.Trailer.Get(api.CursorHeader)
}

// TestDataForms: what comes out in one form goes in again, and is the same.
func TestDataForms(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	for _, test := range []struct{ accept, query, want, media string }{
		{"application/n-quads", "", inDefault + inOther + withQ + inNamed, "application/n-quads"},
		{"application/trig", "", inDefault + inOther + withQ + inNamed, "application/trig"},
		{"application/ld+json", "", inDefault + inOther + withQ + inNamed, "application/ld+json"},
		{"text/turtle;q=0.9, application/trig;q=0.5", "", inDefault + inOther + withQ + inNamed, "application/trig"},
		{"text/turtle", "graph=default", inDefault + inOther + withQ, "text/turtle"},
		{"application/n-triples", "graph=default", inDefault + inOther + withQ, "application/n-triples"},
		{"application/rdf+xml", "graph=default", inDefault + inOther + withQ, "application/rdf+xml"},
		{"application/rdf+xml, application/trig;q=0.5", "", inDefault + inOther + withQ + inNamed, "application/trig"},
		{"text/turtle", "graph=http://e/g", strings.ReplaceAll(inNamed, " <http://e/g>", ""), "text/turtle"},
	} {
		answer, body := call(t, "GET", base+"/v1/data?"+test.query, "", "Accept", test.accept)
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != test.media {
			t.Errorf("%+v: %d %v %s", test, answer.StatusCode, answer.Header, body)
			continue
		}
		copied := realNode(t, api.Config{})
		post(t, copied, test.media, body)
		_, got := call(t, "GET", copied+"/v1/data", "")
		lines := strings.SplitAfter(got, "\n")
		got = strings.Join(slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "_:") }), "") // it has a new label
		if sorted(got) != sorted(test.want) {
			t.Errorf("%+v: %s", test, cmp.Diff(sorted(test.want), sorted(got)))
		}
	}
	for _, accept := range []string{"text/turtle", "application/n-triples", "application/rdf+xml", "text/html"} {
		answer, body := call(t, "GET", base+"/v1/data", "", "Accept", accept)
		if answer.StatusCode != 406 || !strings.Contains(body, "graph=default") || code(t, body) != "not_acceptable" {
			t.Errorf("%s: %d %s", accept, answer.StatusCode, body)
		}
	}
}

// TestDocumentsIn: each format is read, blank nodes are the document's own, and mistakes have their place.
func TestDocumentsIn(t *testing.T) {
	var binary bytes.Buffer
	w := patch.NewBinaryWriter(&binary)
	if err := patch.Parse([]byte("TX .\nA <http://e/s> <http://e/p> \"x\" .\nTC .\n"), w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for media, document := range map[string]string{
		"text/turtle":           "@prefix e: <http://e/> . e:s e:p \"x\" .",
		"application/trig":      "@prefix e: <http://e/> . { e:s e:p \"x\" }",
		"application/ld+json":   `{"@id":"http://e/s","http://e/p":"x"}`,
		"application/rdf+xml":   `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="http://e/s"><p xmlns="http://e/">x</p></r:Description>`,
		"application/n-quads":   "<http://e/s> <http://e/p> \"x\" .",
		"application/n-triples": "<http://e/s> <http://e/p> \"x\" .",
		patch.BinaryMediaType:   binary.String(),
	} {
		base := realNode(t, api.Config{})
		post(t, base, media, document)
		if _, got := call(t, "GET", base+"/v1/data", ""); got != "<http://e/s> <http://e/p> \"x\" .\n" {
			t.Errorf("%s: %s", media, got)
		}
	}
	base := realNode(t, api.Config{})
	const blank = "_:b <http://e/p> \"x\" ."
	for range 2 {
		call(t, "POST", base+"/v1/changes", blank, "Content-Type", "text/turtle", "Idempotency-Key", "k")
	}
	post(t, base, "text/turtle", blank)
	if _, got := call(t, "GET", base+"/v1/data", ""); strings.Count(got, "\n") != 2 {
		t.Errorf("want one node for the key, and one more:\n%s", got)
	}
	for _, test := range []struct{ media, document, says string }{
		{"text/turtle", "<s> <http://e/p> 1 .", "@base"},
		{"text/turtle", "\n  x", `"line":2,"column":3`},
		{"application/trig", "{", `"code":"syntax"`},
		{"application/rdf+xml", "<a\n b", `"line":1,"column":1`},
		{"application/rdf+xml", "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a xmlns='urn:'><b>&e;</b></a>", "is not read"},
		{"application/ld+json", "{", `"line":1,"column":2`},
		{"application/ld+json", `{"@context":"http://e/c","@id":"http://e/s"}`, `"code":"syntax"`},
		{patch.BinaryMediaType, "\xff", `"code":"syntax"`},
	} {
		answer, body := call(t, "POST", base+"/v1/changes", test.document, "Content-Type", test.media)
		if answer.StatusCode != 400 || !strings.Contains(body, test.says) {
			t.Errorf("%+v: %d %s", test, answer.StatusCode, body)
		}
	}
}

// TestOtherMediaTypes: what older or wider media types stand for is read wherever RDF is expected, JSON without a mapping is not.
func TestOtherMediaTypes(t *testing.T) {
	const xml = `<r:Description xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" r:about="http://e/s"><p xmlns="http://e/">x</p></r:Description>`
	base := realNode(t, api.Config{})
	for media, body := range map[string]string{"application/xml": xml, "text/xml; charset=UTF-8": xml, "application/x-turtle": "<http://e/s> <http://e/p> 'x' ."} {
		for _, r := range []struct{ method, path, media, body string }{
			{"PUT", "/data?graph=http://e/g", media, body},
			{"POST", "/data?graph=http://e/g", media, body},
			{"POST", "/v1/changes", media, body},
			{"POST", "/v1/changes", "multipart/mixed; boundary=xyz", "--xyz\r\nContent-Type: " + media + "\r\n\r\n" + body + "\r\n--xyz--\r\n"},
			{"POST", "/data?graph=http://e/g", partsType, form(file("nameless", media, body))},
		} {
			call(t, "DELETE", base+"/data?graph=http://e/g", "")
			call(t, "DELETE", base+"/data?default", "")
			answer, text := call(t, r.method, base+r.path, r.body, "Content-Type", r.media)
			_, got := call(t, "GET", base+"/v1/data", "")
			if answer.StatusCode/100 != 2 || !strings.HasPrefix(got, `<http://e/s> <http://e/p> "x"`) {
				t.Errorf("%s %s of %s: %d %s; %s", r.method, r.path, media, answer.StatusCode, text, got)
			}
		}
	}
	for _, media := range []string{"application/json", "text/xml; charset=iso-8859-1", "image/svg+xml"} {
		for _, path := range []string{"/data?default", "/v1/changes"} {
			if answer, text := call(t, "POST", base+path, xml, "Content-Type", media); answer.StatusCode != 415 || !strings.Contains(text, "application/rdf+xml") {
				t.Errorf("%s to %s: %d %s", media, path, answer.StatusCode, text)
			}
		}
	}
}

// TestDefaultGraphIsNamed: who names the default graph in the words of the other interface is told the right ones.
func TestDefaultGraphIsNamed(t *testing.T) {
	base := realNode(t, api.Config{})
	for path, want := range map[string]string{"/data?graph=default": "graph is ?default", "/v1/data?default": "?graph=default", "/v1/changes?default=": "?graph=default"} {
		if answer, body := call(t, "GET", base+path, ""); answer.StatusCode != 400 || !strings.Contains(body, want) || code(t, body) != "bad_parameter" {
			t.Errorf("%s: %d %s", path, answer.StatusCode, body)
		}
	}
}

// TestBinaryBomb: a patch that is large as text is refused.
func TestBinaryBomb(t *testing.T) {
	var binary bytes.Buffer
	w := patch.NewBinaryWriter(&binary)
	if err := patch.Parse([]byte(`A <http://e/s> <http://e/p> "`+strings.Repeat("x", 1000<<10)+"\" .\n"), w); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	row := binary.String()
	base := realNode(t, api.Config{MaxBody: 128 << 20})
	answer, body := call(t, "POST", base+"/v1/changes", strings.Repeat(row, 70), "Content-Type", patch.BinaryMediaType)
	if answer.StatusCode != 413 || code(t, body) != "too_large" {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// TestDataIsUnchanged: an entity tag holds until something is committed, for the same question.
func TestDataIsUnchanged(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	first, _ := call(t, "GET", base+"/v1/data", "")
	tag := first.Header.Get("ETag")
	head, _ := call(t, "HEAD", base+"/v1/data", "")
	if !strings.HasPrefix(tag, `W/"`) || head.Header.Get("ETag") != tag || head.StatusCode != 200 {
		t.Errorf("tag %s, by HEAD %s", tag, head.Header.Get("ETag"))
	}
	answer, body := call(t, "GET", base+"/v1/data", "", "If-None-Match", tag)
	if answer.StatusCode != 304 || body != "" || answer.Header.Get("ETag") != tag {
		t.Errorf("%d %v %s", answer.StatusCode, answer.Header, body)
	}
	for query, accept := range map[string]string{"?graph=default": "*/*", "": "application/trig"} {
		if answer, _ := call(t, "GET", base+"/v1/data"+query, "", "If-None-Match", tag, "Accept", accept); answer.StatusCode != 200 {
			t.Errorf("%s as %s: %d", query, accept, answer.StatusCode)
		}
	}
	post(t, base, patchType, "A <http://e/new> <http://e/p> \"7\" .\n")
	if answer, body := call(t, "GET", base+"/v1/data", "", "If-None-Match", tag); answer.StatusCode != 200 || !strings.Contains(body, "http://e/new") ||
		answer.Header.Get("ETag") == tag {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
}

// TestCursorsThatAreOfNoUse: the answer says why, and what would be right.
func TestCursorsThatAreOfNoUse(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	good := answerCursor(t, base, "/v1/changes")
	if fromData := answerCursor(t, base, "/v1/data"); !strings.HasPrefix(fromData, "plant@0:") {
		t.Errorf("/v1/data gives %s", fromData)
	}
	for _, test := range []struct {
		from   string
		status int
		says   string
	}{
		{good, 200, ""},
		{strings.TrimPrefix(good, "plant@"), 200, ""},
		{"plant@", 200, ""},
		{"other" + strings.TrimPrefix(good, "plant"), 410, `ask a node of \"other\"`},
		{"plant@0:999999", 410, "the log ends at"},
		{"0:999999", 410, "begin with start or now"},
		{good[:len(good)-16] + "aaaaaaaaaaaaaaaa", 410, "the cursor names aaaaaaaaaaaaaaaa"},
		{"plant@4:1", 400, "shards 0 to 3"},
		{"@0:1", 400, "name of a pipeline"},
		{"plant@x", 400, "SHARD:POSITION"},
		{"", 400, "start, now, last:POSITIONS or a cursor"},
	} {
		for _, header := range []bool{false, true} {
			query, last := "?live=false&from="+url.QueryEscape(test.from), ""
			if header {
				query, last = "?live=false", test.from
			}
			if last == "" && header {
				continue // a browser sends an empty one where it has none
			}
			answer, body := call(t, "GET", base+"/v1/changes"+query, "", "Accept", "text/event-stream", "Last-Event-ID", last)
			if answer.StatusCode != test.status || !strings.Contains(body, test.says) {
				t.Errorf("%+v, header %v: %d %s", test, header, answer.StatusCode, body)
			}
		}
	}
}

// TestCompressed: answers are compressed as the client likes it.
func TestCompressed(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	_, plain := call(t, "GET", base+"/v1/data?graph=http://e/g", "", "Accept-Encoding", "identity")
	for accept, coding := range map[string]string{"gzip": "gzip", "zstd": "zstd", "gzip, zstd": "zstd", "gzip;q=0.9, zstd;q=0.1": "gzip",
		"*": "zstd", "*, zstd;q=0": "gzip", "br": "", "gzip;q=0": "", "": ""} {
		for _, path := range []string{"/v1/data?graph=http://e/g", "/v1/changes?graph=http://e/g", "/v1/status"} {
			answer, body := call(t, "GET", base+path, "", "Accept-Encoding", accept)
			if got := answer.Header.Get("Content-Encoding"); got != coding || !slices.Contains(answer.Header.Values("Vary"), "Accept-Encoding") {
				t.Errorf("%s of %q: %q", path, accept, got)
			}
			var r io.Reader = strings.NewReader(body)
			var err error
			switch coding {
			case "gzip":
				r, err = gzip.NewReader(r)
			case "zstd":
				r, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(r)
			if err != nil || strings.HasPrefix(path, "/v1/data") && string(text) != plain || !strings.HasPrefix(path, "/v1/s") && answer.Trailer.Get(api.CursorHeader) == "" {
				t.Errorf("%s of %q: %v, %q, trailer %v", path, accept, err, text, answer.Trailer)
			}
		}
	}
	if answer, body := call(t, "GET", base+"/v1/data?x=1", "", "Accept-Encoding", "gzip"); answer.StatusCode != 400 || code(t, body) != "bad_parameter" {
		t.Errorf("a problem: %v %q", answer.Header, body)
	}
}

// TestKeyOfAnotherBody: it is noticed in the shards that both bodies fall in, and in no other.
func TestKeyOfAnotherBody(t *testing.T) {
	base := realNode(t, api.Config{})
	submit := func(document string) (int, client.Problem) {
		answer, body := call(t, "POST", base+"/v1/changes", document, "Content-Type", patchType, "Idempotency-Key", "k")
		var p client.Problem
		if answer.StatusCode != 200 {
			if err := json.Unmarshal([]byte(body), &p); err != nil {
				t.Fatal(err)
			}
		}
		return answer.StatusCode, p
	}
	row := func(subject, value string) string { return "A <" + subject + "> <http://e/p> \"" + value + "\" .\n" }
	shardOf := func(subject string) int {
		return shard.Of(dataset.Subject.Of(rdf.Quad{S: rdf.Trusted("<" + subject + ">")}), 4)
	}
	first, other := "http://e/0", ""
	for i := 1; other == ""; i++ {
		if s := fmt.Sprint("http://e/", i); shardOf(s) != shardOf(first) {
			other = s
		}
	}
	if status, p := submit(row(first, "1")); status != 200 {
		t.Fatalf("%+v", p)
	}
	status, p := submit(row(first, "2") + row(other, "3"))
	if status != 422 || p.Code != "key_reused" || len(p.Results) != 1 || p.Results[0].Shard != shardOf(other) || p.Results[0].Adds != 1 {
		t.Errorf("one shard in common: %d %+v", status, p)
	}
	base = realNode(t, api.Config{}, row(first, "1"))
	if status, _ := submit(row(first, "1")); status != 200 {
		t.Errorf("the first: %d", status)
	}
	if status, p := submit(row(other, "4")); status != 200 {
		t.Errorf("no shard in common: %d %+v", status, p)
	}
}

// TestChangesBeforeTheEnds: a reader may begin so many positions before the ends, and hears where that is.
func TestChangesBeforeTheEnds(t *testing.T) {
	base := realNode(t, api.Config{})
	for i := range 20 {
		post(t, base, "application/n-quads", fmt.Sprintf("<urn:s> <urn:p> \"%d\" .\n", i))
	}
	read := func(from string) (rows int, last, begin string) {
		_, body := call(t, "GET", base+"/v1/changes?live=false&from="+from, "", "Accept", "text/event-stream")
		_, rest, _ := strings.Cut(body, "id: ")
		begin, _, _ = strings.Cut(rest, "\n")
		return strings.Count(body, "A <urn:s>"), body[strings.LastIndex(body, "A <urn:s>"):], begin
	}
	all, last, begin := read("start")
	if all != 20 || begin != "plant@" {
		t.Fatalf("%d changes from %q", all, begin)
	}
	for _, test := range []struct{ positions, want int }{{1, 1}, {5, 5}, {1000, 20}} {
		got, newest, begin := read(fmt.Sprint("last:", test.positions))
		if got != test.want || newest != last || (begin == "plant@") != (test.want == 20) {
			t.Errorf("the last %d: %d changes, from %q, to %.80s", test.positions, got, begin, newest)
		}
		if begin == "plant@" {
			continue
		}
		if again, _, _ := read(begin); again != got { // it is a cursor like any other
			t.Errorf("from %q: %d changes, want %d", begin, again, got)
		}
	}
}
