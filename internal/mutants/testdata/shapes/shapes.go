// Package shapes has functions of each shape, which are copied by the tests of internal/mutants.
package shapes

import "errors"

// Limit stands outside of functions.
const Limit = 3

// Numbers are some.
type Numbers []int

// Most returns the greatest of them and of the others, from 0 on.
func (n Numbers) Most(others ...int) (most int) {
	for _, m := range append(n, others...) {
		if m > most {
			most = m
		}
	}
	return most
}

// Name takes nothing of what it is given.
func (Numbers) Name(_, _ string, _ ...int) string {
	name := "none"
	name = "numbers!"
	return name
}

// Pick returns the first if the condition holds, and has parameters without names.
func Pick[A, B any](first A, _ B, which bool) A {
	var none A
	if !which {
		return none
	}
	return first
}

// Nothing has neither names nor results.
func Nothing(int, string) {
	Calls++
}

// Calls counts those of Nothing.
var Calls int

// ErrBroken is an error.
var ErrBroken = errors.New("broken")

// Guarded returns an error in place of a panic.
func Guarded(f func()) (err error) {
	defer func() {
		if recover() != nil {
			err = ErrBroken
		}
	}()
	f()
	return nil
}

// Kind needs its last case: without it the function has no end.
func Kind(n int) string {
	switch n {
	case 0:
		return "none"
	default:
		return "some"
	}
}
