//go:build !race

package sim

const (
	defaultSchedules = 1000
	lostTails        = 200
)
