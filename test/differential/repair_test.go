package differential

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// turtleToken matches what a repair must know of a text: comments, strings, IRIs, language tags, brackets of triples.
var turtleToken = regexp.MustCompile(`(?s)\\.|#[^\r\n]*|"""(?:[^"\\]|\\.|""?[^"])*?"""|'''(?:[^'\\]|\\.|''?[^'])*?'''|` +
	`"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'|<<\(|\)>>|<<|>>|<[^\x00-\x20<>"]*>|@[A-Za-z0-9-]+|.`)

// eachToken returns a repair of the tokens that begin with a character.
func eachToken(first byte, repair func(token string) string) func(string) string {
	return func(document string) string {
		return turtleToken.ReplaceAllStringFunc(document, func(token string) string {
			if token[0] != first || len(token) < 2 || strings.HasPrefix(token, "<<") {
				return token
			}
			return repair(token)
		})
	}
}

// shortStrings makes short strings of the long ones in reified triples and triple terms.
func shortStrings(document string) string {
	depth := 0
	return turtleToken.ReplaceAllStringFunc(document, func(token string) string {
		switch {
		case token == "<<", token == "<<(":
			depth++
		case token == ">>", token == ")>>":
			depth--
		case depth > 0 && len(token) > 5 && (strings.HasPrefix(token, `"""`) || strings.HasPrefix(token, "'''")):
			inner := regexp.MustCompile(`(?s)\\.|["\r\n]`).ReplaceAllStringFunc(token[3:len(token)-3], func(c string) string {
				return strings.NewReplacer("\r", `\r`, "\n", `\n`, `"`, `\"`, `\"`, `\"`).Replace(c)
			})
			return `"` + inner + `"`
		}
		return token
	})
}

// bcp47 is a language tag as RFC 5646 has it, section 2.1.
var bcp47 = regexp.MustCompile(`(?i)^(?:(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?` +
	`(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?|x(?:-[a-z0-9]{1,8})+)$`)

// wellFormedTag makes one that BCP 47 allows of a language tag.
func wellFormedTag(tag string) string {
	name, direction, directed := strings.Cut(tag[1:], "--")
	if bcp47.MatchString(name) || name == "prefix" || name == "base" || name == "version" {
		return tag
	}
	if directed {
		return "@en--" + direction
	}
	return "@en"
}

// noIRI are characters that prefixed names may have, and IRIs not (RFC 3987, section 2.2: ucschar).
var noIRI = regexp.MustCompile(`[\x{FFF0}-\x{FFFD}\x{1FFFE}\x{1FFFF}\x{2FFFE}\x{2FFFF}\x{3FFFE}\x{3FFFF}\x{E0000}-\x{E0FFF}]`)

// wellFormedIRIs replaces IRIs that RFC 3987 doesn't allow, and what makes such ones of prefixed names.
func wellFormedIRIs(document string) string {
	if utf8.ValidString(document) {
		document = noIRI.ReplaceAllString(document, "x")
	}
	document = eachToken('<', func(token string) string {
		if iri := unescape(token[1 : len(token)-1]); !reference.MatchString(iri) {
			return fmt.Sprintf("<x:odd%x>", iri)
		}
		return token
	})(document)
	return eachToken('\\', func(escape string) string {
		if escape == `\%` || escape == `\#` {
			return "x"
		}
		return escape
	})(document)
}

// plainReifiers takes out [] behind ~, which means the same without it.
func plainReifiers(document string) string {
	all := turtleToken.FindAllString(document, -1)
	var places []int // of the tokens that are no space and no comment
	for i, token := range all {
		if strings.TrimSpace(token) != "" && token[0] != '#' {
			places = append(places, i)
		}
	}
	for i := 2; i < len(places); i++ {
		open, shut := places[i-1], places[i]
		if all[places[i-2]] == "~" && all[open] == "[" && all[shut] == "]" {
			all[open], all[shut] = " ", " "
		}
	}
	return strings.Join(all, "")
}

// unescape replaces the escapes of characters in an IRI.
func unescape(iri string) string {
	return regexp.MustCompile(`\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}`).ReplaceAllStringFunc(iri, func(escape string) string {
		var c rune
		if _, err := fmt.Sscanf(escape[2:], "%x", &c); err != nil {
			return escape
		}
		return string(c)
	})
}

// reference is an IRI reference as RFC 3987 has it, section 2.2.
var reference = func() *regexp.Regexp {
	const (
		ipchar   = `A-Za-z0-9\-._~\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}\x{10000}-\x{1FFFD}\x{20000}-\x{DFFFD}\x{E1000}-\x{EFFFD}!$&'()*+,;=`
		private  = `\x{E000}-\x{F8FF}\x{F0000}-\x{FFFFD}\x{100000}-\x{10FFFD}`
		escape   = `%[0-9A-Fa-f]{2}`
		char     = `(?:[` + ipchar + `:@]|` + escape + `)`
		noColon  = `(?:[` + ipchar + `@]|` + escape + `)`
		literal  = `\[(?:::1|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7})\]` // of the addresses the plain ones
		host     = `(?:(?:[` + ipchar + `:]|` + escape + `)*@)?(?:` + literal + `|(?:[` + ipchar + `]|` + escape + `)*)(?::[0-9]*)?`
		segments = `(?:/` + char + `*)*`
		rest     = `(?:\?(?:[` + ipchar + `:@/?` + private + `]|` + escape + `)*)?(?:#(?:[` + ipchar + `:@/?]|` + escape + `)*)?`
		rooted   = `//` + host + segments + `|/(?:` + char + `+` + segments + `)?`
	)
	return regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9+.-]*:(?:` + rooted + `|` + char + `+` + segments + `)?` +
		`|(?:` + rooted + `|` + noColon + `+` + segments + `)?)` + rest + `$`)
}()
