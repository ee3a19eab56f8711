package mapping

import (
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestCELMistakes: what is wrong with an expression is told in words of its own, with the place.
func TestCELMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "1:1 the expression is empty",
		"row.a >":                "1:8 the expression ends where something must follow",
		"(row.a":                 "1:7 a ) is missing here",
		"row.a = 2":              `1:7 "=" is no operator; it is ==`,
		"row.a and row.b":        `1:7 "and" is no operator; it is &&`,
		"row.a == 'x":            "1:10 this text has no closing quote",
		"row.a ++ 2":             `1:8 "+" can't stand here`,
		"row.a >\n 1 +\n* 2":     `3:1 "*" can't stand here`,
		"row..a":                 `1:5 ".." can't stand here`,
		"rwo.a == 1":             `1:1 nothing is called "rwo"; the nearest is row`,
		"row.a == value":         `1:10 nothing is called "value": there is row, doc and message, and a field of the row is row.value`,
		"foo(row.a)":             `1:4 there is no function "foo"`,
		"1 + 'a'":                "1:3 + takes no (int, string): convert one of them",
		"1 in 2":                 "1:3 in takes no (int, int)",
		"true ? 1 : 'a'":         "1:6 ?: takes no (bool, int, string)",
		"has(row)":               "1:5 has takes a field, such as has(row.id)",
		"9999999999999999999999": "1:1 invalid int literal",
		"rwo == 1 && dco == 2":   `1:1 nothing is called "rwo"; the nearest is row 1:13 nothing is called "dco"; the nearest is doc`,
		"row.":                   "1:5 the expression ends where",
		"[a,a,a,a,a,a,a,a]":      "1:2 nothing is called",
	} {
		_, err := compileExpression(text)
		mistakes, ok := err.(celMistakes)
		if !ok || len(mistakes) > maxCELMistakes {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var got []string
		for _, m := range mistakes {
			got = append(got, fmt.Sprintf("%d:%d %s", m.line, m.column, m.text))
		}
		if all := strings.Join(got, " "); !strings.HasPrefix(all, want) || strings.Contains(err.Error(), "<input>") {
			t.Errorf("%q: %s, want %s", text, all, want)
		}
	}
}

// TestPlaceOfCELMistake: the place is that in the file, however the expression is quoted there.
func TestPlaceOfCELMistake(t *testing.T) {
	for text, want := range map[string]string{
		"m: {s: 'urn:s', when: row.a rwo.b == 1, po: [['urn:p', x]]}":               "1:29",
		`m: {s: "urn:s", when: "row.a == \"x\" && rwo", po: [["urn:p", x]]}`:        "1:42",
		`m: {s: "urn:s", when: 'row.a == ''x'' && rwo', po: [["urn:p", x]]}`:        "1:42",
		"m:\n  s: urn:s\n  when: |\n    row.a == 1 &&\n    rwo\n  po: [[urn:p, x]]": "5:1",
		"m:\n  s: urn:s\n  when: row.a == 1 &&\n    rwo\n  po: [[urn:p, x]]":        "3:23",
	} {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(text), &node); err != nil {
			t.Fatal(err)
		}
		_, mistakes := Declaration{Mappings: node.Content[0]}.Compile()
		if len(mistakes) != 1 || fmt.Sprintf("%d:%d", mistakes[0].Line, mistakes[0].Column) != want {
			t.Errorf("%s\n%v, want one at %s", text, mistakes, want)
		}
	}
}
