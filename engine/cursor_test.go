package engine_test

import (
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

func TestCursorText(t *testing.T) {
	id := "ni:///sha-256;AbCdEfGh-_0123456789xyzxyzxyzxyzxyzxyzxyzxy"
	c := engine.Cursor{3: {Position: 42}, 0: {Position: 17, ID: id}}
	const text = "0:17:AbCdEfGh-_012345,3:42"
	if c.String() != text || engine.Cursor(nil).String() != "" {
		t.Errorf("%q, want %q", c, text)
	}
	got, err := engine.ParseCursor(text)
	if err != nil || got.String() != text || got[0].ID != "AbCdEfGh-_012345" || got[3].ID != "" {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"x", "0", "0:", "0:1,0:2", "-1:3", "0:1:", "0:1:short", "0:1:AbCdEfGh-_01234!", "0:1:AbCdEfGh-_012345:x",
		"0:1:AbCdEfGh-_0123456", "0:1,", "9999999999:1"} {
		if c, err := engine.ParseCursor(bad); err == nil {
			t.Errorf("%q is read as %v", bad, c)
		}
	}
}
