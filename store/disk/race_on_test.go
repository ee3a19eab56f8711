//go:build race

package disk_test

// gapTerms are few with the race detector, with which the database checks itself, and takes twenty times as long.
const gapTerms = 6_000
