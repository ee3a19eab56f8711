package node_test

import (
	"context"
	"errors"
	"testing"

	"github.com/quadrille-stream/quadrille/coordinator"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/shard"
	"github.com/quadrille-stream/quadrille/shipper"
)

// TestEarlierMember: while a member is of a version that doesn't know it, no batch to another node says what was checked. Once
// all know it, each does. The same holds for what replaces old values, and for updates: they aren't taken in.
func TestEarlierMember(t *testing.T) {
	for _, format := range []int{0, coordinator.FormatChecked, coordinator.FormatReplace, coordinator.FormatUpdate, coordinator.Format} {
		c := newCluster(t, 1, calm)
		s := coordinator.NewState(coordinator.Settings{Shards: 1, Hash: shard.HashName, Key: "subject", Keep: coordinator.DefaultKeep, Format: max(format, 1)})
		record, err := coordinator.AppendRecord(nil, "main", s, s.Enter(coordinator.Member{Name: "other", Process: "p", Weight: 1, Format: format}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.store.Control().Append(t.Context(), 0, record); err != nil {
			t.Fatal(err)
		}
		arrived := make(chan event.Event, 100)
		if err := c.network.RegisterRoute("other", shipper.ReceiverFunc(func(_ context.Context, b event.Batch) error {
			for _, ev := range b.Events {
				select {
				case arrived <- ev:
				default: // it is sent again until somebody answers
				}
			}
			return nil
		})); err != nil {
			t.Fatal(err)
		}
		c.start("n1")
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			<-c.nodes["n1"].Entered()
			for _, of := range []struct {
				from        int
				media, text string
			}{
				{coordinator.FormatReplace, graph.TypeReplace, "TX .\nTC .\n"},
				{coordinator.FormatUpdate, graph.TypeUpdate, "CREATE GRAPH <urn:g>"},
				{coordinator.FormatClear, graph.TypeReplace, "TX .\nD <urn:quadrille:any> <urn:quadrille:any> <urn:quadrille:any> <urn:g> .\nTC .\n"},
			} {
				_, err := c.nodes["n1"].Submit(ctx, graph.Submission{MediaType: of.media, Body: []byte(of.text)})
				if knows := format >= of.from; errors.Is(err, event.ErrBusy) == knows {
					t.Errorf("a member knows format %d: %s %s is answered with %v", format, of.media, of.text, err)
				}
			}
			_, err := c.nodes["n1"].Submit(ctx, graph.Submission{MediaType: graph.TypePatch, Body: []byte("A <urn:s> <urn:p> <urn:o> .")})
			ended <- err
		}()
		if ev := <-arrived; ev.Checked != (format >= coordinator.FormatChecked) {
			t.Errorf("a member knows format %d: the event that is sent to it is marked as checked: %v", format, ev.Checked)
		}
		giveUp()
		<-ended
	}
}
