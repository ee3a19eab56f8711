package rdf

import (
	"errors"
	"fmt"
)

// ErrLimit is in the [SyntaxError] of a document that is over one of its bounds (statement length, nesting, size).
var ErrLimit = errors.New("over its limit")

// Kinds of [ErrLimit] that an option of the reader raises.
var (
	// ErrTermLimit: a term, or the line or row that it stands in, is too long.
	ErrTermLimit = fmt.Errorf("length of a term %w", ErrLimit)
	// ErrDepthLimit: something is nested too deeply.
	ErrDepthLimit = fmt.Errorf("nesting %w", ErrLimit)
)

// ErrNoBase is in the error of a relative IRI that nobody has said a base for.
var ErrNoBase = fmt.Errorf("%w: relative IRI without a base", ErrInvalid)

// SyntaxError says where a document departs from its format. All readers of this module return it.
type SyntaxError struct {
	// File is the name of the document, if the caller has set one.
	File string
	// Line and Col are where the error is, both from 1. Col counts characters (code points).
	Line, Col int
	// Msg says what was expected and what was found.
	Msg string
	// Err is the cause, if there is one that can be tested for, such as [ErrLimit].
	Err error
}

// Error returns "file:line:col: message", or "line L, column C: message" if there is no file name.
func (e *SyntaxError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Col, e.Msg)
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Col, e.Msg)
}

// Unwrap returns the cause, nil if there is none.
func (e *SyntaxError) Unwrap() error { return e.Err }
