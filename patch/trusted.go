package patch

import (
	"bytes"

	"github.com/quadrille-stream/quadrille/rdf"
)

// Trusted says that the text is what [AppendAdd] and its like have written of valid quads: the terms are found by what stands
// between them, and nobody looks inside. It is many times faster, and for text whose writer is known alone: a wrong term is not
// noticed. Rows of another form are read as ever.
func Trusted() Option { return func(o *options) { o.trusted = true } }

// trustedRow hands over the row at the current place, if it is an addition, a deletion or the bound of a transaction as the
// Append functions write it. It returns the length of the row, and 0 if it is none.
func (rd *Reader) trustedRow(c Change) (length int, err error) {
	if !rd.o.trusted {
		return 0, nil
	}
	rest := rd.s.Rest()
	row := rest[:bytes.IndexByte(rest, '\n')+1]
	var q rdf.Quad
	switch {
	case hasPrefix(row, "A ") && trustedQuad(row, &q) && rd.order.change() == "":
		return len(row), c.Add(q)
	case hasPrefix(row, "D ") && trustedQuad(row, &q) && rd.order.change() == "":
		return len(row), c.Delete(q)
	case string(row) == beginRow && rd.order.begin() == "":
		return len(row), c.Begin()
	case string(row) == commitRow && rd.order.end("TC") == "":
		return len(row), c.Commit()
	}
	return 0, nil
}

func hasPrefix(text []byte, prefix string) bool {
	return len(text) >= len(prefix) && string(text[:len(prefix)]) == prefix
}

// trustedQuad finds the terms of an addition or deletion. It reports false for a row that the Append functions don't write.
func trustedQuad(row []byte, q *rdf.Quad) bool {
	const end = " .\n"
	at := len("A ")
	q.G = rdf.Term{}
	for i, term := range [...]*rdf.Term{&q.S, &q.P, &q.O, &q.G} {
		n := trustedTerm(row[at:])
		if n == 0 {
			return false
		}
		*term = rdf.Trusted(text(row[at : at+n]))
		if at += n; i >= 2 && string(row[at:]) == end {
			return true
		}
		if at == len(row) || row[at] != ' ' {
			return false
		}
		at++
	}
	return false
}

// trustedTerm returns the length of the term that text begins with; 0 if it can't be told by a look for its end.
func trustedTerm(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch {
	case text[0] == '<' && text[1] != '<':
		return bytes.IndexByte(text, '>') + 1
	case text[0] == '_':
		return max(bytes.IndexByte(text, ' '), 0)
	case text[0] == '"' && !hasPrefix(text, `"""`):
		return trustedLiteral(text)
	}
	return 0
}

// trustedLiteral finds the closing quote, and what stands behind it up to the next space.
func trustedLiteral(text []byte) int {
	end := 1
	for {
		n := bytes.IndexByte(text[end:], '"')
		if n < 0 {
			return 0
		}
		if end += n + 1; !escaped(text[:end-1]) {
			break
		}
	}
	if n := bytes.IndexByte(text[end:], ' '); n >= 0 {
		return end + n
	}
	return 0
}

// escaped reports whether what follows the text is escaped by it: the number of backslashes at its end is odd.
func escaped(text []byte) bool {
	n := len(text)
	for n > 0 && text[n-1] == '\\' {
		n--
	}
	return (len(text)-n)%2 == 1
}
