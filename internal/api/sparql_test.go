package api_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/access"
	"github.com/quadrille-stream/quadrille/internal/api"
	"github.com/quadrille-stream/quadrille/node"
	"github.com/quadrille-stream/quadrille/rdf"
	"github.com/quadrille-stream/quadrille/rdfio"
	"github.com/quadrille-stream/quadrille/sparql"
	"github.com/quadrille-stream/quadrille/sparql/results"
)

const (
	queryType  = "application/sparql-query"
	updateType = "application/sparql-update"
	formType   = "application/x-www-form-urlencoded"
)

// TestSPARQLQuery: by GET, direct and as a form, the same answer, over all shards, with the cut in its header.
func TestSPARQLQuery(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	const text = `SELECT ?o { ?s <http://e/p> ?o }`
	ways := map[string]func() (*http.Response, string){
		"GET": func() (*http.Response, string) {
			return call(t, "GET", base+"/sparql?query="+url.QueryEscape(text), "")
		},
		"direct": func() (*http.Response, string) {
			return call(t, "POST", base+"/sparql", text, "Content-Type", queryType)
		},
		"form": func() (*http.Response, string) {
			return call(t, "POST", base+"/sparql?output=json", url.Values{"query": {text}, "format": {"json"}}.Encode(), "Content-Type", formType)
		},
	}
	for way, ask := range ways {
		answer, body := ask()
		var got struct {
			Results struct {
				Bindings []map[string]struct{ Value string }
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || answer.StatusCode != 200 || len(got.Results.Bindings) != 2 {
			t.Errorf("%s: %d, %v: %s", way, answer.StatusCode, err, body)
		}
		if cut := answer.Header.Get(api.CursorHeader); !strings.HasPrefix(cut, "plant@0:") || strings.Count(cut, ",") != 3 {
			t.Errorf("%s: cut %q", way, cut)
		}
	}
}

// TestSPARQLDataset: the graphs of the protocol take the place of the query's, in the URL and in the form.
func TestSPARQLDataset(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	query := url.QueryEscape(`SELECT ?o FROM <http://e/none> { <http://e/a> ?p ?o }`)
	in := "default-graph-uri=" + url.QueryEscape("http://e/g")
	for way, ask := range map[string]func() (*http.Response, string){
		"GET": func() (*http.Response, string) { return call(t, "GET", base+"/sparql?query="+query+"&"+in, "") },
		"URL": func() (*http.Response, string) {
			return call(t, "POST", base+"/sparql?"+in, "query="+query, "Content-Type", formType)
		},
		"form": func() (*http.Response, string) {
			return call(t, "POST", base+"/sparql", "query="+query+"&"+in, "Content-Type", formType)
		},
	} {
		if answer, body := ask(); answer.StatusCode != 200 || strings.Count(body, `"value"`) != 1 || !strings.Contains(body, `"4"`) {
			t.Errorf("%s: %d %s", way, answer.StatusCode, body)
		}
	}
	named := url.QueryEscape(`ASK { GRAPH ?g { <http://e/a> ?p ?o } }`)
	for graph, want := range map[string]string{"http://e/g": "true", "http://e/h": "false"} {
		if _, body := call(t, "GET", base+"/sparql?query="+named+"&named-graph-uri="+url.QueryEscape(graph), ""); !strings.Contains(body, want) {
			t.Errorf("named graph %s: %s", graph, body)
		}
	}
}

// TestSPARQLForms: each form of query in each of its formats, and in no other.
func TestSPARQLForms(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	const rows, boolean, triples = `SELECT ?o { <http://e/b> ?p ?o }`, `ASK { <http://e/b> ?p ?o }`, `PREFIX e: <http://e/> CONSTRUCT { ?s e:is ?o } { ?s e:q ?o }`
	for _, test := range []struct {
		text, accept, media, has string
	}{
		{rows, "", "application/sparql-results+json", `"value":"2"`},
		{rows, "text/csv;q=0.9, application/sparql-results+xml;q=0.5", "text/csv; charset=utf-8", "o\r\n2\r\n"},
		{rows, "application/sparql-results+xml", "application/sparql-results+xml", "<literal>2</literal>"},
		{rows, "text/tab-separated-values", "text/tab-separated-values; charset=utf-8", "?o\n\"2\"\n"},
		{rows, "application/json", "application/json", `"value":"2"`},
		{rows, "text/turtle", "", ""},
		{boolean, "text/html, */*;q=0.1", "application/sparql-results+json", `true`},
		{boolean, "text/csv", "", ""},
		{triples, "", "text/turtle; charset=utf-8", `e:is "3"`},
		{triples, "application/n-triples", "application/n-triples", `<http://e/a> <http://e/is> "3" .`},
		{triples, "application/ld+json", "application/ld+json", `"@value": "3"`},
		{triples, "application/rdf+xml", "application/rdf+xml", `<e:is>3</e:is>`},
		{triples, "application/rdf+xml, application/trig;q=0.5", "application/rdf+xml", `xmlns:e="http://e/"`},
		{`CONSTRUCT { ?s <http://e/1> ?o } { ?s <http://e/q> ?o }`, "application/rdf+xml", "", ""},
		{triples, "application/trig", "application/trig", `"3"`},
		{triples, "application/n-quads", "application/n-quads", `"3" .`},
		{triples, "text/csv", "", ""},
		{"", "application/n-triples", "application/n-triples", "sparql-service-description#endpoint> <" + base + "/sparql>"},
		{"", "application/rdf+xml", "application/rdf+xml", `<sd:resultFormat rdf:resource="http://www.w3.org/ns/formats/RDF_XML"/>`},
		{"", "text/csv", "", ""},
	} {
		address := base + "/sparql"
		if test.text != "" {
			address += "?query=" + url.QueryEscape(test.text)
		}
		var header []string
		if test.accept != "" {
			header = []string{"Accept", test.accept}
		}
		answer, body := call(t, "GET", address, "", header...)
		if test.media == "" {
			if answer.StatusCode != 406 {
				t.Errorf("%s as %s: %d %s", test.text, test.accept, answer.StatusCode, body)
			}
			continue
		}
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != test.media || !strings.Contains(strings.ReplaceAll(body, `":"`, `": "`), strings.ReplaceAll(test.has, `":"`, `": "`)) {
			t.Errorf("%s as %s: %d %s\n%s", test.text, test.accept, answer.StatusCode, answer.Header.Get("Content-Type"), body)
		}
		if answer, body := call(t, "HEAD", address, "", header...); answer.StatusCode != 200 || body != "" || answer.Header.Get("Content-Type") != test.media {
			t.Errorf("HEAD, %s: %d %q", test.text, answer.StatusCode, body)
		}
	}
}

// TestSPARQLErrors: each mistake has its code, with line and column where it has a place.
func TestSPARQLErrors(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	get := func(query string) (*http.Response, string) { return call(t, "GET", base+"/sparql?"+query, "") }
	post := func(media, body string, header ...string) (*http.Response, string) {
		return call(t, "POST", base+"/sparql", body, append(header, "Content-Type", media)...)
	}
	for name, test := range map[string]struct {
		ask    func() (*http.Response, string)
		status int
		has    string
	}{
		"syntax":           {func() (*http.Response, string) { return post(queryType, "SELECT *\n { ?s ?p }") }, 400, `"code":"syntax","line":2,"column":10`},
		"update by GET":    {func() (*http.Response, string) { return get("update=CLEAR%20ALL") }, 400, "bad_parameter"},
		"two queries":      {func() (*http.Response, string) { return get("query=ASK%7B%7D&query=ASK%7B%7D") }, 400, "bad_parameter"},
		"both":             {func() (*http.Response, string) { return post(formType, "query=ASK%7B%7D&update=CLEAR%20ALL") }, 400, "2 of query and update"},
		"neither":          {func() (*http.Response, string) { return post(formType, "x=1") }, 400, "0 of query and update"},
		"no form":          {func() (*http.Response, string) { return post(formType, "query=%zz") }, 400, `"code":"body"`},
		"other media type": {func() (*http.Response, string) { return post("text/plain", "ASK {}") }, 415, "unsupported_media_type"},
		"other charset":    {func() (*http.Response, string) { return post(queryType+"; charset=UTF-16", "ASK {}") }, 415, "unsupported_media_type"},
		"no UTF-8":         {func() (*http.Response, string) { return post(queryType, "ASK { <urn:\xff> ?p ?o }") }, 400, `"code":"body"`},
		"other pipeline":   {func() (*http.Response, string) { return post(queryType, "ASK {}", api.CursorHeader, "other@0:1") }, 410, `"code":"cursor"`},
		"no cursor":        {func() (*http.Response, string) { return post(queryType, "ASK {}", api.CursorHeader, "x") }, 400, "bad_parameter"},
		"behind the log": {func() (*http.Response, string) {
			return post(queryType, "ASK {?s ?p ?o}", api.CursorHeader, "plant@0:999")
		}, 410, "its log ends at"},
		"USING twice": {func() (*http.Response, string) {
			return call(t, "POST", base+"/sparql?using-graph-uri=urn:g", "WITH <urn:h> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", "Content-Type", updateType)
		}, 400, "USING or WITH itself"},
		"time": {func() (*http.Response, string) {
			return get("timeout=1ns&query=" + url.QueryEscape("SELECT * { ?s ?p ?o }"))
		}, 503, `"code":"timeout"`},
	} {
		if answer, body := test.ask(); answer.StatusCode != test.status || !strings.Contains(strings.ReplaceAll(body, `": `, `":`), test.has) {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
}

// TestSPARQLUpdate: what the node gets is the text, with the graphs of the protocol in it, and the key; the answer has the cursor.
func TestSPARQLUpdate(t *testing.T) {
	var got graph.Submission
	n := good()
	n.submit = func(_ context.Context, s graph.Submission) ([]graph.Result, error) {
		got = graph.Submission{MediaType: s.MediaType, Body: append([]byte(nil), s.Body...), Key: s.Key}
		return []graph.Result{{Shard: 2, Position: 7, Adds: 1}}, nil
	}
	base := serve(t, n, api.Config{})
	const text = "INSERT { ?s <urn:p> 1 } WHERE { ?s <urn:q> 1 }"
	for name, test := range map[string]struct {
		query, media, body, want string
		header                   []string
		status                   int
	}{
		"direct": {"", updateType, text, text, nil, 200},
		"form":   {"", formType, "update=" + url.QueryEscape(text), text, nil, 200},
		"quiet":  {"", updateType, text, text, []string{"Accept", "text/turtle"}, 204},
		"using":  {"?using-graph-uri=urn:g&using-named-graph-uri=urn:h", updateType, text, "USING <urn:g>", nil, 200},
	} {
		answer, body := call(t, "POST", base+"/sparql"+test.query, test.body, append(test.header, "Content-Type", test.media, "Idempotency-Key", "k")...)
		if answer.StatusCode != test.status || got.MediaType != updateType || !strings.Contains(string(got.Body), test.want) || got.Key != "k" {
			t.Errorf("%s: %d %s: %+v", name, answer.StatusCode, body, got)
		}
		if answer.Header.Get(api.CursorHeader) != "main@2:7" {
			t.Errorf("%s: cursor %q", name, answer.Header.Get(api.CursorHeader))
		}
	}
	n.submit = func(context.Context, graph.Submission) ([]graph.Result, error) { return nil, event.ErrMediaType }
	if answer, body := call(t, "POST", base+"/sparql", text, "Content-Type", updateType); answer.StatusCode != 415 {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// TestSPARQLRights: a query needs the right to read, an update that to write, whichever way it comes; a token may be a password.
func TestSPARQLRights(t *testing.T) {
	reader, err := access.NewToken("reader", access.Read, "reader of the test")
	writer, err2 := access.NewToken("writer", access.Write, "writer of the test")
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	tokens := access.NewTokens(reader, writer)
	base := serve(t, good(), api.Config{Access: api.Access{Tokens: tokens}})
	for _, test := range []struct {
		token, media, body string
		status             int
	}{
		{"reader", queryType, "ASK {}", 200},
		{"reader", formType, "query=ASK%7B%7D", 200},
		{"reader", updateType, "CLEAR ALL", 403},
		{"reader", formType, "update=CLEAR%20ALL", 403},
		{"writer", queryType, "ASK {}", 403},
		{"writer", formType, "query=ASK%7B%7D", 403},
		{"writer", updateType, "CLEAR ALL", 200},
		{"writer", formType, "update=CLEAR%20ALL", 200},
		{"nobody", updateType, "CLEAR ALL", 401},
	} {
		r, err := http.NewRequest("POST", base+"/sparql", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("anybody", test.token+" of the test")
		if answer, body := send(t, r, "Content-Type", test.media); answer.StatusCode != test.status {
			t.Errorf("%+v: %d %s", test, answer.StatusCode, body)
		}
	}
}

// TestSPARQLBreaksOff: no answer that ends early is taken for whole, and it says why where its form can.
func TestSPARQLBreaksOff(t *testing.T) {
	n := good()
	base := serve(t, n, api.Config{})
	row := []rdf.Term{rdf.Trusted(`"` + strings.Repeat("x", 1000) + `"`)}
	breaks := fmt.Errorf("shard 3: %w", engine.ErrDamaged)
	n.query = func(q graph.Question, a graph.Answer) error {
		form := sparql.Select
		if strings.HasPrefix(q.Text, "CONSTRUCT") {
			form = sparql.Construct
		}
		if err := a.Begin(graph.Head{Form: form, Vars: []sparql.Var{"v"}}); err != nil {
			return err
		}
		for i := range 1000 {
			err := a.Row
			if form == sparql.Construct {
				err = func([]rdf.Term) error {
					return a.Triple(rdf.Triple{S: rdf.Trusted(fmt.Sprintf("<urn:s%d>", i)), P: rdf.Trusted("<urn:p>"), O: row[0]})
				}
			}
			if err := err(row); err != nil {
				return err
			}
		}
		return breaks
	}
	ask := func(query, media string) (*http.Response, []byte, error) {
		r, err := http.NewRequest("GET", base+"/sparql?query="+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", media)
		r.Header.Set("Accept-Encoding", "identity")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return answer, body, err
	}
	for _, f := range []results.Format{results.JSON, results.XML, results.CSV, results.TSV} {
		answer, body, err := ask("SELECT", f.MediaType())
		if answer.StatusCode != 200 || len(body) < 900_000 {
			t.Fatalf("%s: %d, %d bytes", f, answer.StatusCode, len(body))
		}
		whole := f == results.JSON || f == results.XML
		if whole != (err == nil) || whole != strings.Contains(answer.Trailer.Get(api.ErrorHeader), "shard 3") {
			t.Errorf("%s: %v, trailer %q", f, err, answer.Trailer.Get(api.ErrorHeader))
		}
		if whole && (json.Valid(body) || strings.Contains(string(body), "</sparql>")) {
			t.Errorf("%s looks whole", f)
		}
	}
	for _, f := range []rdfio.Format{rdfio.Turtle, rdfio.NTriples, rdfio.TriG, rdfio.NQuads} {
		if _, body, err := ask("CONSTRUCT", f.MediaType()); err == nil || !strings.Contains(string(body), "# "+api.ErrorHeader) {
			t.Errorf("%s: %v, ends %q", f, err, body[max(0, len(body)-200):])
		}
	}
	answer, body, err := ask("CONSTRUCT", rdfio.RDFXML.MediaType())
	if err != nil || !strings.Contains(answer.Trailer.Get(api.ErrorHeader), "shard 3") || len(body) < 900_000 || strings.Contains(string(body), "</rdf:RDF>") {
		t.Errorf("RDF/XML: %d, %d bytes, %v, trailer %q", answer.StatusCode, len(body), err, answer.Trailer.Get(api.ErrorHeader))
	}
	if answer, body, err := ask("CONSTRUCT", rdfio.JSONLD.MediaType()); answer.StatusCode != 500 || err != nil { // nothing was sent yet
		t.Errorf("JSON-LD: %d %s, %v", answer.StatusCode, body, err)
	}
	breaks = errors.New("at once")
	n.query = func(graph.Question, graph.Answer) error { return breaks }
	if answer, body, _ := ask("SELECT", "*/*"); answer.StatusCode != 503 || answer.Header.Get("Trailer") != "" {
		t.Errorf("before the first byte: %d %s", answer.StatusCode, body)
	}
	breaks = fmt.Errorf("%w: gone", node.ErrCursor)
	if answer, body, _ := ask("SELECT", "*/*"); answer.StatusCode != 410 {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
}

// TestSPARQLLengths: an answer that is written in one goes with its length, compressed if it is long, and all are whole, also those of about the
// length of the buffer, and those that come at the same time.
func TestSPARQLLengths(t *testing.T) {
	n := good()
	n.query = func(q graph.Question, a graph.Answer) error {
		length, err := strconv.Atoi(q.Text)
		if err = errors.Join(err, a.Begin(graph.Head{Form: sparql.Select, Vars: []sparql.Var{"v"}})); err != nil {
			return err
		}
		return a.Row([]rdf.Term{rdf.Trusted(`"` + strings.Repeat("x", length) + `"`)})
	}
	base := serve(t, n, api.Config{})
	frame := len(`{"head":{"vars":["v"]},"results":{"bindings":[{"v":{"type":"literal","value":""}}]}}`)
	lengths := []int{0, 100, 1023 - frame, 1100, 20_000, 100_000}
	for around := range 60 {
		lengths = append(lengths, 32<<10-frame-30+around)
	}
	ask := func(length int, coding string) {
		answer, body := call(t, "POST", base+"/sparql", strconv.Itoa(length), "Content-Type", queryType, "Accept-Encoding", coding)
		size := answer.ContentLength
		if answer.Header.Get("Content-Encoding") == "gzip" {
			r, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Errorf("%d: %v", length, err)
				return
			}
			text, err := io.ReadAll(r)
			if body = string(text); err != nil {
				t.Errorf("%d: %v", length, err)
			}
		}
		short, zipped := len(body) < 32<<10, coding == "gzip" && len(body) >= 1<<10
		switch {
		case !json.Valid([]byte(body)) || strings.Count(body, "x") != length:
			t.Errorf("%d: %.100s", length, body)
		case zipped != (answer.Header.Get("Content-Encoding") == "gzip"):
			t.Errorf("%d, asked for %q: %v", length, coding, answer.Header)
		case short && (!zipped && size != int64(len(body)) || len(answer.Trailer) > 0):
			t.Errorf("%d: has %d bytes, and says %d; trailer %v", length, len(body), size, answer.Trailer)
		}
	}
	var all sync.WaitGroup
	for _, coding := range []string{"gzip", "identity"} {
		all.Go(func() {
			for _, length := range lengths {
				ask(length, coding)
			}
		})
	}
	all.Wait()
}

// TestSPARQLReadsItsWrites: the cursor of an answer is one that the next request can bring along.
func TestSPARQLReadsItsWrites(t *testing.T) {
	base := realNode(t, api.Config{}, some)
	ask := base + "/sparql?query=" + url.QueryEscape("SELECT * { ?s ?p ?o }")
	answer, _ := call(t, "GET", ask, "")
	cut := answer.Header.Get(api.CursorHeader)
	again, body := call(t, "GET", ask, "", api.CursorHeader, cut)
	if again.StatusCode != 200 || again.Header.Get(api.CursorHeader) != cut {
		t.Errorf("%d, %q after %q: %s", again.StatusCode, again.Header.Get(api.CursorHeader), cut, body)
	}
}
