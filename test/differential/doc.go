// Package differential has no code but tests, which compare this module with independent implementations.
//
// TestReaders: documents in Turtle, TriG, N-Quads and JSON-LD, generated and mutated from a seed, and in RDF/XML, generated, are read by this module's readers
// and by Oxigraph, N3.js and jsonld.js. All must give the same answer: refused, or the same quads up to the labels of blank nodes.
//
// TestQuestions: queries and updates over few quads, generated from a seed, are asked of this module's stores, of Oxigraph and of
// Jena. All must give the same solutions, or the same quads after an update, and each delta must be the difference of before and after.
//
// Where a peer answers otherwise the document or the question is shrunk, and is either our fault or has its place in a list of known
// differences, with the sentence of the specification that decides.
//
// "make differential" installs the peers and runs the tests; without the peers they are skipped. Variables of the
// environment:
//
//	QUADRILLE_DOCS=N            the number of documents, shared out among the formats
//	QUADRILLE_QUESTIONS=N       the number of queries and updates
//	QUADRILLE_SEED=N            the seed that the documents and questions follow from
//	QUADRILLE_SUITES=DIR        the conformance suites, whose documents are changed, too
//	QUADRILLE_READER_PEERS=DIR  the folder that peers/install has filled; default is one in the user's cache
package differential
