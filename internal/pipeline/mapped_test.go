package pipeline_test

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/quadrille-stream/quadrille/connector"
	"github.com/quadrille-stream/quadrille/event"
	"github.com/quadrille-stream/quadrille/graph"
	"github.com/quadrille-stream/quadrille/internal/pipeline"
)

// TestMapped: a message is committed as what is made of it. One of which nothing can be made is a dead letter, as it came.
func TestMapped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &ledger{}
		from := &script{t: t, reads: []step{messages(message("a", 0), message("a", 1), message("a", 2))}}
		s := pipeline.NewSource(door, from, pipeline.SourceConfig{Name: "src", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Backoff: rare,
			Map: func(m connector.Message) (graph.Submission, error) {
				if m.Offset == 1 {
					return graph.Submission{}, errors.New("no number")
				}
				return graph.Submission{MediaType: graph.TypeReplace, Body: append([]byte("mapped "), m.Body...)}, nil
			}})
		stop := running(t, s.Run)
		synctest.Wait()
		stop()
		var mapped, letters int
		for _, ev := range door.sent {
			reason, media, letter := ev.Rejected()
			want := message("a", int(ev.Seq)-1)
			switch {
			case letter && reason == "no number" && media == want.MediaType && string(ev.Payload) == string(want.Body) && ev.Seq == 2:
				letters++
			case ev.MediaType == graph.TypeReplace && string(ev.Payload) == "mapped "+string(want.Body):
				mapped++
			}
		}
		if mapped != 2 || letters != 1 || from.acked != 3 {
			t.Errorf("%d are mapped, %d are letters, %d are acked: %+v", mapped, letters, from.acked, door.sent)
		}
	})
}

// TestBusyDoorMakesNoLetter: a door that can't take a message in yet says nothing against the message.
func TestBusyDoorMakesNoLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := &ledger{}
		from := &script{t: t, reads: []step{messages(message("a", 0))}}
		s := pipeline.NewSource(door, from, pipeline.SourceConfig{Name: "src", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Backoff: rare,
			Map: func(connector.Message) (graph.Submission, error) { return graph.Submission{}, event.ErrBusy }})
		stop := running(t, s.Run)
		synctest.Wait()
		if st := s.Status(); len(door.sent) != 0 || from.acked != 0 || !errors.Is(st.Err, event.ErrBusy) {
			t.Errorf("%d are sent, %d are acked, %v", len(door.sent), from.acked, st.Err)
		}
		stop()
	})
}
