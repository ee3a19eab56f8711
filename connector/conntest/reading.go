package conntest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/connector"
)

// Within returns a context that ends with the test, or when a peer has had far more time than anything takes.
func Within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// Eventually waits until a condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v not: %s", patience, what)
		}
	}
}

// Open opens a source, whose reader is closed with the test, and fails the test if it can't be.
func Open(t testing.TB, s connector.Source, p connector.Progress) connector.Reader {
	t.Helper()
	r, err := s.Open(Within(t), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() }) // a test looks at it where it matters
	return r
}

// Reading is a reader of a test, which fails the test where it doesn't do what is expected.
type Reading struct {
	testing.TB
	connector.Reader
	got []connector.Message
}

// Read opens a source to be read.
func Read(t testing.TB, s connector.Source, p connector.Progress) *Reading {
	t.Helper()
	r, err := s.Open(Within(t), p)
	if err != nil {
		t.Fatal(err)
	}
	return &Reading{TB: t, Reader: r}
}

// Next reads so many messages.
func (r *Reading) Next(n int) []connector.Message {
	r.Helper()
	for ctx := Within(r.TB); len(r.got) < n; {
		messages, err := r.Read(ctx)
		if err != nil {
			r.Fatalf("after %d of %d messages: %v", len(r.got), n, err)
		}
		r.got = append(r.got, messages...)
	}
	next := r.got[:n]
	r.got = r.got[n:]
	return next
}

// Is compares the next messages with texts, see [Texts], and returns them.
func (r *Reading) Is(want ...string) []connector.Message {
	r.Helper()
	got := r.Next(len(want))
	if texts := Texts(got); strings.Join(texts, " ") != strings.Join(want, " ") {
		r.Fatalf("read %q, want %q", texts, want)
	}
	return got
}

// Texts are the bodies of messages; LOST stands for one that has a reason.
func Texts(messages []connector.Message) (texts []string) {
	for _, m := range messages {
		if m.Reason != "" {
			texts = append(texts, "LOST")
		} else {
			texts = append(texts, string(m.Body))
		}
	}
	return texts
}

// Fails reads until there is an error, and returns it.
func (r *Reading) Fails() error {
	r.Helper()
	for ctx := Within(r.TB); ; {
		_, err := r.Read(ctx)
		if ctx.Err() != nil {
			r.Fatal("the reader doesn't fail")
		}
		if err != nil {
			return err
		}
	}
}

// End closes the reader.
func (r *Reading) End() {
	r.Helper()
	if err := r.Close(); err != nil {
		r.Fatal(err)
	}
}
