//go:build !linux

package cli_test

import "runtime"

// peakMemory returns the memory that the Go runtime has had from the system, in kB.
func peakMemory() (int64, error) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.Sys / 1000), nil
}
