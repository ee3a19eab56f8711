package api_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quadrille-stream/quadrille/client"
)

var rewrite = flag.Bool("rewrite", false, "write the reference page anew")

// TestReference: what the page has behind its mark is what the table makes.
func TestReference(t *testing.T) {
	const page, mark = "../../docs/http.md", "<!-- reference -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, got, ok := strings.Cut(string(text), mark)
	if !ok {
		t.Fatalf("%s has no %s", page, mark)
	}
	d, err := described()
	if err != nil {
		t.Fatal(err)
	}
	want := reference(&d)
	if *rewrite {
		if err := os.WriteFile(page, []byte(head+mark+want), 0o644); err != nil {
			t.Fatal(err)
		}
		got = want
	}
	if got != want {
		t.Error("the page is not what the table makes: " + cmp.Diff(want, got))
	}
}

// reference makes Markdown of the document.
func reference(d *openAPI) string {
	var b strings.Builder
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(d.Paths[path])) {
			o := d.Paths[path][method]
			fmt.Fprintf(&b, "\n### `%s %s`\n\n%s\n", strings.ToUpper(method), path, o.Summary)
			if right := rightOf(o.Security); right != "" {
				fmt.Fprintf(&b, "\nNeeds %s, where there are tokens.\n", right)
			}
			if o.RequestBody != nil {
				fmt.Fprintf(&b, "\nTakes %s.\n", types(o.RequestBody.Content))
			}
			if content := o.Responses["200"].Content; len(content) > 0 {
				fmt.Fprintf(&b, "\nGives %s.\n", types(content))
			}
			if len(o.Parameters) > 0 {
				b.WriteString("\n| parameter | what |\n|---|---|\n")
			}
			for _, p := range o.Parameters {
				name := "`?" + p.Name + "=`"
				switch p.In {
				case "header":
					name = "header `" + p.Name + "`"
				case "path":
					name = "`{" + p.Name + "}`"
				}
				fmt.Fprintf(&b, "| %s | %s |\n", name, p.Description)
			}
			fmt.Fprintf(&b, "\nErrors: %s.\n", errorsOf(o.Responses))
		}
	}
	b.WriteString("\n### Codes\n\n| code | status | what |\n|---|---|---|\n")
	for _, c := range client.Codes() {
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", c.Name, c.Status, c.Title)
	}
	return b.String()
}

// rightOf is what a token must be good for; "" if none is needed. The right admin goes without saying.
func rightOf(security []map[string][]string) string {
	var rights []string
	for _, s := range security {
		rights = append(rights, s["token"]...)
	}
	switch len(rights) {
	case 0:
		return ""
	case 1, 2:
		return "the right " + rights[0]
	}
	return "any token"
}

func types(content map[string]any) string {
	return "`" + strings.Join(slices.Sorted(maps.Keys(content)), "`, `") + "`"
}

// errorsOf lists the codes by status.
func errorsOf(responses map[string]response) string {
	var list []string
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		var codes []string
		for _, c := range client.Codes() {
			if status >= "400" && strings.Contains(" "+responses[status].Description, " "+c.Name+": ") {
				codes = append(codes, "`"+c.Name+"`")
			}
		}
		if len(codes) > 0 {
			list = append(list, status+" "+strings.Join(codes, " "))
		}
	}
	return strings.Join(list, ", ")
}
