//go:build !race

package disk_test

const (
	// gapTerms is how many terms come and go in a test of gaps between them.
	gapTerms = 60_000
	// hugeTerm is as many bytes as a term may have.
	hugeTerm = 64 << 20
	// manyStores are open at a time in the test of what they share.
	manyStores = 100
	// crashes is how many histories end in a crash.
	crashes = 30
	// kills is how many processes are killed.
	kills = 6
	// failsEach is how many writes lie between those from which on a test has them fail.
	failsEach = 5
	// rapidChecks is how many histories each property is tried on.
	rapidChecks = "100"
)
