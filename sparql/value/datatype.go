package value

import "github.com/quadrille-stream/quadrille/rdf"

// xsd is the namespace of the datatypes that operators know.
const xsd = "http://www.w3.org/2001/XMLSchema#"

// Datatypes that package rdf doesn't name.
const (
	XSDFloat             = xsd + "float"
	XSDDateTime          = xsd + "dateTime"
	XSDDate              = xsd + "date"
	XSDTime              = xsd + "time"
	XSDDuration          = xsd + "duration"
	XSDDayTimeDuration   = xsd + "dayTimeDuration"
	XSDYearMonthDuration = xsd + "yearMonthDuration"
)

// kindOf returns the kind of a literal with a datatype of XSD, named without its namespace; KindOther if no operator knows it.
func kindOf(local string) Kind {
	switch local {
	case "string":
		return KindString
	case "boolean":
		return KindBoolean
	case "integer", "long", "int", "short", "byte", "nonNegativeInteger", "positiveInteger", "nonPositiveInteger", "negativeInteger",
		"unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte":
		return KindInteger
	case "decimal":
		return KindDecimal
	case "float":
		return KindFloat
	case "double":
		return KindDouble
	case "dateTime", "dateTimeStamp":
		return KindDateTime
	case "date":
		return KindDate
	case "time":
		return KindTime
	case "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay":
		return KindGregorian
	case "duration", "dayTimeDuration", "yearMonthDuration":
		return KindDuration
	}
	return KindOther
}

// datatypeOf is the datatype of a computed value.
func datatypeOf(k Kind) string {
	switch k {
	case KindBoolean:
		return rdf.XSDBoolean
	case KindInteger:
		return rdf.XSDInteger
	case KindDecimal:
		return rdf.XSDDecimal
	case KindFloat:
		return XSDFloat
	case KindDouble:
		return rdf.XSDDouble
	case KindDateTime:
		return XSDDateTime
	case KindDate:
		return XSDDate
	case KindTime:
		return XSDTime
	}
	return rdf.XSDString
}
