package opcua_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gopcua/opcua/id"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/opcua"
	"github.com/quadrille-stream/quadrille/patch"
	"github.com/quadrille-stream/quadrille/rdf"
)

// graphState is a pipeline's graph that a structure is kept in.
type graphState struct {
	mu    sync.Mutex
	quads map[rdf.Quad]bool
}

// each hands over the quads that there are.
func (g *graphState) each(_ context.Context, fn func(rdf.Quad) error) error {
	g.mu.Lock()
	var all []rdf.Quad
	for q := range g.quads {
		all = append(all, q)
	}
	g.mu.Unlock()
	for _, q := range all {
		if err := fn(q); err != nil {
			return err
		}
	}
	return nil
}

// apply takes in a message.
func (g *graphState) apply(t *testing.T, m connector.Message) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.quads == nil {
		g.quads = map[rdf.Quad]bool{}
	}
	for row, err := range patch.Rows(m.Body) {
		if err != nil {
			t.Fatal(err)
		}
		if q := row.Quad.Clone(); row.Deleted {
			delete(g.quads, q)
		} else {
			g.quads[q] = true
		}
	}
}

// rows are the quads as lines, without the graph.
func (g *graphState) rows() (list []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for q := range g.quads {
		list = append(list, fmt.Sprintf("%s %s %s", q.S, q.P, q.O))
	}
	slices.Sort(list)
	return list
}

// structured makes a configuration that of a structure that is kept in a graph.
func (s *server) structured(t *testing.T, cfg *opcua.SourceConfig, g *graphState, trees ...string) {
	t.Helper()
	name, err := rdf.IRI("urn:structure")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Trees, cfg.Structure, cfg.NodeIRI, cfg.Graph, cfg.Have = trees, true, "urn:node:", name, g.each
}

// keep reads what a source says into its graph, until the graph is as it should be.
func (g *graphState) keep(t *testing.T, r connector.Reader, what string, is func(rows []string) bool) {
	t.Helper()
	for ctx := conntest.Within(t); !is(g.rows()); {
		messages, err := r.Read(ctx)
		if err != nil {
			t.Fatalf("%s: %v; there is\n%s", what, err, strings.Join(g.rows(), "\n"))
		}
		for _, m := range messages {
			g.apply(t, m)
		}
		if err := r.Ack(ctx, messages); err != nil {
			t.Fatal(err)
		}
	}
}

// has reports whether rows have all of these.
func has(want ...string) func([]string) bool {
	return func(rows []string) bool {
		return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(rows, w) })
	}
}

// iri is the IRI of a node in a structure.
func (s *server) iri(name string) string {
	return fmt.Sprintf("<urn:node:ns%%3D%d%%3Bs%%3D%s>", s.index, name)
}

// The words of a structure.
const (
	ns    = "http://opcfoundation.org/UA/"
	is    = " <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> "
	rdfs  = "http://www.w3.org/2000/01/rdf-schema#"
	label = " <" + rdfs + "label> "
)

// integer is a number of a structure.
func integer(n int) string {
	return fmt.Sprintf(`"%d"^^<http://www.w3.org/2001/XMLSchema#integer>`, n)
}

// testStructure: what the trees are made of is kept as RDF: nodes, their types and data types; what else is in the graph goes.
func testStructure(t *testing.T, s *server) {
	cfg := s.fast(t)
	g := &graphState{}
	// A tree that is named twice, by id and path, or is in another one, is there once.
	s.structured(t, &cfg, g, s.node("Device"), s.node("Device"), s.browse("Device"), s.browse("Device", "temp"))
	g.apply(t, connector.Message{Body: []byte("TX .\nA <urn:old> <urn:p> \"x\" <urn:structure> .\nA <urn:other> <urn:p> \"x\" .\nTC .\n")})
	r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g.keep(t, r, "the structure", has(
		s.iri("Device")+" <"+ns+"HasComponent> "+s.iri("temp"),
		s.iri("temp")+is+"<"+ns+"BaseDataVariableType>",
		s.iri("temp")+" <"+ns+"browsePath> \""+s.browse("Device", "temp")+`"`,
		s.iri("temp")+" <"+ns+"nodeId> \""+s.node("temp")+`"`,
		s.iri("temp")+" <"+ns+"dataType> <"+ns+"Double>",
		"<"+ns+"Double> <"+rdfs+"subClassOf> <"+ns+"Number>",
		"<"+ns+"Number> <"+rdfs+"subClassOf> <"+ns+"BaseDataType>",
		"<"+ns+"BaseDataVariableType> <"+rdfs+"subClassOf> <"+ns+"BaseVariableType>",
		"<"+ns+"BaseDataVariableType>"+is+"<"+rdfs+"Class>",
		"<"+ns+"HasComponent>"+is+"<http://www.w3.org/1999/02/22-rdf-syntax-ns#Property>",
		"<"+ns+"HasComponent> <"+rdfs+"subPropertyOf> <"+ns+"Aggregates>",
	))
	g.keep(t, r, "what is left", func(rows []string) bool {
		return !slices.Contains(rows, `<urn:old> <urn:p> "x"`) && slices.Contains(rows, `<urn:other> <urn:p> "x"`)
	})
}

// testModelChanges: data types and methods stand in the structure; a node that comes is taken in, and taken out when it is gone: at
// once where the server tells of it, else at the next reading.
func testModelChanges(t *testing.T, s *server) {
	if s.name == "milo" {
		return // its nodes stay
	}
	cfg := s.fast(t)
	g := &graphState{}
	s.structured(t, &cfg, g, s.browse("Model"))
	if cfg.Every = time.Hour; s.name == "python" {
		cfg.Every = time.Second // it doesn't tell
	}
	r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	namespace := map[string]string{"node": "urn:quadrille:test:server#", "python": "urn:quadrille:test#"}[s.name]
	speed, green := s.iri("start")[:len(s.iri("start"))-1]+"/inputArgument/speed>", "<"+namespace+"Color/Green>"
	want := []string{
		s.iri("color") + " <" + ns + "dataType> <" + namespace + "Color>",
		"<" + namespace + "Color> <" + rdfs + "subClassOf> <" + ns + "Enumeration>",
		green + is + "<" + namespace + "Color>", green + label + `"Green"`,
		s.iri("start") + is + "<" + ns + "Method>", s.iri("Model") + " <" + ns + "HasComponent> " + s.iri("start"),
		s.iri("start") + " <" + ns + "inputArgument> " + speed, speed + is + "<" + ns + "Argument>", speed + label + `"speed"`,
		speed + " <" + ns + "position> " + integer(0), speed + " <" + ns + "dataType> <" + ns + "Double>",
		speed + " <" + rdfs + `comment> "per minute"`,
		strings.Replace(speed, "speed", "steps", 1) + " <" + ns + "valueRank> " + integer(1),
	}
	if s.name == "python" {
		x := "<" + namespace + "Point/X>"
		want = append(want, green+" <"+ns+"enumValue> "+integer(1), x+" <"+rdfs+"domain> <"+namespace+"Point>",
			x+" <"+rdfs+"range> <"+ns+"Int16>", "<"+namespace+"Point> <"+rdfs+"subClassOf> <"+ns+"Structure>")
	} else {
		want = append(want, green+" <"+ns+"enumValue> "+integer(5))
	}
	g.keep(t, r, "the model", has(want...))
	grown := s.iri("Grown") + label + `"Grown"`
	s.write(t, "grow", "true")
	g.keep(t, r, "a node that has come", has(grown))
	s.write(t, "grow", "false")
	g.keep(t, r, "a node that is gone", func(rows []string) bool {
		return !slices.ContainsFunc(rows, func(row string) bool { return strings.Contains(row, s.iri("Grown")) })
	})
}

// testChangesBetween: a change that the server makes just before it would tell of it is in what is read.
func testChangesBetween(t *testing.T, s *server) {
	if s.name != "node" {
		return // the others tell of none
	}
	cfg := s.fast(t)
	p, g := newProxy(t, s, &cfg.Connection), &graphState{}
	s.structured(t, &cfg, g, s.browse("Model"))
	cfg.Every = time.Hour
	reached, on, once := make(chan struct{}), make(chan struct{}), sync.Once{}
	follows := func(kind uint16) {
		if kind == id.CreateMonitoredItemsRequest_Encoding_DefaultBinary {
			once.Do(func() { close(reached); <-on })
		}
	}
	p.asked.Store(&follows)
	opening := make(chan error, 1)
	var r connector.Reader
	go func() {
		var err error
		r, err = source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
		opening <- err
	}()
	<-reached
	func() {
		defer close(on)
		s.write(t, "grow", "true")
	}()
	if err := <-opening; err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	g.keep(t, r, "a node that has come meanwhile", has(s.iri("Grown")+label+`"Grown"`))
	s.write(t, "grow", "false")
}

// write writes a value to a variable.
func (s *server) write(t *testing.T, name, value string) {
	t.Helper()
	w := openWriter(t, s.sinkTo(t, &shardState{rows: s.rowOf(name, value)}, false), 0)
	if err := w.Close(); err != nil {
		t.Error(err)
	}
}

// TestStructureEnds: a structure whose server dies says so, and the next reading takes in what has changed meanwhile.
func TestStructureEnds(t *testing.T) {
	t.Parallel()
	s := startPython(t)
	cfg := s.fast(t)
	g := &graphState{}
	s.structured(t, &cfg, g, s.browse("Model"))
	cfg.Every = time.Hour
	s.write(t, "grow", "true")
	from := source(t, cfg)
	grown := s.iri("Grown") + label + `"Grown"`
	reopened := func() connector.Reader {
		r, err := from.Open(conntest.Within(t), &conntest.Progress{})
		if err != nil {
			t.Fatal(err)
		}
		g.keep(t, r, "the structure", has(s.iri("grow")+label+`"grow"`))
		return r
	}
	r := reopened()
	for ctx := conntest.Within(t); !has(grown)(g.rows()) && ctx.Err() == nil; r = reopened() { // the server takes its time
		_ = r.Close()
	}
	s.Kill()
	var err error
	for err == nil {
		_, err = r.Read(conntest.Within(t))
	}
	t.Logf("it says: %v", err)
	_ = r.Close()
	s.Restart(t)
	r = reopened()
	defer r.Close()
	g.keep(t, r, "what is left", func(rows []string) bool { return !slices.Contains(rows, grown) })
}
