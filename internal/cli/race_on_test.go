//go:build race

package cli_test

// raceEnabled: the race detector takes memory and time of its own.
const raceEnabled = true

// nearTheBound is how many rows of 1,500 bytes make a large transaction. With the race detector, and other tests beside it, the
// most that is allowed keeps a process busy for so long that it is not heard meanwhile, and is taken for dead.
const nearTheBound = 10_000
