package expr

import "github.com/quadrille-stream/quadrille/sparql/value"

// Found is what REGEX finds, at once and while it tells of its work, and whether the latter gives an error.
func Found(text, pattern, flags string) (direct, telling bool, err error) {
	c, p, err := told(pattern, flags)
	if err != nil {
		return false, false, err
	}
	r := c.reader(text, p.size)
	return p.re.MatchString(text), p.re.MatchReader(r), r.end()
}

// Replaced is what REPLACE makes, at once and while it tells of its work.
func Replaced(text, pattern, flags, replacement string) (direct, telling string, err error) {
	c, p, err := told(pattern, flags)
	if err != nil || p.empty {
		return "", "", err
	}
	with, err := newReplacement(replacement, p)
	if err != nil {
		return "", "", err
	}
	made, err := c.replaceLong(value.Str(text), text, p, with)
	return p.re.ReplaceAllString(text, with.template), made.Lexical(), err
}

func told(pattern, flags string) (*compiler, pattern, error) {
	c := newCompiler(&Env{Work: func(int) error { return nil }})
	p, err := (&patterns{tell: c.tell}).get(value.Str(pattern), value.Str(flags))
	return c, p, err
}
