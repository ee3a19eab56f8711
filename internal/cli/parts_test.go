package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quadrille-stream/quadrille/client"
)

// logRig is a node with a file sink, whose logs are read as each reader gets them.
type logRig struct {
	*single
	sink string
	sent int
}

func newLogRig(t *testing.T) *logRig {
	r := &logRig{single: newSingle(t), sink: filepath.Join(t.TempDir(), "sink")}
	config := filepath.Join(t.TempDir(), "node.yaml")
	text := fmt.Sprintf("sinks:\n  - {name: files, type: file, dir: %q}\n", r.sink)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r.args = []string{"-c", config}
	return r
}

func (r *logRig) ready() {
	r.Helper()
	r.start("it is ready", func(st client.Status) bool { return st.Ready })
}

func (r *logRig) submit(doc string) {
	r.Helper()
	r.sent++
	if _, err := r.http.Submit(r.ctx, r.door, client.TypePatch, fmt.Sprint("k", r.sent), []byte(doc)); err != nil {
		r.Fatal(err)
	}
}

// large is a transaction that takes several records in each shard.
func large(value string) string {
	var b strings.Builder
	b.WriteString("TX .\n")
	for i := range 2500 {
		fmt.Fprintf(&b, "A <urn:s%d> <urn:%s> \"TC .\\nTX .\\n%s\" .\n", i%50, value, strings.Repeat("v", 900)+fmt.Sprint(i))
	}
	b.WriteString("TC .\n")
	return b.String()
}

// several are small transactions in one document.
func several(value string) string {
	var b strings.Builder
	for i := range 20 {
		fmt.Fprintf(&b, "TX .\nA <urn:s%d> <urn:p> \"%s\" .\nTC .\n", i, value)
	}
	return b.String()
}

// run runs a command, and returns its output.
func (r *logRig) run(args ...string) (string, error) {
	r.Helper()
	executable, err := exec.LookPath("quadrille") // this test binary, see TestMain
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.CommandContext(r.ctx, executable, args...)
	cmd.Env = append(os.Environ(), "QUADRILLE_URL="+r.door)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("quadrille %v: %w: %s", args, err, errs.String())
	}
	return out.String(), nil
}

func (r *logRig) must(args ...string) string {
	r.Helper()
	out, err := r.run(args...)
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// changes returns the logs as the node gives them out in a form, and the cursor behind.
func (r *logRig) changes(mediaType string) (body []byte, cursor string) {
	r.Helper()
	request, err := http.NewRequestWithContext(r.ctx, http.MethodGet, r.door+"/v1/changes", nil)
	if err != nil {
		r.Fatal(err)
	}
	request.Header.Set("Accept", mediaType)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		r.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		r.Fatal(answer.Status, err)
	}
	return body, answer.Trailer.Get("Quadrille-Cursor")
}

func (r *logRig) file(name string, text []byte) string {
	r.Helper()
	path := filepath.Join(r.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		r.Fatal(err)
	}
	return path
}

// sinkFiles waits until the sink has as many transactions as there are, and returns its files.
func (r *logRig) sinkFiles(want int) []string {
	r.Helper()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		files, err := filepath.Glob(filepath.Join(r.sink, "shard-*.rdfp"))
		if err != nil {
			r.Fatal(err)
		}
		transactions := 0
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				r.Fatal(err)
			}
			transactions += count(text)
		}
		if transactions == want {
			return files
		}
		select {
		case <-poll.C:
		case <-r.ctx.Done():
			r.Fatalf("the sink has %d transactions, want %d", transactions, want)
		}
	}
}

// count is the number of transactions that end in a log: one that is being written to a file is not there yet. No patch has more than
// one.
func count(text []byte) int { return bytes.Count(text, []byte("\nTC .\n")) }

// reads checks that every command reads the files, that the chain holds, and that they come to the node's data.
func (r *logRig) reads(what string, data []string, files ...string) {
	r.Helper()
	r.must(append([]string{"check"}, files...)...)
	r.must(append([]string{"check", "--log"}, files...)...)
	merged := r.file("merged.rdfp", []byte(r.must(append([]string{"merge", "--net"}, files...)...)))
	for how, args := range map[string][]string{"apply": files, "merge": {merged}} {
		lines := strings.Split(r.must(append([]string{"apply", "--strict", "--as", "nquads"}, args...)...), "\n")
		slices.Sort(lines)
		if !slices.Equal(lines, data) {
			r.Errorf("%s: %s comes to %d lines, the node has %d", what, how, len(lines), len(data))
		}
	}
}

// TestLogsAreRead: what a node gives out of transactions of several records, of several transactions in one record, and over
// claims, is a log of whole patches, in each form, which every command reads.
func TestLogsAreRead(t *testing.T) {
	t.Parallel()
	r := newLogRig(t)
	r.ready()
	r.submit(several("a"))
	r.submit(large("b"))
	first, cursor := r.changes("application/rdf-patch")
	r.kill()
	r.ready()
	r.submit(large("b")) // changes nothing
	r.submit(strings.Replace(several("a")+several("c"), "A ", "D ", 20) + large("d"))
	data := r.data()
	all, _ := r.changes("application/rdf-patch")
	binary, _ := r.changes("application/rdf-patch+thrift")
	tail := r.must("tail", "--from", "start", "--no-follow")
	if count([]byte(tail)) != count(all) || strings.Contains(tail, "TC .\nTX .\n") {
		t.Errorf("tail has %d transactions, the node's text %d", count([]byte(tail)), count(all))
	}
	r.reads("text", data, r.file("all.rdfp", all))
	r.reads("tail", data, r.file("tail.rdfp", []byte(tail)))
	r.reads("binary", data, r.file("all.trp", binary))
	r.reads("sink", data, r.sinkFiles(count(all))...)

	rest := r.must("tail", "--from", cursor, "--no-follow")
	r.reads("from a cursor", data, r.file("first.rdfp", first), r.file("rest.rdfp", []byte(rest)))
	r.must(append(append([]string{"check", "--log"}, heads(first)...), r.file("rest.rdfp", []byte(rest)))...)
	if _, err := r.run("check", "--log", r.file("rest.rdfp", []byte(rest))); err == nil {
		t.Error("a log that doesn't begin at its start is taken for one that does")
	}
}

// heads are the flags that tell the last patch of each shard.
func heads(text []byte) (flags []string) {
	last := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)H id <([^>]*)> \.\n(?:H prev <[^>]*> \.\n)?H shard "(\d+)"`).FindAllSubmatch(text, -1) {
		last[string(m[2])] = string(m[1])
	}
	for _, id := range last {
		flags = append(flags, "--head", id)
	}
	return flags
}

// TestSinkCutWithinTransaction: a sink that is killed while it writes a transaction of several records leaves a file that no
// reader takes for whole, and writes the rest when it starts again.
func TestSinkCutWithinTransaction(t *testing.T) {
	t.Parallel()
	r := newLogRig(t)
	r.ready()
	r.submit(several("a"))
	r.submit(large("b"))
	r.kill()
	r.ready()
	r.submit(several("c"))
	all, _ := r.changes("application/rdf-patch")
	files := r.sinkFiles(count(all))
	r.kill()
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	begins := bytes.Index(whole, []byte("> <urn:b> "))
	begins = bytes.LastIndex(whole[:begins], []byte("H id "))
	rows := begins + bytes.Index(whole[begins:], []byte("TX .\n"))
	end := rows + bytes.Index(whole[rows:], []byte("\nTC .\n"))
	if end-rows < 1<<20 {
		t.Fatalf("the transaction has %d bytes: it is one record", end-rows)
	}
	for name, at := range map[string]int{
		"in the headers": begins + 10, "before the rows": rows, "after TX": rows + 5, "in a row": (rows + end) / 2,
		"after a row": rows + bytes.LastIndex(whole[rows:(rows+end)/2], []byte("\n")) + 1, "before TC": end + 1, "in TC": end + 3,
	} {
		if err := os.WriteFile(files[0], whole[:at], 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := r.run("check", "--log", files[0]); err == nil {
			t.Errorf("cut %s: taken for whole: %s", name, out)
		}
		r.ready()
		r.sinkFiles(count(all))
		r.kill()
		if again, err := os.ReadFile(files[0]); err != nil || !bytes.Equal(again, whole) {
			t.Errorf("cut %s: %d bytes after the start, want %d; %v", name, len(again), len(whole), err)
		}
	}
	// Killed right behind the answer, wherever the sink is then.
	r.ready()
	r.submit(large("e"))
	r.kill()
	r.ready()
	data := r.data()
	all, _ = r.changes("application/rdf-patch")
	files = r.sinkFiles(count(all))
	r.kill()
	r.reads("sink", data, files...)
}
