package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// formerFlags are flags under which commands have had what is called otherwise now, and what to say of them.
var formerFlags = map[string]map[string]string{
	"--from":      {"check convert diff apply invert merge": "the format of what is read is --type"},
	"--to":        {"convert diff apply invert merge": "the format of the result is --as"},
	"--data":      {"apply": "the data that patches are applied to are --onto"},
	"--data-from": {"apply": "the format of the data is --onto-type"},
	"--skolemise": {"tail": "it is --blank skolemise"},
}

// plainWords replace what the parser says in the words of its language.
var plainWords = []struct {
	parser *regexp.Regexp
	plain  string
}{
	{regexp.MustCompile(`expected a valid \d+ bit u?int but got (.*)`), "expected a whole number, found $1"},
	{regexp.MustCompile(`expected duration but got (".*"): time: .*`), "expected a time, such as 500ms, 60s or 24h, found $1"},
	{regexp.MustCompile(`slog: level string (".*"): .*`), "expected debug, info, warn or error, found $1"},
	{regexp.MustCompile(`bool value must be .* but got (.*)`), "expected true or false, found $1"},
	{regexp.MustCompile(`expected \S+ value but got "EOL".*|missing value, expecting .*`), "a value is missing"},
}

// explained is an error of the parser as people are told it.
func explained(err error) error {
	err = commandsNamed(dataNamed(renamed(err)))
	for _, w := range plainWords {
		if text := err.Error(); w.parser.MatchString(text) {
			return errors.New(w.parser.ReplaceAllString(text, w.plain))
		}
	}
	return err
}

// dataNamed says how data is named, to whom has put it where the query or the update stands.
func dataNamed(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context.Selected() == nil || !strings.HasPrefix(err.Error(), "unexpected argument ") {
		return err
	}
	switch parse.Context.Selected().Name {
	case "query", "delta":
		return fmt.Errorf("%w: data is named by --data FILE, again for each further file", err)
	}
	return err
}

// commandsNamed says which commands there are, to whom has named one that there is not, and none that is like it.
func commandsNamed(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || !strings.HasPrefix(err.Error(), "unexpected argument ") || strings.Contains(err.Error(), "did you mean") {
		return err
	}
	node := parse.Context.Model.Node
	for _, step := range parse.Context.Path {
		if step.Command != nil {
			node = step.Command
		}
	}
	if len(node.Children) == 0 {
		return err
	}
	var names []string
	for _, c := range childrenOf(node) {
		names = append(names, c.word)
	}
	return fmt.Errorf("%w: expected a command: %s", err, strings.Join(names, ", "))
}

// renamed says what a flag is called now, if that is what the parser's error is about.
func renamed(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || parse.Context.Selected() == nil {
		return err
	}
	flag, found := strings.CutPrefix(err.Error(), "unknown flag ")
	if !found {
		return err
	}
	flag, _, _ = strings.Cut(flag, ",")
	command := parse.Context.Selected().Name
	for commands, now := range formerFlags[flag] {
		if strings.Contains(" "+commands+" ", " "+command+" ") {
			return fmt.Errorf("%s has no %s: %s", command, flag, now)
		}
	}
	return err
}
