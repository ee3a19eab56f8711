package opcua_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/connector/conntest"
	"github.com/quadrille-stream/quadrille/connector/opcua"
)

// TestNode, TestPython and TestMilo: what servers of three makes show.
func TestNode(t *testing.T) {
	t.Parallel()
	testServer(t, startNode(t))
}

func TestPython(t *testing.T) {
	t.Parallel()
	testServer(t, startPython(t))
}

func TestMilo(t *testing.T) {
	t.Parallel()
	testServer(t, startMilo(t))
}

func testServer(t *testing.T, s *server) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *server)
	}{
		{"values", testValues}, {"by id and path", testNamed}, {"refused", testRefused}, {"waits and ends", testWaits},
		{"security", testSecurity}, {"user", testUser}, {"keys made anew", testRenewed}, {"back-pressure", testBackPressure},
		{"types", testTypes},
		{"structures of its own", testOpaque}, {"unit and deadband", testDeadband}, {"structure", testStructure}, {"model changes", testModelChanges},
		{"model changes while it is read", testChangesBetween},
		{"batches", testBatches},
		{"writes", testWrites}, {"refused writes", testRefusedWrites}, {"written types", testWrittenTypes},
		{"arrays and structures", testArrays},
		{"many shards", testManyShards},
		{"killed under a sink", testSinkKilled},
		{"hostile", testHostile}, {"cut and torn", testTorn}, {"silent", testSilent}, {"killed", testKilled},
		{"another certificate", testOtherCertificate}, {"another namespace index", testShifted},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

// fast is a configuration whose values come soon.
func (s *server) fast(t testing.TB) opcua.SourceConfig {
	return opcua.SourceConfig{Connection: s.plain(t), Publishing: 50 * time.Millisecond, Sampling: 10 * time.Millisecond,
		Silence: patience}
}

// testValues: a tree's variables come with status, times and path, each in order; the first says that nothing was known before.
func testValues(t *testing.T, s *server) {
	cfg := s.fast(t)
	cfg.Trees = []string{s.browse("Device")}
	r := open(t, source(t, cfg))
	defer r.close()
	known, statuses, last := map[string]bool{}, map[string]bool{}, -1.0
	r.until("every status", func(d document) bool {
		if !known[d.Name] != (d.Gap != nil) || d.Gap != nil && (d.Gap.From != nil || d.Gap.To == nil) {
			t.Fatalf("%+v: known %v, gap %+v", d, known[d.Name], d.Gap)
		}
		known[d.Name] = true
		if d.Node != s.node(d.Name) || d.Path != s.browse("Device", d.Name) || d.Namespace == "" || d.ServerTime == nil ||
			d.SourceTime == nil {
			t.Fatalf("%+v", d)
		}
		switch d.Name {
		case "count":
			if n := d.number(); n < last || d.Type != "UInt32" {
				t.Fatalf("%v after %v, of type %s", n, last, d.Type)
			}
			last = d.number()
		case "quality":
			statuses[d.Status] = true
		case "temp":
			if old := d.ServerTime.Sub(*d.SourceTime); s.name == "python" && old < time.Second {
				t.Fatalf("%v between the times of source and server", old)
			}
		}
		return len(known) >= 5 && last > 5 && statuses["Good"] && statuses["UncertainLastUsableValue"] && statuses["BadSensorFailure"]
	})
}

// testNamed: variables are found by id, by the name of their namespace, and by path, each once.
func testNamed(t *testing.T, s *server) {
	cfg := s.fast(t)
	cfg.Nodes = []string{s.node("set"), s.browse("Device", "set"), s.browse("Device", "count")}
	cfg.Trees = []string{s.node("Device")}
	r := open(t, source(t, cfg))
	defer r.close()
	names := map[string]int{}
	r.until("all", func(d document) bool {
		if d.Gap != nil {
			names[d.Name]++
		}
		return len(names) >= 5 && d.number() > 3 && d.Name == "count"
	})
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s is there %d times", name, n)
		}
	}
}

// testRefused: what can't be is told, and is nothing to try again soon.
func testRefused(t *testing.T, s *server) {
	for name, c := range map[string]struct {
		change func(*opcua.SourceConfig)
		want   string
	}{
		"no such node": {func(c *opcua.SourceConfig) { c.Nodes = []string{s.node("nothing")} }, "nothing"},
		"no such path": {func(c *opcua.SourceConfig) { c.Nodes = []string{"/Objects/9:Nothing"} }, "no such path"},
		"no namespace": {func(c *opcua.SourceConfig) { c.Nodes = []string{"nsu=urn:nothing;s=x"} }, "urn:nothing"},
		"no variable":  {func(c *opcua.SourceConfig) { c.Nodes = []string{s.node("Device")} }, "can't be monitored"},
		"too many":     {func(c *opcua.SourceConfig) { c.Trees, c.MaxNodes = []string{"/Objects"}, 3 }, "more than 3 nodes"},
		"no such policy": {func(c *opcua.SourceConfig) {
			c.Nodes, c.Policy, c.Sign = []string{s.node("set")}, "Aes256_Sha256_RsaPss", true
		}, "Sign"},
	} {
		if name == "no such policy" && s.name != "python" {
			continue // they have all
		}
		cfg := s.fast(t)
		c.change(&cfg)
		r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
		if !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				_ = r.Close()
			}
		}
	}
}

// testWaits: a reading that was given up loses nothing, closing ends one, an opening with a context that has ended does nothing.
func testWaits(t *testing.T, s *server) {
	cfg := s.fast(t)
	cfg.Nodes = []string{s.node("set")}
	from := source(t, cfg)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := from.Open(gone, &conntest.Progress{}); !errors.Is(err, context.Canceled) {
		t.Errorf("opened in no time: %v", err)
	}
	r := open(t, from)
	first := r.until("the first value", func(document) bool { return true })
	if got := r.extents(); len(got) != 1 || got[0].First != 1 || got[0].End != 2 {
		t.Errorf("one value has come, and it is told %+v", got)
	}
	if _, err := r.Read(gone); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := r.Read(t.Context())
		read <- err
	}()
	r.close()
	if err := <-read; err == nil || errors.Is(err, io.EOF) {
		t.Errorf("after it was closed: %v", err)
	}
	again := open(t, from)
	defer again.close()
	d := again.until("the first value", func(document) bool { return true })
	if d.Gap == nil || d.Gap.From == nil || d.Gap.From.Before(*first.Gap.To) || d.Gap.To.Before(*d.Gap.From) {
		t.Errorf("the gap is %+v, after %v", d.Gap, first.Gap.To)
	}
}

// testBackPressure: while nobody reads little is held, and what the server had no room for is told.
func testBackPressure(t *testing.T, s *server) {
	if s.name == "python" {
		return // it doesn't say so
	}
	cfg := s.fast(t)
	cfg.Nodes, cfg.Queue, cfg.MaxQueued = []string{s.node("count")}, 2, 3
	r := open(t, source(t, cfg))
	defer r.close()
	first := r.until("a value", func(document) bool { return true })
	watch := cfg
	watch.MaxQueued = 0
	other := open(t, source(t, watch)) // says when enough has come that nobody has read
	defer other.close()
	other.until("many values", func(d document) bool { return d.number() > first.number()+60 })
	conntest.Eventually(t, "what has come without room for more isn't told to be all", func() bool { return len(r.extents()) == 0 })
	r.until("what is lost", func(d document) bool { return d.Overflow && d.Status == "Good" })
}

// testTypes: a value of each built-in type is one of JSON.
func testTypes(t *testing.T, s *server) {
	if s.name != "node" {
		return // they have none
	}
	want := map[string]string{
		"Boolean": "true", "SByte": "-7", "Byte": "200", "Int16": "-300", "UInt16": "60000", "Int32": "-70000", "UInt32": "4000000000",
		"Int64": "5", "UInt64": "6", "Float": "1.5", "Double": "20.0", "String": `"a \"b\" é"`, "DateTime": `"2026-01-31T08:00:00.5Z"`,
		"Guid": `"72962B91-FA75-4AE6-8D28-B404DC7DAF63"`, "ByteString": `"AQL/"`, "NodeId": `"ns=1;s=x"`, "StatusCode": `"BadTimeout"`,
		"QualifiedName": `"1:q"`, "LocalizedText": `{"text":"hot","locale":""}`, "Array": "[1,2,3]",
	}
	cfg := s.fast(t)
	cfg.Trees = []string{s.browse("Types")}
	r := open(t, source(t, cfg))
	defer r.close()
	r.until("all types", func(d document) bool {
		if got := string(d.Value); got != want[d.Name] || d.Type != d.Name && d.Name != "Array" {
			t.Errorf("%s: %s, of type %s, want %s", d.Name, got, d.Type, want[d.Name])
		}
		delete(want, d.Name)
		return len(want) == 0
	})
}

// testOpaque: a structure that only the server knows comes with its type and its bytes.
func testOpaque(t *testing.T, s *server) {
	if s.name != "python" {
		return // they have none
	}
	cfg := s.fast(t)
	cfg.Nodes = []string{s.node("point")}
	r := open(t, source(t, cfg))
	defer r.close()
	d := r.until("the structure", func(document) bool { return true })
	got := string(d.Value)
	if !strings.HasPrefix(got, `{"typeId":"ns=2;`) || !strings.HasSuffix(got, `,"body":"AQACAQ=="}`) || d.Type != "ExtensionObject" {
		t.Errorf("%s of type %s", got, d.Type)
	}
}

// testDeadband: what differs by less is no new value; where there is no deadband everything is. A unit stands in each document.
func testDeadband(t *testing.T, s *server) {
	if s.name == "python" {
		return // it compares with the value before, not with the last one that it has sent
	}
	cfg := s.fast(t)
	cfg.Trees, cfg.Deadband = []string{s.browse("Device")}, 10
	r := open(t, source(t, cfg))
	defer r.close()
	last := 0.0
	r.until("some values", func(d document) bool {
		if d.Name == "set" && s.name == "node" && (d.Unit != "°C" || d.UnitCode != "CEL") {
			t.Errorf("the unit is %q, %q", d.Unit, d.UnitCode)
		}
		if d.Name != "count" {
			return false
		}
		n, before := d.number(), last
		if last = n; d.Gap == nil && n-before < 10 {
			t.Errorf("%v after %v", n, before)
		}
		return d.Gap == nil && n > 30
	})
}

// testBatches: what is asked of a server is asked for many nodes at a time: more trees take no more requests.
func testBatches(t *testing.T, s *server) {
	requests := func(trees ...string) int64 {
		cfg := s.fast(t)
		p := newProxy(t, s, &cfg.Connection)
		s.structured(t, &cfg, &graphState{}, trees...)
		r, err := source(t, cfg).Open(conntest.Within(t), &conntest.Progress{})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		return p.requests.Load()
	}
	device, some := s.browse("Device"), s.browse("Device", "temp")
	one := requests(device, some)
	if all := requests(device, some, s.browse("Device", "set"), s.browse("Device", "count")); all != one || one == 0 {
		t.Errorf("%d requests for four trees, %d for two", all, one)
	}
}
