// Package differential has no code but tests: documents in Turtle, TriG, N-Quads and JSON-LD, generated and mutated from a
// seed, are read by this module's readers and by independent ones, Oxigraph, N3.js and jsonld.js. All must give the same
// answer: refused, or the same quads up to the labels of blank nodes. Where a peer answers otherwise the document is
// shrunk, and is either our fault or has its place in the list of known differences, with the sentence of the
// specification that decides.
//
// "make differential" installs the peers and runs the tests; without the peers they are skipped. Variables of the
// environment:
//
//	QUADRILLE_DOCS=N            the number of documents, shared out among the formats
//	QUADRILLE_SEED=N            the seed that the documents follow from
//	QUADRILLE_SUITES=DIR        the conformance suites, whose documents are changed, too
//	QUADRILLE_READER_PEERS=DIR  the folder that peers/install has filled; default is one in the user's cache
package differential
