package file

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
	"github.com/quadrille-stream/quadrille/operator"
)

// newer returns a record of shard 3 as a later version writes it, which says so.
func newer() []byte {
	r := operator.Record{Kind: operator.Delta, Shard: 3, Writer: operator.Writer{Epoch: 1, Node: "n1", Incarnation: 1}, Prev: "ni:before"}
	_, rest, _ := strings.Cut(string(r.Encode(nil)), "\n")
	rest = "H format \"2\" .\n" + rest
	return fmt.Appendf(nil, "H id <%s> .\n%s", operator.ID(sha256.Sum256([]byte(rest))), rest)
}

// TestNotOurs: the end of a file that a later version has written, or that is of another shard, is neither torn nor damaged: it is
// left as it is.
func TestNotOurs(t *testing.T) {
	one, _ := testRecord(10, 1, 1)
	two, _ := testRecord(20, 1, 1)
	later := newer()
	if _, err := operator.Decode(later); !errors.Is(err, operator.ErrNewer) {
		t.Fatal(err)
	}
	for name, end := range map[string][]byte{
		"upgrade":          append(fmt.Appendf(nil, headFormat, 3, 20, len(later)), later...),
		"another pipeline": bytes.Replace(two, []byte("# shard 3 "), []byte("# shard 4 "), 1),
	} {
		m := newMemory()
		text := append(bytes.Clone(one), end...)
		m.content[testPath] = bytes.Clone(text)
		w, err := opened(m, 10)
		if err == nil || errors.Is(err, engine.ErrDamaged) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
		if !bytes.Equal(m.content[testPath], text) {
			t.Errorf("%s: of %d bytes %d are left", name, len(text), len(m.content[testPath]))
		}
	}
}
