//go:build !race

package disk_test

// gapTerms is how many terms come and go in a test of gaps between them.
const gapTerms = 60_000
