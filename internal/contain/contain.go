// Package contain makes errors of panics, where one who is served must not end the process that serves others, too. It can do so for the
// goroutine that calls it alone: a goroutine that a library starts ends the process, and so does what the runtime calls fatal.
package contain

import (
	"fmt"
	"log/slog"
	"runtime/debug"
)

// Error is a panic that was contained: a fault of the program. Its text has the value and no stack, which is for the log.
type Error struct {
	// Value is what the panic was called with, as text.
	Value string
	// Stack is that of the goroutine that has panicked.
	Stack []byte
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("a fault of the program (panic: %s); the node's log has where: report it", e.Value)
}

// Log writes the panic with its stack, at level error.
func (e *Error) Log(log *slog.Logger, text string, attrs ...any) {
	log.Error(text, append(attrs, "panic", e.Value, "stack", string(e.Stack))...)
}

// Caught is the error of a value that recover has returned. It is called by the deferred function that has recovered, so that the stack is
// that of the panic.
func Caught(value any) *Error {
	if before, is := value.(*Error); is { // of another goroutine, where it was caught first
		return before
	}
	return &Error{Value: fmt.Sprint(value), Stack: debug.Stack()}
}

// Do calls fn and returns its error, or that of its panic, an [*Error]. What fn holds it gives back by deferred calls.
func Do(fn func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = Caught(value)
		}
	}()
	return fn()
}

// Task calls fn, and failed with the [*Error] if that panics: for a goroutine that nobody waits for an error of.
func Task(fn func(), failed func(error)) {
	if err := Do(func() error { fn(); return nil }); err != nil {
		failed(err)
	}
}
