//go:build race

package sim

// defaultSchedules is small with the race detector, which can find nothing where one goroutine does all.
const defaultSchedules = 60
