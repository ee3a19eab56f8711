package cli_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/cli"
)

// TestTailWithoutRows: a change without rows is only in a patch log that goes to a file or a program, which may follow the ids,
// unless a flag says otherwise.
func TestTailWithoutRows(t *testing.T) {
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, `id: main@0:5`+"\n"+`data: {"position":5,"id":"ni:a","adds":1,"patch":"TX .\nA <urn:s> <urn:p> <urn:o> .\nTC .\n"}`+"\n\n"+
			`id: main@0:6`+"\n"+`data: {"position":6,"id":"ni:b","prev":"ni:a","patch":"TX .\nTC .\n"}`+"\n\n")
	}))
	defer node.Close()
	for _, test := range []struct {
		flags    string
		terminal bool
		want     bool
	}{
		{"", false, true}, {"", true, false}, {"--json", false, false}, {"--as=update", false, false}, {"--as=nquads", false, false},
		{"--empty", true, true}, {"--json --empty", false, true}, {"--as=update --empty", false, true}, {"--no-empty", false, false},
	} {
		args := append([]string{"tail", "--no-follow", "--url", node.URL}, strings.Fields(test.flags)...)
		text := ""
		if test.terminal {
			text = onTerminal(t, args...)
		} else {
			var out, errs bytes.Buffer
			if status := cli.Main(args, strings.NewReader(""), &out, &errs); status != 0 {
				t.Errorf("%s: status %d, %s", test.flags, status, errs.String())
			}
			text = out.String()
		}
		has := strings.Contains(text, "position 6\n") || strings.Contains(text, `"position":6`)
		if has != test.want || !strings.Contains(text, "urn:s") {
			t.Errorf("%s, on a terminal %v: has it %v, want %v\n%s", test.flags, test.terminal, has, test.want, text)
		}
	}
}
