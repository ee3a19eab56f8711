//go:build !race

package memory

const (
	// indexings are made in the test of changes that come meanwhile.
	indexings = 20
	// rapidChecks is how many histories each property is tried on.
	rapidChecks = "100"
)
