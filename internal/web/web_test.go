package web

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read returns the files below a folder by name.
func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path) // it is below
		all[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestBundleIsOfItsSources: what is committed is what the sources make.
func TestBundleIsOfItsSources(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the bundler, which takes some seconds the first time")
	}
	for _, name := range []string{"build", "../../tools/go.mod"} { // an answer that is kept is of these, too
		if _, err := os.Stat(name); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if out, err := exec.Command("./build", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, got := read(t, dir), read(t, "dist")
	for name := range want {
		if want[name] != got[name] {
			t.Errorf("dist/%s is not what the sources make: run make console", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("the sources don't make dist/%s: run make console", name)
	}
}

// TestModulesAreWhatTheyWere: each file of the modules has its hash, and there is no other.
func TestModulesAreWhatTheyWere(t *testing.T) {
	of := read(t, "modules")
	want, got := map[string]string{}, map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(of["SHA256SUMS"]))
	for lines.Scan() {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		want[name] = sum
	}
	for name, text := range of {
		if strings.Contains(name, "/") {
			sum := sha256.Sum256([]byte(text))
			got[name] = hex.EncodeToString(sum[:])
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		t.Error(diff)
	}
}

// TestLicences: that of each module is given out with the bundle.
func TestLicences(t *testing.T) {
	f, ok := Find("licences.txt")
	if !ok {
		t.Fatal("there is no file of licences")
	}
	for name, text := range read(t, "modules") {
		if strings.HasSuffix(name, "/LICENSE") && !strings.Contains(string(f.Text), text) {
			t.Errorf("%s isn't in it", name)
		}
	}
}

// TestNothingIsMadeOfText: no page makes elements of what stands in the data.
func TestNothingIsMadeOfText(t *testing.T) {
	for name, text := range read(t, "src") {
		for _, way := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "dangerouslySet", "style="} {
			if strings.Contains(text, way) {
				t.Errorf("src/%s has %s", name, way)
			}
		}
	}
}

func TestFind(t *testing.T) {
	page, ok := Find("")
	if !ok || !strings.HasPrefix(page.Type, "text/html") || !strings.HasPrefix(string(page.Text), "<!doctype html>") {
		t.Errorf("%v %+v", ok, page)
	}
	for name := range files() {
		f, ok := Find(name)
		if !ok || f.Type == "" || f.ETag == page.ETag && name != "index.html" {
			t.Errorf("%s: %v %q %q", name, ok, f.Type, f.ETag)
		}
	}
	for _, name := range []string{"../web.go", "nothing", "/app.js"} {
		if _, ok := Find(name); ok {
			t.Errorf("there is %s", name)
		}
	}
}
