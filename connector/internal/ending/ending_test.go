package ending

import (
	"context"
	"errors"
	"testing"
)

// TestEnding: what is under way ends with its context, and when the reader is closed; why is told.
func TestEnding(t *testing.T) {
	opening, opened := context.WithCancel(t.Context())
	e := New(opening)
	opened() // which was about the opening alone
	gone, cancel := context.WithCancel(t.Context())
	under, done := e.Within(gone)
	defer done()
	if under.Err() != nil || e.Why(gone) != nil {
		t.Errorf("%v, %v", under.Err(), e.Why(gone))
	}
	cancel()
	if <-under.Done(); !errors.Is(e.Why(gone), context.Canceled) || e.Why(t.Context()) != nil {
		t.Errorf("%v, and of another %v", e.Why(gone), e.Why(t.Context()))
	}
	other, end := e.Within(t.Context())
	defer end()
	e.Close()
	if <-other.Done(); !errors.Is(context.Cause(other), ErrClosed) || !errors.Is(e.Why(t.Context()), ErrClosed) {
		t.Errorf("%v, %v", context.Cause(other), e.Why(t.Context()))
	}
	last, stop := e.Within(t.Context())
	if <-last.Done(); !errors.Is(context.Cause(last), ErrClosed) {
		t.Errorf("%v", context.Cause(last))
	}
	stop()
}
