// Lets the compiler take functions without bodies, which go:linkname gives them: see handover.go.
