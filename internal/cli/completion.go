package cli

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completeWord is the first argument of a call that asks for what may come next; the others are the words of the line, the
// last one being that under the cursor. The scripts for the shells make such calls.
const completeWord = "__complete"

// The scripts. Each asks this program, and completes names of files where it has nothing to say.
var completionScripts = map[string]string{
	"bash": `_quadrille() {
	local line
	COMPREPLY=()
	while IFS=$'\t' read -r line _; do
		COMPREPLY+=("$line")
	done < <("${COMP_WORDS[0]}" ` + completeWord + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o bashdefault -F _quadrille quadrille
`,
	"zsh": `#compdef quadrille
_quadrille() {
	local -a found
	local name help
	while IFS=$'\t' read -r name help; do
		found+=("${name//:/\\:}${help:+:$help}")
	done < <("${words[1]}" ` + completeWord + ` "${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( $#found )); then
		_describe quadrille found
	else
		_files
	fi
}
compdef _quadrille quadrille
`,
	"fish": `function __quadrille_complete
	set -l words (commandline -opc) (commandline -ct)
	set -l found ($words[1] ` + completeWord + ` $words[2..-1] 2>/dev/null)
	if test (count $found) -gt 0
		printf '%s\n' $found
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c quadrille -f -a '(__quadrille_complete)'
`,
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help tells how the script gets into the shell.
func (completionCommand) Help() string {
	return `bash, in ~/.bashrc:                      source <(quadrille completion bash)
zsh, in ~/.zshrc, behind compinit:       source <(quadrille completion zsh)
fish:                                    quadrille completion fish > ~/.config/fish/completions/quadrille.fish`
}

func (c completionCommand) Run(io *streams) error {
	_, err := fmt.Fprint(io.out, completionScripts[c.Shell])
	return err
}

// candidate is what may stand at the cursor.
type candidate struct{ word, help string }

// complete writes what may stand in place of the last word, one a line, with a tab before its help; nothing where that is the
// name of a file, or anything.
func complete(app *kong.Application, words []string, w io.Writer) error {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	out := bufio.NewWriter(w)
	for _, c := range candidates(app.Node, words[:len(words)-1], last) {
		if strings.HasPrefix(c.word, last) {
			fmt.Fprintf(out, "%s\t%s\n", c.word, strings.ReplaceAll(c.help, "\n", " "))
		}
	}
	return out.Flush()
}

// candidates are those behind the words before; last is how the next one begins.
func candidates(node *kong.Node, before []string, last string) []candidate {
	values := 0 // that are no names of commands
	for i := 0; i < len(before); i++ {
		word := before[i]
		if strings.HasPrefix(word, "-") {
			if flag := flagOf(node, word); flag != nil && !flag.IsBool() && !strings.Contains(word, "=") {
				if i++; i == len(before) {
					return choices(flag.Value)
				}
			}
			continue
		}
		if child := childOf(node, word); child != nil {
			node = child
		} else {
			values++
		}
	}
	switch {
	case strings.HasPrefix(last, "-"):
		return flagsOf(node)
	case len(node.Children) > 0:
		return childrenOf(node)
	case values < len(node.Positional):
		return choices(node.Positional[values])
	}
	return nil
}

func childOf(node *kong.Node, name string) *kong.Node {
	i := slices.IndexFunc(node.Children, func(c *kong.Node) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return node.Children[i]
}

func childrenOf(node *kong.Node) (list []candidate) {
	for _, c := range node.Children {
		if !c.Hidden {
			list = append(list, candidate{c.Name, c.Help})
		}
	}
	return list
}

// flagOf is the flag of a command, or of one that it belongs to, that a word names.
func flagOf(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, flags := range node.AllFlags(false) {
		for _, flag := range flags {
			if name == "--"+flag.Name || flag.Short != 0 && name == "-"+string(flag.Short) {
				return flag
			}
		}
	}
	return nil
}

func flagsOf(node *kong.Node) (list []candidate) {
	for _, flags := range node.AllFlags(true) {
		for _, flag := range flags {
			list = append(list, candidate{"--" + flag.Name, flag.Help})
		}
	}
	return list
}

// choicesTag has the values of a flag that takes others, too: formats have further names.
const choicesTag = "choices"

// choices are the values that a flag or an argument may have, if they are few.
func choices(v *kong.Value) (list []candidate) {
	words := v.EnumSlice()
	if named := v.Tag.Get(choicesTag); named != "" {
		words = strings.Split(named, ",")
	}
	for _, word := range words {
		if word != "" {
			list = append(list, candidate{word: word})
		}
	}
	return list
}
