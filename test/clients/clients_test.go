package clients

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/internal/cli"
	"github.com/quadrille-stream/quadrille/internal/cluster"
)

const (
	// clientBound bounds the time of a client, and of installing it.
	clientBound = 5 * time.Minute
	// waitDelay bounds the time in which the rest of a client's output is read, once it has ended.
	waitDelay = 30 * time.Second
	// shards is the number of shards of the node.
	shards = "8"
	// large is the number of rows that each client writes and reads.
	large = 20_000
	// unavailable is the exit status of the script when a client can't be had.
	unavailable = 77
)

// TestMain makes this very binary do the work of the nodes that the tests start as processes, as its first argument says.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	flag.Parse()
	os.Exit(m.Run())
}

// startNode starts a node that stands alone, which ends with the test, and returns its address.
func startNode(t *testing.T, args ...string) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"serve", "--name", "n1", "--http", "127.0.0.1:0", "--data", t.TempDir()}, args...)
	cmd := exec.Command(exe, args...)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	_, after, ready := strings.Cut(line, "is ready at ")
	if err != nil || !ready {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // what it has logged is whole then
		t.Fatalf("start %v: %q, %v\n%s", args, line, err, &log)
	}
	door, _, _ := strings.Cut(strings.TrimSpace(after), ",")
	return door
}

// run runs a client, and returns its output and how it ended. Where it can't be had the test is skipped, or fails if it must be there.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), clientBound)
	defer cancel()
	cmd := exec.CommandContext(ctx, "../../scripts/peers/client", args...)
	cmd.WaitDelay = waitDelay
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == unavailable && os.Getenv("QUADRILLE_PEERS_REQUIRED") != "1" {
		t.Skip(said.String())
	}
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, &said)
	}
	return out.String(), err
}

// ask sends a query, and returns its answer.
func ask(t *testing.T, door, query, accept string) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, door+"/sparql?query="+url.QueryEscape(query), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", accept)
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // it was read
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", query, answer.Status, err, body)
	}
	return string(body)
}

// client is what one does.
type client struct {
	name  string
	args  []string // of the script; the node's address comes after them
	steps string   // that go well, in order
	held  string   // a pattern with so many rows as are large
}

var clients = []client{
	{"rdflib", []string{"python", "clients.py", "rdflib"},
		"insert; unicode; select xml; select json; select csv; select tsv; update; ask; construct; construct turtle; describe; " +
			"blank; empty; syntax; syntax of an update; large",
		"GRAPH <http://rdflib.example/large> { ?s ?p ?o }"},
	{"SPARQLWrapper", []string{"python", "clients.py", "sparqlwrapper"},
		"insert; select; unicode; select xml; select csv; select tsv; update; ask; construct by default; construct rdf+xml; " +
			"construct turtle; construct n3; construct json-ld; blank; empty; syntax; syntax of an update; large",
		"?s <http://wrapper.example/n> ?o"},
	{"RDFConnection", []string{"jena", "Jena.java"},
		"graph put; unicode, blank; graph load; graph delete; insert, update, select; ask; construct; describe; empty; syntax; syntax of an update; large",
		"GRAPH <http://jena.example/large> { ?s ?p ?o }"},
	{"RDF4J", []string{"rdf4j", "Rdf4j.java"},
		"insert; unicode; update, select; ask; construct, blank; empty; syntax; syntax of an update; large; clear",
		"GRAPH <http://rdf4j.example/large> { ?s ?p ?o }"},
	{"Comunica", []string{"node", "comunica.cjs"}, "insert, select; unicode; update; ask; construct; blank; empty; error; large",
		"?s <http://comunica.example/n> ?o"},
}

// do has the client do what it does, and looks at what the node holds afterwards.
func (c client) do(t *testing.T, door string) {
	out, err := run(t, append(c.args, door)...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if steps := strings.ReplaceAll(strings.TrimSpace(out), "\n", "; "); steps != c.steps {
		t.Errorf("expected the steps\n%s\nfound\n%s", c.steps, steps)
	}
	if found := ask(t, door, "SELECT (COUNT(*) AS ?n) { "+c.held+" }", "text/csv"); strings.Fields(found)[1] != fmt.Sprint(large) {
		t.Errorf("%s: expected %d, found %s", c.held, large, found)
	}
}

// TestClients: what each client does with a node of eight shards goes well, and the node holds what it wrote.
func TestClients(t *testing.T) {
	door := startNode(t, "--shards", shards)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) { c.do(t, door) })
	}
	t.Run("rsparql", func(t *testing.T) { commandLines(t, door) })
	t.Run("curl", func(t *testing.T) { curl(t, door) })
}

// TestClientsOfCluster: a client reads from one node of three what it wrote to it, whichever nodes own the shards.
func TestClientsOfCluster(t *testing.T) {
	c, err := cluster.Start(t.Context(), cluster.Config{Nodes: 3, Shards: 8, Sweep: []string{"demo", "--sweep"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	clients[0].do(t, c.Doors()[2])
}

// commandLines: Jena's rupdate and rsparql.
func commandLines(t *testing.T, door string) {
	service := []string{"--service", door + "/sparql"}
	update := func(text string) (string, error) {
		return run(t, append(append([]string{"jena", "arq.rupdate"}, service...), text)...)
	}
	query := func(text string) (string, error) {
		return run(t, append(append([]string{"jena", "arq.rsparql", "--results=tsv"}, service...), text)...)
	}
	if out, err := update(`INSERT DATA { <http://rupdate.example/ü> <http://rupdate.example/p> "Grüße 東京"@de }`); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := query("SELECT ?o { <http://rupdate.example/ü> ?p ?o }"); err != nil || out != "?o\n\"Grüße 東京\"@de\n" {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := query("SELECT ?o { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }"); err == nil {
		t.Errorf("a query that the node refuses: %s", out)
	}
}
