//go:build race

package faults

// raceEnabled: this test binary, and so each process that it starts, has the race detector.
const raceEnabled = true
