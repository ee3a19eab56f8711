// Package mutants changes the code of a package in one place at a time, and runs the tests: a change that no test notices is
// a line that nobody guards. No file of the tree is changed: the go command compiles mutants through an overlay, all of a
// package at once, each function with a copy for each of its mutants, so that a mutant takes the time of its tests alone.
//
// A mutant has a name that does not depend on where it stands in its file, so that testdata/survivors.txt, the list of
// those that no test notices, stays true while other code changes:
//
//	package function operator#ordinal text
//
// The function is Type.Method for a method, and the name of a constant or variable outside functions. The ordinal counts equal
// texts within the function. The operators:
//
//	negate       the condition of an if, or of a case of a switch without a tag, is turned round
//	compare      < and <=, > and >=, == and != take each other's place
//	logic        && and || do
//	arithmetic   + and -, += and -=, ++ and -- do
//	drop         a statement whose value nobody needs is never reached: assignment, call, return without a value, break, continue
//	no-error     nil is returned in place of an error
//	constant+1   an integer of at most 10, but for those of a shift, is one greater
//	constant-1   an integer of 1 to 10 is one less
//	case         a case of a switch is taken out
//
// The comparison of two values by == or != is not negated, too: that would be the same mutant.
package mutants
