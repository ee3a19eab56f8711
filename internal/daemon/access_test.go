package daemon

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/config"
)

// TestRedacted: what a node waits for is told to everybody, without passwords.
func TestRedacted(t *testing.T) {
	d := &daemon{Document: &config.Document{Engine: config.Engine{NATS: "nats://a:1, nats://u:hunter2@b:2"}}}
	if text := d.waitsFor(); !strings.Contains(text, "nats://a:1,nats://b:2,") {
		t.Error(text)
	}
}

// TestReload: tokens that are read again hold, and those of a file with a mistake don't; what is in the configuration stays.
func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	write("read a 0123456789abcdef\n")
	g, err := newGuard(&config.HTTP{Tokens: path, Token: "that of the configuration"}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	taken := func(want ...string) {
		t.Helper()
		for text, is := range map[string]bool{"0123456789abcdef": false, "fedcba9876543210": false, "that of the configuration": true} {
			for _, w := range want {
				is = is || w == text
			}
			if _, ok := g.access.Tokens.Find(text); ok != is {
				t.Errorf("%s: %t, want %t; the log:\n%s", text, ok, is, &log)
			}
		}
	}
	taken("0123456789abcdef")
	write("# another\nread b fedcba9876543210\n")
	g.reload()
	taken("fedcba9876543210")
	for _, mistake := range []string{"read b fedcba9876543210\nwrite c short\n", ""} {
		write(mistake)
		g.reload()
		taken("fedcba9876543210")
	}
	if text := log.String(); !strings.Contains(text, "the tokens stay as they were") ||
		!strings.Contains(text, path+":2: the token has 5 characters") {
		t.Errorf("the log:\n%s", text)
	}
	write("nonsense")
	if _, err := newGuard(g.http, g.log); err == nil || !strings.Contains(err.Error(), path+":1: expected RIGHTS NAME TOKEN") {
		t.Errorf("a start with a mistake: %v", err)
	}
}
