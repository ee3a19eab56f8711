// Package console has no code but a test: the console of real nodes in a real browser, which is shown a dying node, an expired token, 256
// shards, and a small screen. "make peers" installs what drives the browser; without it the test is skipped.
//
// QUADRILLE_SCREENSHOTS=DIR keeps the pictures of each page.
package console
