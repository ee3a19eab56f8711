// Package toy is mutated by the tests of internal/mutants.
package toy

// Sign returns -1, 0 or 1.
func Sign(n int) int {
	if n < 0 {
		return -1
	}
	if n > 0 {
		return 1
	}
	return 0
}

// Sum returns the sum of the numbers up to n. That it is right for numbers beyond 2 is not tested.
func Sum(n int) int {
	sum := 0
	for n > 0 {
		sum += n
		n--
	}
	return sum
}
