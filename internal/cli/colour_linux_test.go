package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// progress is what stands in a line until another text takes its place, on a machine that is slow.
var progress = regexp.MustCompile("(\r\x1b\\[K[^\r\n]*)*\r\x1b\\[K")

// onTerminal runs a command whose output and errors go to a terminal, and returns what that shows.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	control := int(master.Fd())
	if err := unix.IoctlSetPointerInt(control, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(control, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(control, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan []byte, 1)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, master) // until the other end is closed, which is an error here
		shown <- all.Bytes()
	}()
	cli.Main(args, strings.NewReader(""), slave, slave)
	_ = slave.Close()
	text := strings.ReplaceAll(string(<-shown), "\r\n", "\n")
	return progress.ReplaceAllString(text, "")
}

// TestColours: errors, states and rows have colours on a terminal; there are none with NO_COLOR, on a terminal that can't, and where
// there is no terminal; and the text is the same.
func TestColours(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"pipeline":"main","node":"n1","ready":true,"members":[{"name":"n1","alive":true,"heard_ms":1}],"absent":["n2"],`+
			`"degraded":["node n2 is absent"]}`)
	}))
	defer node.Close()
	t.Chdir(t.TempDir())
	write(t, "a.nt", "<x:s> <x:p> \"a\" .\n")
	write(t, "b.nt", "<x:s> <x:p> \"b\" .\n")
	write(t, "bad.nt", "<x:s> <x:p> .\n")
	const red, green, plain = "\x1b[31m", "\x1b[32m", "\x1b[0m"
	for _, test := range []struct {
		args string
		want []string
	}{
		{"diff a.nt b.nt", []string{red + `D <x:s> <x:p> "a" .` + plain + "\n", green + `A <x:s> <x:p> "b" .` + plain + "\n", "TX .\n"}},
		{"check bad.nt", []string{red + "bad.nt:1:13:" + plain + " expected"}},
		{"convert a.nt", []string{red + "quadrille:" + plain + " what format"}},
		{"nothing", []string{red + "quadrille:" + plain + " unexpected argument nothing"}},
		{"status --url " + node.URL, []string{"  " + green + "ready" + plain + "  ", "  " + red + "absent" + plain + "  ", red + "node n2 is absent" + plain + "\n"}},
	} {
		args := strings.Fields(test.args)
		t.Setenv("NO_COLOR", "")
		t.Setenv("TERM", "xterm")
		painted := onTerminal(t, args...)
		for _, want := range test.want {
			if !strings.Contains(painted, want) {
				t.Errorf("%s shows %q, want %q in it", test.args, painted, want)
			}
		}
		t.Setenv("NO_COLOR", "1")
		without := onTerminal(t, args...)
		t.Setenv("NO_COLOR", "")
		t.Setenv("TERM", "dumb")
		dumb := onTerminal(t, args...)
		t.Setenv("TERM", "xterm")
		_, out, failed := run(t, "", args...)
		for name, text := range map[string]string{"with NO_COLOR": without, "on a dumb terminal": dumb, "to a file": out + failed} {
			if strings.Contains(text, "\x1b[3") || !strings.Contains(strings.NewReplacer(red, "", green, "", plain, "").Replace(painted), strings.TrimSpace(text)) {
				t.Errorf("%s %s: %q", test.args, name, text)
			}
		}
	}
}

// TestTableOnTerminal: rows are a table there, as wide as the terminal, with a count; true and false, and triples, are as elsewhere.
func TestTableOnTerminal(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	long := strings.Repeat("long ", 40)
	write(t, "a.ttl", "@prefix e: <http://example/> .\ne:s a e:T ; e:p \""+long+"\", \"\\u001b[31m\" .\n")
	shown := onTerminal(t, "query", "--data", "a.ttl", "SELECT ?p ?o { ?s ?p ?o }")
	lines := strings.Split(shown, "\n")
	if len(lines) != 6 || lines[0] != "?p        ?o" || lines[1] != "rdf:type  e:T" || !strings.HasPrefix(lines[4], "3 rows in ") {
		t.Errorf("%q", lines)
	}
	for _, line := range lines {
		if len([]rune(line)) >= 80 || strings.Contains(line, "\x1b") {
			t.Errorf("%q", line)
		}
	}
	if shown := onTerminal(t, "query", "--data", "a.ttl", "ASK { ?s ?p ?o }"); shown != "true\n" {
		t.Errorf("%q", shown)
	}
	if shown := onTerminal(t, "query", "--data", "a.ttl", "--as", "csv", "SELECT ?o { ?s a ?o }"); shown != "o\r\nhttp://example/T\r\n" {
		t.Errorf("%q", shown)
	}
}
