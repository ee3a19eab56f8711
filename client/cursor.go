package client

import (
	"fmt"
	"strings"

	"github.com/quadrille-stream/quadrille/engine"
)

// Cursor says from where a reader goes on, and in which pipeline. Its text form is "PIPELINE@0:17:ID,3:42:ID", see
// [engine.Cursor]; a person may leave out what stands before the marks, and the ids.
type Cursor struct {
	// Pipeline is the name of the pipeline whose logs it is in; empty: it isn't known.
	Pipeline string
	// Cursor has the marks, per shard.
	engine.Cursor
}

// String returns the text form.
func (c Cursor) String() string {
	if c.Pipeline == "" {
		return c.Cursor.String()
	}
	return c.Pipeline + "@" + c.Cursor.String()
}

// ParseCursor reads the text form.
func ParseCursor(text string) (c Cursor, err error) {
	marks := text
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		if c.Pipeline, marks = text[:at], text[at+1:]; c.Pipeline == "" {
			return c, fmt.Errorf("%q: no name of a pipeline stands before the @", text)
		}
	}
	c.Cursor, err = engine.ParseCursor(marks)
	return c, err
}
