package p

const (
	keep  = 3 * hour
	after = 2
	room  = 4 << 10 // a size
)

func f(list []int) (int, string) {
	return list[0] + list[0] + 10 + 11 + 0x1, "1"
}
