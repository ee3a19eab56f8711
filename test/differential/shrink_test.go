package differential

import "bytes"

// attempts bounds how many documents are tried to make one smaller.
const attempts = 6000

// shrink returns a small document, made of parts of this one, for which fails is still true: it leaves out lines, then
// tokens, alone and as pairs of brackets with or without what they hold, then bytes.
func shrink(document []byte, fails func([]byte) bool) []byte {
	if value, ok := decode(document); ok {
		if small := shrinkJSON(value, fails); fails(small) {
			return small
		}
	}
	left := attempts
	try := func(parts [][]byte) bool {
		left--
		return left >= 0 && fails(bytes.Join(parts, nil))
	}
	document = bytes.Join(without(bytes.SplitAfter(document, []byte("\n")), try), nil)
	for size := len(document) + 1; len(document) < size && left > 0; {
		size = len(document)
		parts := without(tokens.FindAll(document, -1), try)
		document = bytes.Join(withoutBrackets(parts, try), nil)
	}
	return bytes.Join(without(bytes.SplitAfter(document, nil), try), nil)
}

// without leaves out what can be, from large parts to small ones.
func without(parts [][]byte, fails func([][]byte) bool) [][]byte {
	for n := (len(parts) + 1) / 2; n > 0; n /= 2 {
		for at := 0; at < len(parts); {
			if rest := cut(parts, at, min(len(parts), at+n)); fails(rest) {
				parts = rest
			} else {
				at += n
			}
		}
	}
	return parts
}

// withoutBrackets leaves out pairs of brackets, with all that stands between them or without it.
func withoutBrackets(parts [][]byte, fails func([][]byte) bool) [][]byte {
	for open := 0; open < len(parts); open++ {
		shut := closing(parts, open)
		if shut < 0 {
			continue
		}
		if rest := cut(parts, open, shut+1); fails(rest) {
			parts = rest
			open--
		} else if rest := cut(cut(parts, shut, shut+1), open, open+1); fails(rest) {
			parts = rest
			open--
		}
	}
	return parts
}

// closing returns the place of the bracket that closes the one here; -1 if none does, or here is none.
func closing(parts [][]byte, open int) int {
	depth := 0
	for i := open; i < len(parts); i++ {
		switch string(parts[i]) {
		case "[", "(", "{", "<":
			depth++
		case "]", ")", "}", ">":
			depth--
		}
		if depth <= 0 && i == open {
			return -1
		} else if depth == 0 {
			return i
		}
	}
	return -1
}

// cut returns the parts without some of them.
func cut(parts [][]byte, begin, end int) [][]byte {
	return append(append(make([][]byte, 0, len(parts)), parts[:begin]...), parts[end:]...)
}
