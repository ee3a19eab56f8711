package conntest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/connector"
)

// GivesUp fails the test unless an error is one after which nothing goes on by itself, of what is named; its text says what is to be done.
func GivesUp(t testing.TB, err error, of string) {
	t.Helper()
	if !errors.Is(err, connector.ErrGiveUp) || !strings.Contains(err.Error(), of) || strings.Contains(err.Error(), connector.ErrGiveUp.Error()) {
		t.Errorf("%v; want one to give up for, of %q", err, of)
	}
}

// ReadAll reads as the pipeline does, over all errors, until so many messages are committed. It returns what they hold, and the number
// of errors; each stream must come in order, and nothing of it twice.
func ReadAll(t *testing.T, s connector.Source, n int) (bodies []string, failures int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := rereading{T: t, progress: &Progress{}, last: map[string]uint64{}}
	for ; len(r.bodies) < n; failures++ {
		if ctx.Err() != nil {
			t.Fatalf("%d messages after %d errors", len(r.bodies), failures)
		}
		if err := r.session(ctx, s, n); err != nil {
			t.Log(err)
		}
	}
	return r.bodies, failures
}

// rereading reads over errors.
type rereading struct {
	*testing.T
	progress *Progress
	last     map[string]uint64
	bodies   []string
}

// session reads until there are so many messages, or an error.
func (r *rereading) session(ctx context.Context, s connector.Source, n int) error {
	reader, err := s.Open(ctx, r.progress)
	if err != nil {
		return err
	}
	for err == nil && len(r.bodies) < n {
		var messages []connector.Message
		messages, err = reader.Read(ctx)
		for _, m := range messages {
			if at, known := r.last[m.Stream]; known && m.Offset <= at {
				r.Fatalf("%s: %d after %d", m.Stream, m.Offset, at)
			}
			r.last[m.Stream] = m.Offset
			r.bodies = append(r.bodies, string(m.Body))
			r.progress.Commit(m)
		}
		if err == nil {
			err = reader.Ack(ctx, messages)
		}
	}
	if err := reader.Close(); err != nil {
		r.Error(err)
	}
	return err
}

// WriteAll writes as the pipeline does: after an error the shard is opened again, and goes on behind what is there. It returns the
// number of errors.
func WriteAll(t testing.TB, sink connector.Sink, shard int, records []connector.Record) (failures int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ; ; failures++ {
		if ctx.Err() != nil {
			t.Fatalf("%d errors, and no end", failures)
		}
		err := writeRest(ctx, t, sink, shard, records)
		if err == nil {
			return failures
		}
		t.Log(err)
	}
}

// writeRest writes what is not there yet, until an error.
func writeRest(ctx context.Context, t testing.TB, sink connector.Sink, shard int, records []connector.Record) error {
	w, err := sink.Open(ctx, shard)
	if err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(records), func(r connector.Record) bool { return r.Position <= w.At().Position })
	for part := range slices.Chunk(rest, 10) {
		if err = w.Write(ctx, part); err != nil {
			break
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return err
}

// Once fails the test unless what is there are the records, each once and in order.
func Once(t testing.TB, got []Delivered, records []connector.Record) {
	t.Helper()
	for i := range max(len(got), len(records)) {
		if i >= len(got) || i >= len(records) || got[i].Position != records[i].Position {
			t.Fatalf("delta %d: there are %d, want %d, each once and in order", i, len(got), len(records))
		}
	}
}
