package mapping

import (
	"fmt"
	"regexp"
	"strings"

	"cel.dev/cel-go/common"
	"go.yaml.in/yaml/v3"

	"github.com/quadrille-stream/quadrille/internal/nearest"
)

// celMistakes are those of one expression, in order.
type celMistakes []celMistake

// celMistake is one, with its place in the expression.
type celMistake struct {
	line, column int    // from 1; the column counts characters
	before       string // what stands before it in its line
	text         string
}

// Error implements error.
func (m celMistakes) Error() string {
	texts := make([]string, len(m))
	for i, one := range m {
		texts[i] = one.text
	}
	return strings.Join(texts, "; ")
}

// maxCELMistakes bounds those of one expression that are told.
const maxCELMistakes = 5

// mistakesOf says what is wrong with an expression. What a parser finds behind a mistake of syntax comes of that.
func mistakesOf(text string, found []*common.Error) (list celMistakes) {
	for _, e := range found {
		column := max(e.Location.Column(), 0) // an empty text has -1
		m := celMistake{line: e.Location.Line(), column: column + 1}
		after := ""
		lines := strings.Split(text, "\n")
		if m.line >= 1 && m.line <= len(lines) {
			line := []rune(lines[m.line-1])
			at := min(column, len(line))
			m.before, after = string(line[:at]), string(line[at:])
		}
		syntax, isSyntax := strings.CutPrefix(e.Message, "Syntax error: ")
		if isSyntax {
			m.text = syntaxMistake(text, after, syntax)
			return append(list, m)
		}
		if m.text = typeMistake(e.Message, after); len(list) < maxCELMistakes {
			list = append(list, m)
		}
	}
	return list
}

// in is the place in the file of a mistake in an expression. A text over several lines is indented there, by as much as nothing tells:
// then it is the line alone.
func (m celMistake) in(at *yaml.Node) (line, column int) {
	switch {
	case at.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return at.Line + m.line, 1
	case strings.Contains(at.Value, "\n"):
		return at.Line, at.Column
	case at.Style&yaml.SingleQuotedStyle != 0:
		return at.Line, at.Column + m.column + strings.Count(m.before, "'")
	case at.Style&yaml.DoubleQuotedStyle != 0:
		return at.Line, at.Column + m.column + strings.Count(m.before, `"`) + strings.Count(m.before, `\`)
	}
	return at.Line, at.Column + m.column - 1
}

var (
	notExpected = regexp.MustCompile(`(?:input|error at:) '(.*?)'(?: expecting|$)`)
	leftOut     = regexp.MustCompile(`^missing '(.+)' at `)
)

// words are operators of other languages, each with that of CEL.
var words = map[string]string{"=": "==", "and": "&&", "or": "||", "not": "!", "AND": "&&", "OR": "||", "NOT": "!", "<>": "!="}

// syntaxMistake says what the parser of CEL says of a text, which goes on with after.
func syntaxMistake(text, after, said string) string {
	const asIn = "an expression is such as row.value > 0 && has(row.id)"
	if m := leftOut.FindStringSubmatch(said); m != nil {
		return fmt.Sprintf("a %s is missing here", m[1])
	}
	there := ""
	if m := notExpected.FindStringSubmatch(said); m != nil {
		there = strings.TrimSpace(m[1])
	}
	switch {
	case strings.TrimSpace(text) == "":
		return "the expression is empty; " + asIn
	case there == "":
		return "the expression is no CEL: " + said
	case strings.HasSuffix(there, "<EOF>") || after == "" && there == ".":
		return "the expression ends where something must follow, such as a value or a closing bracket"
	case words[there] != "":
		return fmt.Sprintf("%q is no operator; it is %s", there, words[there])
	case strings.HasPrefix(there, "'") || strings.HasPrefix(there, `"`):
		return "this text has no closing quote"
	}
	return fmt.Sprintf("%q can't stand here: is an operator, a bracket or a quote missing before it? %s", there, asIn)
}

var (
	undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'`)
	noOverload = regexp.MustCompile(`^found no matching overload for '([^']*)' applied to '(.*)'$`)
)

// variables are what an expression knows, besides functions.
var variables = []string{"row", "doc", "message"}

// typeMistake says what the checker of CEL says of an expression, whose text goes on with after.
func typeMistake(said, after string) string {
	if m := undeclared.FindStringSubmatch(said); m != nil {
		if strings.HasPrefix(after, "(") {
			return fmt.Sprintf("there is no function %q; those that there are: https://github.com/google/cel-spec, and its extensions "+
				"for strings and math", m[1])
		}
		if near := nearest.Of(m[1], variables); 3*nearest.Distance(m[1], near) <= 2*len(m[1]) {
			return fmt.Sprintf("nothing is called %q; the nearest is %s", m[1], near)
		}
		return fmt.Sprintf("nothing is called %q: there is row, doc and message, and a field of the row is row.%s", m[1], m[1])
	}
	if m := noOverload.FindStringSubmatch(said); m != nil {
		name := strings.Trim(strings.ReplaceAll(m[1], "_?_:_", "?:"), "_@")
		return fmt.Sprintf("%s takes no %s: convert one of them, as double(…), int(…) or string(…) do", name, m[2])
	}
	if said == "invalid argument to has() macro" {
		return "has takes a field, such as has(row.id)"
	}
	return said
}
