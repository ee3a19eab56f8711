package file

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/engine"
)

// otherForms are patches that stand in a file whole, and not as this version writes them.
var otherForms = map[string]string{
	"a header before the id":   "H format \"2\" .\nH id <ni:20> .\nH prev <ni:10> .\nH shard \"3\" .\nTX .\nTC .\n",
	"a header before the prev": "H id <ni:20> .\nH format \"2\" .\nH prev <ni:10> .\nH shard \"3\" .\nTX .\nTC .\n",
	"another header first":     "H no <ni:20> .\nH prev <ni:10> .\nH shard \"3\" .\nTX .\nTC .\n",
	"a comment behind the id":  "H id <ni:20> . # 20\nH prev <ni:10> .\nH shard \"3\" .\nTX .\nTC .\n",
	"an id that is no IRI":     "H id \"20\" .\nH prev <ni:10> .\nH shard \"3\" .\nTX .\nTC .\n",
	"a prev that is no IRI":    "H id <ni:20> .\nH prev \"10\" .\nH shard \"3\" .\nTX .\nTC .\n",
	"no shard":                 "H id <ni:20> .\nH prev <ni:10> .\nTX .\nTC .\n",
	"another shard":            "H id <ni:20> .\nH prev <ni:10> .\nH shard \"33\" .\nTX .\nTC .\n",
	"nothing":                  "",
}

// TestNotOurs: the end of a file that another version has written, or that is of another shard, is neither torn nor damaged: it is
// left as it is.
func TestNotOurs(t *testing.T) {
	one, _ := testRecord(10, 1)
	two, _ := testRecord(20, 1)
	ends := map[string][]byte{"another pipeline": bytes.Replace(two, []byte("# shard 3 "), []byte("# shard 4 "), 1)}
	for name, text := range otherForms {
		ends["another version "+name] = of(3, 20, text)
	}
	for name, end := range ends {
		m := newMemory()
		text := append(bytes.Clone(one), end...)
		m.content[testPath] = bytes.Clone(text)
		w, err := opened(m, 10)
		says, _, other := strings.Cut(name, " version")
		if err == nil || errors.Is(err, engine.ErrDamaged) || errors.Is(err, errOther) != other || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
		if !bytes.Equal(m.content[testPath], text) {
			t.Errorf("%s: of %d bytes %d are left", name, len(text), len(m.content[testPath]))
		}
	}
}
