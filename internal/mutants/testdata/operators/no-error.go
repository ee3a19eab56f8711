package p

import "fmt"

func one() error {
	return errBad
}

func two() (int, error) {
	if bad() {
		return 0, fmt.Errorf("two: %w", errBad)
	}
	if worse() {
		return three()
	}
	return 1, nil
}

func (t T) inner() int {
	run(func() error { return t.err })
	return 0
}
