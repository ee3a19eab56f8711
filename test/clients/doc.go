// Package clients has no code but tests: clients of SPARQL that others wrote ask a node, and change what it holds. What each does is a
// script here; scripts/peers/client installs it and runs it.
//
// "make peers" runs the tests; where a client can't be had its tests are skipped. Variables of the environment are those of
// test/connectors.
package clients
