package p

func (t *T[K, V]) f(a, b int) []bool {
	for a < b {
		a++
	}
	return []bool{a < b, a <= b, a > b, a >= b, a == b, a != b, a < b}
}
