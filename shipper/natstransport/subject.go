package natstransport

import "strings"

// Subject returns the subject on which a node of a pipeline takes batches: quadrille.{pipeline}.node.{node}.in. Names
// are escaped so that each is one token without wildcards, and different names give different subjects: bytes other than
// letters, digits, '-' and '_' of ASCII are written as '%' and two hexadecimal digits.
func Subject(pipeline, node string) string {
	return subject(pipeline, node, "in")
}

// subject is one of a node of a pipeline: "in" for batches, "ask" for requests.
func subject(pipeline, node, what string) string {
	return "quadrille." + token(pipeline) + ".node." + token(node) + "." + what
}

func token(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

// answers is the last token of the subject where answers go, to all requests of an asker. The subject for the answer that a
// request names has a token of its own, to which the server says that nobody listens; one that is the same each time costs the
// server less, which looks up who listens and what is allowed.
const answers = ".a"

// answersOf returns the subject where an answer goes, of that which its request names; "" for one that is none.
func answersOf(named string) string {
	if dot := strings.LastIndexByte(named, '.'); dot > 0 {
		return named[:dot] + answers
	}
	return ""
}
