//go:build race

package sim

// They are few with the race detector, which can find nothing where one goroutine does all.
const (
	defaultSchedules = 60
	lostTails        = 12
)
