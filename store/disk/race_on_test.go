//go:build race

package disk_test

// Less of each with the race detector, with which the database checks itself, and takes twenty times as long: what these tests look for, but
// for races, is found without it.
const (
	gapTerms    = 6_000
	hugeTerm    = 8 << 20
	manyStores  = 25
	crashes     = 8
	kills       = 2
	failsEach   = 20
	rapidChecks = "20"
)
