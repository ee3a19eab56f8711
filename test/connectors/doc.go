// Package connectors has no code but tests: a whole node with the files of examples/, between real peers, which are killed, and
// whose data is compared at the end with the node's.
//
// "make peers" installs the peers and runs the tests; where a peer can't be had its tests are skipped. Variables of the
// environment:
//
//	QUADRILLE_PEERS=DIR         the folder that peers are installed in; default is one in the user's cache
//	QUADRILLE_PEERS_REQUIRED=1  a peer that can't be had fails its tests
package connectors
