package p

var both = one && other

func f(a, b, c bool) bool { return a || b && c }
