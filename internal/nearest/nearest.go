// Package nearest finds the name that was meant.
package nearest

// Of returns the known name with the fewest edits to the given one; of equals the first by name. It is empty if none is known.
func Of(name string, known []string) (best string) {
	least := -1
	for _, other := range known {
		d := Distance(name, other)
		if least < 0 || d < least || d == least && other < best {
			best, least = other, d
		}
	}
	return best
}

// Distance is the Levenshtein distance of two names in bytes.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
