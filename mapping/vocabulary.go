package mapping

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/quadrille-stream/quadrille/internal/nearest"
	"github.com/quadrille-stream/quadrille/rdf"
)

// vocabularies are the namespaces whose names nobody may add to, each with all of them: a name that isn't among them is a slip.
var vocabularies = map[string][]string{
	// XML Schema 1.1 part 2, the datatypes that are there; RDF 1.1 section 5.1 says which of them suit literals.
	xsd: strings.Fields(`anyAtomicType anySimpleType anyType anyURI base64Binary boolean byte date dateTime dateTimeStamp dayTimeDuration decimal
		double duration ENTITIES ENTITY float gDay gMonth gMonthDay gYear gYearMonth hexBinary ID IDREF IDREFS int integer language long Name
		NCName negativeInteger NMTOKEN NMTOKENS nonNegativeInteger nonPositiveInteger normalizedString NOTATION positiveInteger precisionDecimal
		QName short string time token unsignedByte unsignedInt unsignedLong unsignedShort yearMonthDuration`),
	// RDF 1.2 with JSON-LD's compound literals, and members of containers (_1, _2, …) besides.
	knownPrefixes["rdf"]: strings.Fields(`Alt Bag CompoundLiteral HTML JSON List PlainLiteral Property Seq Statement XMLLiteral direction
		dirLangString first langRange langString language nil object predicate reifies rest subject type value`),
	// RDF Schema 1.1, with Proposition of 1.2.
	knownPrefixes["rdfs"]: strings.Fields(`Class Container ContainerMembershipProperty Datatype Literal Proposition Resource comment domain
		isDefinedBy label member range seeAlso subClassOf subPropertyOf`),
	// OWL 2, the terms of its mapping to RDF.
	knownPrefixes["owl"]: strings.Fields(`AllDifferent AllDisjointClasses AllDisjointProperties Annotation AnnotationProperty
		AsymmetricProperty Axiom Class DataRange DatatypeProperty DeprecatedClass DeprecatedProperty FunctionalProperty
		InverseFunctionalProperty IrreflexiveProperty NamedIndividual NegativePropertyAssertion Nothing ObjectProperty Ontology
		OntologyProperty ReflexiveProperty Restriction SymmetricProperty Thing TransitiveProperty allValuesFrom annotatedProperty
		annotatedSource annotatedTarget assertionProperty backwardCompatibleWith bottomDataProperty bottomObjectProperty cardinality
		complementOf datatypeComplementOf deprecated differentFrom disjointUnionOf disjointWith distinctMembers equivalentClass
		equivalentProperty hasKey hasSelf hasValue imports incompatibleWith intersectionOf inverseOf maxCardinality
		maxQualifiedCardinality members minCardinality minQualifiedCardinality onClass onDataRange onDatatype onProperties onProperty
		oneOf priorVersion propertyChainAxiom propertyDisjointWith qualifiedCardinality rational real sameAs someValuesFrom
		sourceIndividual targetIndividual targetValue topDataProperty topObjectProperty unionOf versionIRI versionInfo
		withRestrictions`),
}

// datatypesOfRDF are the names of rdf that are datatypes; those of texts with a language are none that a mapping names.
var datatypesOfRDF = []string{"HTML", "JSON", "PlainLiteral", "XMLLiteral"}

// membership is a name of rdf that stands for a member of a container.
var membership = regexp.MustCompile(`^_[1-9][0-9]*$`)

// checkTerm reports an IRI of a vocabulary that has no such name, with the nearest one that it has.
func checkTerm(iri string, prefixes map[string]string) error {
	for namespace, known := range vocabularies {
		name, is := strings.CutPrefix(iri, namespace)
		if !is || slices.Contains(known, name) || namespace == knownPrefixes["rdf"] && membership.MatchString(name) {
			continue
		}
		if name == "" { // the vocabulary itself
			return nil
		}
		return unknownName(namespace, name, known, prefixes)
	}
	return nil
}

func unknownName(namespace, name string, known []string, prefixes map[string]string) error {
	short := namespace
	for _, prefix := range slices.Sorted(maps.Keys(prefixes)) {
		if prefixes[prefix] == namespace {
			short = prefix + ":"
			break
		}
	}
	return fmt.Errorf("there is no %s%s; the nearest is %s%s", short, name, short, nearest.Of(name, known))
}

// checkDatatype reports an IRI that can't be a literal's datatype.
func checkDatatype(iri string, prefixes map[string]string) error {
	if iri == rdf.LangString || iri == rdf.DirLangString {
		return fmt.Errorf("datatype %s needs a language: give language instead", iri)
	}
	if name, is := strings.CutPrefix(iri, knownPrefixes["rdf"]); is && !slices.Contains(datatypesOfRDF, name) {
		return unknownName(knownPrefixes["rdf"], name, datatypesOfRDF, prefixes)
	}
	if err := checkTerm(iri, prefixes); err != nil {
		return err
	}
	return rdf.CheckIRI(iri)
}
