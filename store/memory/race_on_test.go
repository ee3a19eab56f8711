//go:build race

package memory

// Less of each with the race detector, which makes both slow: what these tests look for, but for races, is found without it.
const (
	indexings   = 5
	rapidChecks = "20"
)
