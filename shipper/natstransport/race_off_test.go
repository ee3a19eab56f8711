//go:build !race

package natstransport_test

// largeAnswer is the length of a large answer in bytes.
const largeAnswer = 100 << 20
