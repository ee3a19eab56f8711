// Package faults has no code but tests: real processes are killed, stopped and cut off, their disks fill and lose what
// was not fsynced, bits of their files turn, while changes of more than one sealed block of the engine stream in. After
// each, what was accepted is there once, or the node says that it is not.
//
// The tests take a few minutes and most of a machine, so none runs beside another, and "make test" leaves them to
// "make faults". Variables of the environment:
//
//	QUADRILLE_FAULTS=long       more rounds, more data, more kinds of damage
//	QUADRILLE_SEED=N            the seed of what is random, as a failed test tells it
//	QUADRILLE_SOAK=30m          how long TestSoak runs; without it, it doesn't
//	QUADRILLE_CALM=10m          how long each part of TestNoElection runs, and that it fails on an election
//	QUADRILLE_SOAK_CHANGES=N    the number of changes of it, instead of 5000 a second
//
// Tests that mount a file system need Linux and root, and are skipped elsewhere. The loss of power is real for the file
// system: it is asked to forget all that is not on its disk, and is mounted again; what a disk itself loses that lies
// about its cache is not shown.
package faults
