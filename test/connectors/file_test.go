package connectors

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// TestExampleFile: what is written into the folders comes out in the files, once, whatever becomes of them meanwhile; a line
// that is wrong is a dead letter, and what stands behind it goes on. The files are a log, pieces and all.
func TestExampleFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"in", "readings"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../../examples/file/quadrille.yaml")
	if err != nil {
		t.Fatal(err)
	}
	example := strings.NewReplacer(`"in/*.rdfp*"`, dir+"/in/*.rdfp*\n    settle: 100ms\n    poll: 20ms", "readings/*.csv", dir+"/readings/*.csv",
		"dir: out", "dir: "+dir+"/out", "rotate-size: 64MiB", "rotate-size: 1KiB", "quickstart-data", dir+"/data").Replace(string(text)) +
		"node: {name: n1}\nhttp: {address: '127.0.0.1:0'}\nlog: {level: warn}\n"
	add := func(name, text string) {
		t.Helper()
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	node := runNode(t, example)
	has := func(want ...string) {
		t.Helper()
		eventually(t, strings.Join(want, "\n"), func() bool { return slices.Equal(node.quads(), sorted(slices.Clone(want))) })
	}
	const on, off = `<urn:pump> <urn:state> "on" .`, `<urn:pump> <urn:state> "off" .`
	const value = `<http://example.org/sensor/temp1> <http://example.org/value> "20.5"^^<http://www.w3.org/2001/XMLSchema#double> .`
	from := func(line string) string {
		return `<http://example.org/sensor/temp1> <http://example.org/from> "today.csv ` + line + `" .`
	}
	add("in/pump.rdfp", "A "+on+"\n")
	add("readings/today.csv", "sensor,value\ntemp1,19\ntemp1,20.5\n")
	has(on, value, from("3"))
	add("in/pump.rdfp", "A nothing\nTX .\nD "+on+"\nA "+off+"\nTC .\n")
	has(off, value, from("3"))
	node.end()

	rename("in/pump.rdfp", "in/pump.rdfp.1")
	add("in/pump.rdfp.1", "D "+off+"\n")
	add("in/pump.rdfp", "A "+on+"\n")
	add("readings/today.csv", "temp1,20.5\n")
	node = runNode(t, example)
	has(on, value, from("4"))
	for range 20 { // on and off again, so that files are rotated
		add("in/pump.rdfp", "D "+on+"\nA "+off+"\nD "+off+"\nA "+on+"\n")
	}
	archive := func() []string {
		files, err := filepath.Glob(filepath.Join(dir, "out", "shard-*"))
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	run := func(args ...string) (string, int) {
		var out, errOut bytes.Buffer
		status := cli.Main(args, strings.NewReader(""), &out, &errOut)
		return out.String() + errOut.String(), status
	}
	add("empty.nq", "")
	apply := func() string {
		out, status := run(append([]string{"apply", "--onto", filepath.Join(dir, "empty.nq"), "--as", "nquads"}, archive()...)...)
		if status != 0 {
			t.Log(out)
			return ""
		}
		return out
	}
	add("in/pump.rdfp", "D "+on+"\nA "+off+"\n")
	has(off, value, from("4"))
	eventually(t, "the files make that, too", func() bool {
		return slices.Equal(sorted(strings.Split(strings.TrimSpace(apply()), "\n")), sorted([]string{off, value, from("4")}))
	})
	node.end()
	if n := len(archive()); n < 6 || !slices.ContainsFunc(archive(), func(name string) bool { return strings.HasSuffix(name, ".rdfp.zst") }) {
		t.Errorf("%q", archive())
	}
	if out, status := run(append([]string{"check", "--log"}, archive()...)...); status != 0 {
		t.Errorf("%s", out)
	}
	reversed := archive()
	slices.Reverse(reversed)
	if out, status := run(append([]string{"check", "--log"}, reversed...)...); status == 0 {
		t.Errorf("in the wrong order the files are a log, too: %s", out)
	}
}
