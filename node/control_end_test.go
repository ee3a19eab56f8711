package node_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/engine/memory"
	"github.com/quadrille-stream/quadrille/graph"
)

type otherControl struct {
	*memory.Engine
	control engine.Log
}

func (o otherControl) Control() engine.Log { return o.control }

// TestControlLogLosesItsEnd: the control log has lost its last record, as a shard's log can. The process that starts is given an
// incarnation that another has had. Nothing that is then accepted is lost.
func TestControlLogLosesItsEnd(t *testing.T) {
	var control engine.Log
	change := func(cfg *graph.Config) {
		if control != nil {
			cfg.Engine = otherControl{cfg.Engine.(*memory.Engine), control}
		}
	}
	inBubble(t, 1, change, func(t *testing.T, c *cluster) {
		for run := range 2 {
			c.start("n1")
			c.ready("n1")
			for i := range 5 {
				c.submit("n1", "", fmt.Sprintf("A <http://e/r%d-%d> <http://e/p> \"1\" .", run, i))
			}
			c.kill("n1")
		}
		cut := memory.New(1)
		var all []engine.Entry
		if _, err := c.store.Control().Read(t.Context(), 1, func(e engine.Entry) error { all = append(all, e); return nil }); err != nil {
			t.Fatal(err)
		}
		var expect uint64
		for _, e := range all[:len(all)-1] {
			seq, err := cut.Control().Append(t.Context(), expect, e.Payload)
			if err != nil {
				t.Fatal(err)
			}
			expect = seq
		}
		control = cut.Control()
		c.start("n1")
		time.Sleep(time.Minute)
		n := c.nodes["n1"]
		if err := n.Ready(); err != nil {
			t.Logf("not ready: %v", err)
			return
		}
		r, err := n.Submit(t.Context(), graph.Submission{MediaType: graph.TypePatch, Body: []byte("TX .\nA <http://e/new> <http://e/p> \"1\" .\nTC .\n")})
		t.Logf("answer: %+v, %v", r, err)
		if err == nil && !strings.Contains(c.data("n1"), "http://e/new") {
			t.Error("accepted, and not there")
		}
		c.kill("n1")
	})
}
