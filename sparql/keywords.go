package sparql

import (
	"maps"
	"slices"

	"github.com/quadrille-stream/quadrille/internal/chars"
)

// longestKeyword is the number of letters that a keyword has at most.
const longestKeyword = len("ENCODE_FOR_URI")

// keyword returns a keyword of the grammar in capitals, "a" for that word, and "" for what is none.
func keyword(text string) string {
	if text == "a" {
		return text
	}
	if len(text) > longestKeyword {
		return ""
	}
	var buf [longestKeyword]byte
	upper := buf[:len(text)]
	for i := range len(text) {
		c := text[i]
		if chars.Class[c]&chars.Alpha != 0 {
			c &^= 0x20
		}
		upper[i] = c
	}
	return keywords[string(upper)]
}

// keywords are those of the grammar that are not functions, and the names of the functions.
var keywords = func() map[string]string {
	all := map[string]string{}
	for _, k := range plainKeywords {
		all[k] = k
	}
	for k := range functions {
		all[k] = k
	}
	for k := range aggregates {
		all[k] = k
	}
	return all
}()

var plainKeywords = []string{
	"ADD", "ALL", "AS", "ASC", "ASK", "BASE", "BIND", "BY", "CLEAR", "CONSTRUCT", "COPY", "CREATE", "DATA", "DEFAULT", "DELETE",
	"DESC", "DESCRIBE", "DISTINCT", "DROP", "EXISTS", "FALSE", "FILTER", "FROM", "GRAPH", "GROUP", "HAVING", "IN", "INSERT", "INTO",
	"LIMIT", "LOAD", "MINUS", "MOVE", "NAMED", "NOT", "OFFSET", "OPTIONAL", "ORDER", "PREFIX", "REDUCED", "SELECT", "SEPARATOR",
	"SERVICE", "SILENT", "TO", "TRUE", "UNDEF", "UNION", "USING", "VALUES", "VERSION", "WHERE", "WITH",
}

// arity is how many arguments a function takes; most is -1 for any number.
type arity struct{ least, most int }

// functions are the built-in functions. BOUND, which takes a variable alone, is one of them.
var functions = map[string]arity{
	"STR": {1, 1}, "LANG": {1, 1}, "LANGMATCHES": {2, 2}, "LANGDIR": {1, 1}, "DATATYPE": {1, 1}, "BOUND": {1, 1},
	"IRI": {1, 1}, "URI": {1, 1}, "BNODE": {0, 1}, "RAND": {0, 0}, "ABS": {1, 1}, "CEIL": {1, 1}, "FLOOR": {1, 1}, "ROUND": {1, 1},
	"CONCAT": {0, -1}, "SUBSTR": {2, 3}, "STRLEN": {1, 1}, "REPLACE": {3, 4}, "UCASE": {1, 1}, "LCASE": {1, 1},
	"ENCODE_FOR_URI": {1, 1}, "CONTAINS": {2, 2}, "STRSTARTS": {2, 2}, "STRENDS": {2, 2}, "STRBEFORE": {2, 2}, "STRAFTER": {2, 2},
	"YEAR": {1, 1}, "MONTH": {1, 1}, "DAY": {1, 1}, "HOURS": {1, 1}, "MINUTES": {1, 1}, "SECONDS": {1, 1}, "TIMEZONE": {1, 1},
	"TZ": {1, 1}, "NOW": {0, 0}, "UUID": {0, 0}, "STRUUID": {0, 0}, "MD5": {1, 1}, "SHA1": {1, 1}, "SHA256": {1, 1},
	"SHA384": {1, 1}, "SHA512": {1, 1}, "COALESCE": {0, -1}, "IF": {3, 3}, "STRLANG": {2, 2}, "STRLANGDIR": {3, 3}, "STRDT": {2, 2},
	"SAMETERM": {2, 2}, "ISIRI": {1, 1}, "ISURI": {1, 1}, "ISBLANK": {1, 1}, "ISLITERAL": {1, 1}, "ISNUMERIC": {1, 1},
	"HASLANG": {1, 1}, "HASLANGDIR": {1, 1}, "REGEX": {2, 3}, "ISTRIPLE": {1, 1}, "TRIPLE": {3, 3}, "SUBJECT": {1, 1},
	"PREDICATE": {1, 1}, "OBJECT": {1, 1},
}

// aggregates are the built-in aggregates.
var aggregates = map[string]bool{
	"COUNT": true, "SUM": true, "MIN": true, "MAX": true, "AVG": true, "SAMPLE": true, "GROUP_CONCAT": true,
}

// functionNames are the names of the functions, and of the aggregates, in order.
var functionNames = append(slices.Sorted(maps.Keys(functions)), slices.Sorted(maps.Keys(aggregates))...)
