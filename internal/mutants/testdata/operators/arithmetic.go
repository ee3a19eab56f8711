package p

func f(n int, s string) string {
	n += n - 1
	n -= 2
	n++
	n--
	s += "a" + s + s
	return s
}
