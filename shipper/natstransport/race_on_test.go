//go:build race

package natstransport_test

// largeAnswer is the length of a large answer in bytes.
const largeAnswer = 10 << 20
