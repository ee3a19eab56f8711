package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/rdf"
)

// template is a text with references in it.
type template struct {
	parts []part
}

// part is a constant text, or a reference.
type part struct {
	text string
	ref  *reference
}

// plain is the text of a template that is one, else empty.
func (t template) plain() string {
	if len(t.parts) != 1 {
		return ""
	}
	return t.parts[0].text
}

// parseTemplate reads a text; \$( stands for $( and \) within a reference for ).
func parseTemplate(text string, of format) (t template, err error) {
	var constant strings.Builder
	flush := func() {
		if constant.Len() > 0 {
			t.parts = append(t.parts, part{text: constant.String()})
			constant.Reset()
		}
	}
	for text != "" {
		switch {
		case strings.HasPrefix(text, `\$(`):
			constant.WriteString("$(")
			text = text[len(`\$(`):]
		case strings.HasPrefix(text, "$("):
			name, rest, err := cutReference(text[len("$("):])
			if err != nil {
				return t, err
			}
			ref, err := parseReference(name, of)
			if err != nil {
				return t, err
			}
			flush()
			t.parts = append(t.parts, part{ref: &ref})
			text = rest
		default:
			constant.WriteByte(text[0])
			text = text[1:]
		}
	}
	flush()
	return t, nil
}

// cutReference takes the text up to the bracket that ends a reference. Those that a JSONPath has in pairs, or between quotes in
// square brackets, don't end it.
func cutReference(text string) (name, rest string, err error) {
	var b strings.Builder
	depth, square, quote := 0, 0, byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case quote != 0:
			if c == quote && text[i-1] != '\\' {
				quote = 0
			}
		case square > 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '[':
			square++
		case c == ']':
			square--
		case c == '\\' && strings.HasPrefix(text[i:], `\)`):
			i++
			c = ')'
		case c == '(':
			depth++
		case c == ')' && depth == 0:
			return b.String(), text[i+1:], nil
		case c == ')':
			depth--
		}
		b.WriteByte(c)
	}
	return "", "", errors.New(`"$(" has no ")" that ends it`)
}

// constant reports whether a template has no references.
func (t *template) constant() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.ref != nil })
}

// only returns the reference of a template that is nothing else, nil if it is more.
func (t *template) only() *reference {
	if len(t.parts) == 1 {
		return t.parts[0].ref
	}
	return nil
}

// presence says what was found of a value.
type presence int

const (
	// missing: there is no such field.
	missing presence = iota
	// null: it is there, and has no value.
	null
	// present: there is a value.
	present
)

// maxTexts bounds what one template makes of a row: the product of its fields' values.
const maxTexts = MaxQuads

// expand returns the texts that the template makes: of fields with several values each combination. Values are encoded where
// they stand in an IRI. A field without a value makes no text.
func (t *template) expand(in *input, encode bool) (texts []string, found presence, err error) {
	found = present
	texts = []string{""}
	for i := range t.parts {
		p := &t.parts[i]
		if p.ref == nil {
			for j := range texts {
				texts[j] += p.text
			}
			continue
		}
		values, of, err := p.ref.texts(in)
		if err != nil {
			return nil, missing, err
		}
		if found = min(found, of); of != present {
			texts = nil
			continue
		}
		if texts, err = combine(texts, values, encode); err != nil {
			return nil, missing, fmt.Errorf("$(%s): %w", p.ref.text, err)
		}
	}
	return texts, found, nil
}

// texts returns the texts of the reference's values.
func (r *reference) texts(in *input) (texts []string, found presence, err error) {
	err = r.find(in, func(v any) error {
		found = max(found, null)
		if v == nil {
			return nil
		}
		text, err := textOf(v)
		if err != nil {
			return fmt.Errorf("$(%s): %w", r.text, err)
		}
		found = present
		texts = append(texts, text)
		return nil
	})
	return texts, found, err
}

// combine puts each value behind each text.
func combine(texts, values []string, encode bool) ([]string, error) {
	if len(texts)*len(values) > maxTexts {
		return nil, fmt.Errorf("more than %d combinations of values", maxTexts)
	}
	if encode {
		for i, v := range values {
			values[i] = rdf.EncodeIRI(v)
		}
	}
	if len(texts) == 1 && len(values) == 1 {
		texts[0] += values[0]
		return texts, nil
	}
	all := make([]string, 0, len(texts)*len(values))
	for _, text := range texts {
		for _, value := range values {
			all = append(all, text+value)
		}
	}
	return all, nil
}
