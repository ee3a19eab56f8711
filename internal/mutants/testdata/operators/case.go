package p

func f(n int, v any) {
	switch n {
	case 1, 2:
		a()
	default:
		b()
	}
	switch v.(type) {
	case nil:
	}
	select {
	case <-c:
	}
}
