package p

func f(a, b bool, n int) int {
	if a {
		return 0
	}
	if !b {
		return 0
	}
	if n < 0 {
		return 0
	}
	if n == 1 {
		return 0 // compare has it
	}
	switch {
	case a && b, n > 0:
		return 0
	case n != 0:
		return 0
	}
	switch n {
	case n - 1:
		return 0
	}
	return 0
}
