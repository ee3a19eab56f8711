package access_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/quadrille-stream/quadrille/internal/access"
)

// file writes a file of tokens.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFile(t *testing.T) {
	list, err := access.ReadFile(file(t, fmt.Sprintf(`
# who may do what
read        graphs  0123456789abcdef   # a dashboard
read,write  plant   sha256:%x
admin       ops     fedcba9876543210
`, sha256.Sum256([]byte("the token of plant")))))
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	tokens := access.NewTokens(list...)
	for text, want := range map[string]struct {
		name                string
		read, write, admins bool
	}{
		"0123456789abcdef":   {"graphs", true, false, false},
		"the token of plant": {"plant", true, true, false},
		"fedcba9876543210":   {"ops", true, true, true},
	} {
		got, ok := tokens.Find(text)
		if !ok || got.Name != want.name || got.Rights.Has(access.Read) != want.read || got.Rights.Has(access.Write) != want.write ||
			got.Rights.Has(access.Admin) != want.admins {
			t.Errorf("%s: %v %v, %v", text, got.Name, got.Rights, ok)
		}
	}
	hash := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte("the token of plant")))
	for _, text := range []string{"", "0123456789abcde", "0123456789abcdef ", hash} {
		if got, ok := tokens.Find(text); ok {
			t.Errorf("%q is taken for that of %s", text, got.Name)
		}
	}
	tokens.Replace(list[:1])
	if _, ok := tokens.Find("fedcba9876543210"); ok {
		t.Error("a token that was taken away is taken")
	}
	if text := fmt.Sprintf("%+v", list); strings.Contains(text, "0123456789abcdef") {
		t.Error("a token can be read in memory")
	}
}

func TestFileErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                             ": there is no token in it",
		"# nothing\n":                  ": there is no token in it",
		"read a short":                 ":1: the token has 5 characters, expected 16 or more",
		"read 0123456789abcdef":        ":1: expected RIGHTS NAME TOKEN",
		"read a b c":                   ":1: expected RIGHTS NAME TOKEN",
		"\nroot a 0123456789abcdef":    `:2: right "root": expected read, write or admin`,
		"read,read a 0123456789abcdef": `:1: right "read": expected`,
		"read, a 0123456789abcdef":     `:1: right "": expected`,
		"read a/b 0123456789abcdef":    `:1: name "a/b"`,
		"read a sha256:00":             ":1: expected sha256: and 64 hexadecimal digits",
		"read a sha256:" + fill("z"):   ":1: expected sha256: and 64 hexadecimal digits",
		"read a " + fill("x") + "\nread a y" + fill("y"):   ":2: the name is that of line 1",
		"read a " + fill("x") + "\n\nwrite b " + fill("x"): ":3: the token is that of line 1",
	} {
		path := file(t, text)
		if list, err := access.ReadFile(path); err == nil || !strings.Contains(err.Error(), path+want) {
			t.Errorf("%q: %v, %v; want %s", text, list, err, want)
		}
	}
	if _, err := access.ReadFile(file(t, strings.Repeat("#", 1<<20+1))); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Error(err)
	}
	path := file(t, "read a 0123456789abcdef")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := access.ReadFile(path)
	if runtime.GOOS != "windows" && (err == nil || !strings.Contains(err.Error(), "is open to everybody (mode 0644)")) {
		t.Error(err)
	}
	if _, err := access.ReadFile(path + "x"); err == nil {
		t.Error("a file that is not there was read")
	}
}

// fill is a text of 64 characters.
func fill(c string) string { return strings.Repeat(c, 64) }
