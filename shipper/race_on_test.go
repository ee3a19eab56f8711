//go:build race

package shipper_test

// raceEnabled: the race detector makes sync.Pool forget at random, so allocations can't be counted.
const raceEnabled = true
