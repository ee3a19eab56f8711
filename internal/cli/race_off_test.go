//go:build !race

package cli_test

const raceEnabled = false

// nearTheBound is how many rows of 1,500 bytes are a bit less than the most that a transaction may have.
const nearTheBound = 40_000
