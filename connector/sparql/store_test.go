package sparql_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/sparql"
	"github.com/quadrille-stream/quadrille/internal/peer"
	"github.com/quadrille-stream/quadrille/rdf"
)

// store is a real one.
type store struct {
	peer   *peer.Peer
	query  string
	update string
}

// fuseki starts one; kind is tdb2 or memory.
func fuseki(t testing.TB, kind string, options ...string) *store {
	p := peer.Start(t, "fuseki", 1, append([]string{kind}, options...)...)
	url := fmt.Sprintf("http://127.0.0.1:%d/ds", p.Ports[0])
	return &store{p, url, url}
}

// oxigraph starts one; kind is disk or memory.
func oxigraph(t testing.TB, kind string) *store {
	p := peer.Start(t, "oxigraph", 1, kind)
	url := fmt.Sprintf("http://127.0.0.1:%d/", p.Ports[0])
	return &store{p, url + "query", url + "update"}
}

func blazegraph(t testing.TB) *store {
	p := peer.Start(t, "blazegraph", 1)
	url := fmt.Sprintf("http://127.0.0.1:%d/bigdata/sparql", p.Ports[0])
	return &store{p, url, url}
}

// client gives up where a store hangs.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// send posts a body.
func send(t testing.TB, url, mediaType, accept, body string) []byte {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Accept", accept)
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s, %v", body[:min(len(body), 200)], answer.StatusCode, text, err)
	}
	return text
}

// do runs an update.
func (s *store) do(t testing.TB, update string) {
	t.Helper()
	send(t, s.update, "application/sparql-update", "*/*", update)
}

// ask runs a SELECT, and returns each solution: its terms as N-Quads has them.
func (s *store) ask(t testing.TB, query string) (rows []map[string]string) {
	t.Helper()
	var r struct {
		Results struct {
			Bindings []map[string]struct {
				Type, Value, Datatype string
				Lang                  string `json:"xml:lang"`
			}
		}
	}
	text := send(t, s.query, "application/sparql-query", "application/sparql-results+json", query)
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, b := range r.Results.Bindings {
		row := map[string]string{}
		for name, v := range b {
			var term rdf.Term
			var err error
			switch {
			case v.Type == "uri":
				term, err = rdf.IRI(v.Value)
			case v.Type == "bnode":
				term, err = rdf.Blank(v.Value)
			case v.Lang != "":
				term, err = rdf.LangLiteral(v.Value, v.Lang, rdf.NoDirection)
			case v.Datatype != "":
				term, err = rdf.TypedLiteral(v.Value, v.Datatype)
			default:
				term, err = rdf.Literal(v.Value)
			}
			if err != nil {
				t.Fatal(err)
			}
			row[name] = term.String()
		}
		rows = append(rows, row)
	}
	return rows
}

// quads are all that the store has, besides positions.
func (s *store) quads(t testing.TB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, r := range s.ask(t, "SELECT * { { ?s ?p ?o } UNION { GRAPH ?g { ?s ?p ?o } } }") {
		if r["p"] != "<urn:quadrille:at>" {
			graph := strings.TrimPrefix(r["g"], "<http://www.bigdata.com/rdf#nullGraph>") // Blazegraph's name of the default graph
			all[strings.TrimRight(r["s"]+" "+r["p"]+" "+r["o"]+" "+graph, " ")] = true
		}
	}
	return all
}

// positions are the literals of a shard.
func (s *store) positions(t testing.TB, shard int) (list []string) {
	t.Helper()
	for _, r := range s.ask(t, fmt.Sprintf("SELECT ?at { GRAPH <%s> { <urn:quadrille:position:test:%d> <urn:quadrille:at> ?at } }",
		sparql.PositionGraph, shard)) {
		list = append(list, strings.Trim(r["at"], `"`))
	}
	return list
}

func (s *store) endpoint() sparql.Endpoint { return sparql.Endpoint{Query: s.query, Update: s.update} }

// sink makes one, as a process does that has just started.
func (s *store) sink(t testing.TB, change ...func(*sparql.SinkConfig)) *sparql.Sink {
	t.Helper()
	cfg := sparql.SinkConfig{Endpoint: s.endpoint(), Name: "test"}
	for _, c := range change {
		c(&cfg)
	}
	sink, err := sparql.NewSink(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// target is a store as the suite sees it, empty at first.
func (s *store) target(t *testing.T) conntest.Target {
	s.do(t, "DROP ALL")
	return target{s}
}

type target struct{ *store }

func (s target) Sink(t *testing.T) connector.Sink { return s.sink(t) }

// Read makes deltas of the quads that there are: each record of the suite adds one.
func (s target) Read(t *testing.T, shard int) []conntest.Delivered {
	t.Helper()
	rows := map[uint64][]string{}
	prefix := fmt.Sprintf("<urn:shard%d:s", shard)
	for quad := range s.quads(t) {
		if rest, ok := strings.CutPrefix(quad, prefix); ok {
			number, _, _ := strings.Cut(rest, ">")
			n, err := strconv.ParseUint(number, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			rows[n] = append(rows[n], "A "+quad+" .\n")
		}
	}
	list := make([]conntest.Delivered, 0, len(rows))
	for i, position := uint64(0), uint64(0); i < uint64(len(rows)); i++ {
		of := rows[position+i]
		slices.SortFunc(of, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) // <urn:p9>, <urn:p10>
		text := "TX .\n" + strings.Join(of, "") + "TC .\n"
		position += 1 + i%3
		list = append(list, conntest.Delivered{Position: position, Text: text})
	}
	return list
}
