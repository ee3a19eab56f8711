package p

func f(list []int, ch chan int) (n int, err error) {
	defer close(ch)
	m := 0
	_ = m
	n = 1
	list[0], _ = g()
	n++
	call(
		n, // on its own line
	)
	for range list {
		if n == 0 {
			continue
		}
		break
	}
	switch n {
	case 0:
		n += 2
	}
	select {
	case <-ch:
		call(3)
	default:
	}
	func() {
		if m == 0 {
			return
		}
	}()
	call(func() {
		panic("a text that is much longer than a name ought to be, for names are read by people who judge them")
	})
	return
}
