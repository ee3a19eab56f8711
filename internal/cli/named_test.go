package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// grammar is the tree of commands, with the flags of each.
type grammar struct {
	commands  map[string]*kong.Node // by their words, such as dlq list
	variables []string              // of any flag
}

func newGrammar(t *testing.T) *grammar {
	t.Helper()
	p, err := newParser(&commands{}, &streams{out: io.Discard, err: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	g := &grammar{commands: map[string]*kong.Node{}}
	var add func(node *kong.Node, words string)
	add = func(node *kong.Node, words string) {
		g.commands[words] = node
		for _, flag := range node.Flags {
			g.variables = append(g.variables, flag.Envs...)
		}
		for _, child := range node.Children {
			add(child, strings.TrimSpace(words+" "+child.Name))
		}
	}
	add(p.Model.Node, "")
	g.commands["help"] = p.Model.Node
	return g
}

var variableIn = regexp.MustCompile(`QUADRILLE_[A-Z_]*[A-Z]`)

// wrongVariables are the environment variables in a text that no flag has.
func (g *grammar) wrongVariables(text string) (list []string) {
	for _, name := range variableIn.FindAllString(text, -1) {
		if !slices.Contains(g.variables, name) && !slices.Contains(ofTests, name) {
			list = append(list, name)
		}
	}
	return list
}

// flagNames are the names of a flag, with that of its opposite.
func flagNames(flag *kong.Flag) []string {
	return []string{flag.Name, "no-" + flag.Name}
}

// call is how a command is called in a text: its words, and what follows up to the end of the call.
var call = regexp.MustCompile("(?:^|[^-A-Za-z./])(?:\\./)?quadrille +([a-z][a-z|]*)((?: +[^\n`#;&]+)?)")

var flagIn = regexp.MustCompile(`(?:^|[\s(\[{"'])--([a-z][a-z0-9-]*)`)

// wrong says what of the calls in a text there is not.
func (g *grammar) wrong(text string) (list []string) {
	for part := range strings.SplitSeq(text, " | ") {
		m := call.FindStringSubmatch(part)
		if m == nil {
			continue
		}
		for word := range strings.SplitSeq(m[1], "|") {
			node := g.commands[word]
			if node == nil {
				list = append(list, "quadrille "+word)
				continue
			}
			list = append(list, g.wrongBehind(word, node, m[2])...)
		}
	}
	return list
}

// wrongBehind looks at what stands behind a command: a command below it, and flags.
func (g *grammar) wrongBehind(words string, node *kong.Node, rest string) (list []string) {
	fields := strings.Fields(rest)
	within := []*kong.Node{node}
	if len(node.Children) > 0 && words != "help" && len(fields) > 0 && firstWord.MatchString(fields[0]) {
		within = nil
		for word := range strings.SplitSeq(strings.TrimRight(fields[0], ".,:)"), "|") {
			below := g.commands[words+" "+word]
			if below == nil {
				list = append(list, "quadrille "+words+" "+word)
				continue
			}
			within = append(within, below)
		}
	}
	for _, m := range flagIn.FindAllStringSubmatch(rest, -1) {
		if m[1] != "help" && len(within) > 0 && !slices.ContainsFunc(within, func(n *kong.Node) bool {
			return slices.ContainsFunc(n.Flags, func(f *kong.Flag) bool { return slices.Contains(flagNames(f), m[1]) })
		}) {
			list = append(list, "quadrille "+words+" … --"+m[1])
		}
	}
	return list
}

var firstWord = regexp.MustCompile(`^[a-z][a-z|]*[.,:)]*$`)

// notCalls are texts with the program's name that call nothing.
var notCalls = []string{"quadrille starts", "quadrille engine ", "quadrille snapshot ", "quadrille binary", "holds quadrille to"}

// prose ends a call in a message: the verb behind it.
var prose = strings.NewReplacer("quadrille dlq shows", "quadrille dlq", "quadrille verify where", "quadrille verify")

// TestNamedCommands: the manuals and the messages name no command that there is not, and no flag that it doesn't have.
func TestNamedCommands(t *testing.T) {
	g := newGrammar(t)
	for text, want := range map[string]int{"quadrille backup DIR": 1, "run quadrille dlq lost now": 1, "`quadrille tail --form x`": 1, "quadrille top | cat": 1,
		"quadrille dlq list|drop --all": 0, "quadrille check x | quadrille taill": 1, "a quadrille: x": 0} {
		if got := g.wrong(text); len(got) != want {
			t.Errorf("%s: %q", text, got)
		}
	}
	eachText(t, func(where, text string) {
		for _, name := range notCalls {
			text = strings.ReplaceAll(text, name, "")
		}
		for _, what := range append(g.wrong(prose.Replace(text)), g.wrongVariables(text)...) {
			t.Errorf("%s: there is no %s", where, what)
		}
	})
}

// eachText calls fn with the code of each manual, and with each text in the sources.
func eachText(t *testing.T, fn func(where, text string)) {
	t.Helper()
	root := os.DirFS("../..")
	read := 0
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		switch {
		case path == "CHANGELOG.md": // it names what was
		case filepath.Ext(path) == ".md":
			read++
			for _, code := range codeOf(string(text)) {
				fn(path, code)
			}
		case path == "internal/cli/completion.go": // its scripts are of shells
		case filepath.Ext(path) == ".go" && !strings.HasSuffix(path, "_test.go"):
			read++
			eachLiteral(t, path, text, fn)
		}
		return nil
	})
	if err != nil || read < 300 {
		t.Errorf("%d files, %v", read, err)
	}
}

// codeOf are the blocks and the spans of code of a page, line by line.
func codeOf(page string) (list []string) {
	for i, part := range strings.Split(page, "```") {
		if i%2 == 1 {
			list = append(list, strings.Split(part, "\n")...)
			continue
		}
		for j, span := range strings.Split(part, "`") {
			if j%2 == 1 {
				list = append(list, strings.ReplaceAll(span, "\n", " "))
			}
		}
	}
	return list
}

func eachLiteral(t *testing.T, path string, source []byte, fn func(where, text string)) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Tag != nil {
			tag, _ := strconv.Unquote(field.Tag.Value)
			fn(files.Position(field.Pos()).String(), tag)
		}
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, _ := strconv.Unquote(lit.Value)
			fn(files.Position(lit.Pos()).String(), text)
		}
		return true
	})
}
