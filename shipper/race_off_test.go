//go:build !race

package shipper_test

const raceEnabled = false
