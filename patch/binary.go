package patch

import (
	"fmt"
	"strconv"
)

// BinaryMediaType is the media type of RDF Patch in binary form.
const BinaryMediaType = "application/rdf-patch+thrift"

// The binary form is a stream of Thrift values in compact protocol, one row after the other, without a frame: the
// struct RDF_Patch_Row of Apache Jena's BinaryRDF.thrift. This file holds its numbers.

// wire is a type of the compact protocol.
type wire uint8

const (
	wireStop wire = iota
	wireTrue      // a boolean, whose value is in the type where it is a field
	wireFalse
	wireByte
	wireI16
	wireI32
	wireI64
	wireDouble
	wireBinary // also strings
	wireList
	wireSet
	wireMap
	wireStruct
	wireUUID
)

// Fields of a row, of which it has one.
const (
	rowHeader = iota + 1
	rowAdd
	rowDelete
	rowPrefixAdd
	rowPrefixDelete
	rowTxn
)

// Values of the row txn.
const (
	txnBegin = iota
	txnCommit
	txnAbort
	txnSegment
)

// Fields of a term, of which it has one.
const (
	termIRI = iota + 1
	termBlank
	termLiteral
	termPrefixName
	termVariable
	termAny
	termUndefined
	termRepeat
	termTriple
	termInteger
	termDouble
	termDecimal
)

// Fields of a literal.
const (
	literalLexical = iota + 1
	literalLang
	literalDatatype
	literalPrefixName
	literalDirection
)

// termNames names the terms that a patch may have.
var termNames = [...]string{termIRI: "IRI", termBlank: "blank node", termLiteral: "literal", termTriple: "triple term",
	termInteger: "integer", termDouble: "double", termDecimal: "decimal"}

// otherTerms are those that a patch may not have.
var otherTerms = map[int16]string{termPrefixName: "a prefixed name (prefixes are not expanded)",
	termVariable: "a variable",
	termAny:      "ANY", termUndefined: "UNDEFINED", termRepeat: "REPEAT"}

// shape is a struct whose fields are strings and terms, numbered from 1.
type shape []field

type field struct {
	name     string
	wire     wire // a wireStruct is a term
	optional bool
}

// prefixedName is the one field that is known, is a struct, and is no term.
const prefixedName = "prefixed name"

// mostFields is the most that a shape has.
const mostFields = literalDirection

var (
	headerShape    = shape{{"name", wireBinary, false}, {"value", wireStruct, false}}
	addPrefixShape = shape{{"graph", wireStruct, true}, {"prefix", wireBinary, false}, {"IRI", wireBinary, false}}
	delPrefixShape = shape{{"graph", wireStruct, true}, {"prefix", wireBinary, false}}
	iriShape       = shape{{"IRI", wireBinary, false}}
	blankShape     = shape{{"label", wireBinary, false}}
	literalShape   = shape{
		{"lexical form", wireBinary, false}, {"language", wireBinary, true}, {"datatype", wireBinary, true},
		{prefixedName, wireStruct, true}, {"base direction", wireBinary, true},
	}
	tripleShape = shape{{"subject", wireStruct, false}, {"predicate", wireStruct, false}, {"object", wireStruct, false}}
	quadShape   = append(tripleShape[:len(tripleShape):len(tripleShape)], field{"graph", wireStruct, true})
)

// BinaryError says where a patch departs from its binary form.
type BinaryError struct {
	// File is the name of the patch, if the caller has set one.
	File string
	// Row counts the rows, from 1.
	Row int64
	// Offset is the byte of the patch, from 0, at which what is wrong begins.
	Offset int64
	// Msg says what was expected and what was found.
	Msg string
	// Err is the cause, if there is one that can be tested for, such as [rdf.ErrLimit].
	Err error
}

// Error returns "file: row R, byte B: message".
func (e *BinaryError) Error() string {
	file := e.File
	if file != "" {
		file += ": "
	}
	return fmt.Sprintf("%srow %d, byte %d: %s", file, e.Row, e.Offset, e.Msg)
}

// Unwrap returns the cause, nil if there is none.
func (e *BinaryError) Unwrap() error { return e.Err }

// String names the type for errors.
func (w wire) String() string {
	switch w {
	case wireStop:
		return "the end of the struct"
	case wireTrue, wireFalse:
		return "a boolean"
	case wireByte:
		return "a byte"
	case wireI16:
		return "an integer of 16 bits"
	case wireI32:
		return "an integer of 32 bits"
	case wireI64:
		return "an integer of 64 bits"
	case wireDouble:
		return "a double"
	case wireBinary:
		return "a string"
	case wireList, wireSet, wireMap:
		return "a collection"
	case wireStruct:
		return "a struct"
	case wireUUID:
		return "a UUID"
	}
	return "type " + strconv.Itoa(int(w)) + ", which Thrift has not"
}
